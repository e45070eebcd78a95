// Ends and outcomes that were once wrong: for the smallest values, for starts that know the random numbers, for
// estimates that a proof accepted.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/svd/svd.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

Tensor stored_diagonal(const std::vector<double>& values) {
  const auto n = static_cast<std::int64_t>(values.size());
  std::vector<double> entries(values.size() * values.size(), 0.0);
  for (std::size_t i = 0; i < values.size(); ++i) entries[i * (values.size() + 1)] = values[i];
  return Tensor::rounded(entries, {n, n}, DType::f64);
}

// H diag(d) H / n, H the Hadamard matrix of order n = 64: exact in double for small whole d.
Tensor between_hadamards(const std::vector<double>& d) {
  const auto n = static_cast<std::int64_t>(d.size());
  const auto sign = [](std::int64_t i, std::int64_t j) {
    return std::popcount(static_cast<std::uint64_t>(i) & static_cast<std::uint64_t>(j)) % 2 == 1 ? -1.0 : 1.0;
  };
  std::vector<double> entries;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (std::int64_t l = 0; l < n; ++l) sum += sign(i, l) * d[static_cast<std::size_t>(l)] * sign(l, j);
      entries.push_back(sum / static_cast<double>(n));
    }
  }
  return Tensor::rounded(entries, {n, n}, DType::f64);
}

CertifyOptions by_checks() {
  CertifyOptions options;
  options.method = CertifyMethod::probabilistic;
  return options;
}

// The k smallest of `values`, descending, against what the result says about them.
template <Real T>
void expect_smallest_ends(const LinearOperator<T>& a, std::vector<double> values, std::int64_t k, std::uint64_t seed,
                          double rounding) {
  std::ranges::sort(values, std::greater<>());
  const auto first = values.size() - static_cast<std::size_t>(k);
  Context context(1);
  SvdOptions<T> options;
  options.which = Which::smallest;
  options.k = k;
  options.random = vouched(random_state(seed));
  const CertifiedSvd<T> found = certified_svd(a, options, by_checks(), context);
  // The triangular factor is the matrix except for 16 n u sigma_1; an operator in float rounds the entries as well.
  double squares = 0;
  for (const double value : values) squares += value * value;
  const double entries = std::same_as<T, float> ? std::numeric_limits<T>::epsilon() / 2 * std::sqrt(squares) : 0;
  const double of_factor = tolerance::of_matrix(a.shape().rows, a.shape().columns, values.front(), 16) + entries;
  for (std::size_t i = 0; i < static_cast<std::size_t>(k); ++i) {
    const double truth = values[first + i];
    EXPECT_LE(found.sigma[i].lower.value(), truth + rounding) << i << " of " << k << ", seed " << seed;
    if (found.triplets.checked) {
      EXPECT_LE(found.triplets.checked->bound[i], truth + rounding) << i << ", seed " << seed;
    }
    if (found.triplets.outcome == SvdOutcome::converged) {
      EXPECT_NEAR(found.triplets.sigma[i], truth, of_factor + tolerance::of_estimate(options.tolerance) * truth)
          << i << ", seed " << seed;
    }
  }
}

// Ritz values are upper ends of the smallest values; the coupling of their vectors to the rest has to be subtracted.
TEST(SmallestEnds, AreBelowTheValuesOfSingularMatrices) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    for (const std::int64_t zeros : {2, 3, 5}) {
      std::vector<double> d(64, 0.0);
      std::iota(d.begin() + zeros, d.end(), 1.0);
      std::shuffle(d.begin(), d.end(), std::mt19937_64(seed));
      expect_smallest_ends(*dense<double>(between_hadamards(d)), d, zeros + 1, seed, 1e-12);
      expect_smallest_ends(*dense<float>(between_hadamards(d)), d, zeros + 1, seed, 1e-12);
    }
  }
}

