// Figures of matrices that are not normal, against powers that are formed, closed forms and golden values.
#include "sigmax/sensitivity/non_normality.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/bounds/matrix_powers.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"
#include "sigmax/sensitivity/pseudospectrum.hpp"
#include "support/dense.hpp"
#include "support/widths.hpp"
#include "tolerance.hpp"

namespace sigmax::sensitivity {
namespace {

using dense_support::matrix;
using dense_support::tensor;

using tolerance::kOutward;

Matrix<double> example() { return matrix({{.5, 10}, {0, .5}}); }

Matrix<double> jordan(std::int64_t n, double lambda) {
  Matrix<double> a(n, n);
  for (std::int64_t i = 0; i < n; ++i) {
    a(i, i) = lambda;
    if (i + 1 < n) a(i, i + 1) = 1;
  }
  return a;
}

Matrix<double> random(std::int64_t n, double radius, std::uint64_t seed) {
  Matrix<double> a = matrix(gallery::normal(n * n, seed), n, n);
  const SerialBlas serial;
  double largest = 0;
  for (const std::complex<double>& value : lapack::eigenvalues(a)) largest = std::max(largest, std::abs(value));
  for (double& value : a.values()) value *= radius / largest;
  return a;
}

// |A^k|_2 for k = 0 ... last, in long double.
std::vector<long double> norms_of_powers(const Matrix<double>& a, int last) {
  const dense_support::LongMatrix rows = dense_support::in_long(a);
  const std::size_t n = rows.size();
  dense_support::LongMatrix power(n, std::vector<long double>(n));
  for (std::size_t i = 0; i < n; ++i) power[i][i] = 1;
  std::vector<long double> norms;
  for (int k = 0; k <= last; ++k) {
    std::vector<long double> flat;
    for (const auto& row : power) flat.insert(flat.end(), row.begin(), row.end());
    norms.push_back(gallery::reference_singular_values(flat, n, n).front());
    dense_support::LongMatrix next(n, std::vector<long double>(n));
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t l = 0; l < n; ++l) {
        for (std::size_t j = 0; j < n; ++j) next[i][j] += power[i][l] * rows[l][j];
      }
    }
    power = next;
  }
  return norms;
}

TEST(Departure, AgreesWithClosedForms) {
  Context context(1);
  const Departure golden = departure_from_normality(tensor(example()), context);
  EXPECT_NEAR(golden.value, 10, 10 * tolerance::relative(2, 2, 1, 16));
  EXPECT_TRUE(golden.enclosure.is_proven());
  EXPECT_NEAR(departure_from_normality(tensor(jordan(9, 2)), context).value, std::sqrt(8.0),
              tolerance::relative(9, 9, 8));
  const Departure rotation = departure_from_normality(tensor({{0.6, -0.8}, {0.8, 0.6}}), context);
  EXPECT_LE(rotation.value, tolerance::relative(2, 2));
  EXPECT_LE(rotation.enclosure.upper->value(), std::sqrt(tolerance::relative(2, 2, 64)));
  // A block that dgees standardizes: [1 4; -1 1] has eigenvalues 1 +- 2 i and the norm^2 1 + 16 + 1 + 1 = 19.
  EXPECT_NEAR(departure_from_normality(tensor({{1, 4}, {-1, 1}}), context).value, 3, tolerance::relative(2, 2, 16));
  EXPECT_EQ(departure_from_normality(tensor({{7}}), context).value, 0);
  EXPECT_EQ(departure_from_normality(tensor({{0, 0}, {0, 0}}), context).enclosure.upper->value(), 0);
}

TEST(Departure, LiesInItsProvenEnclosureAtEveryScale) {
  Context context(1);
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const std::int64_t n = 2 + static_cast<std::int64_t>(seed % 7);
    for (const double unit : {1e-300, 1.0, 1e300}) {
      const Matrix<double> a = random(n, unit, seed);
      const Departure found = departure_from_normality(tensor(a), context);
      double square = 0;
      for (const double value : a.values()) square += (value / unit) * (value / unit);
      const SerialBlas serial;
      Matrix<double> b = a;
      for (double& value : b.values()) value /= unit;
      for (const std::complex<double>& value : lapack::eigenvalues(b)) square -= std::norm(value);
      const double direct = std::sqrt(std::max(0.0, square));
      const double slack = std::sqrt(tolerance::relative(n, n, 100));
      EXPECT_NEAR(found.value / unit, direct, slack);
      EXPECT_LE(found.enclosure.lower.value() / unit, direct + slack);
      EXPECT_GE(found.enclosure.upper->value() / unit, direct - slack);
    }
  }
}

