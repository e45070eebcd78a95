// The hunt for a value that was missed: copies, clusters and zeros, by every method. `make hunt`.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <limits>

#include "hunt/budget.hpp"
#include "hunt/random_spectrum.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using hunt::Spectrum;
using hunt::SpectrumMaker;

constexpr std::int64_t kEach = 10;  // a spectrum counts as this many enclosures

// The truth of triplet i of the result.
long double truth_of(const Spectrum& s, Which which, std::int64_t k, std::int64_t i) {
  return s.values[static_cast<std::size_t>(which == Which::largest ? i : s.least() - k + i)];
}

const Method kMethods[] = {Auto{},
                           Lanczos{},
                           Lanczos{Lanczos::Form::gram},
                           Lanczos{Lanczos::Form::bidiagonal},
                           BlockKrylov{},
                           PowerIteration{},
                           Deflation{},
                           Randomized{},
                           DenseLapack{}};

template <Real T>
SvdOptions<T> options_for(SpectrumMaker& maker, const Spectrum& s, std::uint64_t seed) {
  SvdOptions<T> options;
  options.k = 1 + maker.pick(std::min<std::int64_t>(s.least(), maker.pick(3) == 0 ? 40 : 12));
  options.tolerance = std::same_as<T, float> ? 1e-5 : maker.pick(2) == 0 ? 1e-10 : 1e-6;
  options.accuracy = maker.pick(3) == 0 ? Accuracy::vectors : Accuracy::values;
  options.random = vouched(random_state(seed));
  return options;
}

template <Real T>
void hunt_proofs(std::int64_t spectra) {
  Context context(1);
  std::int64_t enclosures = 0;
  for (std::int64_t i = 0; i < spectra; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    SpectrumMaker maker(seed);
    const Spectrum s = maker.make(std::same_as<T, double>);
    const auto a = dense<T>(s.matrix);
    SvdOptions<T> options = options_for<T>(maker, s, seed);
    options.which = maker.pick(3) == 0 ? Which::smallest : Which::largest;
    if (options.which == Which::largest) options.method = kMethods[maker.pick(std::size(kMethods))];
    if (name(options.method) == "power") options.k = 1;
    if (name(options.method) == "power" || name(options.method) == "deflation") options.max_products = 2000;
    SCOPED_TRACE(hunt::rerun(seed, kEach) + " " + s.what);
    const CertifiedSvd<T> found = certified_svd(*a, options, CertifyOptions{}, context);
    ASSERT_EQ(found.sigma.size(), static_cast<std::size_t>(options.k));
    for (std::int64_t j = 0; j < options.k; ++j) {
      const Enclosure& e = found.sigma[static_cast<std::size_t>(j)];
      const long double truth = truth_of(s, options.which, options.k, j);
      ASSERT_TRUE(e.is_proven());
      ASSERT_LE(e.lower.value(), truth + s.error) << j;
      ASSERT_GE(e.upper->value(), truth - s.error) << j;
      ++enclosures;
    }
  }
  std::printf("%lld proven values of %lld spectra\n", static_cast<long long>(enclosures),
              static_cast<long long>(spectra));
}

TEST(HuntValues, EveryProvenValueOfDoublesIsWhatItSays) { hunt_proofs<double>(hunt::budget(10'000) / kEach); }
TEST(HuntValues, EveryProvenValueOfFloatsIsWhatItSays) { hunt_proofs<float>(hunt::budget(10'000) / kEach); }

// Counts of the statements of checks and of the outcomes.
struct Tally {
  std::int64_t checked = 0;
  std::int64_t wrong = 0;        // results with a bound that is false
  std::int64_t unconfirmed = 0;  // results that say so
};

template <Real T>
Tally hunt_checks(std::int64_t spectra, double failure_probability) {
  Context context(1);
  Tally tally;
  for (std::int64_t i = 0; i < spectra; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    SpectrumMaker maker(seed);
    const Spectrum s = maker.make(false);
    const auto a = dense<T>(s.matrix);
    SvdOptions<T> options = options_for<T>(maker, s, seed);
    options.failure_probability = failure_probability;
    options.which = maker.pick(4) == 0 ? Which::smallest : Which::largest;
    if (options.which == Which::largest) options.method = kMethods[maker.pick(std::size(kMethods))];
    if (name(options.method) == "power") options.k = 1;
    if (name(options.method) == "power" || name(options.method) == "deflation") options.max_products = 2000;
    SCOPED_TRACE(hunt::rerun(seed, kEach) + " " + s.what + " " + std::string(name(options.method)));
    const SvdResult<T> found = svd(*a, options, context);
    const double largest = static_cast<double>(s.values.front());
    const double rounding = tolerance::of_triplets<T>(s.rows, s.columns) * largest;
    bool wrong = false;
    for (std::int64_t j = 0; j < options.k; ++j) {
      const double truth = static_cast<double>(truth_of(s, options.which, options.k, j));
      const double sigma = found.sigma[static_cast<std::size_t>(j)];
      if (options.which == Which::largest) {
        EXPECT_LE(sigma, truth + rounding) << "values are lower bounds";
      }
      if (failure_probability < 1e-6 && found.outcome == SvdOutcome::converged) {
        const double allowed = tolerance::of_small_values<T>(s.rows, s.columns, options.tolerance);
        EXPECT_NEAR(sigma, truth, allowed * largest) << j << " of " << options.k;
      }
      if (!found.checked) continue;
      const double bound = found.checked->bound[static_cast<std::size_t>(j)];
      const bool holds = options.which == Which::largest ? bound >= truth - rounding : bound <= truth + rounding;
      wrong = wrong || !holds;  // NaN counts as wrong
    }
    if (wrong && failure_probability < 1e-6) ADD_FAILURE() << "a false bound";
    tally.checked += found.checked ? 1 : 0;
    tally.wrong += wrong ? 1 : 0;
    tally.unconfirmed += found.outcome == SvdOutcome::unconfirmed ? 1 : 0;
  }
  std::printf("%lld of %lld results checked at %g: %lld wrong, %lld unconfirmed\n",
              static_cast<long long>(tally.checked), static_cast<long long>(spectra), failure_probability,
              static_cast<long long>(tally.wrong), static_cast<long long>(tally.unconfirmed));
  // A library that never says "checked", or always says "unconfirmed", is useless.
  EXPECT_GE(3 * tally.checked, spectra - 10);
  EXPECT_LE(50 * tally.unconfirmed, spectra + 50);
  return tally;
}

TEST(HuntValues, NoMethodMissesACopyInDouble) {
  EXPECT_EQ(hunt_checks<double>(hunt::budget(10'000) / kEach, 1e-9).wrong, 0);
}
TEST(HuntValues, NoMethodMissesACopyInFloat) {
  EXPECT_EQ(hunt_checks<float>(hunt::budget(10'000) / kEach, 1e-9).wrong, 0);
}
TEST(HuntValues, ChecksFailNoMoreOftenThanTheySay) {
  for (const double p : {0.05, 0.3}) {
    const Tally tally = hunt_checks<double>(hunt::budget(10'000) / kEach, p);
    const auto count = static_cast<double>(tally.checked);
    EXPECT_LE(static_cast<double>(tally.wrong), count * p + 4 * std::sqrt(count * p)) << p;
  }
}

}  // namespace
}  // namespace sigmax
