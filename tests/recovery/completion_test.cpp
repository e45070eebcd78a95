#include "sigmax/recovery/completion.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "recovery/independent.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "support/enclosure.hpp"
#include "tolerance.hpp"

namespace sigmax::recovery {
namespace {

using independent::Ends;
using independent::Masked;
using support::expect_contains;
using support::expect_contains_within;

RecoveryOptions to(double tolerance) {
  auto options = repeatable<RecoveryOptions>();
  options.tolerance = tolerance;
  options.max_iterations = 20000;
  return options;
}

// [[c, a], [b, ?]]
SparseMatrix corner(double c, double a, double b) {
  return {{2, 2}, std::vector<std::int64_t>{0, 0, 1}, std::vector<std::int64_t>{0, 1, 0}, std::vector<double>{c, a, b}};
}

// The closed forms of docs/recovery.md, evaluated with mpmath: min |.|_* of [[c, a], [b, x]] is reached at
// clip(a b / c, -c, c).
TEST(Complete, FindsTheCornerInClosedForm) {
  constexpr double kGap = 1e-10, kWiderGap = 1e-9;
  const Completion found = complete(corner(1, 2, 2), to(kGap));
  EXPECT_EQ(found.outcome, RecoveryOutcome::converged);
  EXPECT_TRUE(found.optimum.is_proven());
  expect_contains(found.optimum, 4);
  EXPECT_LE(found.relative_gap, kGap);
  for (const auto& [c, a, b] : {std::array{1.0, 2.0, 2.0}, {4.0, 2.0, 1.0}, {3.0, -1.0, 2.0}, {1.0, -5.0, 2.0}}) {
    const Completion each = complete(corner(c, a, b), to(kWiderGap));
    const double x = std::clamp(a * b / c, -c, c);
    // |[[c, a], [b, x]]|_*^2 = |.|_F^2 + 2 |det|
    const double nuclear = std::sqrt(c * c + a * a + b * b + x * x + 2 * std::fabs(c * x - a * b));
    expect_contains_within(each.optimum, nuclear, 4 * tolerance::kEpsilon);
    EXPECT_EQ(each.outcome, RecoveryOutcome::converged) << c << ' ' << a << ' ' << b << " gap " << each.relative_gap;
    // Near its minimum the norm grows at least with the square of the distance.
    EXPECT_NEAR(each.x.at(1, 1), x, 10 * c * std::sqrt(kWiderGap));
  }
}

// 1/2 sum (m - x)^2 + |X|_* / 2 of [[1, 1], [1, ?]]: X = [[p, q], [q, r]] of rank one, mpmath's digits.
TEST(SoftImpute, FindsTheCornerInClosedForm) {
  const Completion found = soft_impute(corner(1, 1, 1), 0.5, to(1e-12));
  EXPECT_EQ(found.outcome, RecoveryOutcome::converged) << found.relative_gap;
  EXPECT_TRUE(found.optimum.is_proven());
  ASSERT_EQ(found.x.rank(), 1);
  // The objective is strongly convex in the observed entries: |X - X*|^2 / 2 is at most the gap times the optimum.
  const double optimum = found.optimum.upper->value();
  const double error = std::sqrt(2 * found.relative_gap * optimum);
  const double digits = tolerance::of_digits(15);
  const long double p = 0.797156508177424L, q = 0.614541501470376L, r = 0.473760488881824L;
  EXPECT_NEAR(found.x.at(0, 0), static_cast<double>(p), error + digits);
  EXPECT_NEAR(found.x.at(0, 1), static_cast<double>(q), error + digits);
  EXPECT_NEAR(found.x.at(1, 1), static_cast<double>(r), 10 * error + digits);
  // Its derivatives with respect to p, q and r are below 1 in magnitude.
  expect_contains(found.optimum, (1 - p) * (1 - p) / 2 + (1 - q) * (1 - q) + (p + r) / 2, 3 * digits);
}

// Whatever the two algorithms did: neither's lower end exceeds the other's upper end.
void expect_agreement(const Completion& found, const Ends& known, double rounding) {
  ASSERT_TRUE(found.optimum.upper.has_value());
  EXPECT_LE(found.optimum.lower.value(), known.upper * (1 + rounding));
  EXPECT_GE(found.optimum.upper->value(), known.lower * (1 - rounding));
  EXPECT_TRUE(found.optimum.is_proven());
}

TEST(SoftImpute, AgreesWithADenseSolver) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const auto n = static_cast<std::int64_t>(seed);
    const Masked p = independent::low_rank_problem(12 + 9 * n, 18 + 5 * n, 1 + n % 3, 0.5, seed, 0.1);
    for (const double lambda : {0.5, 3.0}) {
      const Ends known = independent::soft_impute(p, lambda, 1e-8);
      ASSERT_LE(known.gap(), 1e-8);
      const RecoveryOptions options = to(1e-7);
      const Completion found = soft_impute(p.observed(), lambda, options);
      EXPECT_EQ(found.outcome, RecoveryOutcome::converged) << seed << ' ' << lambda << ' ' << found.relative_gap;
      EXPECT_LE(found.relative_gap, options.tolerance);
      expect_agreement(found, known, tolerance::relative(60, 60));
    }
  }
}

