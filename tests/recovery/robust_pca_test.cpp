#include "sigmax/recovery/robust_pca.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "recovery/independent.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax::recovery {
namespace {

using independent::Dense;
using independent::Ends;

RecoveryOptions to(double tolerance) {
  auto options = repeatable<RecoveryOptions>();
  options.tolerance = tolerance;
  return options;
}

Tensor tensor(const Dense& m) { return Tensor::view_of(m.values(), {m.rows(), m.columns()}, {1, m.rows()}); }

// A low-rank matrix and large errors in a share of its entries.
struct Mixed {
  Dense low_rank;
  Dense sum;
};

Mixed mixed(std::int64_t rows, std::int64_t columns, std::int64_t rank, double share, std::uint64_t seed) {
  Mixed result{independent::low_rank_problem(rows, columns, rank, 1, seed).m, Dense(rows, columns)};
  std::vector<double> coin(static_cast<std::size_t>(rows * columns));
  static_cast<void>(fill_uniform(random_state(seed, 77), coin));
  for (std::size_t e = 0; e < coin.size(); ++e) {
    // The sign and size of an error come from the same draw: between -10 and 10.
    const double error = coin[e] < share ? 20 * (coin[e] / share) - 10 : 0;
    result.sum.values()[e] = result.low_rank.values()[e] + error;
  }
  return result;
}

// 11^T + c e_1 e_1^T with lambda = n^{-1/2}: L = 11^T, and the optimum is n + c lambda.
TEST(RobustPca, SeparatesASpikeFromOnes) {
  for (const std::int64_t n : {2, 5, 12, 40, 100}) {
    for (const double c : {0.5, 3.0, 100.0}) {
      Dense m(n, n);
      std::fill(m.values().begin(), m.values().end(), 1.0);
      m(0, 0) += c;
      const double lambda = 1 / std::sqrt(static_cast<double>(n));
      const RecoveryOptions options = to(1e-8);
      const RobustPca found = robust_pca(tensor(m), lambda, options);
      EXPECT_EQ(found.outcome, RecoveryOutcome::converged) << n << ' ' << c << ' ' << found.relative_gap;
      EXPECT_TRUE(found.optimum.is_proven());
      const double optimum = static_cast<double>(n) + c * lambda;
      EXPECT_LE(found.optimum.lower.value(), optimum * (1 + tolerance::kEpsilon));
      EXPECT_GE(found.optimum.upper->value(), optimum * (1 - tolerance::kEpsilon));
      EXPECT_LE(found.relative_gap, options.tolerance);
    }
  }
}

void expect_agreement(const RobustPca& found, const Ends& known) {
  ASSERT_TRUE(found.optimum.upper.has_value());
  const double rounding = tolerance::relative(60, 60);
  EXPECT_LE(found.optimum.lower.value(), known.upper * (1 + rounding));
  EXPECT_GE(found.optimum.upper->value(), known.lower * (1 - rounding));
  EXPECT_TRUE(found.optimum.is_proven());
}

TEST(RobustPca, AgreesWithADenseSolver) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto n = static_cast<std::int64_t>(seed);
    const Mixed p = mixed(12 + 9 * n, 18 + 5 * n, 1 + n % 3, 0.1, seed);
    const double lambda = 1 / std::sqrt(static_cast<double>(std::max(p.sum.rows(), p.sum.columns())));
    const Ends known = independent::robust_pca(p.sum, lambda, 4, 1e-7);
    ASSERT_LE(known.gap(), 1e-6) << seed;
    const RobustPca found = robust_pca(tensor(p.sum), lambda, to(1e-6));
    EXPECT_EQ(found.outcome, RecoveryOutcome::converged) << seed << ' ' << found.relative_gap;
    expect_agreement(found, known);
    // L + S is M, except for what the tolerance allows.
    const Dense l = found.low_rank.dense();
    double worst = 0;
    for (std::size_t e = 0; e < l.values().size(); ++e) {
      worst = std::max(worst, std::fabs(l.values()[e] + found.sparse.values()[e] - p.sum.values()[e]));
    }
    EXPECT_LT(worst, 0.01) << seed;
  }
}

