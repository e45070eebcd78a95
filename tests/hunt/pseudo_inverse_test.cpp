// The hunt for an end on the wrong side of |A^+| or sigma_min: Hilbert, Kahan, Wilkinson, graded, nearly singular and
// singular matrices, at every scale. `make hunt`.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "hunt/budget.hpp"
#include "hunt/wide_inverse.hpp"
#include "sigmax/bounds/pseudo_inverse.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax {
namespace {

struct Specimen {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<double> entries;  // row-major
  bool singular = false;        // known to be, exactly
  std::string what;

  double& at(std::int64_t i, std::int64_t j) { return entries[static_cast<std::size_t>(i * columns + j)]; }
};

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  std::int64_t pick(std::int64_t count) { return std::uniform_int_distribution<std::int64_t>(0, count - 1)(random_); }
  double uniform() { return std::uniform_real_distribution<double>()(random_); }
  double normal() { return std::normal_distribution<double>()(random_); }

  Specimen make() {
    const std::int64_t n = 1 + pick(8);
    const std::int64_t m = pick(3) == 0 ? n + pick(5) : n;
    Specimen s;
    switch (pick(9)) {
      case 0: s = filled(m, n, "Gaussian", [&](auto, auto) { return normal(); }); break;
      case 1: s = filled(m, n, "integers", [&](auto, auto) { return static_cast<double>(pick(7) - 3); }); break;
      case 2: s = filled(m, n, "Hilbert", [](auto i, auto j) { return 1.0 / static_cast<double>(i + j + 1); }); break;
      case 3: s = kahan(n); break;
      case 4: s = wilkinson(n); break;
      case 5: s = graded(m, n); break;
      case 6: s = singular(std::max<std::int64_t>(m, 2), std::max<std::int64_t>(n, 2)); break;
      case 7:
        s = singular(std::max<std::int64_t>(m, 2), std::max<std::int64_t>(n, 2));
        s.what = "nearly " + s.what;
        s.singular = false;
        s.entries[static_cast<std::size_t>(pick(static_cast<std::int64_t>(s.entries.size())))] +=
            std::ldexp(1.0, -static_cast<int>(pick(50)));
        break;
      default: s = with_condition(m, n, std::pow(10.0, 17 * uniform())); break;
    }
    if (pick(2) == 0) {  // the transpose
      Specimen t = s;
      std::swap(t.rows, t.columns);
      for (std::int64_t i = 0; i < s.rows; ++i) {
        for (std::int64_t j = 0; j < s.columns; ++j) t.at(j, i) = s.at(i, j);
      }
      s = std::move(t);
    }
    return s;
  }

