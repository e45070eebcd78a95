// Groups 1 to 8 of docs/errata.md: norms, their gradients and orders.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "errata/errata.hpp"
#include "gallery/stored.hpp"
#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::errata {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Matrix<double> ones(std::int64_t n, double value) {
  Matrix<double> a(n, n);
  std::ranges::fill(a.values(), value);
  return a;
}

// M of the source's examples.
Matrix<double> m() { return matrix({{1, 2}, {-3, 4}}); }

TEST(Errata1, TheSquareOfTheScaledOnesIsItself) {
  const std::int64_t n = 4;
  const Matrix<double> a = ones(n, 1.0 / n);
  EXPECT_EQ(norm(times(a, a), "max"), 1.0 / n);  // not 1
  // The norm is not submultiplicative all the same: without the factor 1/n.
  const Matrix<double> b = ones(2, 1);
  EXPECT_GT(norm(times(b, b), "max"), norm(b, "max") * norm(b, "max"));
}

TEST(Errata1, AnInducedNormOfTheIdentityIsOneForEqualNormsOnly) {
  expect_contains(induced(identity(4), 2, 1), 2);
  expect_contains(induced(identity(4), 3, 3), 1);
  // The largest entry is induced, from 1 to infinity, and not submultiplicative.
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Matrix<double> a = matrix(gallery::normal(12, seed), 3, 4);
    expect_contains(induced(a, 1, kInfinity), norm(a, "max"));
  }
}

// |u v^T|_{p -> q} = |u|_q |v|_{p*}: equal to |u| |v| for all u and v for p = q = 2 alone, and then I_2 has 1, not
// sqrt 2.
TEST(Errata1, TheFrobeniusNormIsInducedByNoPair) {
  const Matrix<double> rank_one = matrix({{3, 6}, {4, 8}});
  EXPECT_NEAR(norm(rank_one, "fro"), norm(rank_one, "2"), near(20));
  EXPECT_NEAR(norm(identity(2), "fro"), std::sqrt(2.0), near(2));
  EXPECT_NEAR(norm(identity(2), "2"), 1, near(1));
}

TEST(Errata2, DecayShrinksEveryValueByTheSameFactorAndNotByTheSameAmount) {
  const Matrix<double> w = matrix({{4, 0}, {0, 1}});
  const Matrix<double> after = plus(w, -0.05, plus(w, 1, w));  // W - 0.05 times the gradient 2 W of |W|_F^2
  EXPECT_NEAR(norm(w, "2") - norm(after, "2"), 0.4, near(4));
  EXPECT_NEAR(norm(w, "-2") - norm(after, "-2"), 0.1, near(4));
  EXPECT_NEAR(norm(after, "2") / norm(w, "2"), norm(after, "-2") / norm(w, "-2"), near(1));
}

TEST(Errata2, TheLargestRowSumMayExceedTheFrobeniusNorm) {
  const Matrix<double> row = matrix({{1, 1}});
  EXPECT_EQ(norm(row, "inf"), 2);
  EXPECT_LT(norm(row, "fro"), 1.5);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Matrix<double> a = matrix(gallery::normal(15, seed), 3, 5);
    EXPECT_LE(norm(a, "inf") / std::sqrt(5.0), norm(a, "fro") + near(10));
  }
}

// The loss of a linear layer, E |(W - T) x|^2, weighs the columns of W - T by the sizes of the inputs.
TEST(Errata3, TheNearestLowRankMatrixIsNotTheOneWithTheLeastLoss) {
  const Matrix<double> target = matrix({{2, 0}, {0, 1}});
  const auto loss = [&](const Matrix<double>& w) {
    const Matrix<double> rest = plus(target, -1, w);
    // Inputs of variance 0.01 and 1.
    const double first = rest(0, 0) * rest(0, 0) + rest(1, 0) * rest(1, 0);
    const double second = rest(0, 1) * rest(0, 1) + rest(1, 1) * rest(1, 1);
    return 0.01 * first + second;
  };
  SvdOptions<double> options = repeatable<SvdOptions<double>>();
  const SvdResult<double> top = svd(*dense<double>(tensor(target)), options);
  Matrix<double> truncated(2, 2);
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) truncated(i, j) = top.sigma[0] * top.u(i, 0) * top.v(j, 0);
  }
  const Matrix<double> other = matrix({{0, 0}, {0, 1}});
  EXPECT_LT(norm(plus(target, -1, truncated), "fro"), norm(plus(target, -1, other), "fro"));
  EXPECT_GT(loss(truncated), 20 * loss(other));
}

