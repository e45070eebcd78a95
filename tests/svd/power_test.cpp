// Power iteration: PyTorch's numbers, the cost in reads, fixed steps.
#include "sigmax/svd/methods/power.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gallery/stored.hpp"
#include "ops/counting_operator.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"
#include "support/triplets.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using Order = PowerIteration::Order;

// From tests/svd/power_golden.py: torch.nn.utils.parametrizations.spectral_norm (u_first) and
// torch.nn.utils.spectral_norm (v_first) of torch 2.13 in training, u and v set before.
struct Golden {
  Order order;
  std::int64_t steps;
  double sigma;
  std::vector<double> u;
  std::vector<double> v;
};

const std::vector<double>& golden_weight() {
  static const std::vector<double> weight = {-1.25, -0.5, -1.0, 0.5, -0.25, 0.5, -0.5, 0.0, -0.75, 1.25, 0.25, 0.75};
  return weight;
}

template <class T>
std::vector<Golden> golden() {
  if constexpr (std::same_as<T, double>) {
    return {
        {Order::u_first,
         1,
         2.3946478671182838,
         {-0.58172802420478165, 0.41063154649749295, -0.47907013758040845, 0.51328943312186626},
         {0.75736507592649605, 0.13218164060981297, 0.63947334240963571}},
        {Order::u_first,
         3,
         2.4601401444877755,
         {-0.67572093199482031, 0.26432001375118153, -0.34412833142821558, 0.5959126143177863},
         {0.76977976629650757, 0.17103034438172918, 0.61496970063667455}},
        {Order::v_first,
         1,
         1.8189720222909136,
         {-0.58554776770566785, 0.4006379463249306, -0.42118348203390144, 0.56500223199669708},
         {0.52320456492635514, -0.52320456492635514, 0.67269158347674229}},
        {Order::v_first,
         3,
         2.4601377391823003,
         {-0.67574958082078151, 0.26426261309988602, -0.34407692444978211, 0.59593526947088549},
         {0.76953915895554525, 0.169807401191017, 0.61560939672388459}},
    };
  } else {
    return {
        {Order::u_first,
         1,
         2.3946480751037598,
         {-0.58172804117202759, 0.41063156723976135, -0.47907015681266785, 0.51328945159912109},
         {0.75736510753631592, 0.13218164443969727, 0.63947337865829468}},
        {Order::u_first,
         3,
         2.4601399898529053,
         {-0.6757209300994873, 0.26431998610496521, -0.34412834048271179, 0.5959126353263855},
         {0.7697797417640686, 0.17103032767772675, 0.61496967077255249}},
        {Order::v_first,
         1,
         1.818972110748291,
         {-0.58554774522781372, 0.40063795447349548, -0.42118349671363831, 0.56500226259231567},
         {0.52320456504821777, -0.52320456504821777, 0.67269158363342285}},
        {Order::v_first,
         3,
         2.4601380825042725,
         {-0.67574965953826904, 0.2642626166343689, -0.34407696127891541, 0.59593528509140015},
         {0.76953917741775513, 0.16980740427970886, 0.61560940742492676}},
    };
  }
}

template <class T>
std::vector<T> unit(std::vector<double> x) {
  double squares = 0;
  for (const double value : x) squares += value * value;
  std::vector<T> result;
  for (const double value : x) result.push_back(static_cast<T>(value / std::sqrt(squares)));
  return result;
}

template <class T>
std::vector<T> in_type(const std::vector<double>& x) {
  return {x.begin(), x.end()};
}

template <class T>
Operator<T> matrix(std::int64_t rows, std::int64_t columns, const std::vector<double>& values) {
  return dense<T>(Tensor::copy_of(std::span<const double>(values), {rows, columns}));
}

template <class T>
class Power : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Power, Types);

TYPED_TEST(Power, GivesThePyTorchNumbers) {
  using T = TypeParam;
  Context context(1);
  const Operator<T> a = matrix<T>(4, 3, golden_weight());
  const double tolerance = tolerance::of_matrix<T>(4, 3, 1);
  for (const Golden& wanted : golden<T>()) {
    std::vector<T> u = unit<T>({1, 2, -1, 0.5});
    std::vector<T> v = unit<T>({0.5, -1, 2});
    const double sigma = power_steps<T>(*a, {wanted.order, wanted.steps}, u, v, context);
    EXPECT_NEAR(sigma, wanted.sigma, tolerance * wanted.sigma);
    for (std::size_t i = 0; i < u.size(); ++i) EXPECT_NEAR(u[i], wanted.u[i], tolerance);
    for (std::size_t i = 0; i < v.size(); ++i) EXPECT_NEAR(v[i], wanted.v[i], tolerance);
  }
}

