// Weak majorization by enclosures, and Fan dominance.
#include "sigmax/norms/majorization.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/function.hpp"

namespace sigmax::norms {
namespace {

std::vector<Enclosure> exact(const std::vector<double>& values) {
  std::vector<Enclosure> result;
  for (const double value : values) result.push_back(bounds::exactly(value));
  return result;
}

Enclosure within(double lower, double upper) {
  return bounds::Proof::enclosure(bounds::Proof::lower(lower), bounds::Proof::proven(upper));
}

// The golden case of Fan's theorem.
TEST(Majorization, DecidesExactSpectra) {
  const Majorization dominated = weakly_majorized(exact({3, 3, 0}), exact({4, 2, 0}));
  EXPECT_EQ(dominated.verdict, Verdict::proven);
  EXPECT_EQ(dominated.k, 0);
  EXPECT_EQ(dominated.failure_probability, 0);
  const Majorization not_dominated = weakly_majorized(exact({3, 3, 0}), exact({4, 1.5, 1}));
  EXPECT_EQ(not_dominated.verdict, Verdict::refuted);
  EXPECT_EQ(not_dominated.k, 2);
  EXPECT_EQ(weakly_majorized(exact({3, 3}), exact({3, 3})).verdict, Verdict::proven);
  EXPECT_EQ(weakly_majorized(exact({2, 2, 1}), exact({2, 2})).verdict, Verdict::refuted);
  EXPECT_EQ(weakly_majorized(exact({2, 2, 1}), exact({2, 2})).k, 3);
  EXPECT_EQ(weakly_majorized(exact({2}), exact({2, 2, 1})).verdict, Verdict::proven);
  EXPECT_EQ(weakly_majorized({}, exact({0})).verdict, Verdict::proven);
  EXPECT_THROW(weakly_majorized({}, {}), Error);
}

// 1 + 2^-60 is not a double, and the sums in double are equal.
TEST(Majorization, ComparesSumsWithoutRounding) {
  EXPECT_EQ(weakly_majorized(exact({1, 0x1p-60}), exact({1, 0x1p-61})).verdict, Verdict::refuted);
  EXPECT_EQ(weakly_majorized(exact({1, 0x1p-61}), exact({1, 0x1p-60})).verdict, Verdict::proven);
  EXPECT_EQ(weakly_majorized(exact({0x1p1000, 1, 0x1p-1074}), exact({0x1p1000, 1, 0})).verdict, Verdict::refuted);
  EXPECT_EQ(weakly_majorized(exact({0x1p1000, 1, 0}), exact({0x1p1000, 1, 0x1p-1074})).verdict, Verdict::proven);
  const double most = std::numeric_limits<double>::max();
  EXPECT_EQ(weakly_majorized(exact({most, most}), exact({most, most})).verdict, Verdict::proven);
}

TEST(Majorization, IsUndecidedWhereEnclosuresOverlap) {
  const std::vector<Enclosure> x{within(2.9, 3.1), within(1, 1)};
  const std::vector<Enclosure> y{within(3.0, 3.2), within(2, 2)};
  const Majorization overlap = weakly_majorized(x, y);
  EXPECT_EQ(overlap.verdict, Verdict::undecided);
  EXPECT_EQ(overlap.k, 1);
  // A later sum may still refute.
  EXPECT_EQ(weakly_majorized(y, x).verdict, Verdict::refuted);
  EXPECT_EQ(weakly_majorized(y, x).k, 2);
  EXPECT_EQ(weakly_majorized(x, std::vector{within(3.1, 3.2), within(1, 2)}).verdict, Verdict::proven);
}

TEST(Majorization, NeedsTheUpperEndsOnOneSideOnly) {
  const std::vector<Enclosure> open{bounds::Proof::enclosure(bounds::Proof::lower(2), std::nullopt)};
  EXPECT_EQ(weakly_majorized(exact({1}), open).verdict, Verdict::proven);
  EXPECT_EQ(weakly_majorized(open, exact({1})).verdict, Verdict::refuted);
  EXPECT_EQ(weakly_majorized(open, exact({3})).verdict, Verdict::undecided);
  EXPECT_EQ(weakly_majorized(exact({3}), open).verdict, Verdict::undecided);
}

TEST(Majorization, AddsUpTheProbabilitiesThatItRestsOn) {
  const auto probable = [](double lower, double upper, double failure) {
    return bounds::Proof::enclosure(bounds::Proof::lower(lower), bounds::Proof::probabilistic(upper, failure));
  };
  const std::vector<Enclosure> x{probable(1, 2, 0.25), probable(1, 1, 0.125)};
  EXPECT_EQ(weakly_majorized(x, exact({3, 3})).verdict, Verdict::proven);
  EXPECT_EQ(weakly_majorized(x, exact({3, 3})).failure_probability, 0.375);
  // Lower ends of x are proven.
  EXPECT_EQ(weakly_majorized(x, exact({0.5, 0})).failure_probability, 0);
  const std::vector<Enclosure> unlikely{probable(1, 2, 0.75), probable(1, 1, 0.75)};
  EXPECT_EQ(weakly_majorized(unlikely, exact({3, 3})).verdict, Verdict::undecided);
}

// Against all Ky Fan norms in long double, on spectra that are nearly equal in many sums.
TEST(Majorization, AgreesWithTheKyFanNorms) {
  std::mt19937_64 random(5);
  int proven = 0;
  int refuted = 0;
  for (int i = 0; i < 2000; ++i) {
    std::vector<double> x(1 + random() % 5);
    std::vector<double> y(1 + random() % 5);
    for (std::vector<double>* values : {&x, &y}) {
      for (double& value : *values) value = static_cast<double>(random() % 8) / 4;
      std::sort(values->begin(), values->end(), std::greater<>());
    }
    bool holds = true;
    long double sum_x = 0;
    long double sum_y = 0;
    for (std::size_t k = 0; k < std::max(x.size(), y.size()); ++k) {
      sum_x += k < x.size() ? x[k] : 0;
      sum_y += k < y.size() ? y[k] : 0;
      holds = holds && sum_x <= sum_y;
    }
    const Majorization found = weakly_majorized(exact(x), exact(y));
    ASSERT_EQ(found.verdict, holds ? Verdict::proven : Verdict::refuted);
    (holds ? proven : refuted) += 1;
  }
  EXPECT_GT(proven, 100);
  EXPECT_GT(refuted, 100);
}

// B A with a contraction A, and the norms of both.
TEST(FanDominance, OfAProductWithAContractionIsProven) {
  Context context(1);
  FanOptions options = repeatable<FanOptions>();
  const std::vector<double> b = gallery::normal(8 * 6, 3);
  std::vector<double> half(36, 0.0);
  for (std::size_t i = 0; i < 6; ++i) half[7 * i] = 0.9 - 0.1 * static_cast<double>(i);
  const Operator<double> large = dense<double>(Tensor::copy_of(b, {8, 6}));
  const Operator<double> small = large * dense<double>(Tensor::copy_of(half, {6, 6}));
  EXPECT_EQ(fan_dominated(*small, *large, options, context).verdict, Verdict::proven);
  EXPECT_EQ(fan_dominated(*large, *small, options, context).verdict, Verdict::refuted);
  EXPECT_EQ(fan_dominated(*large, *large, options, context).verdict, Verdict::undecided);
}

// One norm is not enough: the Frobenius norm of diag(1.2, 0) is less than that of diag(1, 1), the spectral norm larger.
TEST(FanDominance, NamesTheKyFanNormThatRefutesIt) {
  Context context(1);
  const FanOptions options = repeatable<FanOptions>();
  const Tensor a = Tensor::copy_of(std::vector<double>{1, 0, 0, 1}, {2, 2});
  const Tensor b = Tensor::copy_of(std::vector<double>{1.2, 0, 0, 0}, {2, 2});
  const Majorization forward = fan_dominated(a, b, options, context);
  EXPECT_EQ(forward.verdict, Verdict::refuted);
  EXPECT_EQ(forward.k, 2);
  EXPECT_GT(norm(a, KyFan{forward.k}, context).value, norm(b, KyFan{forward.k}, context).value);
  const Majorization backward = fan_dominated(b, a, options, context);
  EXPECT_EQ(backward.verdict, Verdict::refuted);
  EXPECT_EQ(backward.k, 1);
}

}  // namespace
}  // namespace sigmax::norms
