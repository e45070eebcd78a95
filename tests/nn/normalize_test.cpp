// The steps of the state and W / sigma: torch's numbers, the definition in long double, every layout and storage type.
#include "sigmax/nn/normalize.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "nn/normalize_golden.hpp"
#include "nn/samples.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/nn/normalize_vjp.hpp"
#include "sigmax/ops/dense.hpp"
#include "tolerance.hpp"

namespace sigmax::nn {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The allowed error of a step's vector: rounding errors of products relative to |W|_F, over sigma.
template <class T>
double vector_tolerance(const Vector80& w, std::int64_t rows, std::int64_t columns, Real80 sigma) {
  return tolerance::of_matrix_in<T>(rows, columns, static_cast<double>(norm_80(w) / sigma));
}

template <class T>
void expect_close(const std::vector<T>& found, const Vector80& wanted, double allowed, const std::string& what) {
  ASSERT_EQ(found.size(), wanted.size()) << what;
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(found[i]), static_cast<double>(wanted[i]), allowed) << what << " entry " << i;
  }
}

template <class T>
void check_golden(const Golden& golden) {
  const std::string what = std::string(golden.transposed ? "transposed" : "linear") +
                           (golden.iteration == Iteration::u_first ? " u_first " : " v_first ") +
                           std::to_string(golden.steps);
  Context context(1);
  const DType dtype = golden.single ? DType::f32 : DType::f64;
  Sample sample(dtype, golden.transposed ? Dimensions{2, 3, 2} : Dimensions{4, 3}, golden.transposed ? 1 : 0,
                golden.transposed ? kTransposed : kLinear);
  const auto start = [](std::int64_t n) {
    Vector80 x;
    for (std::int64_t i = 0; i < n; ++i) x.push_back((i % 2 == 0 ? 1.0L : -1.0L) / static_cast<Real80>(1 + i));
    x = normalized_80(x, 1e-12);
    return std::vector<T>(x.begin(), x.end());
  };
  std::vector<T> u = start(sample.rows()), v = start(sample.columns());
  const StepResult result =
      step<T>(sample.weight(), {.iteration = golden.iteration, .steps = golden.steps}, u, v, context);
  const double allowed = vector_tolerance<T>(sample.matrix(), sample.rows(), sample.columns(), golden.sigma);
  EXPECT_EQ(result.outcome, StepOutcome::done) << what;
  EXPECT_FALSE(result.repair.any()) << what;
  EXPECT_NEAR(result.sigma, golden.sigma, allowed * golden.sigma) << what;
  expect_close(u, in_80(golden.u), allowed, what + " u");
  expect_close(v, in_80(golden.v), allowed, what + " v");

  const Factor f = factor({}, result.sigma);
  Sample normalized = sample, gradient = sample;
  scale_weight(sample.weight(), f.value, normalized.output(), context);
  expect_close(normalized.values(), in_80(golden.normalized), allowed, what + " W / sigma");
  std::vector<double> c(golden.gradient.size());
  for (std::size_t i = 0; i < c.size(); ++i) c[i] = static_cast<double>(i + 1);
  const Sample g(dtype, golden.transposed ? Dimensions{2, 3, 2} : Dimensions{4, 3}, golden.transposed ? 1 : 0, c);
  normalize_vjp<T>(sample.weight(), std::span<const T>(u), std::span<const T>(v), f, g.weight(), false,
                   gradient.output(), context);
  expect_close(gradient.values(), in_80(golden.gradient), allowed * static_cast<double>(norm_80(in_80(c))),
               what + " gradient");
}

TEST(Normalize, GivesTorchsNumbersInBothOrders) {
  for (const Golden& golden : kGolden) golden.single ? check_golden<float>(golden) : check_golden<double>(golden);
}