TYPED_TEST(Power, OfFixedStepsIsTheSameThroughTheEntry) {
  using T = TypeParam;
  Context context(1);
  const Operator<T> a = matrix<T>(4, 3, golden_weight());
  const Golden wanted = golden<T>()[1];
  ASSERT_EQ(wanted.order, Order::u_first);
  auto options = repeatable<SvdOptions<T>>();
  options.method = PowerIteration{wanted.order, wanted.steps};
  options.start = Matrix<T>(3, 1);
  const std::vector<T> v = unit<T>({0.5, -1, 2});
  std::copy(v.begin(), v.end(), options.start.values().begin());
  const SvdResult<T> result = svd(*a, options, context);
  const double tolerance = tolerance::of_matrix<T>(4, 3, 1);
  EXPECT_EQ(result.outcome, SvdOutcome::completed);
  EXPECT_EQ(result.statistics.products, wanted.steps);
  EXPECT_EQ(result.statistics.reads, wanted.steps + 1);
  EXPECT_NEAR(result.sigma[0], wanted.sigma, tolerance * wanted.sigma);
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_NEAR(result.v(i, 0), wanted.v[static_cast<std::size_t>(i)], tolerance);
  EXPECT_GT(result.residual[0], tolerance);
  // From right vectors v_first is u_first with a better u: its sigma is that after another half step.
  options.method = PowerIteration{Order::v_first, wanted.steps};
  const SvdResult<T> other = svd(*a, options, context);
  EXPECT_GT(other.sigma[0], result.sigma[0] * (1 - tolerance));
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_NEAR(other.v(i, 0), result.v(i, 0), tolerance);
}

// The steps written out, two products each.
template <class T>
double plain_steps(const LinearOperator<T>& a, const PowerOptions& options, std::vector<T>& u, std::vector<T>& v,
                   Context& context) {
  const auto normalize = [&](std::vector<T>& x) {
    double squares = 0;
    for (const T value : x) squares += static_cast<double>(value) * static_cast<double>(value);
    for (T& value : x) value = static_cast<T>(value / std::max(std::sqrt(squares), options.epsilon));
  };
  for (std::int64_t step = 0; step < options.steps; ++step) {
    for (int half = 0; half < 2; ++half) {
      if ((options.order == Order::u_first) == (half == 0)) {
        a.apply(v, u, context);
        normalize(u);
      } else {
        a.apply_adjoint(u, v, context);
        normalize(v);
      }
    }
  }
  std::vector<T> image(u.size());
  a.apply(v, image, context);
  double sigma = 0;
  for (std::size_t i = 0; i < u.size(); ++i) sigma += static_cast<double>(u[i]) * static_cast<double>(image[i]);
  return sigma;
}

TYPED_TEST(Power, AgreesWithTheStepsWrittenOut) {
  using T = TypeParam;
  Context context(1);
  for (const auto& [rows, columns] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 1}, {1, 9}, {9, 1}, {7, 5}, {40, 61}, {128, 33}}) {
    const Operator<T> a = matrix<T>(rows, columns, gallery::normal(rows * columns, 5));
    for (const Order order : {Order::u_first, Order::v_first}) {
      for (const double epsilon : {1e-12, 30.0}) {  // the second is larger than the norm and replaces it as divisor
        std::vector<T> u = unit<T>(gallery::normal(rows, 6)), v = unit<T>(gallery::normal(columns, 7));
        std::vector<T> plain_u = u, plain_v = v;
        const PowerOptions options{order, 3, epsilon};
        const double sigma = power_steps<T>(*a, options, u, v, context);
        const double wanted = plain_steps(*a, options, plain_u, plain_v, context);
        const double tolerance = 10 * tolerance::of_matrix<T>(rows, columns, 1);
        EXPECT_NEAR(sigma, wanted, tolerance * std::max(std::fabs(wanted), 1e-3)) << rows << "x" << columns;
        for (std::size_t i = 0; i < u.size(); ++i) EXPECT_NEAR(u[i], plain_u[i], tolerance);
        for (std::size_t i = 0; i < v.size(); ++i) EXPECT_NEAR(v[i], plain_v[i], tolerance);
      }
    }
  }
}

TEST(PowerSteps, ReadTheOperatorOnceAStep) {
  Context context(1);
  const auto counts = std::make_shared<Counts>();
  const CountingOperator a(matrix<double>(9, 7, gallery::normal(63, 1)), counts);
  std::vector<double> u = unit<double>(gallery::normal(9, 2)), v = unit<double>(gallery::normal(7, 3));
  power_steps<double>(a, {Order::u_first, 5}, u, v, context);
  EXPECT_EQ(std::exchange(*counts, Counts{}), (Counts{.gram_with_image = 5, .widest = 1}));
  power_steps<double>(a, {Order::v_first, 5}, u, v, context);
  EXPECT_EQ(*counts, (Counts{.apply = 1, .adjoint = 1, .gram_with_image = 4, .widest = 1}));
}

