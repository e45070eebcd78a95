// Gauges of the caller's, the whole spectrum, ranks and conditions, and the mean gain.
#include "sigmax/norms/gauge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/norms/mean_gain.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "support/widths.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

NormOptions options() { return repeatable<NormOptions>(); }

// sum w_i s_i for the numbers in descending order, w descending: a symmetric gauge.
Gauge weighted() {
  return {"weighted sum",
          [](std::span<const double> sigma) {
            std::vector<double> sorted(sigma.begin(), sigma.end());
            std::sort(sorted.begin(), sorted.end(), std::greater<>());
            double sum = 0;
            for (std::size_t i = 0; i < sorted.size(); ++i) sum += sorted[i] / (1 + static_cast<double>(i));
            return sum;
          },
          0x1p-45};
}

Gauge schatten_gauge(double p) {
  return {"Schatten", [p](std::span<const double> sigma) {
            double largest = 0;
            for (const double s : sigma) largest = std::max(largest, s);
            if (largest == 0 || std::isinf(largest)) return largest;
            double sum = 0;
            for (const double s : sigma) sum += std::pow(s / largest, p);
            return largest * std::pow(sum, 1 / p);
          }};
}

std::vector<long double> reference(const Tensor& a) {
  std::vector<long double> exact;
  for (std::int64_t i = 0; i < a.shape()[0]; ++i) {
    for (std::int64_t j = 0; j < a.shape()[1]; ++j) exact.push_back(a.at(std::vector{i, j}));
  }
  return gallery::reference_singular_values(exact, static_cast<std::size_t>(a.shape()[0]),
                                            static_cast<std::size_t>(a.shape()[1]));
}

TEST(WholeSpectrum, EnclosesEachValueToRoundingOfTheLargest) {
  Context context(2);
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{9, 6}, {6, 9}, {8, 8}, {1, 5}, {5, 1}}) {
    for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
      const std::vector<double> sigma = spectrum.values(std::min(rows, columns));
      const Tensor a = Tensor::copy_of(gallery::with_singular_values(rows, columns, sigma, 3), {rows, columns});
      const std::vector<long double> wanted = reference(a);
      const WholeSpectrum found = whole_spectrum(a, options(), context);
      ASSERT_EQ(found.known.size(), wanted.size());
      const std::string what = spectrum.name + " " + std::to_string(rows) + "x" + std::to_string(columns);
      const auto largest = static_cast<double>(wanted.front());
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        const Enclosure& e = found.known[i];
        // The reference is wrong by that in extended precision.
        const auto order = static_cast<long double>(std::max(rows, columns));
        const long double slack = 4 * order * std::numeric_limits<long double>::epsilon() * wanted.front();
        EXPECT_TRUE(e.is_proven()) << what;
        EXPECT_LE(e.lower.value(), wanted[i] + slack) << what << " " << i;
        EXPECT_GE(e.upper->value(), wanted[i] - slack) << what << " " << i;
        EXPECT_LE(e.upper->value() - e.lower.value(), tolerance::width_of_value(rows, columns, largest)) << what;
      }
    }
  }
}

TEST(WholeSpectrum, EnclosesEveryStorageTypeAndFloatOperators) {
  Context context(1);
  for (const DType dtype : gallery::kStorageTypes) {
    const Tensor a = Tensor::rounded(gallery::normal(7 * 5, 8), {7, 5}, dtype);
    const std::vector<long double> wanted = reference(a);
    const WholeSpectrum in_double = whole_spectrum(a, options(), context);
    const WholeSpectrum in_float = whole_spectrum(*dense<float>(a), options(), context);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      for (const WholeSpectrum* found : {&in_double, &in_float}) {
        EXPECT_TRUE(found->known[i].is_proven());
        EXPECT_LE(found->known[i].lower.value(), wanted[i]);
        EXPECT_GE(found->known[i].upper->value(), wanted[i]);
      }
      const Enclosure& e = in_double.known[i];
      EXPECT_LE(e.upper->value() - e.lower.value(), tolerance::width_of_value(7, 5, static_cast<double>(wanted[0])));
    }
  }
}