 private:
  template <class Entry>
  static Specimen filled(std::int64_t rows, std::int64_t columns, std::string what, const Entry& entry) {
    Specimen s{rows, columns, std::vector<double>(static_cast<std::size_t>(rows * columns)), false, std::move(what)};
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) s.at(i, j) = entry(i, j);
    }
    return s;
  }

  Specimen kahan(std::int64_t n) {
    const double theta = 0.2 + 1.2 * uniform();
    return filled(n, n, "Kahan", [&](std::int64_t i, std::int64_t j) {
      const double row = std::pow(std::sin(theta), static_cast<double>(i));
      return i > j ? 0.0 : i == j ? row : -row * std::cos(theta);
    });
  }

  // The matrix whose elements grow to 2^(n - 1) in Gaussian elimination.
  static Specimen wilkinson(std::int64_t n) {
    return filled(n, n, "Wilkinson", [n](std::int64_t i, std::int64_t j) {
      return j == n - 1 || i == j ? 1.0 : i > j ? -1.0 : 0.0;
    });
  }

  // Rows and columns times powers of ten.
  Specimen graded(std::int64_t m, std::int64_t n) {
    std::vector<double> rows, columns;
    const double range = 12 * uniform();
    for (std::int64_t i = 0; i < m; ++i) rows.push_back(std::pow(10.0, -range * uniform()));
    for (std::int64_t j = 0; j < n; ++j) columns.push_back(std::pow(10.0, -range * uniform()));
    return filled(m, n, "graded", [&](std::int64_t i, std::int64_t j) {
      return normal() * rows[static_cast<std::size_t>(i)] * columns[static_cast<std::size_t>(j)];
    });
  }

  // A product of integer factors with one inner dimension too few, or with two equal columns, or with a zero column.
  Specimen singular(std::int64_t m, std::int64_t n) {
    Specimen s = filled(m, n, "singular", [&](auto, auto) { return static_cast<double>(pick(19) - 9); });
    const std::int64_t one = pick(n);
    const std::int64_t other = (one + 1) % n;
    const auto kind = pick(3);
    for (std::int64_t i = 0; i < m; ++i) {
      if (kind == 0) s.at(i, one) = s.at(i, other);
      if (kind == 1) s.at(i, one) = 0;
      if (kind == 2) {  // minus the sum of the others
        double sum = 0;
        for (std::int64_t j = 0; j < n; ++j) sum += j == one ? 0 : s.at(i, j);
        s.at(i, one) = -sum;
      }
    }
    s.singular = true;
    return s;
  }

  // Reflections of a diagonal matrix, rounded.
  Specimen with_condition(std::int64_t m, std::int64_t n, double kappa) {
    Specimen s = filled(m, n, fmt::format("kappa {:.1e}", kappa), [&](std::int64_t i, std::int64_t j) {
      if (i != j) return 0.0;
      return n == 1 ? 1.0 : std::pow(kappa, -static_cast<double>(i) / static_cast<double>(n - 1));
    });
    for (int times = 0; times < 2; ++times) {
      std::vector<double> v(static_cast<std::size_t>(m));
      double square = 0;
      for (double& value : v) value = normal(), square += value * value;
      for (std::int64_t j = 0; j < n; ++j) {
        double inner = 0;
        for (std::int64_t i = 0; i < m; ++i) inner += v[static_cast<std::size_t>(i)] * s.at(i, j);
        for (std::int64_t i = 0; i < m; ++i) s.at(i, j) -= 2 * inner / square * v[static_cast<std::size_t>(i)];
      }
      std::vector<double> w(static_cast<std::size_t>(n));
      square = 0;
      for (double& value : w) value = normal(), square += value * value;
      for (std::int64_t i = 0; i < m; ++i) {
        double inner = 0;
        for (std::int64_t j = 0; j < n; ++j) inner += w[static_cast<std::size_t>(j)] * s.at(i, j);
        for (std::int64_t j = 0; j < n; ++j) s.at(i, j) -= 2 * inner / square * w[static_cast<std::size_t>(j)];
      }
    }
    return s;
  }

  std::mt19937_64 random_;
};

std::string text(const Enclosure& e) {
  return fmt::format("[{:.17g}, {:.17g}]", e.lower.value(), e.upper ? e.upper->value() : INFINITY);
}

// `truth` has a relative error of at most `error`.
bool contains(const Enclosure& e, long double truth, long double error) {
  if (!(static_cast<long double>(e.lower.value()) <= truth * (1 + error))) return false;
  return !e.upper || static_cast<long double>(e.upper->value()) >= truth * (1 - error);
}

struct Counts {
  std::int64_t specimens = 0;
  std::int64_t regular = 0;
  std::int64_t proven = 0;
};

// f64 at any scale, 2^shift `stored`; nothing if entries fall below the range: then they are others, and no truth is
// known for them.
std::optional<Tensor> moved(const std::vector<double>& stored, const Specimen& s, int shift) {
  std::vector<double> result;
  for (const double value : stored) result.push_back(std::ldexp(value, shift));
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (std::ldexp(result[i], -shift) != stored[i]) return std::nullopt;
  }
  return Tensor::rounded(result, {s.rows, s.columns}, DType::f64);
}

// Each norm in the units of the result, B = 2^exponent A: |B^+| = 2^-exponent |A^+|.
void expect_contained(const bounds::PseudoInverse& found, const hunt::WideNorms& truth, int down, long double error,
                      const std::string& where) {
  const auto in_units = [down](long double norm) { return std::ldexp(norm, -down); };
  ASSERT_TRUE(contains(found.two, in_units(truth.two), error)) << where << text(found.two);
  ASSERT_TRUE(contains(found.sigma_min, 1 / in_units(truth.two), error)) << where << text(found.sigma_min);
  ASSERT_TRUE(contains(found.one, in_units(truth.one), error)) << where << text(found.one);
  ASSERT_TRUE(contains(found.inf, in_units(truth.inf), error)) << where << text(found.inf);
  ASSERT_TRUE(contains(found.frobenius, in_units(truth.frobenius), error)) << where << text(found.frobenius);
}

