// Losses that depend on the choice of singular vectors are detected; functions of the matrix pass.
#include "sigmax/grad/triplets/gauge.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::grad {
namespace {

using Sigma = std::span<const double>;
using View = MatrixView<const double>;

SvdResult<double> triplets_of(const std::vector<double>& sigma, std::int64_t k) {
  const auto n = static_cast<std::int64_t>(sigma.size());
  const std::vector<double> entries = gallery::with_singular_values(n + 2, n, sigma, 5);
  auto options = repeatable<SvdOptions<double>>();
  options.k = k;
  options.method = DenseLapack{};
  return svd(*dense<double>(Tensor::copy_of(entries, {n + 2, n})), options);
}

const std::vector<double> kDistinct{3, 2, 1, 0.5};

double along(std::span<const double> x, std::uint64_t seed) {
  const std::vector<double> weights = gallery::normal(static_cast<std::int64_t>(x.size()), seed);
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += weights[i] * x[i];
  return sum;
}

// sum_ij c_ij (U diag(w) V^T)_ij, a function of A whenever w is a function of sigma.
double along_outer(View u, View v, std::span<const double> weights) {
  double sum = 0;
  for (std::int64_t k = 0; k < u.columns; ++k) {
    double inner = 0;
    for (std::int64_t i = 0; i < u.rows; ++i) {
      for (std::int64_t j = 0; j < v.rows; ++j) {
        inner += std::sin(static_cast<double>(3 * i + 5 * j)) * u.column(k)[static_cast<std::size_t>(i)] *
                 v.column(k)[static_cast<std::size_t>(j)];
      }
    }
    sum += weights[static_cast<std::size_t>(k)] * inner;
  }
  return sum;
}

TEST(Gauge, ALossOfTheSignOfUIsCaught) {
  const GaugeResult result =
      check_gauge([](Sigma, View u, View) { return along(u.column(1), 3); }, triplets_of(kDistinct, 3));
  EXPECT_FALSE(result.invariant);
  EXPECT_EQ(result.changes[result.worst].kind, GaugeChange::Kind::sign);
  EXPECT_EQ(result.changes[result.worst].i, 1);
  EXPECT_NE(result.message.find("sign of (u_2, v_2)"), std::string::npos) << result.message;
}

TEST(Gauge, FunctionsOfTheMatrixPass) {
  const SvdResult<double> triplets = triplets_of(kDistinct, 3);
  const TripletLoss losses[] = {
      [](Sigma sigma, View, View) { return sigma[0] * sigma[1] - sigma[2]; },
      [](Sigma, View u, View) { return std::pow(along(u.column(0), 3), 2); },
      [](Sigma, View u, View v) { return along(u.column(2), 3) * along(v.column(2), 4); },
      [](Sigma sigma, View u, View v) { return along_outer(u, v, sigma); },
  };
  for (const TripletLoss& loss : losses) {
    const GaugeResult result = check_gauge(loss, triplets);
    EXPECT_TRUE(result.invariant) << result.message;
    EXPECT_FALSE(result.cut_through_equal_values);
  }
}

// (1 - s_1) (1 - s_2), s the signs: no single change of sign reveals it.
TEST(Gauge, SignsAreChangedTogetherToo) {
  SvdResult<double> triplets = triplets_of(kDistinct, 2);
  const double first = triplets.u(0, 0);
  const double second = triplets.u(0, 1);
  const TripletLoss loss = [=](Sigma, View u, View) {
    return (1 - u.data[0] / first) * (1 - u.data[u.stride] / second);
  };
  GaugeOptions options;
  options.combinations = 16;
  const GaugeResult result = check_gauge(loss, triplets, options);
  EXPECT_FALSE(result.invariant);
  EXPECT_EQ(result.changes[result.worst].kind, GaugeChange::Kind::signs);
}

TEST(Gauge, ALossOfOneOfTwoEqualTripletsIsCaught) {
  const SvdResult<double> triplets = triplets_of({3, 2, 2, 1}, 4);
  const TripletLoss of_one = [](Sigma, View u, View) { return std::pow(along(u.column(1), 3), 2); };
  const GaugeResult result = check_gauge(of_one, triplets);
  EXPECT_FALSE(result.invariant);
  EXPECT_EQ(result.changes[result.worst].kind, GaugeChange::Kind::rotation);
  EXPECT_NE(result.message.find("sigma_2 = sigma_3"), std::string::npos) << result.message;
  const TripletLoss of_both = [](Sigma sigma, View u, View v) { return along_outer(u, v, sigma); };
  EXPECT_TRUE(check_gauge(of_both, triplets).invariant);
  // If the values differ, this loss is a function of the matrix.
  EXPECT_TRUE(check_gauge(of_one, triplets_of(kDistinct, 4)).invariant);
}

TEST(Gauge, ASingularValueOf0LeavesTheSignOfUOpen) {
  const SvdResult<double> triplets = triplets_of({3, 2, 1, 0}, 4);
  const TripletLoss loss = [](Sigma, View u, View v) { return along(u.column(3), 3) * along(v.column(3), 4); };
  const GaugeResult result = check_gauge(loss, triplets);
  EXPECT_FALSE(result.invariant);
  EXPECT_EQ(result.changes[result.worst].kind, GaugeChange::Kind::left_sign);
}

TEST(Gauge, ACutThroughEqualValuesIsSaid) {
  const SvdResult<double> triplets = triplets_of({3, 2, 2, 1}, 2);
  const GaugeResult result = check_gauge([](Sigma sigma, View, View) { return sigma[1]; }, triplets);
  EXPECT_TRUE(result.invariant);
  EXPECT_TRUE(result.cut_through_equal_values) << triplets.next.value_or(0);
  EXPECT_NE(result.message.find("more triplets"), std::string::npos) << result.message;
}

TEST(Gauge, RefusesWhatDoesNotFit) {
  const TripletLoss one = [](Sigma, View, View) { return 1.0; };
  const Matrix<double> x(3, 2);
  const std::vector<double> two{2, 1};
  EXPECT_THROW(check_gauge(one, std::vector{2.0}, x.view(), x.view()), Error);
  EXPECT_THROW(check_gauge(one, {}, {}, {}), Error);
  EXPECT_THROW(check_gauge(one, std::vector{1.0, 2.0}, x.view(), x.view()), Error);
  EXPECT_THROW(check_gauge([](Sigma, View, View) { return NAN; }, two, x.view(), x.view()), Error);
}

}  // namespace
}  // namespace sigmax::grad
