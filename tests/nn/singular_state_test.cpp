// The repair of states: which faults are found, how they are repaired, and that a sound state stays unchanged.
#include "sigmax/nn/singular_state.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "nn/samples.hpp"
#include "tolerance.hpp"

namespace sigmax::nn {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A weight with a state that has converged.
struct Converged {
  explicit Converged(Iteration order) {
    Context context(1);
    options = {.iteration = order};
    step<double>(sample.weight(), {.iteration = Iteration::lanczos, .steps = 9}, u, v, context);
    sigma = static_cast<double>(gallery::reference_singular_values(sample.matrix(), 12, 9).front());
  }
  Sample sample{DType::f64, {12, 9}, 0};
  std::vector<double> u = unit_vector<double>(12, 1), v = unit_vector<double>(9, 2);
  StepOptions options;
  double sigma = 0;
};

double rounding(double sigma) { return tolerance::of_matrix(12, 9, sigma); }

TEST(SingularState, ExaminesAVector) {
  std::vector<double> x = unit_vector<double>(9, 2);
  EXPECT_EQ(examine<double>(x), StateFault::none);
  for (double& value : x) value *= 1 + kUnitTolerance / 2;
  EXPECT_EQ(examine<double>(x), StateFault::none) << "as far off as states stored in bf16 are";
  for (double& value : x) value *= 1.01;
  EXPECT_EQ(examine<double>(x), StateFault::not_unit);
  x[3] = kNaN;
  EXPECT_EQ(examine<double>(x), StateFault::not_finite);
  x[3] = std::numeric_limits<double>::infinity();
  EXPECT_EQ(examine<double>(x), StateFault::not_finite);
  EXPECT_EQ(examine<double>(std::vector<double>(4, 0.0)), StateFault::zero);
  for (const StateFault fault : {StateFault::none, StateFault::not_unit, StateFault::flipped, StateFault::zero,
                                 StateFault::not_finite, StateFault::wrong_size}) {
    EXPECT_FALSE(message(fault).empty());
  }
}

TEST(SingularState, DrawsTheSameUnitVectorFromTheSameSeed) {
  std::vector<float> x(33), y(33), z(33);
  draw_unit<float>(4, 0, x);
  draw_unit<float>(4, 0, y);
  draw_unit<float>(5, 0, z);
  EXPECT_EQ(x, y);
  EXPECT_NE(x, z);
  EXPECT_NEAR(static_cast<double>(norm_80(in_80(x))), 1, tolerance::relative_in<float>(33, 1));
}

TEST(SingularState, AMovingAverageOfStatesDoesNotDoubleTheNorm) {
  Context context(1);
  for (const Iteration order : {Iteration::u_first, Iteration::v_first, Iteration::lanczos}) {
    for (const std::int64_t steps : {0, 1}) {
      Converged c(order);
      c.options.steps = steps;
      for (double& value : c.u) value *= 0.7;
      for (double& value : c.v) value *= 0.7;
      const StepResult result = step<double>(c.sample.weight(), c.options, c.u, c.v, context);
      EXPECT_NEAR(result.sigma, c.sigma, rounding(c.sigma)) << "not 0.49 of it";
      EXPECT_TRUE(result.repair.any());
      EXPECT_FALSE(result.repair.drawn);
      EXPECT_NEAR(static_cast<double>(norm_80(in_80(c.u))), 1, tolerance::relative(12, 9));
      EXPECT_NEAR(static_cast<double>(norm_80(in_80(c.v))), 1, tolerance::relative(12, 9));
    }
  }
}

TEST(SingularState, WithoutRepairItIsUsedAsItIs) {
  Context context(1);
  Converged c(Iteration::u_first);
  for (double& value : c.u) value *= 0.5;
  const StepResult result = step<double>(c.sample.weight(), {.steps = 0, .repair = false}, c.u, c.v, context);
  EXPECT_NEAR(result.sigma, c.sigma / 2, rounding(c.sigma));
  EXPECT_FALSE(result.repair.any());
}

TEST(SingularState, AFlippedVectorDoesNotFlipTheWeight) {
  Context context(1);
  Converged c(Iteration::u_first);
  for (double& value : c.u) value = -value;
  const StepResult result = step<double>(c.sample.weight(), {.steps = 0}, c.u, c.v, context);
  EXPECT_NEAR(result.sigma, c.sigma, rounding(c.sigma));
  EXPECT_EQ(result.repair.u, StateFault::flipped);
  EXPECT_EQ(result.repair.v, StateFault::none);
}

TEST(SingularState, OneBadVectorIsHadFromTheOther) {
  Context context(1);
  for (const double bad : {0.0, kNaN}) {
    for (const Iteration order : {Iteration::u_first, Iteration::v_first, Iteration::lanczos}) {
      for (const std::int64_t steps : {0, 1}) {
        for (const bool left : {true, false}) {
          Converged c(order);
          c.options.steps = steps;
          (left ? c.u : c.v).assign(left ? 12 : 9, bad);
          const StepResult result = step<double>(c.sample.weight(), c.options, c.u, c.v, context);
          EXPECT_NEAR(result.sigma, c.sigma, rounding(c.sigma));
          EXPECT_FALSE(result.repair.drawn);
          const bool used = steps == 0 || left == (order == Iteration::v_first);
          const StateFault wanted = !used ? StateFault::none : bad == 0 ? StateFault::zero : StateFault::not_finite;
          EXPECT_EQ(left ? result.repair.u : result.repair.v, wanted);
          EXPECT_EQ(left ? result.repair.v : result.repair.u, StateFault::none);
        }
      }
    }
  }
}

TEST(SingularState, TwoBadVectorsAreDrawnFromTheSeedAndIteratedOn) {
  Context context(1);
  for (const Iteration order : {Iteration::u_first, Iteration::v_first, Iteration::lanczos}) {
    for (const std::int64_t steps : {0, 1}) {
      Converged c(order);
      c.options.steps = steps;
      c.options.seed = 11;
      c.u.assign(12, kNaN);
      c.v.assign(9, 0.0);
      std::vector<double> u2 = c.u, v2 = c.v;
      const StepResult result = step<double>(c.sample.weight(), c.options, c.u, c.v, context);
      EXPECT_TRUE(result.repair.drawn);
      EXPECT_EQ(result.outcome, StepOutcome::done);
      EXPECT_GE(result.steps, order == Iteration::lanczos ? 9 : 15);
      EXPECT_LE(result.sigma, c.sigma + rounding(c.sigma));
      // 15 steps of power iteration from any start: sigma is off by half of (sigma_2 / sigma_1)^60 / |v . v_1|^2.
      EXPECT_GT(result.sigma, c.sigma / 1.5);
      step<double>(c.sample.weight(), c.options, u2, v2, context);
      EXPECT_EQ(c.u, u2) << "the same from the same seed";
      EXPECT_EQ(c.v, v2);
    }
  }
}

TEST(SingularState, AVectorThatTheWeightMapsToZeroIsDrawnAgain) {
  Context context(1);
  std::vector<double> values(12 * 9, 0.0);
  values[0] = 3;
  const Sample sample(DType::f64, {12, 9}, 0, values);
  std::vector<double> u(12), v(9);
  u[5] = v[5] = 1;
  const StepResult result = step<double>(sample.weight(), {}, u, v, context);
  EXPECT_TRUE(result.repair.drawn);
  EXPECT_NEAR(result.sigma, 3, rounding(3));
}

TEST(SingularState, ASoundStateIsNotTouchedBeforeTheStep) {
  Context context(1);
  const Sample sample(DType::f32, {33, 17}, 0);
  for (const Iteration order : {Iteration::u_first, Iteration::v_first, Iteration::lanczos}) {
    std::vector<float> u = unit_vector<float>(33, 1), v = unit_vector<float>(17, 2), u2 = u, v2 = v;
    const StepResult with = step<float>(sample.weight(), {.iteration = order, .steps = 2}, u, v, context);
    const StepResult without =
        step<float>(sample.weight(), {.iteration = order, .steps = 2, .repair = false}, u2, v2, context);
    EXPECT_FALSE(with.repair.any());
    EXPECT_EQ(with.sigma, without.sigma);
    EXPECT_EQ(u, u2);
    EXPECT_EQ(v, v2);
  }
}

}  // namespace
}  // namespace sigmax::nn