// A value of 1e-12 of the largest is told from 0, which its square cannot be in a Gram matrix.
TEST(WholeSpectrum, TellsTinyValuesFromZero) {
  Context context(1);
  const std::vector<double> sigma{1, 0.5, 1e-6, 1e-12};
  const Tensor a = Tensor::copy_of(gallery::with_singular_values(6, 4, sigma, 5), {6, 4});
  const WholeSpectrum found = whole_spectrum(a, options(), context);
  EXPECT_EQ(found.outcome, SvdOutcome::converged);
  const Enclosure kappa = condition_number(found.known);
  ASSERT_TRUE(kappa.upper);
  EXPECT_LE(kappa.lower.value(), 1.1e12);
  EXPECT_GE(kappa.upper->value(), 0.9e12);
  EXPECT_LE(kappa.upper->value(), 1.2e12);
}

TEST(WholeSpectrum, OfASumIsProvenWithTheRoundingOfItsEntries) {
  Context context(1);
  const std::vector<double> a = gallery::normal(6 * 5, 1);
  const std::vector<double> b = gallery::normal(6 * 5, 2);
  const Operator<double> sum =
      dense<double>(Tensor::copy_of(a, {6, 5})) + 0.3 * dense<double>(Tensor::copy_of(b, {6, 5}));
  std::vector<long double> exact;
  for (std::size_t i = 0; i < a.size(); ++i) exact.push_back(a[i] + static_cast<long double>(0.3) * b[i]);
  const std::vector<long double> wanted = gallery::reference_singular_values(exact, 6, 5);
  const WholeSpectrum found = whole_spectrum(*sum, options(), context);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_TRUE(found.known[i].is_proven());
    EXPECT_LE(found.known[i].lower.value(), wanted[i]);
    EXPECT_GE(found.known[i].upper->value(), wanted[i]);
    EXPECT_LE(found.known[i].upper->value() - found.known[i].lower.value(),
              tolerance::width_of_value(6, 5, static_cast<double>(wanted[0])));
  }
}

TEST(Gauge, OfPowersIsTheSchattenNorm) {
  Context context(1);
  const Tensor a = Tensor::copy_of(gallery::normal(7 * 5, 4), {7, 5});
  for (const double p : {1.0, 1.5, 3.0}) {
    const NormResult wanted = norm(a, Schatten{p}, options(), context);
    const NormResult found = gauge_norm(a, schatten_gauge(p), options(), context);
    EXPECT_NEAR(found.value, wanted.value, tolerance::of_matrix(7, 5, wanted.value));
    EXPECT_EQ(found.kind(), Known::proven);
    EXPECT_LE(found.enclosure->lower.value(), wanted.enclosure->upper->value());
    EXPECT_GE(found.enclosure->upper->value(), wanted.enclosure->lower.value());
    EXPECT_EQ(found.meaning, "Schatten");
  }
}

TEST(Gauge, IsUnitarilyInvariantAndMonotone) {
  Context context(1);
  const std::vector<double> sigma{4, 2, 1, 0.5};
  const Tensor a = Tensor::copy_of(gallery::with_singular_values(6, 4, sigma, 1), {6, 4});
  const Tensor b = Tensor::copy_of(gallery::with_singular_values(5, 4, sigma, 2), {5, 4});
  const Tensor less = Tensor::copy_of(gallery::with_singular_values(6, 4, {4, 1.5, 1, 0.5}, 3), {6, 4});
  const double wanted = 4 + 2 / 2.0 + 1 / 3.0 + 0.5 / 4;
  for (const Tensor* one : {&a, &b}) {
    const NormResult found = gauge_norm(*one, weighted(), options(), context);
    EXPECT_NEAR(found.value, wanted, tolerance::of_matrix(6, 4, wanted, 16));
  }
  EXPECT_LT(gauge_norm(less, weighted(), options(), context).enclosure->upper->value(),
            gauge_norm(a, weighted(), options(), context).enclosure->lower.value());
}

TEST(Gauge, ThatBreaksItsPromiseIsRefused) {
  Context context(1);
  const Tensor a = Tensor::copy_of(gallery::normal(9, 4), {3, 3});
  const Gauge falling{"falling", [](std::span<const double> s) { return 1 / (s[0] - 1e-9 * s[0]); }, 0};
  EXPECT_THROW(static_cast<void>(gauge_norm(a, falling, options(), context)), Error);
  const Gauge negative{"negative", [](std::span<const double>) { return -1.0; }};
  EXPECT_THROW(static_cast<void>(gauge_norm(a, negative, options(), context)), Error);
  EXPECT_THROW(static_cast<void>(gauge_norm(a, Gauge{}, options(), context)), Error);
}

