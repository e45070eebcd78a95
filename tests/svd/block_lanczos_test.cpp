// The block Lanczos process on diagonal matrices, and the solver on top of it.
#include "sigmax/svd/krylov/block_lanczos.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "svd/solver_suite.hpp"

namespace sigmax {
namespace {

template <class T>
class BlockLanczosOf : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(BlockLanczosOf, Reals);

template <Real T>
typename BlockLanczos<T>::Product diagonal(std::vector<double> lambda) {
  return [lambda = std::move(lambda)](MatrixView<const T> x, MatrixView<T> z) {
    for (std::int64_t j = 0; j < x.columns; ++j) {
      for (std::size_t i = 0; i < lambda.size(); ++i) z.column(j)[i] = static_cast<T>(lambda[i] * x.column(j)[i]);
    }
  };
}

// |C x - theta x|
template <Real T>
double residual_of(const std::vector<double>& lambda, const Matrix<T>& x, std::int64_t column, double theta) {
  double sum = 0;
  for (std::size_t i = 0; i < lambda.size(); ++i) {
    const double r = (lambda[i] - theta) * static_cast<double>(x(static_cast<std::int64_t>(i), column));
    sum += r * r;
  }
  return std::sqrt(sum);
}

template <Real T>
void expect_honest(const BlockLanczos<T>& process, const std::vector<double>& lambda, const std::string& what) {
  const auto n = static_cast<std::int64_t>(lambda.size());
  const double rounding = tolerance::of_matrix_in<T>(n, n, lambda.front());
  const RitzPairs pairs = process.ritz(6);
  const auto count = static_cast<std::int64_t>(pairs.theta.size());
  const Matrix<T> x = process.vectors(pairs, count);
  EXPECT_LE(checks::orthonormality_error(x), tolerance::relative_in<T>(n, n)) << what;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_LE(pairs.theta[at], lambda[at] + rounding) << what << ", pair " << i;
    EXPECT_NEAR(residual_of(lambda, x, i, pairs.theta[at]), pairs.residual[at], rounding) << what << ", pair " << i;
  }
}

TYPED_TEST(BlockLanczosOf, KnowsItsResidualsAfterEachStepAndRestart) {
  using T = TypeParam;
  Context context(1);
  const std::vector<double> lambda = gallery::geometric(200, 30);
  for (const std::int64_t block : {1, 2, 5}) {
    BlockLanczos<T> process(200, block, 8 * block, {}, random_state(1), context);
    int restarts = 0;
    for (int step = 0; step < 30; ++step) {
      process.step(diagonal<T>(lambda));
      EXPECT_EQ(process.width(), block);
      expect_honest(process, lambda, "block " + std::to_string(block) + ", step " + std::to_string(step));
      if (!process.full()) continue;
      process.restart(process.ritz(4 * block));
      ++restarts;
    }
    EXPECT_GT(restarts, 2);
  }
}

TYPED_TEST(BlockLanczosOf, PutsRandomColumnsWhereABlockLosesRank) {
  using T = TypeParam;
  Context context(1);
  std::vector<double> lambda(60, 0.0);
  std::fill_n(lambda.begin(), 6, 1.0);  // a random block of 4 holds 4 copies, the next one 2
  BlockLanczos<T> process(60, 4, 60, {}, random_state(2), context);
  for (int step = 0; step < 5; ++step) {
    process.step(diagonal<T>(lambda));
    expect_honest(process, lambda, "step " + std::to_string(step));
  }
  const RitzPairs pairs = process.ritz(8);
  const double rounding = tolerance::of_matrix_in<T>(60, 60, 1);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(pairs.theta[i], i < 6 ? 1 : 0, rounding) << i;
  EXPECT_GT(process.random_columns(), 4);
}

TYPED_TEST(BlockLanczosOf, SpansTheWholeSpaceInTheEnd) {
  using T = TypeParam;
  Context context(1);
  for (const std::int64_t n : {1, 2, 5, 7, 12, 23}) {
    const std::vector<double> lambda = gallery::geometric(n, 9);
    for (const std::int64_t block : {1, 2, 5}) {
      if (block > n) continue;
      BlockLanczos<T> process(n, block, n, {}, random_state(3), context);
      while (process.size() < n) {
        process.step(diagonal<T>(lambda));
        if (!process.filling()) expect_honest(process, lambda, std::to_string(n) + " by " + std::to_string(block));
      }
      EXPECT_TRUE(process.invariant());
      const RitzPairs pairs = process.ritz(n);
      for (std::int64_t i = 0; i < n; ++i) {
        EXPECT_NEAR(pairs.theta[static_cast<std::size_t>(i)], lambda[static_cast<std::size_t>(i)],
                    tolerance::of_matrix_in<T>(n, n, 1));
      }
    }
  }
}

Operator<double> gaussian(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  return dense<double>(Tensor::rounded(gallery::normal(rows * columns, seed), {rows, columns}, DType::f64));
}

TEST(BlockKrylov, MeetsTheToleranceOfVectors) {
  Context context(1);
  const Operator<double> a = gaussian(300, 200, 1);
  for (const std::int64_t block : {1, 4, 8}) {
    for (const double tolerance : {1e-2, 1e-5, 1e-9}) {
      auto options = repeatable<SvdOptions<double>>();
      options.k = 4;
      options.accuracy = Accuracy::vectors;
      options.tolerance = tolerance;
      options.method = BlockKrylov{.block = block};
      const SvdResult<double> result = svd(*a, options, context);
      EXPECT_EQ(result.outcome, SvdOutcome::converged);
      for (const double residual : result.residual) EXPECT_LE(residual, tolerance::of_stop(tolerance));
    }
  }
}

TEST(BlockKrylov, TakesFewerReadsThanOneVector) {
  Context context(1);
  const Operator<double> a = gaussian(600, 400, 2);
  auto options = repeatable<SvdOptions<double>>();
  options.k = 8;
  options.tolerance = 1e-9;
  options.check = Check::none;
  options.method = BlockKrylov{.block = 1};
  const SvdResult<double> one = svd(*a, options, context);
  options.method = BlockKrylov{.block = 8};
  const SvdResult<double> eight = svd(*a, options, context);
  EXPECT_LT(5 * eight.statistics.reads, 2 * one.statistics.reads);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_NEAR(one.sigma[i], eight.sigma[i], tolerance::of_estimate(options.tolerance) * one.sigma[i]);
  }
}

