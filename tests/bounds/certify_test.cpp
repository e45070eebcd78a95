// The promises of certify() beyond correctness: how tight, of which kind, at which limits, and its refusals.
#include "sigmax/bounds/certify.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "bounds/certify_cases.hpp"
#include "bounds/hunt.hpp"
#include "gallery/reference_svd.hpp"
#include "gallery/spectra.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/operator_proof/collatz.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/svd/certificate_contents.hpp"
#include "support/opaque.hpp"

namespace sigmax {
namespace {

using certify_cases::by;
using certify_cases::checked;
using certify_cases::hint_for;
using certify_cases::normal;
using certify_cases::of;
using certify_cases::width_of_proof;
using hunt::Hostile;

TEST(Certify, IsAsTightAsAFactorizationAllows) {
  Context context(2);
  for (const auto& [rows, columns] : {std::pair{60, 60}, {20, 90}, {90, 20}, {1, 50}, {50, 1}}) {
    const auto m = static_cast<std::size_t>(rows);
    const auto n = static_cast<std::size_t>(columns);
    const Enclosure e = checked(normal(m, n, 3), by(CertifyMethod::proven), context);
    EXPECT_EQ(e.upper->certainty(), Certainty::proven);
    EXPECT_LE(e.relative_width(), width_of_proof(m, n)) << rows << "x" << columns;
  }
}

TEST(Certify, APoorVectorIsImprovedByInverseIteration) {
  Context context(1);
  const auto s = normal(60, 40, 5);
  auto loose = repeatable<SvdOptions<double>>();
  loose.method = Lanczos{};
  loose.tolerance = 1e-6;
  const SvdResult<double> hint = svd(*s.op, loose, context);
  const Enclosure e = certify(*s.op, hint, CertifyOptions{}, context);
  EXPECT_TRUE(contains(e, s.exact.sigma_max()));
  EXPECT_LE(e.relative_width(), width_of_proof(60, 40));
}

TEST(Certify, StopsAtTheWidthAskedFor) {
  Context context(1);
  const auto s = normal(70, 50, 6);
  const SvdResult<double> hint = hint_for(*s.op, context);
  for (const double width : {1e-2, 1e-4, 1e-8}) {
    CertifyOptions options;
    options.relative_width = width;
    const Enclosure e = certify(*s.op, hint, options, context);
    EXPECT_TRUE(contains(e, s.exact.sigma_max()));
    EXPECT_LE(e.relative_width(), width);
    // The first Cholesky factorization that completes is enough: its width is half of the allowed width.
    EXPECT_GE(e.relative_width(), width / 8);
  }
}

// sigma_max(D_1 |A| D_2) for signs D: nonnegative except for signs of rows and columns, or of rank one.
TEST(Certify, CollatzQuotientsAreTightForNonnegativeAndRankOneMatrices) {
  Context context(1);
  std::vector<double> signed_values = gallery::normal(40 * 30, 7);
  for (std::size_t i = 0; i < signed_values.size(); ++i) {
    signed_values[i] = std::fabs(signed_values[i]) * (i / 30 % 2 == 0 ? 1 : -1) * (i % 30 % 3 == 0 ? -1 : 1);
  }
  std::vector<double> rank_one;
  const std::vector<double> x = gallery::normal(70, 8);
  for (std::size_t i = 0; i < 40; ++i) {
    for (std::size_t j = 0; j < 30; ++j) rank_one.push_back(x[i] * x[40 + j]);
  }
  std::vector<double> diagonal(30 * 30, 0.0);  // zero elsewhere, sigma_1 = sigma_2, and a zero column
  for (std::size_t i = 0; i < 29; ++i) diagonal[i * 31] = i < 2 ? -3 : 1;
  CertifyOptions options = by(CertifyMethod::cheapest);
  options.relative_width = 1e-11;
  for (const auto& s : {of(signed_values, 40, 30), of(rank_one, 40, 30), of(diagonal, 30, 30)}) {
    const Enclosure e = checked(s, options, context);
    EXPECT_EQ(e.upper->certainty(), Certainty::proven);
    EXPECT_LE(e.relative_width(), options.relative_width) << show(e, s.exact.sigma_max());
    const Enclosure turned = checked(Hostile::transposed(s), options, context);
    EXPECT_LE(turned.relative_width(), options.relative_width);
  }
}

TEST(Certify, EachCollatzStepIsABoundAndFalls) {
  Context context(1);
  std::vector<double> values = gallery::normal(50 * 40, 9);
  for (double& value : values) value = std::fabs(value);
  const auto s = of(values, 50, 40);
  const auto e = bounds::take_apart(*s.op, context);
  ASSERT_TRUE(e.has_value());
  const long double truth = std::ldexp(s.exact.sigma_max().value, static_cast<int>(-e->exponent));
  double before = std::numeric_limits<double>::infinity();
  for (int steps = 1; steps <= 8; ++steps) {
    bounds::CollatzOptions options;
    options.persist = true;
    options.most = steps;
    const double bound = bounds::collatz_upper_bound(*e, {}, options, context);
    EXPECT_GE(bound, truth);
    EXPECT_LE(bound, before);
    before = bound;
  }
  // The steps end once one lowers the bound by less than a thousandth. A step of A^T A leaves the share (sigma_2 /
  // sigma_1)^2 of what the bound has above the truth: after the last one, ratio / (1 - ratio) of that thousandth.
  constexpr long double kLastStep = 1e-3L;
  const auto sigma = gallery::reference_singular_values(values, 50, 40);
  const long double ratio = (sigma[1] / sigma[0]) * (sigma[1] / sigma[0]);
  const long double rest = kLastStep * ratio / (1 - ratio);
  EXPECT_LE(before, truth * (1 + rest));
}

TEST(Certify, MethodsSayHowTheyKnow) {
  Context context(1);
  std::vector<double> spectrum(60, 1.0);
  spectrum[0] = 20;
  const auto s = of(gallery::with_singular_values(80, 60, spectrum), 80, 60);
  EXPECT_EQ(checked(s, by(CertifyMethod::automatic), context).upper->certainty(), Certainty::proven);
  EXPECT_EQ(checked(s, by(CertifyMethod::cheapest), context).upper->certainty(), Certainty::proven);
  const Enclosure probable = checked(s, by(CertifyMethod::probabilistic), context);
  EXPECT_EQ(probable.upper->certainty(), Certainty::probabilistic);
  EXPECT_EQ(probable.upper->failure_probability(), CertifyOptions{}.failure_probability);
  constexpr double kSharp = 1e-3;  // a width that tells 20 from 1, and from no bound at all
  EXPECT_LE(probable.relative_width(), kSharp) << "the first value stands apart";
  CertifyOptions beyond;
  beyond.proven_up_to = 10;
  EXPECT_EQ(checked(s, beyond, context).upper->certainty(), Certainty::probabilistic);
  beyond.method = CertifyMethod::proven;
  EXPECT_EQ(checked(s, beyond, context).upper->certainty(), Certainty::proven);
}

TEST(Certify, CompositesAreFormedAndProven) {
  Context context(2);
  const auto w = normal(50, 40, 11, DType::bf16);
  const auto b = normal(50, 4, 12);
  const auto a = normal(4, 40, 13, DType::f16);
  const auto adapted = Hostile::sum(w, Hostile::times(0.3, Hostile::product(b, a)));
  for (const auto& s : {adapted, Hostile::transposed(adapted), Hostile::stack(adapted, w, true),
                        Hostile::stack(adapted, w, false), Hostile::times(1 / 3.0, w)}) {
    const Enclosure e = checked(s, by(CertifyMethod::automatic), context);
    EXPECT_EQ(e.upper->certainty(), Certainty::proven);
    EXPECT_LE(e.relative_width(), width_of_proof(100, 80)) << s.what;
  }
}

TEST(Certify, AThinProductIsProvenFromItsInnerMatricesAlone) {
  Context context(2);
  for (const std::size_t r : {std::size_t{1}, std::size_t{5}, std::size_t{16}}) {
    const auto s = Hostile::product(normal(60, r, 14), normal(r, 45, 15));
    const Enclosure e = checked(s, by(CertifyMethod::proven, 0), context);
    EXPECT_EQ(e.upper->certainty(), Certainty::proven);
    EXPECT_LE(e.relative_width(), width_of_proof(60, 45)) << r;
    const Enclosure turned = checked(Hostile::transposed(s), by(CertifyMethod::proven, 0), context);
    EXPECT_LE(turned.relative_width(), width_of_proof(60, 45)) << r;
  }
}

// A composite that cannot be formed gets |A| + |B|, |A| |B| and similar bounds from proven parts.
TEST(Certify, WhatMayNotBeFormedIsBoundedPartByPart) {
  Context context(2);
  const auto w = normal(50, 40, 21);
  const auto d = normal(50, 40, 22);
  const double sum = static_cast<double>(w.exact.sigma_max().value + d.exact.sigma_max().value);
  const Enclosure added = checked(Hostile::sum(w, d), by(CertifyMethod::proven, 0), context);
  EXPECT_LE(added.upper->value(), sum * (1 + width_of_proof(50, 40)));
  const double root = static_cast<double>(std::hypot(w.exact.sigma_max().value, d.exact.sigma_max().value));
  const Enclosure stacked = checked(Hostile::stack(w, d, true), by(CertifyMethod::proven, 0), context);
  EXPECT_LE(stacked.upper->value(), root * (1 + width_of_proof(50, 40)));
  // W + W: the triangle inequality is an equality.
  const Enclosure twice = checked(Hostile::sum(w, w), by(CertifyMethod::proven, 0), context);
  EXPECT_LE(twice.relative_width(), width_of_proof(50, 40));
}

TEST(Certify, ADifferenceThatCancelsIsZeroToTheLastBit) {
  Context context(1);
  const auto w = normal(20, 30, 23);
  const auto s = Hostile::sum(w, Hostile::times(-1.0, w));
  const Enclosure e = checked(s, CertifyOptions{}, context);
  EXPECT_EQ(e.lower.value(), 0);
  EXPECT_EQ(e.upper->value(), 0);
  const auto zero = of(std::vector<double>(12, 0.0), 3, 4);
  EXPECT_EQ(checked(zero, CertifyOptions{}, context).upper->value(), 0);
  EXPECT_EQ(checked(Hostile::times(0.0, w), CertifyOptions{}, context).upper->value(), 0);
}

TEST(Certify, AFloatOperatorIsCertifiedAgainstTheStoredValues) {
  Context context(1);
  Hostile hostile(3);
  const auto s = hostile.of_values<float>(gallery::normal(30 * 20, 24), 30, 20, DType::f64, false, "f64 for float");
  const Enclosure e = certify(*s.op, hint_for(*s.op, context), CertifyOptions{}, context);
  EXPECT_TRUE(contains(e, s.exact.sigma_max())) << show(e, s.exact.sigma_max());
  EXPECT_LE(e.relative_width(), width_of_proof(30, 20)) << "narrower than float itself";
}

TEST(Certify, AnOpaqueOperatorHasNoProvenUpperEnd) {
  Context context(1);
  const auto s = normal(30, 20, 25);
  const Operator<double> hidden = std::make_shared<OpaqueOperator<double>>(s.op);
  for (const Operator<double>& a : {hidden, hidden + s.op, 2.0 * (s.op * transposed(hidden))}) {
    const SvdResult<double> hint = hint_for(*a, context);
    const Enclosure e = certify(*a, hint, CertifyOptions{}, context);
    ASSERT_TRUE(e.upper.has_value());
    EXPECT_EQ(e.upper->certainty(), Certainty::probabilistic);
    EXPECT_LE(e.lower.value(), e.upper->value());
    EXPECT_GT(e.lower.value(), 0.99 * hint.sigma[0]);
    EXPECT_FALSE(certify(*a, hint, by(CertifyMethod::proven), context).upper.has_value());
    SvdResult<double> warm = hint;
    contents(warm.certificate).recurrences.clear();
    EXPECT_FALSE(certify(*a, warm, CertifyOptions{}, context).upper.has_value()) << "no random start";
  }
}

TEST(Certify, BeyondTheRangeOfDoubleThereIsNoUpperEnd) {
  Context context(1);
  const auto s = of(std::vector<double>(100, 1.5e308), 10, 10);
  SvdResult<double> hint;
  hint.v = Matrix<double>(10, 1);
  for (double& value : hint.v.values()) value = 1;
  const Enclosure e = certify(*s.op, hint, CertifyOptions{}, context);
  EXPECT_FALSE(e.upper.has_value());
  EXPECT_EQ(e.lower.value(), std::numeric_limits<double>::max());
}

TEST(Certify, GivesTheSameBitsForAnyNumberOfThreads) {
  const auto w = normal(300, 200, 27);
  const auto s = Hostile::times(0.7, w);
  const Operator<double> composite = w.op + s.op * transposed(s.op) * w.op;
  Context one(1);
  Context three(3);
  const SvdResult<double> hint = hint_for(*composite, one);
  for (const std::int64_t up_to : {std::int64_t{4096}, std::int64_t{100}}) {
    CertifyOptions options = by(CertifyMethod::automatic);
    options.proven_up_to = up_to;
    const Enclosure a = certify(*composite, hint, options, one);
    const Enclosure b = certify(*composite, hint, options, three);
    EXPECT_EQ(a.lower.value(), b.lower.value());
    EXPECT_EQ(a.upper->value(), b.upper->value());
  }
}

TEST(Certify, NoneGivesTheLowerEndAlone) {
  Context context(1);
  const auto w = normal(30, 20, 5);
  for (const auto& s : {w, Hostile::times(1 / 3.0, w), Hostile::sum(w, Hostile::times(3, w))}) {
    const Enclosure e = checked(s, by(CertifyMethod::none), context);
    EXPECT_FALSE(e.upper.has_value()) << s.what;
    const long double truth = s.exact.sigma_max().value;
    EXPECT_GE(static_cast<long double>(e.lower.value()), truth * (1 - width_of_proof(30, 20))) << s.what;
  }
}

TEST(Certify, RefusesWhatIsNoMatrixAndWhatDoesNotFit) {
  Context context(1);
  const auto s = normal(4, 3, 28);
  const SvdResult<double> hint = hint_for(*s.op, context);
  std::vector<double> bad(12, 1.0);
  bad[5] = std::nan("");
  EXPECT_THROW(certify(*of(bad, 4, 3).op, hint, CertifyOptions{}, context), Error);
  EXPECT_THROW(certify(*(s.op + of(bad, 4, 3).op), hint, CertifyOptions{}, context), Error);
  EXPECT_THROW(certify(*transposed(s.op), hint, CertifyOptions{}, context), Error);
  EXPECT_THROW(certify(*s.op, SvdResult<double>{}, CertifyOptions{}, context), Error);
  CertifyOptions negative;
  negative.relative_width = -1;
  EXPECT_THROW(certify(*s.op, hint, negative, context), Error);
  EXPECT_THROW(certify(*of({}, 0, 3).op, hint, CertifyOptions{}, context), Error);
}

}  // namespace
}  // namespace sigmax