TEST(Complete, AgreesWithADenseSolver) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const auto n = static_cast<std::int64_t>(seed);
    const Masked p = independent::low_rank_problem(36 + 6 * n, 44 - n, 1 + n % 2, 0.5, seed);
    const Ends known = independent::complete(p, 3, 1e-8);
    ASSERT_LE(known.gap(), 1e-6) << seed;
    const Completion found = complete(p.observed(), to(1e-6));
    EXPECT_EQ(found.outcome, RecoveryOutcome::converged) << seed << ' ' << found.relative_gap;
    expect_agreement(found, known, tolerance::relative(60, 60));
    // Half of the entries of a matrix of such a rank determine it: the others come back.
    double worst = 0;
    for (std::int64_t j = 0; j < p.m.columns(); ++j) {
      for (std::int64_t i = 0; i < p.m.rows(); ++i) worst = std::max(worst, std::fabs(found.x.at(i, j) - p.m(i, j)));
    }
    EXPECT_LT(worst, 0.05) << seed;
  }
}

// With a share s observed, steps of length one are 1 / s times too short: alternating directions take some 350 here,
// the multipliers some 55.
TEST(Complete, TakesFewStepsWhereFewEntriesDetermineTheMatrix) {
  const SparseMatrix m = independent::low_rank_problem(400, 300, 2, 0.1, 4).observed();
  const Completion exact = complete(m, to(1e-4));
  EXPECT_EQ(exact.outcome, RecoveryOutcome::converged) << exact.relative_gap;
  EXPECT_EQ(exact.x.rank(), 2);
  EXPECT_LE(exact.iterations, 150);
}

// Few entries: the answer is not the matrix that they came from, but the optimum is enclosed all the same.
TEST(Complete, EnclosesTheOptimumWhereTheEntriesDoNotDetermineTheMatrix) {
  const Masked p = independent::low_rank_problem(20, 15, 4, 0.3, 9);
  const Ends known = independent::complete(p, 3, 1e-6);
  const Completion found = complete(p.observed(), to(1e-4));
  EXPECT_EQ(found.outcome, RecoveryOutcome::converged) << found.relative_gap;
  expect_agreement(found, known, tolerance::relative(60, 60));
}

