// The randomized range finder: the benefit of its steps, and the arguments that it refuses.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "svd/solver_suite.hpp"

namespace sigmax {
namespace {

suite::Case<double> power_law(std::int64_t rows, std::int64_t columns) {
  return suite::make_case<double>(gallery::spectrum("power_law"), rows, columns);
}

TEST(Randomized, IsExactWhereTheSketchHoldsTheRange) {
  Context context(1);
  std::vector<double> sigma(50, 0.0);
  for (std::size_t i = 0; i < 12; ++i) sigma[i] = 1 / static_cast<double>(1 + i);
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{90, 50}, {50, 90}}) {
    const auto c =
        suite::make_case<double>("rank 12", rows, columns, gallery::with_singular_values(rows, columns, sigma), sigma);
    auto options = repeatable<SvdOptions<double>>();
    options.k = 12;
    options.method = Randomized{.oversampling = 0, .power_steps = 0};
    const SvdResult<double> result = svd(*c.a, options, context);
    EXPECT_EQ(result.outcome, SvdOutcome::completed);
    for (std::size_t i = 0; i < 12; ++i) {
      EXPECT_NEAR(result.sigma[i], sigma[i], tolerance::of_gram_root(rows, columns, sigma[0], sigma[i]));
      EXPECT_LE(result.residual[i], tolerance::of_residual_in<double>(rows, columns));
    }
  }
}

TEST(Randomized, EachPowerStepCutsTheResidual) {
  Context context(1);
  const auto c = power_law(150, 120);
  double before = 1;
  for (const std::int64_t steps : {0, 2, 4, 8}) {
    auto options = repeatable<SvdOptions<double>>();
    options.k = 5;
    options.method = Randomized{.oversampling = 5, .power_steps = steps};
    const SvdResult<double> result = svd(*c.a, options, context);
    EXPECT_LT(2 * result.residual[4], before) << steps;
    before = result.residual[4];
    // One read per 8 columns for each step and for the first; the read for the triplets is not a product of the
    // iteration.
    EXPECT_EQ(result.statistics.reads, 2 * (steps + 2));
    EXPECT_EQ(result.statistics.products, 10 * (steps + 1));
  }
}

TEST(Randomized, ExtraColumnsHelp) {
  Context context(1);
  const auto c = power_law(150, 120);
  double before = 0;
  for (const std::int64_t extra : {0, 5, 20, 200}) {
    auto options = repeatable<SvdOptions<double>>();
    options.k = 5;
    options.method = Randomized{.oversampling = extra, .power_steps = 1};
    const SvdResult<double> result = svd(*c.a, options, context);
    EXPECT_GT(result.sigma[4], before - tolerance::relative(150, 120)) << extra;
    before = result.sigma[4];
  }
  EXPECT_NEAR(before, c.sigma[4], tolerance::of_gram_root(150, 120, 1, c.sigma[4])) << "all columns: the whole space";
}

TEST(Randomized, GainsFromAStart) {
  Context context(1);
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{120, 90}, {90, 120}}) {
    const auto c = power_law(rows, columns);
    auto options = repeatable<SvdOptions<double>>();
    options.k = 3;
    options.method = Randomized{.oversampling = 3, .power_steps = 1};
    const SvdResult<double> cold = svd(*c.a, options, context);
    options.start = cold.state.subspace;
    options.random = cold.state.random;
    const SvdResult<double> warm = svd(*c.a, options, context);
    EXPECT_EQ(cold.state.subspace.columns(), 6);
    EXPECT_EQ(warm.state.subspace.columns(), 12) << "the start's columns come on top";
    for (std::size_t i = 0; i < 3; ++i) EXPECT_LT(2 * warm.residual[i], cold.residual[i]);
  }
}

TEST(Randomized, RefusesSizesBelowZero) {
  Context context(1);
  const auto c = power_law(20, 10);
  auto options = repeatable<SvdOptions<double>>();
  options.method = Randomized{.oversampling = -1};
  EXPECT_THROW(static_cast<void>(svd(*c.a, options, context)), Error);
  options.method = Randomized{.power_steps = -1};
  EXPECT_THROW(static_cast<void>(svd(*c.a, options, context)), Error);
}

}  // namespace
}  // namespace sigmax