TEST(SmallestEnds, AreBelowTheValuesOfNearlySingularMatrices) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::vector<double> sigma(34, 1.0);
    for (std::size_t i = 0; i < sigma.size(); ++i) sigma[i] = i < 29 ? 1 - 0.02 * static_cast<double>(i) : 1e-18;
    const std::vector<double> entries = gallery::with_singular_values(36, 34, sigma, seed);
    const auto a = dense<double>(Tensor::copy_of(std::span<const double>(entries), {36, 34}));
    expect_smallest_ends(*a, sigma, 5, seed, 1e-14);
  }
}

// Values far below the largest requested one: an end computed as a difference of squares would lose them.
TEST(SmallestEnds, AreBelowValuesThatAreSpread) {
  for (const double small : {1e-5, 1e-6, 1e-8}) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      std::vector<double> d(64);
      for (std::size_t i = 0; i < d.size(); ++i)
        d[i] = i < 4 ? small * (1 + 0.1 * static_cast<double>(i)) : 1 + 0.02 * static_cast<double>(i);
      std::shuffle(d.begin(), d.end(), std::mt19937_64(seed));
      expect_smallest_ends(*dense<double>(stored_diagonal(d)), d, 5, seed, 0);
    }
  }
}

// Rounding of the inverse of a singular matrix creates vectors that the matrix does not shrink. They are not accepted.
TEST(SmallestEnds, OfMatricesWithANullSpaceConverge) {
  for (const std::int64_t zeros : {1, 2, 4}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      std::vector<double> d(64, 0.0);
      for (std::size_t i = static_cast<std::size_t>(zeros); i < d.size(); ++i) {
        d[i] = i == static_cast<std::size_t>(zeros) ? 5 : 100 + static_cast<double>(i);
      }
      std::shuffle(d.begin(), d.end(), std::mt19937_64(seed));
      Context context(1);
      SvdOptions<double> options;
      options.which = Which::smallest;
      options.k = zeros + 1;
      options.random = vouched(random_state(seed));
      const SvdResult<double> found = svd(*dense<double>(between_hadamards(d)), options, context);
      EXPECT_EQ(found.outcome, SvdOutcome::converged) << zeros << " " << seed;
      EXPECT_NEAR(found.sigma.front(), 5, tolerance::of_estimate(options.tolerance) * 5) << zeros << " " << seed;
    }
  }
}

// The error of the formed matrix is the rounding of the parts, which may be far larger than their remainder.
TEST(SmallestEnds, AllowForTermsThatCancel) {
  std::vector<double> rest(60);
  for (std::size_t i = 0; i < rest.size(); ++i) rest[i] = 1.5 + 0.37 * static_cast<double>(i);
  const std::vector<double> large(60, 1e16);
  const auto a = sum<double>({dense<double>(stored_diagonal(large)), dense<double>(stored_diagonal(rest)),
                              scaled<double>(-1, dense<double>(stored_diagonal(large)))});
  const double unit = 1e16 * 0x1p-52;  // a whole product may have that error
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Context context(1);
    SvdOptions<double> options;
    options.which = Which::smallest;
    options.random = vouched(random_state(seed));
    const CertifiedSvd<double> found = certified_svd(*a, options, by_checks(), context);
    EXPECT_LE(found.sigma.front().lower.value(), 1.5);
    const double allowed = 1.5 * tolerance::of_converged<double>(options.tolerance);
    const bool right = std::fabs(found.triplets.sigma.front() - 1.5) <= allowed;
    EXPECT_TRUE(right || found.triplets.outcome != SvdOutcome::converged) << unit;
  }
}

// An operator in float rounds the entries that its solver forms.
TEST(SmallestEnds, AllowForEntriesThatFloatRounds) {
  std::vector<double> values(60, 1 + 2e-8);
  std::fill(values.begin() + 50, values.end(), 1 - 2e-8);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    expect_smallest_ends(*dense<float>(stored_diagonal(values)), values, 3, seed, 1e-14);
  }
}

