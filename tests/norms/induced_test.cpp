// Induced norms: golden values, closed forms, brute force, duality, and what the ends promise.
#include "sigmax/norms/induced.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/function.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

using bounds::InducedProof;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

const std::vector<double> kM{1, 2, -3, 4};
const std::vector<double> kN{1, 2, 3, 4};
const std::vector<double> kH{1, 1, 1, -1};

// Where the power method stops: the error of its value is the square of the vector's, and 300 steps of linear
// convergence leave less than this of matrices as small as those below.
constexpr double kSearch = 1e-6;
// Ends that are this close end the work (norms/induced.cpp has 1e-11, and rounding of the ends comes on top).
constexpr double kClosed = 2e-11;
// What sixty steps of the mixing method leave of the distance to the optimum of the relaxation.
constexpr double kRelaxation = 1e-4;

struct Exponents {
  double p, q;
};
// One of each region of the plane of exponents.
const std::vector<Exponents> kExponents{{1, 1},   {1, 3},         {2, kInfinity}, {kInfinity, kInfinity},
                                        {2, 2},   {3, 3},         {1.5, 1.5},     {1.2, 1.7},
                                        {2.5, 4}, {1.5, 4},       {2, 4},         {kInfinity, 1},
                                        {2, 1},   {kInfinity, 2}, {3, 1.5},       {4, 4.0 / 3},
                                        {5, 3},   {1.75, 1.25},   {kInfinity, 3}, {1.5, 1}};

std::string named(const Exponents& e) { return fmt::format("{} -> {}", e.p, e.q); }

InducedNorm induced(const Tensor& a, const Exponents& e) {
  Context context(1);
  return induced_norm(a, e.p, e.q, repeatable<InducedOptions>(), context);
}

InducedNorm induced(const std::vector<double>& a, std::int64_t rows, std::int64_t columns, const Exponents& e) {
  return induced(Tensor::view_of(a, {rows, columns}), e);
}

double norm_of(const std::vector<double>& x, double p) {
  double largest = 0;
  for (const double value : x) largest = std::max(largest, std::fabs(value));
  if (largest == 0 || std::isinf(p)) return largest;
  long double sum = 0;
  for (const double value : x) sum += std::pow(std::fabs(static_cast<long double>(value)) / largest, p);
  return static_cast<double>(largest * std::pow(sum, 1.0L / p));
}

double conjugate(double p) {
  if (p == 1) return kInfinity;
  return std::isinf(p) ? 1 : p / (p - 1);
}

std::vector<double> product(const std::vector<double>& a, std::int64_t rows, std::int64_t columns,
                            const std::vector<double>& x) {
  std::vector<double> y(static_cast<std::size_t>(rows), 0.0);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      y[static_cast<std::size_t>(i)] += a[static_cast<std::size_t>(i * columns + j)] * x[static_cast<std::size_t>(j)];
    }
  }
  return y;
}

// Powers and roots of a handful of numbers, each good to a few dozen roundings.
double rounding(std::int64_t rows, std::int64_t columns, double value) {
  return tolerance::relative(512 + rows, columns, 1) * value;
}

void expect_value(const InducedNorm& found, double wanted, double allowed, const std::string& what) {
  EXPECT_TRUE(found.enclosure.is_proven()) << what;
  EXPECT_NEAR(found.value, wanted, allowed) << what;
  EXPECT_LE(found.enclosure.lower.value(), wanted + allowed) << what;
  EXPECT_GE(found.enclosure.lower.value(), wanted - allowed) << what;
  ASSERT_TRUE(found.enclosure.upper.has_value()) << what;
  EXPECT_GE(found.enclosure.upper->value(), wanted - allowed) << what;
}

struct Golden {
  Exponents e;
  double value;
};

void expect_golden(const std::vector<double>& a, const std::vector<Golden>& cases) {
  for (const Golden& wanted : cases) {
    expect_value(induced(a, 2, 2, wanted.e), wanted.value, rounding(2, 2, wanted.value), named(wanted.e));
  }
}