TYPED_TEST(Power, OfTheZeroOperatorIsZero) {
  using T = TypeParam;
  Context context(1);
  const Operator<T> a = matrix<T>(3, 2, std::vector<double>(6, 0.0));
  for (const Order order : {Order::u_first, Order::v_first}) {
    std::vector<T> u = unit<T>({1, 2, 3}), v = unit<T>({1, 2});
    EXPECT_EQ(power_steps<T>(*a, {order, 2}, u, v, context), 0);
    EXPECT_EQ(u, std::vector<T>(3));
    EXPECT_EQ(v, std::vector<T>(2));
    for (const std::optional<std::int64_t> steps : {std::optional<std::int64_t>(), {2}}) {
      auto options = repeatable<SvdOptions<T>>();
      options.method = PowerIteration{order, steps};
      const SvdResult<T> result = svd(*a, options, context);
      EXPECT_EQ(result.sigma[0], 0);
      EXPECT_EQ(result.residual[0], 0);
      EXPECT_EQ(result.u(0, 0), 1);
    }
  }
}

// Cases where A^T A v is out of range and A v is not.
TYPED_TEST(Power, KeepsToTheRangeOfItsType) {
  using T = TypeParam;
  Context context(1);
  const int exponent = std::same_as<T, float> ? 100 : 900;
  for (const int e : {exponent, -exponent}) {
    std::vector<double> scaled = golden_weight();
    for (double& value : scaled) value = std::ldexp(value, e);
    const Operator<T> a = matrix<T>(4, 3, scaled);
    for (const Golden& wanted : golden<T>()) {
      std::vector<T> u = unit<T>({1, 2, -1, 0.5}), v = unit<T>({0.5, -1, 2});
      const double epsilon = std::numeric_limits<T>::min();
      const double sigma = power_steps<T>(*a, {wanted.order, wanted.steps, epsilon}, u, v, context);
      EXPECT_NEAR(std::ldexp(sigma, -e), wanted.sigma, tolerance::of_matrix<T>(4, 3, 1) * wanted.sigma);
      for (std::size_t i = 0; i < u.size(); ++i) EXPECT_NEAR(u[i], wanted.u[i], tolerance::of_matrix<T>(4, 3, 1));
    }
  }
}

TEST(PowerIterations, StopWhenAskedTo) {
  Context context(1);
  const Operator<double> a = matrix<double>(4, 3, golden_weight());
  context.request_cancel();
  auto options = repeatable<SvdOptions<double>>();
  options.method = PowerIteration{};
  EXPECT_THROW(svd(*a, options, context), Canceled);
  options.method = PowerIteration{Order::u_first, 2};
  EXPECT_THROW(svd(*a, options, context), Canceled);
}

TEST(PowerIterations, RefuseWhatDoesNotFit) {
  Context context(1);
  const Operator<double> a = matrix<double>(4, 3, golden_weight());
  std::vector<double> u(4), v(3);
  EXPECT_THROW(power_steps<double>(*a, {}, v, u, context), Error);
  EXPECT_THROW(power_steps<double>(*a, {Order::u_first, 0}, u, v, context), Error);
  EXPECT_THROW(power_steps<double>(*a, {Order::u_first, 1, 0}, u, v, context), Error);
  auto options = repeatable<SvdOptions<double>>();
  options.method = PowerIteration{Order::u_first, -1};
  EXPECT_THROW(svd(*a, options, context), Error);
  options.method = PowerIteration{};
  options.k = 2;
  try {
    svd(*a, options, context);
    FAIL() << "k = 2 was accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("Deflation"), std::string::npos) << error.what();
  }
}

TYPED_TEST(Power, StartsFromUnitVectorsThatGoOnFromTheState) {
  using T = TypeParam;
  Matrix<T> x(50, 3), y(50, 3);
  const RandomState next = random_unit_vectors(random_state(1), x.view());
  EXPECT_NE(next, random_state(1));
  static_cast<void>(random_unit_vectors(random_state(1), y.view()));
  EXPECT_EQ(x, y);
  for (std::int64_t j = 0; j < 3; ++j) {
    const auto column = [&](std::int64_t) { return x.column(j); };
    EXPECT_LE(checks::orthonormality_error(1, column), 3 * tolerance::of_matrix<T>(50, 1, 1));
  }
}

}  // namespace
}  // namespace sigmax