TEST(PowerBound, HoldsForPowersThatAreFormed) {
  Context context(1);
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const std::int64_t n = 2 + static_cast<std::int64_t>(seed % 5);
    Matrix<double> a = random(n, 0.8, seed);
    if (seed % 3 == 0) a(0, n - 1) += 20;
    double radius = 0;
    {
      const SerialBlas serial;
      for (const std::complex<double>& value : lapack::eigenvalues(a)) radius = std::max(radius, std::abs(value));
    }
    const std::vector<long double> norms = norms_of_powers(a, 60);
    for (const double rate : {radius * 1.001, radius * 1.1, 2 * radius}) {
      const PowerBound bound = power_bound(tensor(a), rate, context);
      ASSERT_TRUE(bound.constant.has_value()) << seed << ' ' << rate;
      EXPECT_EQ(bound.constant->certainty(), Certainty::proven);
      EXPECT_GE(bound.constant->value(), 1);
      long double decay = 1;
      for (const long double norm : norms) {
        EXPECT_LE(norm, bound.constant->value() * decay * (1 + tolerance::kExtended));
        decay *= rate;
      }
    }
    EXPECT_FALSE(power_bound(tensor(a), radius * 0.999, context).constant.has_value());
  }
}

TEST(PowerBound, OfTheBestLyapunovMatrixIsTheGoldenOne) {
  Context context(1);
  // diag(1, t^2) with t = 40/3 is the best at rate 1, where A^T P A <= P holds with equality in one direction: a rate
  // that is larger by 1e-9 leaves room for rounding.
  const Tensor best = tensor({{1, 0}, {0, 1600.0 / 9}});
  const PowerBound found = power_bound(tensor(example()), best, 1 + 1e-9, context);
  ASSERT_TRUE(found.constant.has_value());
  EXPECT_NEAR(found.constant->value(), 40.0 / 3, 40.0 / 3 * kOutward);
  // At rate 1 - 1e-9 the same matrix proves nothing, nor does one that is not definite.
  EXPECT_FALSE(power_bound(tensor(example()), best, 1 - 1e-9, context).constant.has_value());
  EXPECT_FALSE(power_bound(tensor(example()), tensor({{1, 0}, {0, -1}}), 1, context).constant.has_value());
  EXPECT_FALSE(power_bound(tensor(example()), tensor({{0, 0}, {0, 0}}), 1, context).constant.has_value());
  const PowerBound own = power_bound(tensor(example()), 1, context);
  EXPECT_GE(own.constant->value(), 10.0249378105604);  // golden: sup |A^k|
  EXPECT_LE(own.constant->value(), 2 * 40.0 / 3);
}

// A^T A = I except for rounding: whether |A| <= 1 is a matter of the last bit of the entries.
TEST(PowerBound, IsNotProvenByAMarginOfRounding) {
  Context context(1);
  for (int step = 1; step < 200; ++step) {
    const double c = std::cos(0.03 * step), s = std::sin(0.03 * step);
    const Tensor rotation = tensor({{c, -s}, {s, c}});
    const Tensor one = tensor({{1, 0}, {0, 1}});
    EXPECT_FALSE(power_bound(rotation, one, 1, context).constant.has_value()) << step;
    EXPECT_TRUE(power_bound(rotation, one, 1 + kOutward, context).constant.has_value()) << step;
  }
}

TEST(PowerBound, IsAboveTheLargestPowerOfTheExample) {
  Context context(1);
  const std::vector<long double> norms = norms_of_powers(example(), 40);
  const auto largest = static_cast<double>(*std::max_element(norms.begin(), norms.end()));
  EXPECT_NEAR(largest, 10.0249378105604, tolerance::of_digits(13));
  EXPECT_GE(power_bound(tensor(example()), 1, context).constant->value(), largest);
}

TEST(PowerBound, DoesNotDependOnTheScaleOfTheMatrix) {
  Context context(1);
  const double plain = power_bound(tensor(example()), 0.75, context).constant->value();
  for (const double unit : {0x1p-990, 0x1p990}) {
    Matrix<double> a = example();
    for (double& value : a.values()) value *= unit;
    EXPECT_DOUBLE_EQ(power_bound(tensor(a), 0.75 * unit, context).constant->value(), plain);
    // A rate far above the matrix makes every power small, one far below it is out of reach.
    const PowerBound other = power_bound(tensor(a), unit < 1 ? 1.0 : 1e-3, context);
    EXPECT_EQ(other.constant.has_value(), unit < 1);
    if (other.constant) {
      EXPECT_NEAR(other.constant->value(), 1, kOutward);
    }
  }
  EXPECT_THROW(power_bound(tensor(example()), 0, context), Error);
  EXPECT_THROW(power_bound(tensor(example()), NAN, context), Error);
  EXPECT_THROW(power_bound(tensor({{1, 2, 3}, {4, 5, 6}}), 1, context), Error);
  EXPECT_THROW(power_bound(tensor(example()), tensor({{1}}), 1, context), Error);
  EXPECT_THROW(power_bound(tensor({{1, NAN}, {0, 1}}), 1, context), Error);
  EXPECT_THROW(non_normality(Tensor::copy_of(std::vector<double>{}, {0, 0}), context), Error);
}

