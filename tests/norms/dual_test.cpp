// Dual norms: <X, Y> <= |X| |Y|_dual for all X, with equality for some, and the dual of the dual.
#include "sigmax/norms/dual.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/algebra.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/norms/matrix_proximal.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/ops/dense.hpp"
#include "support/widths.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

const std::vector<std::string>& with_duals() {
  static const std::vector<std::string> all{"fro",
                                            "nuc",
                                            "1",
                                            "2",
                                            "inf",
                                            "max",
                                            "entrywise:1",
                                            "entrywise:3",
                                            "schatten:3",
                                            "kyfan:1",
                                            "kyfan:2",
                                            "kyfan:4",
                                            "kyfan:2,2",
                                            "kyfan:3,1.5",
                                            "kyfan:2,inf",
                                            "mixed:2,1",
                                            "mixed:1,2",
                                            "mixed:3,1.5,rows",
                                            "mixed:inf,2",
                                            "induced:1,2",
                                            "induced:1,4",
                                            "induced:2,inf",
                                            "induced:3,inf"};
  return all;
}

NormOptions enclosing() { return repeatable<NormOptions>(); }

double inner(const std::vector<double>& x, const std::vector<double>& y) {
  long double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += static_cast<long double>(x[i]) * y[i];
  return static_cast<double>(sum);
}

TEST(Dual, IsTestedForEveryRowThatHasOne) {
  for (const Row& row : rows()) {
    // radius_dual_test.cpp
    if (row.dual.empty() || std::holds_alternative<NumericalRadius>(row.norm)) continue;
    EXPECT_TRUE(std::ranges::any_of(with_duals(), [&](const std::string& ord) {
      return row_of(parse_norm(ord)).spelling == row.spelling;
    })) << row.spelling;
  }
}

TEST(Dual, BoundsEveryInnerProduct) {
  Context context(1);
  for (const std::string& ord : with_duals()) {
    const Norm which = parse_norm(ord);
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      const std::vector<double> y = gallery::normal(5 * 4, seed);
      const double dual = dual_norm(Tensor::copy_of(y, {5, 4}), which, enclosing(), context).value;
      for (std::uint64_t other = 1; other <= 10; ++other) {
        std::vector<double> x = gallery::normal(5 * 4, other + 40);
        // Toward Y, where the inequality is closer.
        for (std::size_t i = 0; i < x.size(); ++i) x[i] += static_cast<double>(other) * y[i];
        const double primal = norm(Tensor::copy_of(x, {5, 4}), which, context).value;
        EXPECT_LE(inner(x, y), primal * dual * (1 + tolerance::relative(5, 4, 1, 16))) << ord;
      }
    }
  }
}

// The residual of a proximal map is lambda times a Y with |Y|_dual = 1 and <X, Y> = |X|, unless X is 0.
TEST(Dual, IsReachedByTheResidualOfAProximalMap) {
  Context context(1);
  for (const std::string& ord : with_duals()) {
    const Norm which = parse_norm(ord);
    if (map_of(which) == Map::none) continue;
    const std::vector<double> a = gallery::normal(5 * 4, 3);
    const double lambda = 0.25 * dual_norm(Tensor::copy_of(a, {5, 4}), which, enclosing(), context).value;
    const std::vector<double> x = proximal(Tensor::copy_of(a, {5, 4}), which, lambda, context);
    std::vector<double> y = a;
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = (a[i] - x[i]) / lambda;
    const double slack = tolerance::relative(5, 4, 1, 256);
    EXPECT_NEAR(dual_norm(Tensor::copy_of(y, {5, 4}), which, enclosing(), context).value, 1, slack) << ord;
    const double primal = norm(Tensor::copy_of(x, {5, 4}), which, context).value;
    EXPECT_NEAR(inner(x, y), primal, slack * (1 + primal)) << ord;
  }
}

TEST(Dual, OfTheDualIsTheNorm) {
  Context context(1);
  const Tensor a = Tensor::copy_of(gallery::normal(6 * 4, 9), {6, 4});
  for (const std::string& ord : with_duals()) {
    const std::optional<Norm> dual = dual_of(parse_norm(ord));
    if (!dual) continue;
    const std::optional<Norm> again = dual_of(*dual);
    ASSERT_TRUE(again) << ord;
    const double wanted = norm(a, parse_norm(ord), context).value;
    EXPECT_NEAR(norm(a, *again, context).value, wanted, tolerance::of_matrix(6, 4, wanted, 16)) << ord;
    EXPECT_NEAR(dual_norm(a, parse_norm(ord), enclosing(), context).value, norm(a, *dual, context).value,
                tolerance::of_matrix(6, 4, norm(a, *dual, context).value, 16))
        << ord;
  }
}