// A check uses random numbers that are unrelated to those of the start.
TEST(Checks, DoNotUseTheNumbersOfAnEarlierCall) {
  std::vector<double> values(72);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = i < 5 ? 1 : 0.92725 * (1 - 0.1 * ((i * 3) / 72));
  const auto a = diagonal<double>(Tensor::rounded(values, {72}, DType::f64));
  Context context(1);
  for (const auto form : {Lanczos::Form::automatic, Lanczos::Form::bidiagonal}) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      SvdOptions<double> options;
      options.random = vouched(random_state(seed));
      options.tolerance = 1e-8;
      options.method = BlockKrylov{};
      options.k = 3;
      options.check = Check::none;
      const SvdResult<double> first = svd(*a, options, context);
      options.check = Check::full;
      options.method = Lanczos{form};
      options.k = 5;
      options.start = first.v;
      const SvdResult<double> again = svd(*a, options, context);
      if (again.outcome == SvdOutcome::converged) {
        EXPECT_NEAR(again.sigma.back(), 1, tolerance::of_converged<double>(options.tolerance)) << seed;
      }
      if (again.checked) {
        EXPECT_GE(again.checked->bound.back(), 1 - tolerance::relative(72, 72)) << seed;
      }
    }
  }
}

// A start in one eigenspace satisfies every estimate at once. A proof that is wide enough to allow for this does not
// confirm it.
TEST(Checks, AProofIsNotContentWithAnEstimateThatNothingConfirms) {
  std::vector<double> values(60);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1 - 0.012 * static_cast<double>(i);
  const auto a = dense<double>(stored_diagonal(values));
  Context context(1);
  for (const Method& method :
       {Method{PowerIteration{}}, Method{Deflation{}}, Method{BlockKrylov{}}, Method{Lanczos{}}}) {
    for (const double tolerance : {1e-2, 1e-3}) {
      for (const std::size_t at : {2U, 9U, 18U, 40U}) {
        SvdOptions<double> options;
        options.method = method;
        options.tolerance = tolerance;
        options.random = vouched(random_state(at));
        options.start = Matrix<double>(60, 1);
        options.start.values()[at] = 1;
        const CertifiedSvd<double> found = certified_svd(*a, options, CertifyOptions{}, context);
        if (found.triplets.outcome == SvdOutcome::converged) {
          EXPECT_NEAR(found.triplets.sigma.front(), 1, 6 * tolerance) << name(method) << " " << tolerance << " " << at;
        }
      }
    }
  }
}

// A proof says nothing about these values, since their squares are rounding: the check decides.
TEST(Checks, HaveTheWordBelowTheResolutionOfAProof) {
  Context context(1);
  for (const double ratio : {1e-5, 1e-6, 1e-7, 1e-8, 1e-9}) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      std::vector<double> values(60);
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = i == 0 ? 1 : ratio * (1 + 2 * static_cast<double>(60 - i) / 60);
      }
      const double second = values[1];
      std::shuffle(values.begin(), values.end(), std::mt19937_64(seed));
      std::vector<double> entries(70 * 60, 0.0);
      for (std::size_t i = 0; i < values.size(); ++i) entries[(i + 5) * 60 + i] = values[i];
      const auto a = dense<double>(Tensor::rounded(entries, {70, 60}, DType::f64));
      for (const Method& method : {Method{Auto{}}, Method{BlockKrylov{}}}) {
        for (const double stop : {1e-6, 1e-10}) {
          SvdOptions<double> options;
          options.k = 2;
          options.method = method;
          options.tolerance = stop;
          options.random = vouched(random_state(seed));
          const CertifiedSvd<double> found = certified_svd(*a, options, CertifyOptions{}, context);
          const SvdResult<double> alone = svd(*a, options, context);
          for (const SvdResult<double>* result : {&found.triplets, &alone}) {
            if (result->outcome == SvdOutcome::converged) {
              EXPECT_NEAR(result->sigma[1], second,
                          tolerance::kConfirmingTolerances * stop * second + tolerance::of_check(70, 60, 1))
                  << ratio << " " << name(method);
            }
          }
        }
      }
    }
  }
}