TEST(BlockKrylov, RestartsWhenTheBasisIsFull) {
  Context context(1);
  const std::vector<double> sigma = gallery::geometric(150, 3);
  const auto c = suite::make_case<double>("", 200, 150, gallery::with_singular_values(200, 150, sigma), sigma);
  auto options = repeatable<SvdOptions<double>>();
  options.k = 3;
  options.method = BlockKrylov{.block = 3, .basis = 15};
  const SvdResult<double> result = svd(*c.a, options, context);
  EXPECT_EQ(result.outcome, SvdOutcome::converged);
  EXPECT_GT(result.statistics.products, 4 * std::get<BlockKrylov>(result.statistics.method).basis.value());
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(result.sigma[i], sigma[i], tolerance::of_estimate(options.tolerance) * sigma[i]);
  }
  ASSERT_TRUE(result.next.has_value());
  EXPECT_NEAR(*result.next, sigma[3], sigma[3] - sigma[4]);
}

TEST(BlockKrylov, SaysWhenItRanOutOfProducts) {
  Context context(1);
  const std::vector<double> sigma = gallery::geometric(200, 1.01);
  const auto c = suite::make_case<double>("", 200, 200, gallery::with_singular_values(200, 200, sigma), sigma);
  for (const std::int64_t most : {1, 3, 20}) {
    auto options = repeatable<SvdOptions<double>>();
    options.k = 3;
    options.tolerance = 1e-13;
    options.max_products = most;
    options.method = BlockKrylov{.block = 4};
    const SvdResult<double> result = svd(*c.a, options, context);
    EXPECT_EQ(result.outcome, SvdOutcome::out_of_products) << most;
    EXPECT_LE(result.statistics.products, std::max<std::int64_t>(most, 3) + 3)
        << "three to begin with, three to end with";
    EXPECT_EQ(result.sigma.size(), 3U);
    EXPECT_LE(result.sigma[0], sigma[0] * (1 + tolerance::relative(200, 200)));
  }
}

TEST(BlockKrylov, EndsInAnInvariantSpace) {
  Context context(1);
  std::vector<double> sigma(120, 0.0);
  for (std::size_t i = 0; i < 6; ++i) sigma[i] = 1 / static_cast<double>(1 + i);
  const auto c = suite::make_case<double>("", 150, 120, gallery::with_singular_values(150, 120, sigma), sigma);
  auto options = repeatable<SvdOptions<double>>();
  options.k = 8;
  options.tolerance = 1e-15;
  options.check = Check::none;
  options.method = BlockKrylov{.block = 8};
  const SvdResult<double> result = svd(*c.a, options, context);
  EXPECT_EQ(result.outcome, SvdOutcome::converged);
  EXPECT_LE(result.statistics.products, 5 * 8);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(result.sigma[i], sigma[i], tolerance::relative(150, 120));
  EXPECT_LE(checks::orthonormality_error(result.u), tolerance::relative(150, 120));
}

