// When an upper end may be probabilistic: only with a start that nobody could foresee.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "bounds/certify_cases.hpp"
#include "bounds/hunt.hpp"
#include "gallery/spectra.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/svd/certificate_contents.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using certify_cases::by;
using certify_cases::checked;
using certify_cases::hint_for;
using certify_cases::normal;
using certify_cases::of;
using certify_cases::width_of_proof;

// A matrix can be constructed for a known start. So only a start that was drawn, or that the caller vouches for, gives
// a probabilistic end.
TEST(Certify, OnlyADrawnStartGivesAProbabilisticEnd) {
  Context context(1);
  std::vector<double> spectrum(60, 1.0);
  spectrum[0] = 20;
  const auto s = of(gallery::with_singular_values(80, 60, spectrum), 80, 60);
  const auto certainty = [&](const std::optional<RandomState>& random) {
    auto options = repeatable<SvdOptions<double>>();
    options.method = Lanczos{};
    options.random = random;
    return certify(*s.op, svd(*s.op, options, context), by(CertifyMethod::probabilistic), context).upper->certainty();
  };
  EXPECT_EQ(certainty({}), Certainty::probabilistic);
  EXPECT_EQ(certainty(drawn_random_state()), Certainty::probabilistic);
  EXPECT_EQ(certainty(vouched(random_state(1))), Certainty::probabilistic);
  EXPECT_EQ(certainty(random_state(1)), Certainty::proven);
  EXPECT_EQ(certainty(RandomState{}), Certainty::proven);
}

// sigma_1 = 1 with v_1 orthogonal to the start of svd(), sigma_i = 1/2 otherwise: the solver only sees 1/2. Tested for
// every state that a program could be known to start from, and for every form of Lanczos.
TEST(Certify, AMatrixMadeForAKnownStartDefeatsNoEnd) {
  Context context(1);
  constexpr std::int64_t n = 40;
  for (const RandomState& known : {RandomState{}, random_state(1), random_state(0, 1), skip(RandomState{}, 20)}) {
    std::vector<double> starts(2 * n);
    const RandomState second = fill_normal(known, std::span(starts).first(n));
    static_cast<void>(fill_normal(second, std::span(starts).last(n)));
    std::vector<double> v = gallery::normal(n, 5);
    const auto remove = [&](std::span<const double> g) {
      const double factor = std::inner_product(g.begin(), g.end(), v.begin(), 0.0) /
                            std::inner_product(g.begin(), g.end(), g.begin(), 0.0);
      for (std::size_t i = 0; i < v.size(); ++i) v[i] -= factor * g[i];
    };
    for (int pass = 0; pass < 60; ++pass) {  // alternating projections: the two are nearly orthogonal
      remove(std::span<const double>(starts).first(n));
      remove(std::span<const double>(starts).last(n));
    }
    const double square = std::inner_product(v.begin(), v.end(), v.begin(), 0.0);
    std::vector<double> a(n * n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) a[i * n + j] = (i == j ? 0.5 : 0.0) + 0.5 * v[i] * v[j] / square;
    }
    const auto s = of(a, n, n);
    for (const Lanczos::Form form : {Lanczos::Form::automatic, Lanczos::Form::gram, Lanczos::Form::bidiagonal}) {
      auto options = repeatable<SvdOptions<double>>();
      options.method = Lanczos{form};
      options.check = Check::none;  // a check would use another start
      options.random.reset();
      const Enclosure blind = certify(*s.op, svd(*s.op, options, context), by(CertifyMethod::probabilistic), context);
      EXPECT_TRUE(contains(blind, s.exact.sigma_max()));
      EXPECT_GT(blind.lower.value(), 0.99) << "the start was drawn";
      options.random = known;
      const Enclosure defeated =
          certify(*s.op, svd(*s.op, options, context), by(CertifyMethod::probabilistic), context);
      EXPECT_TRUE(contains(defeated, s.exact.sigma_max()));
      EXPECT_LT(defeated.lower.value(), 0.51) << "the matrix was not made for this start";
      EXPECT_EQ(defeated.upper->certainty(), Certainty::proven);
      const Enclosure proven = certify(*s.op, svd(*s.op, options, context), CertifyOptions{}, context);
      EXPECT_TRUE(contains(proven, s.exact.sigma_max()));
      EXPECT_LE(proven.relative_width(), width_of_proof(n, n)) << "a proof looks for the vector once more";
    }
  }
}

TEST(Certify, RefusesFailureProbabilitiesThatRandomNumbersDoNotSupport) {
  Context context(1);
  const auto s = normal(20, 10, 29);
  const SvdResult<double> hint = hint_for(*s.op, context);
  for (const double bad : {0.0, -1e-9, 1e-16, 1.0, 2.0, std::nan(""), HUGE_VAL}) {
    CertifyOptions options;
    options.failure_probability = bad;
    EXPECT_THROW(static_cast<void>(certify(*s.op, hint, options, context)), Error) << bad;
  }
  // Down to this probability an end may be missing, but is never wrong.
  CertifyOptions least = by(CertifyMethod::probabilistic);
  least.failure_probability = kLeastFailureProbability;
  EXPECT_EQ(checked(s, least, context).upper->certainty(), Certainty::proven);
}

TEST(Certify, AProbableEndBelowTheProvenLowerOneIsDropped) {
  Context context(1);
  const auto s = normal(30, 20, 26);
  SvdResult<double> hint = hint_for(*s.op, context);
  contents(hint.certificate).scale *= 4;  // as if it were of another operator
  const Enclosure e = checked(s, by(CertifyMethod::probabilistic), context);
  EXPECT_EQ(e.upper->certainty(), Certainty::probabilistic);
  const Enclosure wrong = certify(*s.op, hint, by(CertifyMethod::probabilistic), context);
  EXPECT_TRUE(contains(wrong, s.exact.sigma_max()));
  EXPECT_EQ(wrong.upper->certainty(), Certainty::proven);
}

}  // namespace
}  // namespace sigmax