TEST(Dual, IsProvenForStoredMatricesAndOperators) {
  Context context(1);
  for (const DType dtype : gallery::kStorageTypes) {
    const Tensor a = Tensor::rounded(gallery::normal(6 * 4, 9), {6, 4}, dtype);
    for (const std::string& ord : with_duals()) {
      const NormResult found = dual_norm(a, parse_norm(ord), enclosing(), context);
      ASSERT_EQ(found.kind(), Known::proven) << ord;
      EXPECT_LE(found.enclosure->lower.value(), found.value) << ord;
      EXPECT_GE(found.enclosure->upper->value(), found.value) << ord;
      // A sum of up to four values.
      EXPECT_LE(found.enclosure->relative_width(), tolerance::kSmallProof + 4 * tolerance::width_of_value(6, 4, 1))
          << ord;
      EXPECT_NE(found.meaning.find("dual of the"), std::string::npos);
      const NormResult of_operator = dual_norm(*dense<double>(a), parse_norm(ord), enclosing(), context);
      EXPECT_EQ(of_operator.kind(), Known::proven) << ord;
      EXPECT_NEAR(of_operator.value, found.value, tolerance::of_matrix(6, 4, found.value, 16)) << ord;
    }
  }
}

TEST(Dual, IsRefusedWhereNoneIsKnown) {
  Context context(1);
  const Tensor a = Tensor::copy_of(gallery::normal(9, 2), {3, 3});
  for (const char* const ord : {"-1", "-2", "-inf", "induced:inf,1", "induced:3,3"}) {
    EXPECT_FALSE(dual_of(parse_norm(ord))) << ord;
    EXPECT_THROW(static_cast<void>(dual_norm(a, parse_norm(ord), enclosing(), context)), Error) << ord;
  }
  EXPECT_THROW(static_cast<void>(dual_norm(a, KyFan{4}, enclosing(), context)), Error);
  EXPECT_THROW(static_cast<void>(dual_norm(a.reshaped({9}), Nuclear{}, enclosing(), context)), Error);
}

// max <s, y> over y with a Ky Fan norm of 1, by the definition: y descends, so it is sought among vectors with a
// plateau at the end, and s's own q-th powers elsewhere; all of them, in long double.
long double brute_force(const std::vector<double>& s, std::int64_t k, long double p) {
  const long double q = p == 1 ? 0 : p / (p - 1);
  long double best = 0;
  for (std::int64_t r = 0; r < k; ++r) {
    const auto first = static_cast<std::size_t>(k - r - 1);
    long double tail = 0;
    for (std::size_t i = first; i < s.size(); ++i) tail += s[i];
    const long double height = tail / static_cast<long double>(r + 1);
    // The plateau of y is limited by the last value above it.
    const long double limit = first == 0 ? height : std::min<long double>(height, s[first - 1]);
    long double sum = 0;
    long double power = 0;
    for (std::size_t i = 0; i < first; ++i) {
      const long double y = p == 1 ? (i == 0 ? 1.0L : 0.0L) : std::pow(static_cast<long double>(s[i]), q - 1);
      sum += s[i] * y;
      power += std::pow(y, p);
    }
    const long double y = p == 1 ? (first == 0 ? 1.0L : 0.0L) : std::pow(limit, q - 1);
    sum += tail * y;
    power += static_cast<long double>(r + 1) * std::pow(y, p);
    if (power > 0) best = std::max(best, sum / std::pow(power, 1 / p));
  }
  return best;
}

TEST(KyFanDual, IsTheLargestInnerProduct) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    for (const std::int64_t n : {1, 2, 5, 9}) {
      std::vector<double> s = gallery::normal(n, seed);
      for (double& value : s) value = std::fabs(value);
      if (seed % 3 == 0 && n > 3) s[1] = s[2] = s[3];  // ties
      if (seed % 4 == 0) s.back() = 0;
      if (seed % 5 == 0) s.front() *= 20;
      std::sort(s.begin(), s.end(), std::greater<>());
      std::vector<Enclosure> known;
      for (const double value : s) known.push_back(bounds::exactly(value));
      for (std::int64_t k = 1; k <= n; ++k) {
        for (const double p : {1.0, 1.5, 2.0, 4.0}) {
          const auto wanted = static_cast<double>(brute_force(s, k, p));
          const double slack = tolerance::relative(n, 16, wanted);
          const std::string what = std::to_string(n) + " " + std::to_string(k) + " " + std::to_string(p);
          EXPECT_NEAR(ky_fan_dual(s, {k, p}), wanted, slack) << what << " seed " << seed;
          const Enclosure found = ky_fan_dual(known, {k, p});
          EXPECT_LE(found.lower.value(), wanted + slack) << what;
          ASSERT_TRUE(found.upper) << what;
          EXPECT_GE(found.upper->value(), wanted - slack) << what;
          EXPECT_LE(found.upper->value() - found.lower.value(), tolerance::kSmallProof * wanted)
              << what << " seed " << seed;
        }
      }
    }
  }
}

}  // namespace
}  // namespace sigmax::norms
