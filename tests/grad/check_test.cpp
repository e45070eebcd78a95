// The gradient checker: correct gradients pass, wrong ones do not, kinks and noise are distinguished from both.
#include "sigmax/grad/check.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <string>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax::grad {
namespace {

// log sum exp, and sin of a product: smooth functions without symmetry.
template <class Scalar>
Scalar smooth(std::span<const Scalar> x) {
  using std::exp, std::log, std::sin;
  Scalar sum = 0;
  for (const Scalar value : x) sum += exp(value);
  return log(sum) + sin(x[0] * x[1]);
}

std::vector<double> gradient_of_smooth(const std::vector<double>& x) {
  double sum = 0;
  for (const double value : x) sum += std::exp(value);
  std::vector<double> gradient;
  for (const double value : x) gradient.push_back(std::exp(value) / sum);
  gradient[0] += x[1] * std::cos(x[0] * x[1]);
  gradient[1] += x[0] * std::cos(x[0] * x[1]);
  return gradient;
}

TEST(Check, ASmoothFunctionsGradientAgreesFarBelowTheTolerance) {
  const std::vector<double> x = gallery::normal(9, 3);
  const CheckResult result = check_gradient(smooth<double>, x, gradient_of_smooth(x));
  EXPECT_EQ(result.verdict, Verdict::agree) << result.message;
  EXPECT_EQ(result.directions.size(), 9U + 8U);
  for (const DirectionalCheck& check : result.directions) {
    EXPECT_LT(std::fabs(check.analytic - check.numerical), 4 * check.error + tolerance::relative(9, 1))
        << check.coordinate.value_or(-1);
    EXPECT_LT(check.error, tolerance::kFiniteDifference) << "the estimate is not worth much";
  }
}

TEST(Check, OneWrongParameterIsFoundAndNamed) {
  const std::vector<double> x = gallery::normal(9, 3);
  for (std::size_t wrong = 0; wrong < x.size(); ++wrong) {
    std::vector<double> gradient = gradient_of_smooth(x);
    gradient[wrong] += 1e-5;
    const CheckResult result = check_gradient(smooth<double>, x, gradient);
    EXPECT_EQ(result.verdict, Verdict::disagree);
    EXPECT_EQ(result.directions[result.worst].coordinate, static_cast<std::int64_t>(wrong));
    EXPECT_NE(result.message.find("parameter " + std::to_string(wrong)), std::string::npos) << result.message;
    EXPECT_NE(result.message.find("disagrees"), std::string::npos) << result.message;
  }
}

TEST(Check, RandomDirectionsFindAnErrorInManyParameters) {
  const std::vector<double> x = gallery::normal(500, 4);
  std::vector<double> gradient = gradient_of_smooth(x);
  CheckResult result = check_gradient(smooth<double>, x, gradient);
  EXPECT_TRUE(result.agrees()) << result.message;
  EXPECT_EQ(result.directions.size(), 8U);
  gradient[321] += 0.1;
  result = check_gradient(smooth<double>, x, gradient);
  EXPECT_EQ(result.verdict, Verdict::disagree) << result.message;
  EXPECT_FALSE(result.directions[result.worst].coordinate.has_value());
}

TEST(Check, UnitsDoNotMatter) {
  for (const double unit : {1e-150, 1e-20, 1.0, 1e20, 1e150}) {
    std::vector<double> x = gallery::normal(6, 5);
    const std::vector<double> gradient_at_1 = gradient_of_smooth(x);
    std::vector<double> gradient;
    for (double& value : x) value *= unit;
    for (const double value : gradient_at_1) gradient.push_back(value / unit);
    const auto f = [unit](std::span<const double> at) {
      std::vector<double> scaled(at.begin(), at.end());
      for (double& value : scaled) value /= unit;
      return smooth<double>(scaled);
    };
    EXPECT_TRUE(check_gradient(f, x, gradient).agrees()) << unit;
    gradient[2] *= 1.001;
    EXPECT_EQ(check_gradient(f, x, gradient).verdict, Verdict::disagree) << unit;
  }
}

TEST(Check, AKinkIsNoDisagreement) {
  const auto f = [](std::span<const double> x) { return std::fabs(x[0]) + x[1] * x[1]; };
  const std::vector<double> x{0.0, 0.5};
  const CheckResult at_kink = check_gradient(f, x, std::vector{0.0, 1.0});
  EXPECT_EQ(at_kink.verdict, Verdict::not_differentiable) << at_kink.message;
  EXPECT_NEAR(at_kink.directions[0].forward, 1, tolerance::kFiniteDifference);
  EXPECT_NEAR(at_kink.directions[0].backward, -1, tolerance::kFiniteDifference);
  EXPECT_EQ(at_kink.directions[1].verdict, Verdict::agree);
  // 1 and -1 are subgradients, 1.1 is not.
  EXPECT_EQ(check_gradient(f, x, std::vector{1.0, 1.0}).verdict, Verdict::not_differentiable);
  const CheckResult beyond = check_gradient(f, x, std::vector{1.1, 1.0});
  EXPECT_EQ(beyond.verdict, Verdict::disagree) << beyond.message;
}

// The kink is far inside the first step.
TEST(Check, ANearbyKinkDoesNotHideTheDerivative) {
  for (const double distance : {1e-2, 1e-4, 1e-6}) {
    const auto f = [](std::span<const double> x) { return std::hypot(x[0] - 1, x[1] - 1) + x[0] * x[1]; };
    const std::vector<double> x{1 + distance, 1.0};
    EXPECT_TRUE(check_gradient(f, x, std::vector{1 + 1.0, 1 + distance}).agrees()) << distance;
    EXPECT_EQ(check_gradient(f, x, std::vector{1.0, 1 + distance}).verdict, Verdict::disagree) << distance;
  }
}

TEST(Check, AFunctionWithTooFewDigitsIsUndecided) {
  const auto rounded = [](std::span<const double> x) { return static_cast<double>(static_cast<float>(smooth(x))); };
  const std::vector<double> x = gallery::normal(5, 7);
  const std::vector<double> gradient = gradient_of_smooth(x);
  CheckOptions options;
  EXPECT_EQ(check_gradient(rounded, x, gradient, options).verdict, Verdict::undecided);
  options.tolerance = 1e-2;
  EXPECT_TRUE(check_gradient(rounded, x, gradient, options).agrees());
}

TEST(Check, ConstantFunctionsAndZeroGradientsAgree) {
  const std::vector<double> x{1.0, -2.0};
  EXPECT_TRUE(check_gradient([](std::span<const double>) { return 7.0; }, x, std::vector{0.0, 0.0}).agrees());
  EXPECT_TRUE(check_gradient([](std::span<const double>) { return 0.0; }, x, std::vector{0.0, 0.0}).agrees());
  EXPECT_EQ(check_gradient([](std::span<const double>) { return 7.0; }, x, std::vector{0.0, 1e-3}).verdict,
            Verdict::disagree);
}

// At a minimum every derivative is rounding; the test is that it is small compared with the change of f nearby.
TEST(Check, AStationaryPointIsNoDisagreement) {
  const std::vector<double> x = gallery::normal(6, 9);
  const auto f = [&x](std::span<const double> at) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += (at[i] - x[i]) * (at[i] - x[i]);
    return sum;
  };
  std::vector<double> gradient(6, 3e-16);
  EXPECT_TRUE(check_gradient(f, x, gradient).agrees()) << check_gradient(f, x, gradient).message;
  gradient[3] = 1e-9;
  EXPECT_EQ(check_gradient(f, x, gradient).verdict, Verdict::disagree);
}