// Both one-sided slopes along E and -E are |E|_F > 0: no linear function has them.
TEST(Errata3, TheFrobeniusNormHasNoGradientAtZero) {
  const Matrix<double> e = matrix({{1, 2}, {0, 2}});
  const Matrix<double> zero(2, 2);
  for (const double t : {1.0, 1e-8, 1e-200}) {
    EXPECT_NEAR(norm(plus(zero, t, e), "fro") / t, 3, near(3));
    EXPECT_NEAR(norm(plus(zero, -t, e), "fro") / t, 3, near(3));
  }
}

// 100^2 = 10000 is 16 modulo 256: sqrt(sum(A**2)) of int8 is sqrt(32).
TEST(Errata3, SquaresOfSmallIntegersOverflow) {
  std::int8_t sum = 0;
  for (int i = 0; i < 2; ++i) {
    const auto wrapped = static_cast<std::uint8_t>(100U * 100U);
    sum = static_cast<std::int8_t>(sum + static_cast<std::int8_t>(wrapped));
  }
  EXPECT_NEAR(std::sqrt(static_cast<double>(sum)), 5.66, 0.005);
  EXPECT_NEAR(norm(matrix({{100, 0}, {0, 100}}), "fro"), 100 * std::sqrt(2.0), near(200));
}

// tan of the angle falls by (s2 / s1)^2 a step, the value's relative error by its square.
TEST(Errata4, PowerIterationLosesItsErrorTwiceAsFastAsStated) {
  Context context(1);
  const Operator<double> a = dense<double>(tensor({{1, 0}, {0, 0.5}}));
  std::vector<double> v{1, 1}, z(2), y(2);
  double value_before = 1 - std::sqrt(0.5 * (1 + 0.25));
  for (int step = 1; step <= 6; ++step) {
    a->apply_gram(MatrixView<const double>(v), MatrixView<double>(z), context);
    const double size = std::hypot(z[0], z[1]);
    v = {z[0] / size, z[1] / size};
    EXPECT_NEAR(v[1] / v[0], std::pow(4.0, -step), near(1));
    a->apply(MatrixView<const double>(v), MatrixView<double>(y), context);
    const double value = 1 - std::hypot(y[0], y[1]);
    if (step > 2) {
      EXPECT_NEAR(value / value_before, 1.0 / 16, 0.01);
    }
    value_before = value;
  }
}

TEST(Errata4, ALayersLipschitzConstantMayBeSmallerThanItsNorm) {
  const Matrix<double> w = matrix({{1}, {-1}});
  EXPECT_NEAR(norm(w, "2"), std::sqrt(2.0), near(2));
  const auto layer = [&](double x) { return std::vector{std::max(0.0, w(0, 0) * x), std::max(0.0, w(1, 0) * x)}; };
  double largest = 0;
  const std::vector<double> points = gallery::normal(60, 3);
  for (const double x : points) {
    for (const double y : points) {
      if (x == y) continue;
      const auto p = layer(x), q = layer(y);
      largest = std::max(largest, std::hypot(p[0] - q[0], p[1] - q[1]) / std::fabs(x - y));
    }
  }
  EXPECT_LE(largest, 1 + near(1));
}

TEST(Errata5, OneToTwoIsEasyAndTwoToOneIsBetweenTheFrobeniusNormAndTheRootOfTheRows) {
  expect_contains(induced(m(), 1, 2), std::sqrt(20.0));
  expect_contains(induced(m(), 2, 1), std::sqrt(40.0));
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Matrix<double> a = matrix(gallery::normal(20, seed), 5, 4);
    const Enclosure known = induced(a, 2, 1);
    EXPECT_GE(known.upper->value(), norm(a, "fro") * (1 - near(1)));
    EXPECT_LE(known.lower.value(), std::sqrt(5.0) * norm(a, "2") * (1 + near(1)));
    // The semidefinite bound, of the kind that proves the upper end, is within sqrt(pi / 2) of the norm, not O(log n).
    EXPECT_LE(known.upper->value(), std::sqrt(std::acos(-1.0) / 2) * known.lower.value() * (1 + near(1)));
  }
}

TEST(Errata6, SchattenNormsAreEqualAtRankOneAndNotForEqualValues) {
  const Matrix<double> rank_one = matrix({{3, 6}, {4, 8}});
  for (const char* ord : {"2", "fro", "nuc", "schatten:3"})
    EXPECT_NEAR(norm(rank_one, ord), std::sqrt(125.0), near(20));
  EXPECT_NEAR(norm(identity(2), "2"), 1, near(1));
  EXPECT_NEAR(norm(identity(2), "fro"), std::sqrt(2.0), near(2));
  EXPECT_NEAR(norm(identity(2), "nuc"), 2, near(2));
}

TEST(Errata6, TheFrobeniusNormIsNoRootMeanSquare) {
  // Both singular values of I_2 are 1, and so is their root mean square.
  EXPECT_GT(norm(identity(2), "fro"), 1.4);
}