// With c the optimum of complete() and Y its dual answer, <Y, M> = c and sigma_max(Y) = 1, the optimum of soft_impute()
// lies between lambda c - lambda^2 |Y|^2 / 2, which lambda Y proves, and lambda c, which the completion reaches. So
// both have one minimizer in the limit, and each problem checks the other's ends.
TEST(Completion, IsTheLimitOfSoftImpute) {
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{40, 30}, {70, 90}}) {
    const Masked p = independent::low_rank_problem(rows, columns, 2, 0.5, 5);
    const SparseMatrix m = p.observed();
    const Completion exact = complete(m, to(1e-6));
    ASSERT_EQ(exact.outcome, RecoveryOutcome::converged);
    double product = 0;
    double square = 0;
    for (std::size_t e = 0; e < exact.dual.size(); ++e) {
      product += exact.dual[e] * m.values[e];
      square += exact.dual[e] * exact.dual[e];
    }
    const double lower = exact.optimum.lower.value();
    const double feasible = lower / product;  // what makes sigma_max(Y) 1
    for (const double lambda : {1.0, 0.1, 0.01}) {
      const Completion soft = soft_impute(m, lambda, to(1e-6));
      EXPECT_EQ(soft.outcome, RecoveryOutcome::converged) << lambda << ' ' << soft.relative_gap;
      const double rounding = 1 + tolerance::relative(rows, columns, 1, 64);
      EXPECT_LE(soft.optimum.lower.value(), lambda * exact.optimum.upper->value() * rounding) << lambda;
      EXPECT_GE(soft.optimum.upper->value() * rounding,
                lambda * lower - lambda * lambda * feasible * feasible * square / 2)
          << lambda;
    }
    // At the smallest lambda the two ends are near, and so are the answers.
    const Completion last = soft_impute(m, 0.01, to(1e-6));
    double worst = 0;
    for (std::int64_t j = 0; j < columns; ++j) {
      for (std::int64_t i = 0; i < rows; ++i) worst = std::max(worst, std::fabs(last.x.at(i, j) - exact.x.at(i, j)));
    }
    EXPECT_LT(worst, 0.05);
  }
}

TEST(Completion, IsTheSameAtEveryScale) {
  const Masked p = independent::low_rank_problem(24, 18, 2, 0.6, 3, 0.05);
  const SparseMatrix given = p.observed();
  const Completion plain = complete(given, to(1e-5));
  const Completion soft = soft_impute(given, 0.5, to(1e-5));
  for (const int e : {-997, -500, -1, 3, 500, 990}) {
    SparseMatrix scaled = given;
    for (double& value : scaled.values) value = std::ldexp(value, e);
    const Completion again = complete(scaled, to(1e-5));
    EXPECT_EQ(again.x.u, plain.x.u);
    EXPECT_EQ(again.x.v, plain.x.v);
    EXPECT_EQ(again.relative_gap, plain.relative_gap);
    EXPECT_NEAR(again.optimum.lower.value(), std::ldexp(plain.optimum.lower.value(), e),
                std::ldexp(plain.optimum.lower.value(), e) * 0x1p-40);
    for (std::size_t k = 0; k < plain.x.sigma.size(); ++k) EXPECT_EQ(again.x.sigma[k], std::ldexp(plain.x.sigma[k], e));
    const Completion once_more = soft_impute(scaled, std::ldexp(0.5, e), to(1e-5));
    EXPECT_EQ(once_more.x.u, soft.x.u);
    EXPECT_EQ(once_more.relative_gap, soft.relative_gap);
    EXPECT_EQ(once_more.outcome, RecoveryOutcome::converged);
  }
}

TEST(Completion, ClaimsNoEndThatLeavesTheRangeOfDouble) {
  SparseMatrix m = corner(1, 1, 1);
  for (double& value : m.values) value *= 1e200;
  const RecoveryOptions options = to(1e-6);
  const Completion large = soft_impute(m, 0.5e200, options);
  EXPECT_FALSE(large.optimum.upper.has_value());
  EXPECT_EQ(large.outcome, RecoveryOutcome::converged);
  EXPECT_LE(large.relative_gap, options.tolerance);
  for (double& value : m.values) value = 1e-200;
  const Completion small = soft_impute(m, 0.5e-200, options);
  EXPECT_EQ(small.optimum.lower.value(), 0);
  ASSERT_TRUE(small.optimum.upper.has_value());
  EXPECT_GT(small.optimum.upper->value(), 0);
}