void hunt_one(std::uint64_t seed, Counts& counts, Context& context) {
  Maker maker(seed);
  const Specimen s = maker.make();
  constexpr DType kTypes[] = {DType::f64, DType::f64, DType::f32, DType::bf16, DType::f16};
  const DType type = kTypes[maker.pick(5)];
  const Tensor plain = Tensor::rounded(s.entries, {s.rows, s.columns}, type);
  std::vector<double> stored;
  for (std::int64_t i = 0; i < s.rows; ++i) {
    for (std::int64_t j = 0; j < s.columns; ++j) stored.push_back(plain.at(std::vector<std::int64_t>{i, j}));
  }
  int shift = 0;
  Tensor tensor = plain;
  if (type == DType::f64 && maker.pick(2) == 0) {
    shift = static_cast<int>(maker.pick(1900)) - 950;
    const std::optional<Tensor> scaled = moved(stored, s, shift);
    if (!scaled) return;
    tensor = *scaled;
  }
  const bool singular = s.singular && type == DType::f64;
  ScannedMatrix scanned(stored_view(tensor), context);
  // A wide request ends at the first bound, which rests on the factorization alone.
  CertifyOptions options;
  constexpr double kWidths[] = {0, 1e-8, 1e-3, 0.5};
  options.relative_width = kWidths[maker.pick(4)];
  const bounds::PseudoInverse found =
      bounds::enclose_pseudo_inverse(scanned, {.two = true, .entries = true}, options, context);
  const std::string where =
      fmt::format("{} {} {}x{} {} 2^{}", hunt::rerun(seed), s.what, s.rows, s.columns, name(type), shift);
  ++counts.specimens;
  if (singular) {
    ASSERT_EQ(found.sigma_min.lower.value(), 0) << where;
    ASSERT_FALSE(found.two.upper || found.one.upper || found.inf.upper || found.frobenius.upper) << where;
    return;
  }
  const std::optional<hunt::WideNorms> truth =
      hunt::norms_of_pseudo_inverse(stored, static_cast<std::size_t>(s.rows), static_cast<std::size_t>(s.columns));
  if (!truth) {
    ASSERT_EQ(found.sigma_min.lower.value(), 0) << where;
    return;
  }
  // The error of the truth: 2^-58 for the norms in long double, and the error of the inverse itself.
  const long double error = 0x1p-58L + 0x1p-105L * truth->inverted;
  if (!(error < 0.5L)) return;
  const long double kappa = s.rows == s.columns ? truth->inverted : std::sqrt(truth->inverted);
  const int down = static_cast<int>(found.exponent) + shift;
  const auto in_units = [&](long double norm) { return std::ldexp(norm, -down); };
  ASSERT_NO_FATAL_FAILURE(expect_contained(found, *truth, down, error, where));
  // Each request takes a way of its own to its ends.
  for (const bool two : {true, false}) {
    const bounds::PseudoInverse part =
        bounds::enclose_pseudo_inverse(scanned, {.two = two, .entries = !two}, options, context);
    ASSERT_NO_FATAL_FAILURE(expect_contained(part, *truth, down, error, where + (two ? " two" : " entries")));
  }
  // Any vector is a witness; that of the smallest singular value would be the best.
  std::vector<double> y;
  for (std::int64_t j = 0; j < s.columns; ++j) y.push_back(maker.normal() * std::pow(10.0, -3 * maker.uniform()));
  if (s.rows >= s.columns) {
    const auto shown = [&](double p) { return bounds::inverse_lower_bound(scanned, y, p, context).lower.value(); };
    ASSERT_LE(shown(1), in_units(truth->one) * (1 + error)) << where;
    ASSERT_LE(shown(2), in_units(truth->two) * (1 + error)) << where;
    ASSERT_LE(shown(INFINITY), in_units(truth->inf) * (1 + error)) << where;
  }
  // Orders of at most 12: the square ones are all proven to a condition number of 1e14.
  if (kappa < 1e14L && s.rows == s.columns) {
    ++counts.regular;
    ASSERT_TRUE(found.two.upper && found.one.upper && found.inf.upper && found.frobenius.upper) << where;
    ASSERT_LE(found.two.relative_width(), 0.5) << where << text(found.two);
  }
  if (found.two.upper) ++counts.proven;
}