TEST(Pseudospectrum, OfANormalMatrixIsItsSpectrumWidened) {
  Context context(1);
  for (const double unit : {1e-300, 1.0, 1e290}) {
    Matrix<double> a = matrix({{0.6, -0.8}, {0.8, 0.6}});
    for (double& value : a.values()) value *= unit;
    for (const double epsilon : {1e-6, 0.1, 3.0}) {
      const PseudospectralRadius found = pseudospectral_radius(tensor(a), epsilon * unit, context);
      // 0.6^2 + 0.8^2 = 1 to rounding; the singular value decides to within u of |A| + epsilon.
      EXPECT_NEAR(found.value / unit, 1 + epsilon, tolerance::relative(2, 2, 1 + epsilon, 64));
      EXPECT_TRUE(found.converged);
      EXPECT_LE(found.lower.value(), found.value);
      // Steps inside grow by factors of 4 until one exceeds the rounding of sigma_min, relative to epsilon, and its
      // proof.
      const double inside =
          4 * (tolerance::kSmallProof + tolerance::relative(2, 2, (1 + epsilon) / std::min(epsilon, 1.0), 64));
      EXPECT_GE(found.lower.value() / unit, (1 + epsilon) * (1 - inside));
    }
  }
}

TEST(Pseudospectrum, OfTheExampleHasTheGoldenRadius) {
  Context context(1);
  for (const double epsilon : {1e-8, 1e-3, 0.05, 1.0, 100.0}) {
    const PseudospectralRadius found = pseudospectral_radius(tensor(example()), epsilon, context);
    const double exact = 0.5 + std::sqrt(epsilon * epsilon + 10 * epsilon);
    // |d rho / d epsilon| is about sqrt(10 / epsilon) / 2, and epsilon is known to u |A|.
    const double allowed = tolerance::relative(2, 2, 10 * (1 + std::sqrt(10 / epsilon)) + exact, 16);
    EXPECT_NEAR(found.value, exact, allowed) << epsilon;
    EXPECT_LE(found.lower.value(), exact * (1 + tolerance::kEpsilon));
    EXPECT_GE(found.lower.value(), exact * 0.99);
  }
  EXPECT_THROW(pseudospectral_radius(tensor(example()), 0, context), Error);
  EXPECT_THROW(pseudospectral_radius(tensor({{1, 2}}), 1, context), Error);
}

// No point of a fine grid outside the circle belongs to the pseudospectrum, and the point found does.
TEST(Pseudospectrum, HasNoPointOutsideOfItsRadius) {
  Context context(1);
  const SerialBlas serial;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const std::int64_t n = 3 + static_cast<std::int64_t>(seed % 6);
    const Matrix<double> a = random(n, 0.9, seed);
    for (const double epsilon : {1e-4, 0.05}) {
      const PseudospectralRadius found = pseudospectral_radius(tensor(a), epsilon, context);
      const double rounding = tolerance::relative(n, n, 10, 16);
      EXPECT_LE(smallest_at(a, found.point).sigma, epsilon + rounding);
      for (int step = 0; step < 720; ++step) {
        const std::complex<double> z = std::polar(found.value * (1 + 1e-6), std::numbers::pi * step / 360);
        EXPECT_GT(smallest_at(a, z).sigma, epsilon - rounding) << seed << ' ' << step;
      }
    }
  }
}

TEST(Kreiss, OfTheExampleIsTheGoldenOne) {
  Context context(1);
  const Kreiss found = kreiss_constant(tensor(example()), context);
  EXPECT_LE(found.lower.value(), 5.05 * (1 + tolerance::kEpsilon));
  // The search compares values of a function, so the point is known to the root of rounding, the value much better.
  EXPECT_NEAR(found.lower.value(), 5.05, 5.05 * std::sqrt(tolerance::relative(2, 2, 100)));
  EXPECT_NEAR(found.spectral_radius, 0.5, std::sqrt(tolerance::relative(2, 2, 100)));
}