template <class T>
void check_layout(const Sample& sample, Iteration iteration, std::int64_t steps) {
  const std::string what =
      sample.what() + " steps " + std::to_string(steps) + " iteration " + std::to_string(static_cast<int>(iteration));
  Context context(2);
  std::vector<T> u = unit_vector<T>(sample.rows(), 3), v = unit_vector<T>(sample.columns(), 4);
  const Vector80 w = sample.matrix();
  const Reference wanted = reference_steps(w, in_80(u), in_80(v), iteration, steps);
  const StepResult result = step<T>(sample.weight(), {.iteration = iteration, .steps = steps}, u, v, context);
  const double allowed =
      static_cast<double>(steps + 1) * vector_tolerance<T>(w, sample.rows(), sample.columns(), std::fabs(wanted.sigma));
  EXPECT_NEAR(result.sigma, static_cast<double>(std::fabs(wanted.sigma)), allowed * static_cast<double>(norm_80(w)))
      << what;
  EXPECT_EQ(result.steps, steps) << what;
  if (steps == 0) return;
  expect_close(u, wanted.u, allowed, what + " u");
  expect_close(v, wanted.v, allowed, what + " v");
  EXPECT_NEAR(result.sigma, static_cast<double>(dot_80(in_80(u), multiply_80(w, in_80(v)))), allowed * result.sigma)
      << what << ": sigma belongs to the state";
}

TEST(Normalize, TakesTheStepsOfTheDefinitionInEveryLayoutAndStorageType) {
  for (const Layout& layout : layouts()) {
    for (const DType dtype : gallery::kStorageTypes) {
      const Sample sample(dtype, layout.shape, layout.dimension);
      const bool large = sample.weight().size() > 100000;
      for (const Iteration iteration : {Iteration::u_first, Iteration::v_first}) {
        for (const std::int64_t steps : {0, 1, 2}) {
          if (large && steps != 1) continue;
          check_layout<double>(sample, iteration, steps);
          if (dtype != DType::f64) check_layout<float>(sample, iteration, steps);
        }
      }
    }
  }
}

template <class T>
void check_scaled(Sample sample, double factor) {
  Context context(2);
  const std::vector<double> before = sample.values();
  Sample out = sample;
  scale_weight(sample.weight(), factor, out.output(), context);
  const std::vector<double> after = out.values();
  // The factor and the product are rounded in T, the result to the storage type.
  const double relative =
      2 * static_cast<double>(tolerance::gamma_in<T>(1)) + unit_roundoff(sample.dtype()) * (1 + tolerance::kEpsilon);
  for (std::size_t i = 0; i < after.size(); ++i) {
    const double wanted = factor * before[i];
    const double least = sample.dtype() == DType::f16 ? 0x1p-24 : static_cast<double>(std::numeric_limits<T>::min());
    ASSERT_NEAR(after[i], wanted, relative * std::fabs(wanted) + least) << sample.what() << " entry " << i;
  }
  scale_weight(sample.weight(), factor, sample.output(), context);
  EXPECT_EQ(sample.values(), after) << sample.what() << " in place";
}

TEST(Normalize, ScalesEveryEntryOnceInEveryLayoutAndStorageType) {
  for (const Layout& layout : layouts()) {
    for (const DType dtype : gallery::kStorageTypes) {
      const Sample sample(dtype, layout.shape, layout.dimension);
      dtype == DType::f64 ? check_scaled<double>(sample, 1 / 3.7) : check_scaled<float>(sample, 1 / 3.7);
    }
  }
}

TEST(Normalize, ScalesByFactorsThatFloatDoesNotHold) {
  Context context(1);
  Sample tiny(DType::f32, {2, 2}, 0, std::vector<double>{0x1p-140, -0x1p-141, 0, 0x1p-139});
  scale_weight(tiny.weight(), 0x1p+140, tiny.output(), context);
  EXPECT_EQ(tiny.values(), (std::vector<double>{1, -0.5, 0, 2}));
}

// A matrix with known singular values: the leading ones are close together, so that power iteration is slow.
Sample slow_weight(DType dtype) {
  std::vector<double> values(60 * 40);
  for (std::size_t i = 0; i < 40; ++i) values[i * 40 + i] = 2 - 0.02 * static_cast<double>(i);
  return {dtype, {60, 40}, 0, values};
}