TEST(RobustPca, RecoversTheLowRankMatrixUnderErrors) {
  const Mixed p = mixed(90, 75, 2, 0.08, 4);
  const RobustPca found = robust_pca(tensor(p.sum), 1 / std::sqrt(90.0), to(1e-6));
  EXPECT_EQ(found.outcome, RecoveryOutcome::converged) << found.relative_gap;
  EXPECT_EQ(found.low_rank.rank(), 2);
  const Dense l = found.low_rank.dense();
  double worst = 0;
  for (std::size_t e = 0; e < l.values().size(); ++e) {
    worst = std::max(worst, std::fabs(l.values()[e] - p.low_rank.values()[e]));
  }
  EXPECT_LT(worst, 0.01);
  EXPECT_LT(found.nonzero, 90 * 75 / 8);
}

// No structure to find: the common iteration stops percent above the optimum here.
TEST(RobustPca, ClosesTheGapOnNoise) {
  Dense m(50, 40);
  std::ranges::copy(gallery::normal(50 * 40, 3), m.values().begin());
  const double lambda = 1 / std::sqrt(50.0);
  const RobustPca found = robust_pca(tensor(m), lambda, to(1e-6));
  EXPECT_EQ(found.outcome, RecoveryOutcome::converged) << found.relative_gap;
  expect_agreement(found, independent::robust_pca(m, lambda, 1, 1e-7));
}

// lambda >= 1: S = 0, the nuclear norm. lambda <= 1 / sqrt(m n): L = 0, lambda times the sum.
TEST(RobustPca, KnowsBothEndsOfLambda) {
  Dense m(14, 9);
  std::ranges::copy(gallery::normal(14 * 9, 3), m.values().begin());
  const double nuclear = independent::nuclear(m);
  double sum = 0;
  for (const double value : m.values()) sum += std::fabs(value);
  for (const double lambda : {1.0, 1.5, 1e9}) {
    const RobustPca found = robust_pca(tensor(m), lambda, to(1e-7));
    EXPECT_EQ(found.outcome, RecoveryOutcome::converged) << lambda << ' ' << found.relative_gap;
    EXPECT_LE(found.optimum.lower.value(), nuclear * (1 + tolerance::relative(14, 9)));
    EXPECT_GE(found.optimum.upper->value(), nuclear * (1 - tolerance::relative(14, 9)));
  }
  for (const double lambda : {1 / std::sqrt(14.0 * 9), 1e-3, 1e-60}) {
    const RobustPca found = robust_pca(tensor(m), lambda, to(1e-7));
    EXPECT_EQ(found.outcome, RecoveryOutcome::converged) << lambda << ' ' << found.relative_gap;
    EXPECT_LE(found.optimum.lower.value(), lambda * sum * (1 + tolerance::relative(14, 9)));
    EXPECT_GE(found.optimum.upper->value(), lambda * sum * (1 - tolerance::relative(14, 9)));
  }
}

TEST(RobustPca, IsTheSameAtEveryScaleAndInEveryLayout) {
  const Mixed p = mixed(30, 22, 2, 0.1, 6);
  const RobustPca plain = robust_pca(tensor(p.sum), 0.2, to(1e-5));
  for (const int e : {-997, -500, 3, 990}) {
    Dense scaled = p.sum;
    for (double& value : scaled.values()) value = std::ldexp(value, e);
    const RobustPca again = robust_pca(tensor(scaled), 0.2, to(1e-5));
    EXPECT_EQ(again.low_rank.u, plain.low_rank.u);
    EXPECT_EQ(again.relative_gap, plain.relative_gap);
    EXPECT_EQ(again.nonzero, plain.nonzero);
    EXPECT_EQ(again.dual, plain.dual);
  }
  std::vector<double> by_rows;
  for (std::int64_t i = 0; i < 30; ++i) {
    for (std::int64_t j = 0; j < 22; ++j) by_rows.push_back(p.sum(i, j));
  }
  const RobustPca other = robust_pca(Tensor::view_of(by_rows, {30, 22}), 0.2, to(1e-5));
  EXPECT_EQ(other.low_rank.u, plain.low_rank.u);
  EXPECT_EQ(other.sparse, plain.sparse);
}