// By mpmath with 40 digits, as maxima over the circle.
TEST(InducedNorm, OfATwoByTwoMatrixIsTheGoldenValue) {
  expect_golden(kM, {{{1, 2}, std::sqrt(20.0)},
                     {{2, kInfinity}, 5},
                     {{2, 1}, std::sqrt(40.0)},
                     {{kInfinity, 2}, std::sqrt(50.0)},
                     {{kInfinity, 1}, 8},
                     {{2, 2}, 5.11667273601692729},
                     {{3, 3}, 5.59389001975171},
                     {{4, 4}, 5.90734974514220},
                     {{1.5, 1.5}, 5.02752302304442},
                     {{3, 1.5}, 5.88662762493881},
                     {{4, 4.0 / 3}, 6.34179127144663},
                     {{2, 4}, 5.00202482984084}});
  expect_golden(kN, {{{3, 3}, 5.73310952481449},
                     {{4, 2}, 6.43591722904519},
                     {{3, 1.5}, 6.60762695777508},
                     {{kInfinity, 2}, std::sqrt(58.0)}});
  expect_golden(kH, {{{3, 3}, std::cbrt(4.0)}, {{kInfinity, 1}, 2}, {{4, 4.0 / 3}, std::sqrt(3.0)}});
  const std::vector<double> sylvester{1, 1, 1, 1, 1, -1, 1, -1, 1, 1, -1, -1, 1, -1, -1, 1};
  expect_value(induced(sylvester, 4, 4, {kInfinity, 1}), 8, rounding(4, 4, 8), "inf -> 1");
  expect_value(induced(sylvester, 4, 4, {2, 1}), 4, rounding(4, 4, 4), "2 -> 1");
}

// No certificate is below the relaxation's optimum.
TEST(InducedNorm, HasTheSemidefiniteBoundAsUpperEnd) {
  const auto expect_relaxation = [](const std::vector<double>& a, double value) {
    const InducedNorm found = induced(a, 2, 2, {kInfinity, 1});
    EXPECT_EQ(found.proof, InducedProof::scaling);
    EXPECT_GE(found.enclosure.upper->value(), value * (1 - tolerance::relative(512, 2)));
    EXPECT_LE(found.enclosure.upper->value(), value * (1 + kRelaxation));
  };
  expect_relaxation(kM, std::sqrt(385.0 / 6));
  expect_relaxation(kH, 2 * std::sqrt(2.0));
}

TEST(InducedNorm, OfRankOneIsTheProductOfTwoNorms) {
  const std::vector<double> u{3, -1, 0.5, 2};
  const std::vector<double> v{1, -2, 4};
  std::vector<double> a;
  for (const double x : u) {
    for (const double y : v) a.push_back(x * y);
  }
  for (const Exponents& e : kExponents) {
    const InducedNorm found = induced(a, 4, 3, e);
    const double wanted = norm_of(u, e.q) * norm_of(v, conjugate(e.p));
    expect_value(found, wanted, rounding(4, 3, wanted), named(e));
    // The Collatz quotient of a matrix that is nonnegative up to signs of rows and columns is tight.
    if (e.p >= e.q) {
      EXPECT_LE(found.enclosure.upper->value(), wanted * (1 + kClosed)) << named(e);
    }
  }
}

TEST(InducedNorm, OfADiagonalMatrixIsANormOfItsEntries) {
  const std::vector<double> d{3, -1, 0.5, 2};
  std::vector<double> a(16, 0.0);
  for (std::size_t i = 0; i < 4; ++i) a[5 * i] = d[i];
  for (const Exponents& e : kExponents) {
    const InducedNorm found = induced(a, 4, 4, e);
    const double r = e.p > e.q ? 1 / (1 / e.q - 1 / e.p) : kInfinity;
    const double wanted = norm_of(d, r);
    expect_value(found, wanted, rounding(4, 4, wanted), named(e));
    EXPECT_LE(found.enclosure.upper->value(), wanted * (1 + kClosed)) << named(e) << message(found.proof);
  }
}

