// Groups 13 and 14 of docs/errata.md: regularizers, clipping, bounds of generalization, implicit regularization.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "errata/errata.hpp"
#include "gallery/stored.hpp"
#include "sigmax/grad/norm_vjp.hpp"
#include "sigmax/nn/proximal.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax::errata {
namespace {

TEST(Errata13, TheProductOfFactorsBoundsTheNuclearNormWithoutKeepingItSmall) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Matrix<double> b = matrix(gallery::normal(12, seed), 6, 2), a = matrix(gallery::normal(8, seed + 20), 2, 4);
    EXPECT_LE(norm(times(b, a), "nuc"), norm(b, "fro") * norm(a, "fro") + near(50));
  }
  const Matrix<double> b = matrix({{100, 0}, {0, .01}}), a = matrix({{.01, 0}, {0, 100}});
  EXPECT_NEAR(norm(times(b, a), "nuc"), 2, near(2));
  EXPECT_NEAR(norm(b, "fro") * norm(a, "fro"), 10000, 1);
}

// d |A|_* = <U V^T, dA> with all vectors of positive values: the top pair alone gives the spectral norm's derivative.
TEST(Errata13, TheGradientOfTheNuclearNormTakesAllVectors) {
  const Matrix<double> a = matrix({{2, 1}, {0, 1}}), e = matrix({{0.3, -1}, {0.5, 0.7}});
  const double h = 1e-6;
  const auto slope = [&](const char* ord) { return (norm(plus(a, h, e), ord) - norm(plus(a, -h, e), ord)) / (2 * h); };
  const double size = norm(e, "fro");
  EXPECT_NEAR(slope("nuc"), slope("2") + slope("-2"), near(3) / h + h * size * size);
  EXPECT_GT(std::fabs(slope("nuc") - slope("2")), 0.1);
}

TEST(Errata13, ClippingByEitherNormRescalesAndDoesNotProject) {
  const Matrix<double> g = matrix({{4, 0}, {0, 3}});
  const auto clipped = [&](const char* ord) { return plus(Matrix<double>(2, 2), 1 / norm(g, ord), g); };
  EXPECT_NEAR(clipped("2")(0, 0), 1, near(1));
  EXPECT_NEAR(clipped("2")(1, 1), 0.75, near(1));
  EXPECT_NEAR(clipped("fro")(0, 0), 0.8, near(1));
  EXPECT_NEAR(clipped("fro")(1, 1), 0.6, near(1));
  std::vector<double> projected(4);
  Context context(1);
  nn::project<double>(tensor(g), nn::ball::Spectral{1}, repeatable<nn::ProximalOptions>(), projected, context);
  EXPECT_NEAR(projected[0], 1, near(4));
  EXPECT_NEAR(projected[3], 1, near(4));
}

// kappa prod |W_l|_F / sqrt(n), times any constant: dividing the last layer by 10^6 divides it by 10^6 and changes no
// label that the net assigns, so no theorem about the share of wrong labels can have this form.
TEST(Errata14, ABoundOfTheStatedFormWouldFallToZeroForEveryClassifier) {
  const Matrix<double> first = matrix({{1, 2}, {-3, 4}});
  const auto last = [](double scale) { return plus(Matrix<double>(1, 2), scale, matrix({{1, -1}})); };
  const auto output = [&](double scale, double x, double y) {
    const Matrix<double> hidden = times(first, matrix({{x}, {y}}));
    return times(last(scale), matrix({{std::max(0.0, hidden(0, 0))}, {std::max(0.0, hidden(1, 0))}}))(0, 0);
  };
  const auto condition = [](const Matrix<double>& w) { return norm(w, "2") / norm(w, "-2"); };
  const auto bound = [&](double scale) {
    return condition(first) * condition(last(scale)) * norm(first, "fro") * norm(last(scale), "fro") / std::sqrt(1000);
  };
  EXPECT_NEAR(bound(1e-6) / bound(1), 1e-6, 1e-6 * near(1));
  const std::vector<double> points = gallery::normal(200, 1);
  bool both = false;
  for (std::size_t i = 0; i + 1 < points.size(); i += 2) {
    const double before = output(1, points[i], points[i + 1]), after = output(1e-6, points[i], points[i + 1]);
    EXPECT_EQ(before > 0, after > 0);
    both = both || before > 0;
  }
  EXPECT_TRUE(both);
}

// The last layer times 10: every output and the margin are 10 times as large, the classifier is the same.
TEST(Errata14, TheStatedBoundDependsOnAScaleThatChangesNothing) {
  const auto bound = [](double of_last, double margin) {
    const std::vector<Matrix<double>> layers{matrix({{1, 2}, {-3, 4}}),
                                             plus(Matrix<double>(1, 2), of_last, matrix({{1, 1}}))};
    double sum = 0, product = 1;
    for (const Matrix<double>& w : layers) {
      const double two = norm(w, "2"), all = norm(w, "fro");
      sum += all * all / (two * two);
      product *= two * two;
    }
    return std::sqrt(sum * product / 1000) / (margin * margin);
  };
  EXPECT_NEAR(bound(10, 10) / bound(1, 1), 0.1, near(1));
}

// Completion of [[*, 1], [1, 0]] by gradient descent on a product of two factors that start at a thousandth of I: the
// loss has its infimum 0 as the first entry goes to infinity, although the least nuclear norm at loss 0 is 2.
TEST(Errata14, GradientDescentNeedNotFindTheLeastNuclearNorm) {
  EXPECT_NEAR(norm(matrix({{0, 1}, {1, 0}}), "nuc"), 2, near(2));
  Matrix<double> first = plus(Matrix<double>(2, 2), 1e-3, identity(2)), second = first;
  const double step = 0.02;
  const auto transposed = [](const Matrix<double>& a) { return matrix({{a(0, 0), a(1, 0)}, {a(0, 1), a(1, 1)}}); };
  std::vector<double> found;
  std::vector<double> losses{1.4e-2, 2.5e-3};
  for (int k = 0; k < 100000 && found.size() < losses.size(); ++k) {
    const Matrix<double> w = times(second, first);
    Matrix<double> gradient = w;
    gradient(0, 0) = 0;
    gradient(0, 1) -= 1;
    gradient(1, 0) -= 1;
    double loss = 0;
    for (const double value : gradient.values()) loss += value * value / 2;
    if (loss <= losses[found.size()]) found.push_back(norm(w, "nuc"));
    const Matrix<double> of_first = times(transposed(second), gradient), of_second = times(gradient, transposed(first));
    first = plus(first, -step, of_first);
    second = plus(second, -step, of_second);
  }
  ASSERT_EQ(found.size(), 2U);
  // Golden values 5.9 and 14.1.
  EXPECT_NEAR(found[0], 5.9, 0.1);
  EXPECT_NEAR(found[1], 14.1, 0.1);
}

}  // namespace
}  // namespace sigmax::errata