TEST(Kreiss, IsBelowThePowersAndAboveItsGrid) {
  Context context(1);
  const SerialBlas serial;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const std::int64_t n = 3 + static_cast<std::int64_t>(seed % 4);
    Matrix<double> a = random(n, 0.9, seed);
    a(0, n - 1) += 5;
    double radius = 0;
    for (const std::complex<double>& value : lapack::eigenvalues(a)) radius = std::max(radius, std::abs(value));
    for (double& value : a.values()) value *= 0.9 / radius;
    const Kreiss found = kreiss_constant(tensor(a), context);
    const std::vector<long double> norms = norms_of_powers(a, 80);
    EXPECT_LE(found.lower.value(), *std::max_element(norms.begin(), norms.end()) * (1 + tolerance::kExtended));
    EXPECT_GE(found.lower.value(), 1 - 1e-3);
    double grid = 0;
    for (int direction = 0; direction < 90; ++direction) {
      for (double beyond = 1e-3; beyond < 100; beyond *= 1.2) {
        const std::complex<double> z = std::polar(1 + beyond, 2 * std::numbers::pi * direction / 90);
        grid = std::max(grid, beyond / smallest_at(a, z).sigma);
      }
    }
    EXPECT_GE(found.lower.value(), grid * (1 - 1e-6)) << seed;
  }
}

TEST(Kreiss, IsLargeIfAnEigenvalueLiesOutside) {
  Context context(1);
  EXPECT_GE(kreiss_constant(tensor({{1.5, 1}, {0, 0.2}}), context).lower.value(), 1e13);
  EXPECT_EQ(kreiss_constant(tensor({{0, 0}, {0, 0}}), context).lower.value(), 1);
  EXPECT_GE(kreiss_constant(tensor({{1e300, 0}, {0, 1}}), context).lower.value(), 1e13);
  EXPECT_EQ(kreiss_constant(tensor({{1e-300, 0}, {0, 1e-300}}), context).lower.value(), 1);
}

TEST(Resolvent, IsBoundedFromBelowByOneVector) {
  using Complex = std::complex<double>;
  const Matrix<double> a = example();
  const std::vector<Complex> v{1.0, 0.0};
  EXPECT_NEAR(bounds::resolvent_norm(a, 1.5, v).value(), 1, kOutward);
  EXPECT_LE(bounds::resolvent_norm(a, 1.5, v).value(), 1);
  EXPECT_GE(bounds::resolvent_norm(a, 0.5, v).value(), 1e12);
  EXPECT_EQ(bounds::kreiss_quotient(a, 0.9, v).value(), 0);
  EXPECT_EQ(bounds::pseudospectral_point(a, 1.5, 0.5, v).value(), 0);
  EXPECT_NEAR(bounds::pseudospectral_point(a, 1.5, 1.1, v).value(), 1.5, kOutward);
  EXPECT_THROW(bounds::resolvent_norm(a, 1.5, std::vector<Complex>{0.0, 0.0}), Error);
  EXPECT_THROW(bounds::resolvent_norm(a, 1.5, std::vector<Complex>{1.0}), Error);
  EXPECT_THROW(bounds::resolvent_norm(a, Complex(NAN, 0), v), Error);
}

TEST(NonNormality, CollectsEveryFigure) {
  Context context(1);
  const NonNormality found = non_normality(tensor({{0.5, 10}, {0, 0.25}}), context);
  EXPECT_NEAR(found.spectral_radius, 0.5, tolerance::relative(2, 2, 100));
  // A half of the sum of the diagonal, and of the distance of its entries and the one next to it.
  const double radius = 0.375 + 0.5 * std::hypot(0.25, 10.0);
  EXPECT_LE(found.numerical_radius.lower.value(), radius * (1 + tolerance::kEpsilon));
  EXPECT_GE(found.numerical_radius.upper->value(), radius * (1 - tolerance::kEpsilon));
  ASSERT_TRUE(found.decay.has_value());
  EXPECT_NEAR(found.decay->rate, std::sqrt(0.5), tolerance::relative(2, 2, 100));
  EXPECT_TRUE(found.decay->constant.has_value());
  ASSERT_TRUE(found.growth.constant.has_value());
  EXPECT_GE(found.growth.constant->value(), found.kreiss.lower.value());
  EXPECT_TRUE(found.eigenvector_condition.upper.has_value());
  EXPECT_FALSE(non_normality(tensor({{1.5, 0}, {0, 1}}), context).growth.constant.has_value());
  EXPECT_FALSE(non_normality(tensor(jordan(4, 0)), context).eigenvector_condition.upper.has_value());
}

}  // namespace
}  // namespace sigmax::sensitivity