TEST(RobustPca, HasTheSameBitsForAnyNumberOfThreads) {
  const Mixed p = mixed(110, 95, 3, 0.1, 6);
  Context one(1);
  const RobustPca first = robust_pca(tensor(p.sum), 0.1, to(1e-4), one);
  for (int threads = 2; threads <= 3; ++threads) {
    Context several(threads);
    const RobustPca again = robust_pca(tensor(p.sum), 0.1, to(1e-4), several);
    EXPECT_EQ(again.low_rank.u, first.low_rank.u);
    EXPECT_EQ(again.sparse, first.sparse);
    EXPECT_EQ(again.dual, first.dual);
    EXPECT_EQ(again.optimum.lower.value(), first.optimum.lower.value());
    EXPECT_EQ(again.optimum.upper->value(), first.optimum.upper->value());
  }
}

TEST(RobustPca, LeadsFromAnyStartToTheSameOptimum) {
  const Mixed p = mixed(40, 32, 2, 0.1, 6);
  const RobustPca cold = robust_pca(tensor(p.sum), 0.15, to(1e-6));
  auto options = to(1e-6);
  options.start = {cold.low_rank, cold.dual, cold.penalty};
  const RobustPca warm = robust_pca(tensor(p.sum), 0.15, options);
  EXPECT_EQ(warm.outcome, RecoveryOutcome::converged);
  EXPECT_LT(warm.iterations, cold.iterations);
  EXPECT_LE(warm.optimum.lower.value(), cold.optimum.upper->value());
  EXPECT_LE(cold.optimum.lower.value(), warm.optimum.upper->value());
  // A start for other data leads there just as well.
  const Mixed q = mixed(40, 32, 3, 0.1, 7);
  const RobustPca other = robust_pca(tensor(q.sum), 0.15, options);
  EXPECT_EQ(other.outcome, RecoveryOutcome::converged) << other.relative_gap;
  expect_agreement(other, independent::robust_pca(q.sum, 0.15, 4, 1e-7));
}

TEST(RobustPca, IsZeroForZeros) {
  const Dense zero(5, 4);
  const RobustPca found = robust_pca(tensor(zero), 0.3, to(1e-6));
  EXPECT_EQ(found.low_rank.rank(), 0);
  EXPECT_EQ(found.nonzero, 0);
  EXPECT_EQ(found.optimum.upper->value(), 0);
  EXPECT_EQ(found.outcome, RecoveryOutcome::converged);
}

TEST(RobustPca, RefusesWhatItCannotUse) {
  const auto says = [](const std::string& text, const auto& call) {
    try {
      call();
      ADD_FAILURE() << "no error: " << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  };
  Dense m(3, 2);
  m(2, 1) = 1;
  says("lambda must be positive", [&] { robust_pca(tensor(m), 0); });
  says("lambda must be positive", [&] { robust_pca(tensor(m), NAN); });
  says("without entries", [] { robust_pca(Tensor::view_of(std::span<const double>(), {0, 3}), 0.1); });
  says("the start is 2x2", [&] {
    RecoveryOptions options;
    options.start.x = {Matrix<double>(2, 1), {1.0}, Matrix<double>(2, 1)};
    robust_pca(tensor(m), 0.1, options);
  });
  m(1, 0) = NAN;
  says("entry (1, 0) is nan", [&] { robust_pca(tensor(m), 0.1); });
}

TEST(RobustPca, StopsOnRequest) {
  const Mixed p = mixed(60, 50, 3, 0.1, 6);
  Context context(1);
  context.on_progress([&](const Progress&) { context.request_cancel(); });
  EXPECT_THROW(robust_pca(tensor(p.sum), 0.15, to(1e-12), context), Canceled);
}

}  // namespace
}  // namespace sigmax::recovery