TEST(Completion, HasTheSameBitsForAnyNumberOfThreads) {
  const SparseMatrix given = independent::low_rank_problem(150, 130, 3, 0.3, 5, 0.05).observed();
  Context one(1);
  auto options = to(1e-4);
  options.max_iterations = 60;
  const Completion first = complete(given, options, one);
  const Completion soft = soft_impute(given, 2, options, one);
  for (int threads = 2; threads <= 3; ++threads) {
    Context several(threads);
    const Completion again = complete(given, options, several);
    EXPECT_EQ(again.x.u, first.x.u);
    EXPECT_EQ(again.x.sigma, first.x.sigma);
    EXPECT_EQ(again.dual, first.dual);
    EXPECT_EQ(again.optimum.lower.value(), first.optimum.lower.value());
    EXPECT_EQ(again.optimum.upper->value(), first.optimum.upper->value());
    const Completion again_soft = soft_impute(given, 2, options, several);
    EXPECT_EQ(again_soft.x.v, soft.x.v);
    EXPECT_EQ(again_soft.dual, soft.dual);
    EXPECT_EQ(again_soft.optimum.lower.value(), soft.optimum.lower.value());
  }
}

TEST(Completion, LeadsFromAnyStartToTheSameOptimum) {
  const Masked p = independent::low_rank_problem(40, 30, 2, 0.5, 7, 0.1);
  const SparseMatrix given = p.observed();
  const Completion cold = soft_impute(given, 1, to(1e-6));
  auto options = to(1e-6);
  options.start = {soft_impute(given, 4, to(1e-3)).x, {}, {}};
  const Completion warm = soft_impute(given, 1, options);
  EXPECT_EQ(warm.outcome, RecoveryOutcome::converged);
  EXPECT_LE(warm.optimum.lower.value(), cold.optimum.upper->value());
  EXPECT_LE(cold.optimum.lower.value(), warm.optimum.upper->value());
  // From its own answer there is nothing left to do beyond the first look.
  options.start = {cold.x, {}, {}};
  EXPECT_LT(soft_impute(given, 1, options).iterations, cold.iterations);

  const SparseMatrix exact = independent::low_rank_problem(40, 30, 2, 0.5, 7).observed();
  const Completion first = complete(exact, to(1e-5));
  options = to(1e-5);
  options.start = {first.x, first.dual, first.penalty};
  const Completion second = complete(exact, options);
  EXPECT_EQ(second.outcome, RecoveryOutcome::converged);
  EXPECT_LT(second.iterations, first.iterations);
  EXPECT_LE(second.optimum.lower.value(), first.optimum.upper->value());
  EXPECT_LE(first.optimum.lower.value(), second.optimum.upper->value());
}

TEST(Completion, SaysThatTheGapIsOpen) {
  const SparseMatrix given = independent::low_rank_problem(40, 30, 3, 0.3, 8).observed();
  auto options = to(1e-8);
  options.max_iterations = 3;
  const Completion found = complete(given, options);
  EXPECT_EQ(found.outcome, RecoveryOutcome::out_of_iterations);
  EXPECT_GT(found.relative_gap, options.tolerance);
  EXPECT_EQ(found.iterations, 3);
  EXPECT_LE(found.optimum.lower.value(), found.optimum.upper->value());
}

TEST(Completion, IsProbabilisticWhereNothingMayBeFactored) {
  const SparseMatrix given = independent::low_rank_problem(90, 80, 2, 0.3, 8, 0.1).observed();
  auto options = to(1e-2);
  options.certify.proven_up_to = 10;
  options.certify.failure_probability = 1e-6;
  const Completion found = soft_impute(given, 4, options);
  EXPECT_EQ(found.outcome, RecoveryOutcome::converged) << found.relative_gap;
  EXPECT_FALSE(found.optimum.is_proven());
  EXPECT_EQ(found.optimum.lower.certainty(), Certainty::probabilistic);
  EXPECT_EQ(found.optimum.lower.failure_probability(), 1e-6);
  EXPECT_EQ(found.optimum.upper->certainty(), Certainty::proven);
}