// X + Y and (X + Y) Z as operators: their matrices are formed with rounding, and the truth is that of the exact sum and
// product.
void hunt_one_operator(std::uint64_t seed, Counts& counts, Context& context) {
  Maker maker(seed);
  const Specimen s = maker.make();
  const auto rows = static_cast<std::size_t>(s.rows);
  const auto columns = static_cast<std::size_t>(s.columns);
  const double size = std::pow(10.0, -16 * maker.uniform());
  std::vector<double> other;
  for (std::size_t i = 0; i < s.entries.size(); ++i) other.push_back(size * maker.normal());
  hunt::WideEntries exact{rows, columns, {}};
  for (std::size_t i = 0; i < other.size(); ++i) exact.values.push_back(hunt::Wide::of_sum(s.entries[i], other[i]));
  Operator<double> op = dense<double>(Tensor::rounded(s.entries, {s.rows, s.columns}, DType::f64)) +
                        dense<double>(Tensor::rounded(other, {s.rows, s.columns}, DType::f64));
  if (maker.pick(2) == 0) {
    std::vector<double> right;
    for (std::size_t i = 0; i < columns * columns; ++i) right.push_back(maker.normal());
    hunt::WideEntries factor{columns, columns, std::vector<hunt::Wide>(right.begin(), right.end())};
    exact = hunt::product(exact, factor);
    op = op * dense<double>(Tensor::rounded(right, {s.columns, s.columns}, DType::f64));
  }
  const std::string where = fmt::format("{} operator {} {}x{}", hunt::rerun(seed), s.what, s.rows, s.columns);
  const auto found = bounds::enclose_pseudo_inverse(*op, {.two = true, .entries = true}, CertifyOptions{}, context);
  ASSERT_TRUE(found) << where;
  ++counts.specimens;
  const std::optional<hunt::WideNorms> truth = hunt::norms_of_pseudo_inverse(exact.values, rows, columns);
  if (!truth) return;
  // Sums and products of doubles are wrong by 2^-120 |X| |Z| or so, which the smallest values feel most.
  const long double error = 0x1p-58L + 0x1p-100L * truth->inverted;
  if (!(error < 0.5L)) return;
  const int down = static_cast<int>(found->exponent);
  ASSERT_NO_FATAL_FAILURE(expect_contained(*found, *truth, down, error, where));
  ASSERT_TRUE(contains(found->norm_frobenius, std::ldexp(hunt::frobenius(exact), down), 0x1p-58L)) << where;
  const auto two_alone =
      bounds::enclose_pseudo_inverse(*op, {.two = true, .entries = false}, CertifyOptions{}, context);
  ASSERT_TRUE(two_alone) << where;
  ASSERT_NO_FATAL_FAILURE(expect_contained(*two_alone, *truth, down, error, where + " two"));
  if (found->two.upper) ++counts.proven;
}

TEST(Hunt, EveryEnclosureOfThePseudoInverseOfAnOperatorContainsTheTruth) {
  Context context(1);
  Counts counts;
  const std::int64_t specimens = std::max<std::int64_t>(1, hunt::budget(4000) / 8);
  for (std::int64_t i = 0; i < specimens; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    SCOPED_TRACE(seed);
    ASSERT_NO_THROW(ASSERT_NO_FATAL_FAILURE(hunt_one_operator(seed, counts, context))) << "seed " << seed;
  }
  std::printf("%lld operators, %lld with a proven inverse\n", static_cast<long long>(counts.specimens),
              static_cast<long long>(counts.proven));
}

TEST(Hunt, EveryEnclosureOfAPseudoInverseContainsTheTruth) {
  Context context(1);
  Counts counts;
  const std::int64_t specimens = std::max<std::int64_t>(1, hunt::budget(4000) / 4);
  for (std::int64_t i = 0; i < specimens; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    SCOPED_TRACE(seed);
    ASSERT_NO_THROW(ASSERT_NO_FATAL_FAILURE(hunt_one(seed, counts, context))) << "seed " << seed;
  }
  std::printf("%lld matrices, %lld with a proven inverse, %lld square ones below 1e14\n",
              static_cast<long long>(counts.specimens), static_cast<long long>(counts.proven),
              static_cast<long long>(counts.regular));
}

}  // namespace
}  // namespace sigmax