template <class T>
double lanczos_error(std::int64_t steps, Iteration iteration) {
  Context context(1);
  const Sample sample = slow_weight(DType::f32);
  std::vector<T> u = unit_vector<T>(60, 1), v = unit_vector<T>(40, 2);
  const StepResult result = step<T>(sample.weight(), {.iteration = iteration, .steps = steps}, u, v, context);
  EXPECT_EQ(result.reads, iteration == Iteration::v_first ? steps + 1 : steps);
  EXPECT_NEAR(result.sigma, static_cast<double>(dot_80(in_80(u), multiply_80(sample.matrix(), in_80(v)))),
              tolerance::of_matrix_in<T>(60, 40, 2));
  EXPECT_NEAR(static_cast<double>(norm_80(in_80(u))), 1, tolerance::relative_in<T>(60, 40));
  EXPECT_NEAR(static_cast<double>(norm_80(in_80(v))), 1, tolerance::relative_in<T>(60, 40));
  EXPECT_LE(result.sigma, 2 + tolerance::of_matrix_in<T>(60, 40, 2));
  return 2 - result.sigma;
}

TEST(Normalize, LanczosIsNeverWorseThanPowerIterationAndSoonMuchBetter) {
  for (std::int64_t steps = 1; steps <= 20; ++steps) {
    const double rounding = tolerance::of_matrix_in<float>(60, 40, 2);
    EXPECT_LE(lanczos_error<float>(steps, Iteration::lanczos),
              lanczos_error<float>(steps, Iteration::u_first) + rounding);
    EXPECT_LE(lanczos_error<double>(steps, Iteration::lanczos),
              lanczos_error<double>(steps, Iteration::u_first) + tolerance::of_matrix_in<double>(60, 40, 2));
  }
  EXPECT_LT(10 * lanczos_error<double>(15, Iteration::lanczos), lanczos_error<double>(15, Iteration::u_first));
}

TEST(Normalize, OneLanczosStepIsOnePowerStep) {
  Context context(1);
  const Sample sample(DType::f32, {33, 17}, 0);
  std::vector<float> u = unit_vector<float>(33, 1), v = unit_vector<float>(17, 2), u2 = u, v2 = v;
  const StepResult power = step<float>(sample.weight(), {}, u, v, context);
  const StepResult lanczos = step<float>(sample.weight(), {.iteration = Iteration::lanczos}, u2, v2, context);
  EXPECT_EQ(power.sigma, lanczos.sigma);
  EXPECT_EQ(u, u2);
  EXPECT_EQ(v, v2);
}

TEST(Normalize, LanczosExhaustsASpaceAndIsExactThen) {
  Context context(1);
  for (const Dimensions& shape : {Dimensions{3, 4}, Dimensions{1, 5}, Dimensions{5, 1}, Dimensions{2, 2}}) {
    const Sample sample(DType::f64, shape, 0);
    std::vector<double> u = unit_vector<double>(shape[0], 1), v = unit_vector<double>(shape[1], 2);
    const StepResult result =
        step<double>(sample.weight(), {.iteration = Iteration::lanczos, .steps = 50}, u, v, context);
    std::vector<double> u2 = u, v2 = v;
    const Reference wanted = reference_steps(sample.matrix(), in_80(u2), in_80(v2), Iteration::u_first, 500);
    EXPECT_NEAR(result.sigma, static_cast<double>(wanted.sigma),
                tolerance::of_matrix(shape[0], shape[1], static_cast<double>(wanted.sigma)));
    EXPECT_LE(result.steps, std::min(shape[0] + 1, shape[1]));
  }
}

TEST(Normalize, StopsAtTheToleranceAndSaysSo) {
  Context context(1);
  const Sample sample = slow_weight(DType::f64);
  for (const Iteration iteration : {Iteration::u_first, Iteration::v_first, Iteration::lanczos}) {
    std::vector<double> u = unit_vector<double>(60, 1), v = unit_vector<double>(40, 2);
    const StepOptions options{.iteration = iteration, .steps = 3000, .tolerance = 1e-6};
    const StepResult found = step<double>(sample.weight(), options, u, v, context);
    EXPECT_TRUE(found.tolerance_met);
    EXPECT_LT(found.steps, 3000);
    EXPECT_NEAR(found.sigma, 2, 2 * tolerance::of_estimate(options.tolerance));
    const StepResult again = step<double>(sample.weight(), options, u, v, context);
    EXPECT_TRUE(again.tolerance_met);
    EXPECT_LE(again.steps, 2) << "warm";
    std::vector<double> u2 = unit_vector<double>(60, 1), v2 = unit_vector<double>(40, 2);
    const StepResult few =
        step<double>(sample.weight(), {.iteration = iteration, .steps = 2, .tolerance = 1e-6}, u2, v2, context);
    EXPECT_FALSE(few.tolerance_met);
    EXPECT_EQ(few.steps, 2);
  }
}