TEST(Check, AComplexStepIsExactToRounding) {
  const std::vector<double> x = gallery::normal(9, 3);
  std::vector<double> gradient = gradient_of_smooth(x);
  CheckOptions options;
  options.tolerance = tolerance::relative(9, 1, 1, 16);
  EXPECT_TRUE(check_gradient_by_complex_step(smooth<std::complex<double>>, x, gradient, options).agrees());
  gradient[4] *= 1 + 1e-12;
  gradient[4] += 1e-12;
  const CheckResult wrong = check_gradient_by_complex_step(smooth<std::complex<double>>, x, gradient, options);
  EXPECT_EQ(wrong.verdict, Verdict::disagree);
  EXPECT_EQ(wrong.directions[wrong.worst].coordinate, 4);
}

TEST(Check, TheSameStateGivesTheSameDirections) {
  const std::vector<double> x = gallery::normal(100, 3);
  const std::vector<double> gradient = gradient_of_smooth(x);
  CheckOptions options;
  options.random = random_state(11);
  const CheckResult first = check_gradient(smooth<double>, x, gradient, options);
  const CheckResult second = check_gradient(smooth<double>, x, gradient, options);
  ASSERT_EQ(first.directions.size(), second.directions.size());
  for (std::size_t i = 0; i < first.directions.size(); ++i) {
    EXPECT_EQ(first.directions[i].numerical, second.directions[i].numerical);
  }
  EXPECT_EQ(first.random, second.random);
  options.random = first.random;
  EXPECT_NE(check_gradient(smooth<double>, x, gradient, options).directions[0].numerical,
            first.directions[0].numerical);
}

TEST(Check, RefusesWhatCannotBeChecked) {
  const auto f = [](std::span<const double> x) { return x[0]; };
  const std::vector<double> one{1.0};
  const std::vector<double> two{1.0, 2.0};
  EXPECT_THROW(check_gradient(f, one, two), Error);
  EXPECT_THROW(check_gradient(f, {}, {}), Error);
  EXPECT_THROW(check_gradient(f, std::vector<double>{NAN}, one), Error);
  EXPECT_THROW(check_gradient(f, one, std::vector<double>{INFINITY}), Error);
  EXPECT_THROW(check_gradient([](std::span<const double>) { return NAN; }, one, one), Error);
  EXPECT_THROW(check_gradient(f, one, one, {.tolerance = 0}), Error);
  EXPECT_THROW(check_gradient(f, one, one, {.directions = -1}), Error);
  EXPECT_THROW(check_gradient(f, one, one, {.step = -1}), Error);
  EXPECT_THROW(check_gradient(f, two, two, {.directions = 0, .coordinates_up_to = 1}), Error);
}

}  // namespace
}  // namespace sigmax::grad