TEST(InducedNorm, OfANonnegativeMatrixIsClosedByTheCollatzQuotient) {
  std::vector<double> a = gallery::normal(30 * 20, 41);
  for (double& value : a) value = std::fabs(value);
  for (const Exponents& e : kExponents) {
    if (e.p < e.q || e.p == 1 || std::isinf(e.q) || (e.p == 2 && e.q == 2)) continue;
    const InducedNorm found = induced(a, 30, 20, e);
    EXPECT_EQ(found.proof, InducedProof::collatz) << named(e);
    EXPECT_TRUE(found.enclosure.is_proven()) << named(e);
    EXPECT_LE(found.enclosure.relative_width(), kClosed) << named(e);
    EXPECT_GT(*std::min_element(found.x.begin(), found.x.end()), 0) << named(e);
  }
}

// max over all signs x of |A x|_q, which is the norm from infinity to q, since it is a maximum of a convex function.
double over_signs(const std::vector<double>& a, std::int64_t rows, std::int64_t columns, double q) {
  double best = 0;
  for (std::int64_t bits = 0; bits < (std::int64_t{1} << (columns - 1)); ++bits) {
    std::vector<double> x(static_cast<std::size_t>(columns));
    for (std::int64_t j = 0; j < columns; ++j) x[static_cast<std::size_t>(j)] = ((bits >> j) & 1) != 0 ? -1 : 1;
    best = std::max(best, norm_of(product(a, rows, columns, x), q));
  }
  return best;
}

TEST(InducedNorm, FromInfinityContainsTheMaximumOverAllSigns) {
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{6, 9}, {12, 4}, {1, 7}, {8, 1}, {10, 10}}) {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      const std::vector<double> a = gallery::normal(rows * columns, seed);
      for (const double q : {1.0, 1.5, 2.0, 3.0}) {
        const std::string what = fmt::format("inf -> {} of {}x{}, seed {}", q, rows, columns, seed);
        const InducedNorm found = induced(a, rows, columns, {kInfinity, q});
        const double wanted = over_signs(a, rows, columns, q);
        EXPECT_TRUE(found.enclosure.is_proven()) << what;
        EXPECT_LE(found.enclosure.lower.value(), wanted + rounding(rows, columns, wanted)) << what;
        EXPECT_GE(found.enclosure.upper->value(), wanted - rounding(rows, columns, wanted)) << what;
        // Sixteen starts find the maximum of matrices this small.
        EXPECT_NEAR(found.value, wanted, rounding(rows, columns, wanted)) << what;
        // Krivine's bound of Grothendieck's constant, and the square root of pi / 2.
        const double krivine = M_PI / (2 * std::log(1 + std::sqrt(2.0)));
        const double ratio = q == 1 ? krivine : (q == 2 ? std::sqrt(M_PI / 2) : kInfinity);
        EXPECT_LE(found.enclosure.upper->value(), ratio * wanted * (1 + kRelaxation)) << what;
      }
    }
  }
}

TEST(InducedNorm, EqualsThatOfTheTransposeInTheConjugateExponents) {
  constexpr std::int64_t kRows = 7, kColumns = 5;
  const std::vector<double> a = gallery::normal(kRows * kColumns, 17);
  for (const Exponents& e : kExponents) {
    const InducedNorm found = induced(a, kRows, kColumns, e);
    // The transpose in memory: the same values, column-major.
    const InducedNorm dual =
        induced(Tensor::view_of(a, {kColumns, kRows}, {1, kColumns}), {conjugate(e.q), conjugate(e.p)});
    EXPECT_TRUE(found.enclosure.is_proven() && dual.enclosure.is_proven()) << named(e);
    EXPECT_LE(found.enclosure.lower.value(), dual.enclosure.upper->value()) << named(e);
    EXPECT_LE(dual.enclosure.lower.value(), found.enclosure.upper->value()) << named(e);
    // The search finds the same maximum from either side.
    EXPECT_NEAR(found.value, dual.value, kSearch * found.value) << named(e);
  }
}

TEST(InducedNorm, ReturnsUnitVectorsThatReachTheValue) {
  constexpr std::int64_t kRows = 9, kColumns = 6;
  const std::vector<double> a = gallery::normal(kRows * kColumns, 5);
  for (const Exponents& e : kExponents) {
    const InducedNorm found = induced(a, kRows, kColumns, e);
    const std::vector<double> y = product(a, kRows, kColumns, found.x);
    double inner = 0;
    for (std::size_t i = 0; i < y.size(); ++i) inner += found.z[i] * y[i];
    const double allowed = rounding(kRows, kColumns, found.value);
    EXPECT_NEAR(norm_of(found.x, e.p), 1, rounding(kRows, kColumns, 1)) << named(e);
    EXPECT_NEAR(norm_of(found.z, conjugate(e.q)), 1, rounding(kRows, kColumns, 1)) << named(e);
    EXPECT_NEAR(norm_of(y, e.q), found.value, allowed) << named(e);
    EXPECT_NEAR(inner, found.value, allowed) << named(e);
  }
}

