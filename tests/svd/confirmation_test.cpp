// Results that svd() must not call converged, and claims that a check must not make if it did not run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/svd/svd.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

template <Real T>
Operator<T> diagonal_of(const std::vector<double>& values) {
  const auto n = static_cast<std::int64_t>(values.size());
  std::vector<double> entries(values.size() * values.size(), 0.0);
  for (std::size_t i = 0; i < values.size(); ++i) entries[i * (values.size() + 1)] = values[i];
  return dense<T>(Tensor::rounded(entries, {n, n}, DType::f64));
}

const Method kIterative[] = {Lanczos{}, Lanczos{Lanczos::Form::bidiagonal}, BlockKrylov{}, PowerIteration{},
                             Deflation{}};

// Whatever number of products the search is given, values that it did not look for are not called absent.
TEST(Confirmation, NeedsProductsThatAreLeft) {
  std::vector<double> values(120);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = i < 4 ? 3 : 2 - 0.01 * static_cast<double>(i);
  const auto a = diagonal_of<double>(values);
  Context context(1);
  for (const Method& method : kIterative) {
    SvdOptions<double> options;
    options.k = std::holds_alternative<PowerIteration>(method) ? 1 : 3;
    options.method = method;
    options.tolerance = 1e-6;
    options.random = vouched(random_state(7));
    options.check = Check::none;
    options.max_products = 5000;
    const std::int64_t alone = svd(*a, options, context).statistics.products;
    options.check = Check::full;
    for (std::int64_t more = 0; more <= 40; more += 4) {
      options.max_products = alone + more;
      const SvdResult<double> found = svd(*a, options, context);
      if (found.outcome == SvdOutcome::converged) {
        EXPECT_TRUE(found.checked) << name(method) << " and " << more << " products more";
      }
    }
  }
}

// A start vector that the matrix almost annihilates, and one in few eigenspaces.
template <Real T>
void start_where_little_is() {
  Context context(1);
  for (const double least : {0.0, 1e-30, 1e-9, 1e-7, 1e-3}) {
    std::vector<double> values(60);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = 10 - 0.15 * static_cast<double>(i);
    values.back() = least;
    const auto a = diagonal_of<T>(values);
    for (const Method& method : kIterative) {
      SvdOptions<T> options;
      options.method = method;
      options.tolerance = std::same_as<T, float> ? 1e-5 : 1e-8;
      options.start = Matrix<T>(60, 1);
      options.start.values().back() = 1;
      options.random = vouched(random_state(11));
      const SvdResult<T> found = svd(*a, options, context);
      if (found.outcome == SvdOutcome::converged) {
        EXPECT_NEAR(found.sigma.front(), 10, 10 * tolerance::of_converged<T>(options.tolerance))
            << name(method) << " " << least;
      }
    }
  }
}

TEST(Confirmation, IsNotFooledByAStartWhereLittleIsInDouble) { start_where_little_is<double>(); }
TEST(Confirmation, IsNotFooledByAStartWhereLittleIsInFloat) { start_where_little_is<float>(); }

// A cluster that float can still resolve. The estimates of power iterations within it are off by several tolerances.
TEST(Confirmation, TellsClusteredValuesOfFloatsApart) {
  std::vector<double> values(1100, 0.1);
  for (std::size_t i = 0; i < 12; ++i) values[i] = 1 - 1e-3 * static_cast<double>(i) / 12;
  const auto a = diagonal<float>(Tensor::copy_of(std::vector<float>(values.begin(), values.end()), {1100}));
  Context context(1);
  for (const Method& method : {Method{Lanczos{}}, Method{BlockKrylov{}}, Method{Deflation{}}}) {
    SvdOptions<float> options;
    options.k = 4;
    options.tolerance = 1e-5;
    options.method = method;
    options.random = vouched(random_state(3));
    const SvdResult<float> found = svd(*a, options, context);
    if (found.outcome != SvdOutcome::converged) continue;
    const double allowed = tolerance::kConfirmingTolerances * options.tolerance;
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(found.sigma[i], values[i], allowed) << name(method) << " " << i;
  }
}