// A value found by a check is accepted, however little larger it is.
TEST(Checks, TakeWhatTheyFind) {
  Context context(1);
  for (const std::int64_t n : {8, 20, 30, 36}) {
    std::vector<double> values(static_cast<std::size_t>(n), 0.9);
    values[0] = 1;
    values[1] = 1 - 1e-4;
    const auto a = diagonal<float>(Tensor::rounded(values, {n}, DType::f64));
    for (const Method& method : {Method{BlockKrylov{}}, Method{Lanczos{}}}) {
      for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        SvdOptions<float> options;
        options.method = method;
        options.tolerance = 1e-6;
        options.random = vouched(random_state(seed));
        options.start = Matrix<float>(n, 1);
        options.start.values()[1] = 1;
        const SvdResult<float> found = svd(*a, options, context);
        if (found.outcome == SvdOutcome::converged) {
          EXPECT_NEAR(found.sigma.front(), 1, tolerance::kConfirmingTolerances * options.tolerance)
              << name(method) << " " << n << " " << seed;
        }
      }
    }
  }
}

// A bound below a found value has failed.
TEST(Checks, AreNotReportedWhereAValueRefutesThem) {
  std::vector<double> values(200);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1 - 1e-3 * static_cast<double>(i);
  const auto a = diagonal<double>(Tensor::rounded(values, {200}, DType::f64));
  Context context(1);
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SvdOptions<double> options;
    options.tolerance = 1e-4;
    options.failure_probability = 0.5;
    options.random = vouched(random_state(seed));
    const SvdResult<double> found = svd(*a, options, context);
    if (found.checked) {
      EXPECT_GE(found.checked->bound.front(), found.sigma.front() * (1 - tolerance::relative(200, 200))) << seed;
    }
  }
}

TEST(Checks, ABriefOneClaimsNothing) {
  Context context(1);
  for (const std::int64_t n : {20, 30, 80}) {
    std::vector<double> values(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = i < 4 ? 2 : 1 / (1.0 + static_cast<double>(i));
    SvdOptions<double> options;
    options.k = 3;
    options.check = Check::brief;
    options.random = vouched(random_state(3));
    EXPECT_FALSE(svd(*dense<double>(stored_diagonal(values)), options, context).checked) << n;
  }
}

// Only the direction of a start counts.
TEST(Starts, MayBeOfAnySize) {
  const std::vector<double> values{5, 4, 3, 2, 1, 0.5};
  const auto a = dense<double>(stored_diagonal(values));
  const auto in_float = dense<float>(stored_diagonal(values));
  Context context(1);
  for (const Method& method : {Method{Lanczos{}}, Method{Lanczos{Lanczos::Form::bidiagonal}}, Method{BlockKrylov{}},
                               Method{Randomized{}}, Method{PowerIteration{}}, Method{Deflation{}}}) {
    for (const int exponent : {-1000, -100, 100, 520, 1000}) {
      SvdOptions<double> options;
      options.method = method;
      options.random = vouched(random_state(1));
      options.start = Matrix<double>(6, 2);
      std::ranges::fill(options.start.values(), std::ldexp(1.0, exponent));
      options.start.values()[0] *= 0.5;
      EXPECT_NEAR(svd(*a, options, context).sigma.front(), 5, 5 * tolerance::of_estimate(options.tolerance))
          << name(method) << " " << exponent;
      if (std::abs(exponent) > 100) continue;
      SvdOptions<float> single;
      single.method = method;
      single.tolerance = 1e-5;
      single.random = vouched(random_state(1));
      single.start = Matrix<float>(6, 2);
      std::ranges::fill(single.start.values(), std::ldexp(1.0F, exponent));
      single.start.values()[0] *= 0.5F;
      EXPECT_NEAR(svd(*in_float, single, context).sigma.front(), 5, 5 * tolerance::of_estimate(single.tolerance))
          << name(method) << " " << exponent;
    }
  }
}

}  // namespace
}  // namespace sigmax