// |A|_{p->q} falls with q and grows with p, and is at least the norms from 1 and to infinity.
TEST(InducedNorm, IsMonotoneInTheExponents) {
  const std::vector<double> a = gallery::normal(12 * 8, 23);
  for (const Exponents& e : kExponents) {
    const InducedNorm found = induced(a, 12, 8, e);
    for (const Exponents& corner : {Exponents{1, e.q}, Exponents{e.p, kInfinity}}) {
      const InducedNorm less = induced(a, 12, 8, corner);
      EXPECT_GE(found.value, less.enclosure.lower.value() * (1 - tolerance::relative(512, 12))) << named(e);
    }
    for (const Exponents& other : kExponents) {
      if (other.p < e.p || other.q > e.q) continue;
      EXPECT_LE(found.enclosure.lower.value(), induced(a, 12, 8, other).enclosure.upper->value())
          << named(e) << " and " << named(other);
    }
  }
}

// |A B|_{p->q} <= |A|_{r->q} |B|_{p->r}.
TEST(InducedNorm, OfAProductIsAtMostTheProductOfNorms) {
  Context context(1);
  const std::vector<double> a = gallery::normal(5 * 6, 3);
  const std::vector<double> b = gallery::normal(6 * 4, 4);
  const Operator<double> both = dense<double>(Tensor::copy_of(a, {5, 6})) * dense<double>(Tensor::copy_of(b, {6, 4}));
  for (const Exponents& e : kExponents) {
    const InducedNorm product = induced_norm(*both, e.p, e.q, repeatable<InducedOptions>(), context);
    EXPECT_TRUE(product.enclosure.is_proven()) << named(e);
    for (const double r : {1.0, 1.5, 2.0, 3.0, kInfinity}) {
      const double outer = induced(a, 5, 6, {r, e.q}).enclosure.upper->value();
      const double inner = induced(b, 6, 4, {e.p, r}).enclosure.upper->value();
      EXPECT_LE(product.enclosure.lower.value(), outer * inner) << named(e) << " over " << r;
    }
  }
}

TEST(InducedNorm, OfAComposedOperatorEnclosesThatOfItsMatrix) {
  Context context(2);
  constexpr std::int64_t kRows = 6, kColumns = 5, kInner = 3;
  const std::vector<double> a = gallery::normal(kRows * kColumns, 6);
  const std::vector<double> b = gallery::normal(kRows * kInner, 7);
  const std::vector<double> c = gallery::normal(kInner * kColumns, 8);
  const Operator<double> op = transposed(dense<double>(Tensor::copy_of(a, {kRows, kColumns})) +
                                         0.5 * (dense<double>(Tensor::copy_of(b, {kRows, kInner})) *
                                                dense<double>(Tensor::copy_of(c, {kInner, kColumns}))));
  std::vector<double> exact(static_cast<std::size_t>(kRows * kColumns));
  for (std::int64_t i = 0; i < kRows; ++i) {
    for (std::int64_t j = 0; j < kColumns; ++j) {
      double& entry = exact[static_cast<std::size_t>(j * kRows + i)];
      entry = a[static_cast<std::size_t>(i * kColumns + j)];
      for (std::int64_t k = 0; k < kInner; ++k) {
        entry += 0.5 * b[static_cast<std::size_t>(i * kInner + k)] * c[static_cast<std::size_t>(k * kColumns + j)];
      }
    }
  }
  for (const Exponents& e : kExponents) {
    const InducedNorm found = induced_norm(*op, e.p, e.q, repeatable<InducedOptions>(), context);
    const InducedNorm wanted = induced(exact, kColumns, kRows, e);
    EXPECT_TRUE(found.enclosure.is_proven()) << named(e);
    EXPECT_NEAR(found.value, wanted.value, kSearch * wanted.value) << named(e);
    const double allowed = rounding(kRows, kColumns, wanted.value);
    EXPECT_LE(found.enclosure.lower.value(), wanted.enclosure.upper->value() + allowed) << named(e);
    EXPECT_GE(found.enclosure.upper->value(), wanted.enclosure.lower.value() - allowed) << named(e);
  }
}

