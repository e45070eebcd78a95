// What induced norms promise of any matrix and operator, in any storage, at any scale.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "gallery/stored.hpp"
#include "norms/induced_cases.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/function.hpp"

namespace sigmax::norms {
namespace {

using bounds::InducedProof;

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

TEST(InducedNorm, SaysWhereItsUpperEndIsProbabilistic) {
  Context context(1);
  InducedOptions options = repeatable<InducedOptions>();
  const std::vector<double> a = gallery::normal(60 * 50, 2);
  const Tensor tensor = Tensor::view_of(a, {60, 50});
  const InducedNorm proven = induced(tensor, {kInfinity, 1});
  options.certify.proven_up_to = 0;
  const InducedNorm probable = induced_norm(tensor, kInfinity, 1, options, context);
  EXPECT_EQ(probable.proof, InducedProof::scaling);
  EXPECT_EQ(probable.enclosure.upper->certainty(), Certainty::probabilistic);
  EXPECT_EQ(probable.enclosure.upper->failure_probability(), options.certify.failure_probability);
  EXPECT_GE(probable.enclosure.upper->value(), proven.enclosure.lower.value());
  options.certify.method = CertifyMethod::cheapest;
  const InducedNorm cheapest = induced_norm(tensor, kInfinity, 1, options, context);
  EXPECT_TRUE(cheapest.enclosure.is_proven());
  EXPECT_GE(cheapest.enclosure.upper->value(), proven.enclosure.upper->value());
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