template <class T>
void check_range(double scale) {
  Context context(1);
  std::vector<double> values = gallery::normal(33 * 17, 9);
  const Sample plain(std::same_as<T, float> ? DType::f32 : DType::f64, {33, 17}, 0, values);
  std::vector<double> scaled = plain.values();
  for (double& value : scaled) value *= scale;
  const Sample far(plain.dtype(), {33, 17}, 0, scaled);
  for (const Iteration iteration : {Iteration::u_first, Iteration::v_first, Iteration::lanczos}) {
    std::vector<T> u = unit_vector<T>(33, 1), v = unit_vector<T>(17, 2), u2 = u, v2 = v;
    const StepOptions options{.iteration = iteration, .steps = 3, .epsilon = std::numeric_limits<T>::min()};
    const double near = step<T>(plain.weight(), options, u, v, context).sigma;
    const double wide = step<T>(far.weight(), options, u2, v2, context).sigma;
    EXPECT_NEAR(wide / scale, near, tolerance::of_matrix_in<T>(33, 17, near)) << scale;
    expect_close(u2, in_80(u), tolerance::relative_in<T>(33, 17), "u");
    expect_close(v2, in_80(v), tolerance::relative_in<T>(33, 17), "v");
  }
}

TEST(Normalize, HoldsOverTheRangeOfTheType) {
  for (const double scale : {0x1p+100, 0x1p+60, 0x1p-60, 0x1p-90}) check_range<float>(scale);
  for (const double scale : {0x1p+900, 0x1p+500, 0x1p-500, 0x1p-900}) check_range<double>(scale);
}

TEST(Normalize, AnOperatorStepsLikeItsMatrix) {
  Context context(1);
  const std::vector<double> values = gallery::normal(33 * 17, 9);
  const Sample sample(DType::f64, {33, 17}, 0, values);
  const Operator<double> a = dense<double>(Tensor::copy_of(std::span<const double>(values), {33, 17}));
  for (const Iteration iteration : {Iteration::u_first, Iteration::v_first, Iteration::lanczos}) {
    for (const std::int64_t steps : {0, 1, 4}) {
      std::vector<double> u = unit_vector<double>(33, 1), v = unit_vector<double>(17, 2), u2 = u, v2 = v;
      const StepOptions options{.iteration = iteration, .steps = steps};
      EXPECT_EQ(step<double>(*a, options, u, v, context).sigma,
                step<double>(sample.weight(), options, u2, v2, context).sigma);
      EXPECT_EQ(u, u2);
      EXPECT_EQ(v, v2);
    }
  }
}

TEST(Normalize, AZeroWeightGivesZeroAndLeavesTheState) {
  Context context(1);
  for (const Iteration iteration : {Iteration::u_first, Iteration::v_first, Iteration::lanczos}) {
    for (const std::int64_t steps : {0, 1, 3}) {
      for (const bool repair : {true, false}) {
        Sample sample(DType::f32, {5, 3}, 0, std::vector<double>(15, 0.0));
        std::vector<float> u = unit_vector<float>(5, 1), v = unit_vector<float>(3, 2), u2 = u, v2 = v;
        const StepResult result =
            step<float>(sample.weight(), {.iteration = iteration, .steps = steps, .repair = repair}, u, v, context);
        EXPECT_EQ(result.sigma, 0);
        EXPECT_EQ(result.outcome, StepOutcome::zero_weight);
        EXPECT_EQ(u, u2);
        EXPECT_EQ(v, v2);
        scale_weight(sample.weight(), factor({}, result.sigma).value, sample.output(), context);
        EXPECT_EQ(sample.values(), std::vector<double>(15, 0.0));
      }
    }
  }
}