TEST(StableRank, AndConditionContainTheirValues) {
  Context context(1);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Tensor a = Tensor::copy_of(gallery::normal(7 * 5, seed), {7, 5});
    const std::vector<long double> sigma = reference(a);
    long double squares = 0;
    for (const long double s : sigma) squares += s * s;
    const long double rank = squares / (sigma[0] * sigma[0]);
    const WholeSpectrum found = whole_spectrum(a, options(), context);
    const Enclosure stable = stable_rank(found.known);
    EXPECT_LE(stable.lower.value(), rank);
    EXPECT_GE(stable.upper->value(), rank);
    // sum sigma^2 moves by 2 w sum sigma <= 2 w sqrt(5) |A|_F if each value moves by w, and sigma_1^2 by 2 w sigma_1.
    EXPECT_LE(stable.relative_width(),
              tolerance::kSmallProof + 2 * (1 + std::sqrt(5.0)) * tolerance::width_of_value(7, 5, 1));
    const Enclosure kappa = condition_number(found.known);
    EXPECT_LE(kappa.lower.value(), sigma.front() / sigma.back());
    EXPECT_GE(kappa.upper->value(), sigma.front() / sigma.back());
  }
  const WholeSpectrum zero = whole_spectrum(Tensor::copy_of(std::vector<double>(6, 0.0), {2, 3}), options(), context);
  EXPECT_EQ(stable_rank(zero.known).upper->value(), 0);
  EXPECT_FALSE(condition_number(zero.known).upper);
  const WholeSpectrum singular =
      whole_spectrum(Tensor::copy_of(std::vector<double>{1, 2, 2, 4}, {2, 2}), options(), context);
  EXPECT_FALSE(condition_number(singular.known).upper);
  EXPECT_GT(condition_number(singular.known).lower.value(), 1e12);
  EXPECT_THROW(static_cast<void>(stable_rank({})), Error);
}

// The mean over the unit vectors of an orthonormal basis is the mean over the sphere.
TEST(MeanGain, IsTheMeanOfTheSquaredColumns) {
  Context context(1);
  for (const DType dtype : gallery::kStorageTypes) {
    const Tensor a = Tensor::rounded(gallery::normal(6 * 4, 3), {6, 4}, dtype);
    long double squares = 0;
    for (std::int64_t i = 0; i < 6; ++i) {
      for (std::int64_t j = 0; j < 4; ++j) squares += std::pow(static_cast<long double>(a.at(std::vector{i, j})), 2);
    }
    const NormResult found = mean_gain(a, options(), context);
    EXPECT_NEAR(found.value, static_cast<double>(squares / 4), tolerance::of_matrix(24, 1, found.value));
    EXPECT_LE(found.enclosure->lower.value(), squares / 4);
    EXPECT_GE(found.enclosure->upper->value(), squares / 4);
  }
  // A sum of two, which is formed with rounding, and an operator that is known by its products alone.
  const Tensor a = Tensor::rounded(gallery::normal(6 * 4, 3), {6, 4}, DType::f64);
  const double once = mean_gain(a, options(), context).value;
  const NormResult sum = mean_gain(*(dense<double>(a) + dense<double>(a)), options(), context);
  EXPECT_EQ(sum.kind(), Known::proven);
  EXPECT_LE(sum.enclosure->lower.value(), 4 * once * (1 + tolerance::of_matrix(24, 1, 1)));
  EXPECT_GE(sum.enclosure->upper->value(), 4 * once * (1 - tolerance::of_matrix(24, 1, 1)));
  EXPECT_LE(sum.enclosure->relative_width(), 2 * tolerance::width_of_p_norm(24, 2));
  // Beyond the range the value says so, and no upper end is claimed.
  const NormResult huge = mean_gain(Tensor::copy_of(std::vector<double>(4, 1e200), {2, 2}), options(), context);
  EXPECT_TRUE(std::isinf(huge.value));
  EXPECT_EQ(huge.kind(), Known::lower_only);
  EXPECT_THROW(static_cast<void>(mean_gain(Tensor::copy_of(std::vector<double>{1}, {1}), options(), context)), Error);
}

}  // namespace
}  // namespace sigmax::norms