TEST(Errata7, TheNuclearNormIsSmoothAtTheIdentityAndNotAtASingularMatrix) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Matrix<double> e = matrix(gallery::normal(9, seed), 3, 3);
    const double h = 1e-6;
    const auto slopes = [&](const Matrix<double>& a) {
      const double here = norm(a, "nuc");
      return std::pair{(norm(plus(a, h, e), "nuc") - here) / h, (here - norm(plus(a, -h, e), "nuc")) / h};
    };
    // Second derivatives at I are of the order of |E|^2; so is the difference of the slopes, times h.
    const double size = norm(e, "fro");
    const auto [right, left] = slopes(identity(3));
    EXPECT_NEAR(right, left, 4 * h * size * size + near(3) / h);
    EXPECT_NEAR(right, e(0, 0) + e(1, 1) + e(2, 2), 4 * h * size * size + near(3) / h);
    const auto [up, down] = slopes(matrix({{1, 0, 0}, {0, 1, 0}, {0, 0, 0}}));
    EXPECT_GT(up - down, std::fabs(e(2, 2)));  // a kink of 2 |e_33|
  }
}

// <G, X - A> <= |X|_* - |A|_* for every X.
TEST(Errata7, TheCompactProductOfSingularVectorsIsOneOfManySubgradients) {
  const Matrix<double> a = matrix({{1, 0}, {0, 0}});
  for (const double w : {-1.0, -0.3, 0.0, 0.7, 1.0}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const Matrix<double> x = matrix(gallery::normal(4, seed), 2, 2);
      const double inner = (x(0, 0) - 1) + w * x(1, 1);
      EXPECT_LE(inner, norm(x, "nuc") - norm(a, "nuc") + near(10));
    }
  }
}

// On the ball |A| <= 1 the nuclear norm is convex and at most the rank. No convex function between the two is larger:
// diag(s) is a mean of diagonal matrices of zeros and ones, with the weights s_k - s_{k+1}, and the same mean of their
// ranks is sum s_k. The set of ranks itself has the hull [0, n], which does not depend on A.
TEST(Errata7, TheNuclearNormIsTheEnvelopeOfTheFunctionRank) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    std::vector<double> s = gallery::normal(3, seed);
    for (double& value : s) value = std::fabs(value) / 4;
    std::ranges::sort(s, std::greater<>());
    ASSERT_LE(s[0], 1);
    const Matrix<double> a = matrix({{s[0], 0, 0}, {0, s[1], 0}, {0, 0, s[2]}});
    EXPECT_LT(norm(a, "nuc"), 3);  // the rank
    Matrix<double> mean(3, 3);
    double mean_of_ranks = 0, weights = 1 - s[0];  // the zero matrix has the rest of the weight
    for (std::int64_t k = 1; k <= 3; ++k) {
      const auto i = static_cast<std::size_t>(k);
      const double weight = s[i - 1] - (k < 3 ? s[i] : 0);
      ASSERT_GE(weight, 0);
      Matrix<double> projector(3, 3);
      for (std::int64_t j = 0; j < k; ++j) projector(j, j) = 1;
      EXPECT_LE(norm(projector, "2"), 1 + near(1));
      mean = plus(mean, weight, projector);
      mean_of_ranks += weight * static_cast<double>(k);
      weights += weight;
    }
    EXPECT_NEAR(weights, 1, near(1));
    EXPECT_LE(norm(plus(mean, -1, a), "max"), near(1));
    EXPECT_NEAR(mean_of_ranks, norm(a, "nuc"), near(3));
  }
}

TEST(Errata8, OneNormDecidesNothingAndEqualSumsAreNotNeeded) {
  const Matrix<double> flat = matrix({{1, 0}, {0, 1}}), steep = matrix({{1.2, 0}, {0, 0}});
  EXPECT_LT(norm(flat, "2"), norm(steep, "2"));
  EXPECT_GT(norm(flat, "nuc"), norm(steep, "nuc"));
  const Matrix<double> small = matrix({{1, 0}, {0, 0}}), large = matrix({{2, 0}, {0, 1}});
  for (const char* ord : {"2", "fro", "nuc", "kyfan:2", "schatten:1.5", "schatten:7"}) {
    EXPECT_LE(norm(small, ord), norm(large, ord));
  }
}

// A gauge of as many arguments as the rank would be another function for each rank: schatten norms count zeros as 0.
TEST(Errata8, AGaugeTakesAsManyValuesAsTheShorterSideHas) {
  for (const char* ord : {"nuc", "schatten:3", "kyfan:3"}) {
    const double singular = norm(matrix({{2, 0, 0}, {0, 1, 0}, {0, 0, 0}}), ord);
    EXPECT_NEAR(norm(matrix({{2, 0, 0}, {0, 1, 0}, {0, 0, 1e-14}}), ord), singular, near(3));
  }
}

}  // namespace
}  // namespace sigmax::errata