template <Real T>
Operator<T> hidden(const Operator<T>& inner) {
  return function_operator<T>(
      inner->shape(), [=](MatrixView<const T> x, MatrixView<T> y, Context& c) { inner->apply(x, y, c); },
      [=](MatrixView<const T> y, MatrixView<T> x, Context& c) { inner->apply_adjoint(y, x, c); });
}

TEST(InducedNorm, OfAnOpaqueOperatorHasNoProvenUpperEnd) {
  Context context(1);
  const std::vector<double> a = gallery::normal(40 * 30, 8);
  const Tensor tensor = Tensor::copy_of(a, {40, 30});
  for (const Exponents& e : kExponents) {
    const InducedNorm known = induced(tensor, e);
    const InducedNorm found =
        induced_norm(*hidden(dense<double>(tensor)), e.p, e.q, repeatable<InducedOptions>(), context);
    EXPECT_FALSE(found.enclosure.is_proven()) << named(e);
    EXPECT_LE(found.enclosure.lower.value(), known.enclosure.upper->value()) << named(e);
    ASSERT_TRUE(found.enclosure.upper.has_value()) << named(e);
    EXPECT_EQ(found.proof, InducedProof::comparison) << named(e);
    EXPECT_EQ(found.enclosure.upper->certainty(), Certainty::probabilistic) << named(e);
    EXPECT_GE(found.enclosure.upper->value(), known.enclosure.lower.value()) << named(e);
    // The search needs nothing but products; without the largest column and row it may end in another maximum.
    const Operator<float> single = hidden(dense<float>(tensor));
    const InducedNorm in_float = induced_norm(*single, e.p, e.q, repeatable<InducedOptions>(), context);
    const double least = known.value / 2;
    EXPECT_GE(found.value, least) << named(e);
    EXPECT_GE(in_float.value, least) << named(e);
  }
}

TEST(InducedNorm, HoldsForEveryStorageTypeAndLayout) {
  Context context(2);
  const std::vector<double> values = gallery::normal(8 * 6, 12);
  for (const DType dtype : gallery::kStorageTypes) {
    const Tensor by_rows = Tensor::rounded(values, {8, 6}, dtype);
    std::vector<double> exact;
    for (std::int64_t i = 0; i < 8; ++i) {
      for (std::int64_t j = 0; j < 6; ++j) exact.push_back(by_rows.at(std::vector{i, j}));
    }
    const Tensor by_columns = gallery::column_major(dtype, 8, 6, values);
    for (const Exponents& e : kExponents) {
      const InducedNorm wanted = induced(exact, 8, 6, e);
      const InducedNorm first = induced(by_rows, e);
      const InducedNorm second = induced(by_columns, e);
      for (const InducedNorm& found : {first, second}) {
        EXPECT_TRUE(found.enclosure.is_proven()) << named(e);
        EXPECT_NEAR(found.value, wanted.value, kSearch * wanted.value) << named(e);
        EXPECT_LE(found.enclosure.lower.value(), wanted.enclosure.upper->value()) << named(e);
        EXPECT_GE(found.enclosure.upper->value(), wanted.enclosure.lower.value()) << named(e);
      }
    }
  }
}

TEST(InducedNorm, ScalesWithTheMatrix) {
  const std::vector<double> values = gallery::normal(6 * 5, 59);
  for (const Exponents& e : kExponents) {
    const InducedNorm plain = induced(values, 6, 5, e);
    for (const int exponent : {1000, 300, -300, -1000}) {
      std::vector<double> scaled = values;
      for (double& value : scaled) value = std::ldexp(value, exponent);
      const InducedNorm found = induced(scaled, 6, 5, e);
      EXPECT_TRUE(found.enclosure.is_proven()) << named(e);
      EXPECT_NEAR(std::ldexp(found.value, -exponent), plain.value, kSearch * plain.value) << named(e);
      EXPECT_NEAR(std::ldexp(found.enclosure.upper->value(), -exponent), plain.enclosure.upper->value(),
                  kSearch * plain.value)
          << named(e) << ", 2^" << exponent;
    }
  }
}