TEST(BlockKrylov, FindsEveryCopyOfAMultipleValue) {
  Context context(1);
  for (const std::int64_t block : {1, 2, 3, 7}) {
    // All equal: the space is invariant after each block, and has to be restarted.
    const std::vector<double> flat(50, 2.0);
    const auto c = suite::make_case<double>("", 50, 60, gallery::with_singular_values(50, 60, flat), flat);
    auto options = repeatable<SvdOptions<double>>();
    options.k = 7;
    options.method = BlockKrylov{.block = block};
    const SvdResult<double> result = svd(*c.a, options, context);
    EXPECT_EQ(result.outcome, SvdOutcome::converged);
    for (const double sigma : result.sigma) EXPECT_NEAR(sigma, 2, tolerance::of_matrix(50, 60, 2)) << block;
  }
  // Among other values: as many copies as the block has columns.
  std::vector<double> sigma = gallery::geometric(80, 50);
  std::fill_n(sigma.begin(), 6, 1.5);
  const auto c = suite::make_case<double>("", 100, 80, gallery::with_singular_values(100, 80, sigma), sigma);
  auto options = repeatable<SvdOptions<double>>();
  options.k = 6;
  options.method = BlockKrylov{.block = 6};
  for (const double value : svd(*c.a, options, context).sigma) {
    EXPECT_NEAR(value, 1.5, 1.5 * tolerance::of_estimate(options.tolerance));
  }
}

TEST(BlockKrylov, GainsFromAStart) {
  Context context(1);
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{500, 300}, {300, 500}}) {
    const Operator<double> a = gaussian(rows, columns, 3);
    for (const std::int64_t k : {1, 6}) {
      auto options = repeatable<SvdOptions<double>>();
      options.k = k;
      options.tolerance = 1e-4;
      options.method = BlockKrylov{};
      const SvdResult<double> cold = svd(*a, options, context);
      // The same weights after a step of training.
      std::vector<double> entries = gallery::normal(rows * columns, 3);
      const std::vector<double> drift = gallery::normal(rows * columns, 4);
      for (std::size_t i = 0; i < entries.size(); ++i) entries[i] += 1e-3 * drift[i];
      const Operator<double> moved = dense<double>(Tensor::rounded(entries, {rows, columns}, DType::f64));
      options.start = cold.state.subspace;
      const SvdResult<double> warm = svd(*moved, options, context);
      EXPECT_LT(warm.statistics.products, cold.statistics.products) << k;
    }
  }
}

// The start spans vectors orthogonal to the answer.
TEST(BlockKrylov, FindsWhatTheStartHoldsNothingOf) {
  Context context(1);
  const std::int64_t n = 40;
  std::vector<double> entries(static_cast<std::size_t>(n * n), 0.0);
  for (std::int64_t i = 0; i < n; ++i) {
    entries[static_cast<std::size_t>(i * n + i)] = static_cast<double>(i == 0 ? 2 * n : n - i);
  }
  const Operator<double> a = dense<double>(Tensor::rounded(entries, {n, n}, DType::f64));
  for (const std::int64_t block : {1, 2, 4}) {
    for (const std::int64_t columns : {1, 4, 9}) {
      auto options = repeatable<SvdOptions<double>>();
      options.method = BlockKrylov{.block = block};
      options.start = Matrix<double>(n, columns);
      for (std::int64_t j = 0; j < columns; ++j) options.start(j + 1, j) = 1;
      const SvdResult<double> result = svd(*a, options, context);
      // A single column without an accompanying random one finds the rest of the space when its own is exhausted.
      const auto truth = static_cast<double>(2 * n);
      EXPECT_NEAR(result.sigma[0], truth, truth * tolerance::of_estimate(options.tolerance))
          << "a block of " << block << ", a start of " << columns;
    }
  }
}

TEST(BlockKrylov, LeavesNothingForACertificate) {
  Context context(1);
  auto options = repeatable<SvdOptions<double>>();
  options.method = BlockKrylov{.block = 1};
  EXPECT_TRUE(svd(*gaussian(30, 20, 5), options, context).certificate.empty());
}

TEST(BlockKrylov, RefusesSizesBelowOne) {
  Context context(1);
  auto options = repeatable<SvdOptions<double>>();
  const Operator<double> a = gaussian(30, 20, 5);
  for (const std::int64_t size : {-1, 0}) {
    options.method = BlockKrylov{.block = size};
    EXPECT_THROW(static_cast<void>(svd(*a, options, context)), Error);
    options.method = BlockKrylov{.basis = size};
    EXPECT_THROW(static_cast<void>(svd(*a, options, context)), Error);
    options.method = Lanczos{.basis = size};
    EXPECT_THROW(static_cast<void>(svd(*a, options, context)), Error);
  }
}

TEST(BlockKrylov, TakesSizesBeyondAll) {
  Context context(1);
  const Operator<double> a = gaussian(30, 20, 5);
  auto options = repeatable<SvdOptions<double>>();
  options.k = 20;
  const SvdResult<double> plain = svd(*a, options, context);
  options.method = BlockKrylov{.block = std::int64_t{1} << 40, .basis = std::int64_t{1} << 40};
  const SvdResult<double> result = svd(*a, options, context);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_NEAR(result.sigma[i], plain.sigma[i], tolerance::of_triplets(30, 20) * plain.sigma[0]);
  }
}

}  // namespace
}  // namespace sigmax
