// The kinds of the ends that enclose() gives for a stored matrix, method by method, and its refusals; certify() of a
// scanned matrix.
#include "sigmax/bounds/enclose.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/dense.hpp"
#include "tolerance.hpp"

namespace sigmax::bounds {
namespace {

constexpr std::int64_t kRows = 60;
constexpr std::int64_t kColumns = 45;

gallery::Stored sample(double size = 1, DType dtype = DType::f64) {
  std::vector<double> values = gallery::normal(kRows * kColumns, 7);
  for (double& value : values) value *= size;
  return gallery::Stored(dtype, kRows, kColumns, values);
}

double exact_sigma_max(const gallery::Stored& a) {
  return static_cast<double>(gallery::reference_singular_values(a.values(), kRows, kColumns).front());
}

CertifyOptions by(CertifyMethod method, std::int64_t proven_up_to = 4096) {
  auto options = repeatable<CertifyOptions>();
  options.method = method;
  options.proven_up_to = proven_up_to;
  return options;
}

TEST(Enclose, EachMethodGivesTheEndsThatItPromises) {
  Context context(2);
  const gallery::Stored a = sample();
  const double truth = exact_sigma_max(a);
  const double rounding = tolerance::of_matrix(kRows, kColumns, truth);
  ScannedMatrix scanned(a.matrix(), context);
  const auto found = [&](const CertifyOptions& options) {
    const Enclosed e = enclose(scanned, options, context);
    EXPECT_LE(e.sigma_max.lower.value(), truth + rounding);
    EXPECT_GE(e.sigma_max.lower.value(), truth * (1 - tolerance::of_estimate(5e-9)));
    EXPECT_EQ(e.sigma_max.lower.certainty(), Certainty::proven);
    EXPECT_NEAR(e.estimate, truth, truth * tolerance::of_estimate(5e-9));
    EXPECT_EQ(e.in_units, e.estimate);
    if (e.sigma_max.upper) {
      EXPECT_GE(e.sigma_max.upper->value(), truth - rounding);
    }
    return e.sigma_max;
  };
  const double proof = tolerance::relative(kRows, kRows, static_cast<double>(kRows));
  for (const CertifyMethod method : {CertifyMethod::automatic, CertifyMethod::proven}) {
    const Enclosure e = found(by(method));
    EXPECT_TRUE(e.is_proven());
    EXPECT_LE(e.relative_width(), proof);
  }
  for (const Enclosure& e : {found(by(CertifyMethod::automatic, 10)), found(by(CertifyMethod::probabilistic))}) {
    ASSERT_TRUE(e.upper.has_value());
    EXPECT_EQ(e.upper->certainty(), Certainty::probabilistic);
    EXPECT_EQ(e.upper->failure_probability(), 1e-9);
  }
  for (const Enclosure& e : {found(by(CertifyMethod::proven, 10)), found(by(CertifyMethod::cheapest))}) {
    EXPECT_TRUE(e.is_proven());
    EXPECT_GT(e.relative_width(), proof) << "from norms";
    EXPECT_LE(e.upper->value(), scanned.frobenius() * (1 + tolerance::relative(kRows, kColumns)));
  }
  EXPECT_FALSE(found(by(CertifyMethod::none)).upper.has_value());
}

TEST(Enclose, ProvesBeyondTheLimitWhatIsCheap) {
  Context context(1);
  const gallery::Stored a = sample();
  ScannedMatrix scanned(a.matrix(), context);
  CertifyOptions options = by(CertifyMethod::automatic, 10);
  options.proven_if_cheap = true;
  EXPECT_TRUE(enclose(scanned, options, context).sigma_max.is_proven());
}

TEST(Enclose, AStartThatWasNotDrawnGivesNoProbabilisticEnd) {
  Context context(1);
  const gallery::Stored a = sample();
  ScannedMatrix scanned(a.matrix(), context);
  CertifyOptions options = by(CertifyMethod::probabilistic);
  options.random = random_state(3);
  EXPECT_TRUE(enclose(scanned, options, context).sigma_max.is_proven());
  options.random = vouched(random_state(3));
  EXPECT_FALSE(enclose(scanned, options, context).sigma_max.is_proven());
  options.random.reset();
  EXPECT_FALSE(enclose(scanned, options, context).sigma_max.is_proven()) << "drawn";
}

// f64 entries whose squares leave the range: the figures are those of the ordinary matrix, times a power of two.
TEST(Enclose, KeepsHugeAndTinyMatricesInRange) {
  Context context(1);
  const gallery::Stored a = sample();
  ScannedMatrix ordinary(a.matrix(), context);
  for (const CertifyMethod method : {CertifyMethod::proven, CertifyMethod::probabilistic}) {
    const Enclosed one = enclose(ordinary, by(method), context);
    for (const double size : {0x1p900, 0x1p-900}) {
      const gallery::Stored far = sample(size);
      ScannedMatrix scanned(far.matrix(), context);
      const Enclosed e = enclose(scanned, by(method), context);
      const double allowed = tolerance::relative(kRows, kColumns, 1);
      EXPECT_NEAR(e.estimate / size / one.estimate, 1, allowed);
      EXPECT_EQ(e.in_units * scanned.in_range(context).factor, e.estimate);
      EXPECT_NEAR(e.sigma_max.upper->value() / size / one.sigma_max.upper->value(), 1, allowed);
    }
  }
  const gallery::Stored beyond = sample(0x1p1021);
  ScannedMatrix scanned(beyond.matrix(), context);
  const Enclosed e = enclose(scanned, by(CertifyMethod::proven), context);
  EXPECT_FALSE(e.sigma_max.upper.has_value()) << "no double is an upper end";
  EXPECT_EQ(e.sigma_max.lower.value(), std::numeric_limits<double>::max());
  EXPECT_EQ(e.estimate, std::numeric_limits<double>::max());
  EXPECT_TRUE(std::isfinite(e.in_units));
}

TEST(Enclose, TakesAComputedValueForItsEstimateAndIsContradictedByAWrongOne) {
  Context context(1);
  const gallery::Stored a = sample();
  const double truth = exact_sigma_max(a);
  ScannedMatrix scanned(a.matrix(), context);
  const double error = tolerance::relative(kRows, kColumns);
  const Enclosed e = enclose(scanned, {truth, error}, by(CertifyMethod::probabilistic), context);
  EXPECT_EQ(e.estimate, truth);
  EXPECT_THROW(static_cast<void>(enclose(scanned, {2 * truth, error}, by(CertifyMethod::proven), context)),
               InternalError);
  EXPECT_THROW(static_cast<void>(enclose(scanned, {truth / 2, error}, by(CertifyMethod::proven), context)),
               InternalError);
}

TEST(Enclose, OfZerosIsZero) {
  Context context(1);
  const gallery::Stored zeros(DType::f16, 4, 3, std::vector<double>(12, 0.0));
  ScannedMatrix scanned(zeros.matrix(), context);
  for (const CertifyMethod method : {CertifyMethod::automatic, CertifyMethod::probabilistic, CertifyMethod::cheapest}) {
    const Enclosed e = enclose(scanned, by(method), context);
    EXPECT_EQ(e.sigma_max.lower.value(), 0);
    EXPECT_EQ(e.sigma_max.upper->value(), 0);
    EXPECT_TRUE(e.sigma_max.is_proven());
  }
}

TEST(Enclose, RefusesWhatHasNoSigmaMax) {
  Context context(1);
  ScannedMatrix empty(kernels::StoredMatrix{DType::f64, nullptr, 0, 3, 3}, context);
  EXPECT_THROW(static_cast<void>(enclose(empty, {}, context)), Error);
  const gallery::Stored bad(DType::f32, 1, 2, std::vector<double>{1, std::nan("")});
  ScannedMatrix scanned(bad.matrix(), context);
  EXPECT_THROW(static_cast<void>(enclose(scanned, {}, context)), Error);
  const gallery::Stored a = sample();
  ScannedMatrix fine(a.matrix(), context);
  for (const double probability : {0.0, 1e-16, 1.0, std::nan("")}) {
    CertifyOptions options;
    options.failure_probability = probability;
    EXPECT_THROW(static_cast<void>(enclose(fine, options, context)), Error) << probability;
  }
}

void expect_same(const Enclosure& found, const Enclosure& wanted) {
  EXPECT_EQ(found.lower.value(), wanted.lower.value());
  ASSERT_EQ(found.upper.has_value(), wanted.upper.has_value());
  if (found.upper) {
    EXPECT_EQ(found.upper->value(), wanted.upper->value());
    EXPECT_EQ(found.upper->certainty(), wanted.upper->certainty());
  }
}

TEST(Certify, AScannedMatrixIsCertifiedAsItsOperatorIs) {
  Context context(1);
  const std::vector<double> values = gallery::normal(30 * 20, 8);
  for (const Tensor& tensor : {Tensor::copy_of(values, {30, 20}), gallery::column_major(DType::f32, 20, 30, values),
                               gallery::gapped(DType::bf16, 30, 20, values)}) {
    const Operator<double> a = dense<double>(tensor);
    const SvdResult<double> hint = svd(*a, repeatable<SvdOptions<double>>(), context);
    ScannedMatrix scanned(stored_view(tensor), context);
    for (const CertifyMethod method : {CertifyMethod::automatic, CertifyMethod::probabilistic, CertifyMethod::none}) {
      expect_same(certify(scanned, hint, by(method), context), certify(*a, hint, by(method), context));
    }
    EXPECT_THROW(static_cast<void>(certify(scanned, SvdResult<double>{}, CertifyOptions{}, context)), Error);
  }
}

TEST(Certify, WhatIsLeftOutHasItsDefault) {
  Context context(1);
  const Operator<double> a = dense<double>(Tensor::copy_of(gallery::normal(30 * 20, 6), {30, 20}));
  const auto options = repeatable<SvdOptions<double>>();
  const SvdResult<double> hint = svd(*a, options, context);
  expect_same(certify(*a, hint), certify(*a, hint, CertifyOptions{}, context));
  expect_same(certify_values(*a, hint, Which::largest).sigma.front(),
              certify_values(*a, hint, Which::largest, CertifyOptions{}, context).sigma.front());
  expect_same(certified_svd(*a, options).sigma.front(),
              certified_svd(*a, options, CertifyOptions{}, context).sigma.front());
}

}  // namespace
}  // namespace sigmax::bounds