TEST(InducedNorm, BeyondTheRangeHasALowerEndOnly) {
  const std::vector<double> a(4, std::numeric_limits<double>::max());
  for (const Exponents& e : kExponents) {
    const InducedNorm found = induced(a, 2, 2, e);
    const double factor = std::exp2(1 / e.q + 1 - 1 / e.p);  // of rank one
    if (factor > 1) {
      EXPECT_FALSE(found.enclosure.upper.has_value()) << named(e);
      EXPECT_EQ(found.proof, InducedProof::none) << named(e);
    }
    EXPECT_GE(found.enclosure.lower.value(), 0x1p1023) << named(e);
  }
}

TEST(InducedNorm, OfAZeroMatrixIsZero) {
  for (const Exponents& e : kExponents) {
    const InducedNorm found = induced(std::vector<double>(6, 0.0), 2, 3, e);
    EXPECT_EQ(found.value, 0) << named(e);
    EXPECT_TRUE(found.enclosure.is_proven()) << named(e);
    EXPECT_EQ(found.enclosure.upper->value(), 0) << named(e);
    EXPECT_EQ(found.proof, InducedProof::zero) << named(e);
    EXPECT_EQ(norm_of(found.x, e.p), 1) << named(e);
  }
}

TEST(InducedNorm, HasALowerEndAloneOnRequest) {
  Context context(1);
  InducedOptions options = repeatable<InducedOptions>();
  options.enclose = false;
  const std::vector<double> a = gallery::normal(20 * 20, 2);
  const InducedNorm found = induced_norm(Tensor::view_of(a, {20, 20}), kInfinity, 1, options, context);
  const InducedNorm whole = induced(a, 20, 20, {kInfinity, 1});
  EXPECT_EQ(found.enclosure.lower.value(), whole.enclosure.lower.value());
  EXPECT_FALSE(found.enclosure.upper && found.enclosure.upper->value() <= whole.enclosure.upper->value());
}

TEST(InducedNorm, IsTheSameForAnyNumberOfThreads) {
  const std::vector<double> a = gallery::normal(420 * 300, 9);
  for (const Exponents& e : {Exponents{kInfinity, 1}, Exponents{3, 3}, Exponents{1, 2.5}}) {
    std::vector<InducedNorm> found;
    for (const int threads : {1, 3}) {
      Context context(threads);
      InducedOptions options = repeatable<InducedOptions>();
      options.mixing_steps = 5;
      found.push_back(induced_norm(Tensor::view_of(a, {420, 300}), e.p, e.q, options, context));
    }
    EXPECT_EQ(found[0].value, found[1].value) << named(e);
    EXPECT_EQ(found[0].x, found[1].x) << named(e);
    EXPECT_EQ(found[0].enclosure.lower.value(), found[1].enclosure.lower.value()) << named(e);
    EXPECT_EQ(found[0].enclosure.upper->value(), found[1].enclosure.upper->value()) << named(e);
  }
}

TEST(InducedNorm, RefusesWhatHasNoNorm) {
  const std::vector<double> a{1, 2, 3, 4};
  const Tensor tensor = Tensor::view_of(a, {2, 2});
  for (const Exponents& e :
       {Exponents{0.5, 2}, Exponents{2, 0}, Exponents{std::nan(""), 2}, Exponents{2, -kInfinity}}) {
    EXPECT_THROW(induced(tensor, e), Error) << named(e);
  }
  for (const double bad : {std::nan(""), kInfinity}) {
    const std::vector<double> b{1, bad, 3, 4};
    for (const Exponents& e : kExponents) EXPECT_THROW(induced(b, 2, 2, e), Error) << named(e);
  }
  EXPECT_THROW(induced(Tensor::view_of(std::span<const double>(), {0, 3}), {2, 1}), Error);
  EXPECT_THROW(induced(Tensor::view_of(a, {4}), {2, 1}), Error);
}

}  // namespace
}  // namespace sigmax::norms