TEST(Normalize, AWeightThatIsNotFiniteGivesNaNAndLeavesTheState) {
  Context context(1);
  for (const double bad : {kNaN, std::numeric_limits<double>::infinity()}) {
    std::vector<double> values = gallery::normal(33 * 17, 9);
    values[40] = bad;
    const Sample sample(DType::f32, {33, 17}, 0, values);
    for (const Iteration iteration : {Iteration::u_first, Iteration::v_first, Iteration::lanczos}) {
      std::vector<float> u = unit_vector<float>(33, 1), v = unit_vector<float>(17, 2), u2 = u, v2 = v;
      const StepResult result = step<float>(sample.weight(), {.iteration = iteration, .steps = 2}, u, v, context);
      EXPECT_EQ(result.outcome, StepOutcome::not_finite);
      EXPECT_FALSE(std::isfinite(result.sigma));
      EXPECT_EQ(u, u2);
      EXPECT_EQ(v, v2);
      Sample out = sample;
      scale_weight(sample.weight(), factor({}, result.sigma).value, out.output(), context);
      EXPECT_TRUE(std::isnan(out.values()[40])) << "what training must notice";
    }
  }
}

TEST(Normalize, TheFactorAndItsDerivativeAreThoseOfTheRules) {
  const double sigma = 2.5, h = 0x1p-12;
  for (const Rule& rule : {Rule{}, Rule{Rule::Kind::divide, 3, 0.5}, Rule{Rule::Kind::at_most, 2, -1.5},
                           Rule{Rule::Kind::at_most, 4, 0.5}}) {
    const Factor f = factor(rule, sigma);
    const bool bent = rule.kind == Rule::Kind::divide || sigma > rule.target;
    EXPECT_EQ(f.value, bent ? rule.scale * rule.target / sigma : rule.scale);
    // Central differences: the error is h^2 / 6 times the third derivative, 6 f / sigma^3.
    const double after = factor(rule, sigma + h).value, before = factor(rule, sigma - h).value;
    const double slack = h * h * std::fabs(f.value) + 8 * tolerance::kEpsilon * std::fabs(f.value) / h;
    EXPECT_NEAR((after - before) / (2 * h), f.first, slack);
  }
  EXPECT_EQ(factor({Rule::Kind::at_most, 2.5, 1}, sigma).first, 0) << "the kink has the flat side's derivative";
  EXPECT_EQ(factor({}, 0).value, 1);
  EXPECT_EQ(factor({}, 0).first, 0);
  EXPECT_TRUE(std::isnan(factor({}, kNaN).value));
  EXPECT_TRUE(std::isnan(factor({Rule::Kind::at_most, 1, 1}, kNaN).value));
}

TEST(Normalize, RefusesWhatDoesNotFit) {
  Context context(1);
  const Sample sample(DType::f64, {4, 3}, 0);
  std::vector<double> u(4, 0.5), v(3, 0.5), wrong(5);
  std::vector<float> u_float(4), v_float(3);
  EXPECT_THROW(step<double>(sample.weight(), {}, wrong, v, context), Error);
  EXPECT_THROW(step<double>(sample.weight(), {}, u, wrong, context), Error);
  EXPECT_THROW(step<double>(sample.weight(), {.steps = -1}, u, v, context), Error);
  EXPECT_THROW(step<double>(sample.weight(), {.epsilon = 0}, u, v, context), Error);
  EXPECT_THROW(step<double>(sample.weight(), {.tolerance = kNaN}, u, v, context), Error);
  EXPECT_THROW(step<float>(sample.weight(), {}, u_float, v_float, context), Error);
  EXPECT_THROW(factor({Rule::Kind::divide, 0, 1}, 1), Error);
  Sample other(DType::f32, {4, 3}, 0);
  EXPECT_THROW(scale_weight(sample.weight(), 1, other.output(), context), Error);
}

}  // namespace
}  // namespace sigmax::nn