// The product of these underflows on the way, but only for the larger entries.
TEST(Confirmation, ClaimsNothingOfProductsThatLeaveTheRange) {
  const auto spread = [](int even, int odd, double factor) {
    std::vector<double> values(40);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = i % 2 == 0 ? std::ldexp(1.0, even) : std::ldexp(factor, odd);
    }
    return diagonal_of<double>(values);
  };
  Context context(1);
  for (const int beyond : {530, 550}) {
    const auto a =
        product(spread(500, 500, 1),
                product(spread(500, 520, 1.5), product(spread(-beyond, -beyond - 20, 1), spread(-beyond, -beyond, 1))));
    const double truth = std::ldexp(1.5, 1000 - 2 * beyond);
    for (const std::int64_t k : {1, 3}) {
      SvdOptions<double> options;
      options.k = k;
      options.random = vouched(random_state(5));
      const SvdResult<double> found = svd(*a, options, context);
      const bool right =
          std::fabs(found.sigma.front() / truth - 1) <= tolerance::of_converged<double>(options.tolerance);
      EXPECT_TRUE(right || found.outcome != SvdOutcome::converged) << beyond << " " << k;
      EXPECT_TRUE(right || !found.checked);
    }
  }
}

// A basis that is full every other step is still checked.
TEST(Confirmation, EndsEarlyWithTheSmallestBasis) {
  std::vector<double> values(36);
  std::iota(values.rbegin(), values.rend(), 1.0);
  const auto a = diagonal_of<double>(values);
  Context context(1);
  for (const std::int64_t basis : {8, 9, 10, 12}) {
    SvdOptions<double> options;
    options.k = 3;
    options.method = Lanczos{.basis = basis};
    options.random = vouched(random_state(2));
    const SvdResult<double> found = svd(*a, options, context);
    EXPECT_EQ(found.outcome, SvdOutcome::converged) << basis;
    EXPECT_LT(found.statistics.products, 1000) << basis;
  }
}

// Squares below rounding cannot be told from zero.
TEST(Confirmation, SaysWhatTheGramFormCannotTell) {
  std::vector<double> values(60, 1e-11);
  for (std::size_t i = 0; i < 4; ++i) values[i] = std::pow(10.0, -3.0 * static_cast<double>(i));  // 1 ... 1e-9
  const auto a = diagonal_of<double>(values);
  Context context(1);
  SvdOptions<double> options;
  options.k = 4;
  options.method = Lanczos{Lanczos::Form::gram};
  options.random = vouched(random_state(9));
  for (const Check check : {Check::none, Check::full}) {
    options.check = check;
    const SvdResult<double> found = svd(*a, options, context);
    const double allowed = tolerance::of_converged<double>(options.tolerance);
    EXPECT_TRUE(found.outcome != SvdOutcome::converged || std::fabs(found.sigma[3] / values[3] - 1) <= allowed)
        << found.sigma[3];
  }
}

// For any start: with an orthogonal matrix or one of rank 1, products in float leave only rounding, which may give no
// bound at all.
template <Real T>
void confirm_few_values() {
  Context context(1);
  const auto expect_confirmed = [&](std::int64_t rows, std::int64_t columns, std::int64_t k, std::size_t rank) {
    std::vector<double> values(static_cast<std::size_t>(std::min(rows, columns)), 0.0);
    std::fill_n(values.begin(), std::min(rank, values.size()), 3.0);
    const std::vector<double> entries = gallery::with_singular_values(rows, columns, values);
    const auto a = dense<T>(Tensor::copy_of(std::span<const double>(entries), {rows, columns}));
    for (const Method& method : kIterative) {
      for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        SvdOptions<T> options;
        options.k = std::holds_alternative<PowerIteration>(method) ? 1 : k;
        options.method = method;
        options.tolerance = 1e-5;
        options.random = vouched(random_state(seed));
        const SvdResult<T> found = svd(*a, options, context);
        EXPECT_EQ(found.outcome, SvdOutcome::converged) << rows << "x" << columns << " " << name(method) << " " << seed;
        EXPECT_TRUE(found.checked) << rows << "x" << columns << " " << name(method) << " " << seed;
      }
    }
  };
  expect_confirmed(20, 20, 4, 1);
  expect_confirmed(48, 15, 5, 1);
  expect_confirmed(60, 50, 5, 2);
  expect_confirmed(150, 120, 5, 120);
  expect_confirmed(150, 120, 5, 60);
}

TEST(Confirmation, ConfirmsWhatHasFewValuesInDouble) { confirm_few_values<double>(); }
TEST(Confirmation, ConfirmsWhatHasFewValuesInFloat) { confirm_few_values<float>(); }

TEST(Confirmation, RefusesWhatIsNoProbability) {
  const auto a = diagonal_of<double>({3, 2, 1});
  for (const double p : {0.0, 1.0, -1.0, 2.0, std::numeric_limits<double>::quiet_NaN()}) {
    SvdOptions<double> options;
    options.failure_probability = p;
    EXPECT_THROW(static_cast<void>(svd(*a, options)), Error) << p;
  }
}

}  // namespace
}  // namespace sigmax