// Rows and columns without entries cost nothing and come back as zeros.
TEST(Completion, LeavesEmptyRowsAndColumnsZero) {
  const SparseMatrix given({4, 3}, std::vector<std::int64_t>{0, 0, 2, 2}, std::vector<std::int64_t>{0, 2, 0, 2},
                           std::vector<double>{1, 2, 3, 4});
  for (const Completion& found : {complete(given, to(1e-6)), soft_impute(given, 0.1, to(1e-6))}) {
    EXPECT_EQ(found.outcome, RecoveryOutcome::converged);
    EXPECT_EQ(found.empty_rows, 2);
    EXPECT_EQ(found.empty_columns, 1);
    for (const std::int64_t j : {0, 1, 2}) EXPECT_NEAR(found.x.at(1, j), 0, tolerance::of_matrix(4, 3, 6));
  }
}

TEST(Completion, IsZeroForZerosAndForALargeLambda) {
  const SparseMatrix zeros({3, 2}, std::vector<std::int64_t>{0, 2}, std::vector<std::int64_t>{0, 1},
                           std::vector<double>{0, 0});
  const SparseMatrix none({3, 2}, std::vector<std::int64_t>{}, std::vector<std::int64_t>{}, std::vector<double>{});
  for (const SparseMatrix& m : {zeros, none}) {
    for (const Completion& found : {complete(m, to(1e-6)), soft_impute(m, 1, to(1e-6))}) {
      EXPECT_EQ(found.x.rank(), 0);
      EXPECT_EQ(found.optimum.lower.value(), 0);
      EXPECT_EQ(found.optimum.upper->value(), 0);
      EXPECT_EQ(found.outcome, RecoveryOutcome::converged);
    }
  }
  const Completion found = soft_impute(corner(3, 4, 0), 6, to(1e-12));
  EXPECT_EQ(found.x.rank(), 0);
  expect_contains(found.optimum, 12.5);
  EXPECT_EQ(found.outcome, RecoveryOutcome::converged);
  EXPECT_EQ(soft_impute(corner(3, 4, 0), 1e300, to(1e-12)).x.rank(), 0);
}

template <class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Completion, RefusesWhatItCannotUse) {
  const auto says = [](const std::string& text, const auto& call) {
    EXPECT_NE(message_of(call).find(text), std::string::npos) << message_of(call);
  };
  says("lambda must be positive", [] { soft_impute(corner(1, 1, 1), 0); });
  says("lambda must be positive", [] { soft_impute(corner(1, 1, 1), NAN); });
  says("2^-500", [] { soft_impute(corner(1, 1, 1), 1e-200); });
  says("(0, 1) is nan", [] { complete(corner(1, NAN, 1)); });
  says("(1, 0) is inf", [] { soft_impute(corner(1, 1, INFINITY), 1); });
  says("tolerance must be positive", [] {
    RecoveryOptions options;
    options.tolerance = 0;
    complete(corner(1, 1, 1), options);
  });
  says("max_iterations must be positive", [] {
    RecoveryOptions options;
    options.max_iterations = 0;
    complete(corner(1, 1, 1), options);
  });
  says("given twice", [] {
    SparseMatrix({2, 2}, std::vector<std::int64_t>{0, 0}, std::vector<std::int64_t>{1, 1}, std::vector<double>{1, 1});
  });
  says("without rows or columns", [] {
    complete({{0, 3}, std::vector<std::int64_t>{}, std::vector<std::int64_t>{}, std::vector<double>{}});
  });
  says("the start is 3x2", [] {
    RecoveryOptions options;
    options.start.x = {Matrix<double>(3, 1), {1.0}, Matrix<double>(2, 1)};
    complete(corner(1, 1, 1), options);
  });
}

TEST(Completion, ReportsItsProgressAndStopsOnRequest) {
  const SparseMatrix given = independent::low_rank_problem(60, 50, 3, 0.3, 8).observed();
  Context context(1);
  int reports = 0;
  context.on_progress([&](const Progress& progress) {
    EXPECT_NE(std::string(progress.what).find("gap"), std::string::npos);
    if (++reports == 2) context.request_cancel();
  });
  EXPECT_THROW(complete(given, to(1e-9), context), Canceled);
  EXPECT_EQ(reports, 2);
}

}  // namespace
}  // namespace sigmax::recovery
