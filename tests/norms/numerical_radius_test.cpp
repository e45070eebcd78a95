// The numerical radius against matrices whose field of values is known, and against its definition.
#include "sigmax/norms/numerical_radius.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "grad/norm_cases.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/grad/norm_vjp.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/function.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

NormOptions options() { return repeatable<NormOptions>(); }

// The distance of r from the quotient: 3 * 16 n u times a power of 16, of which three steps are allowed for; and gamma
// of a factorization of order 2 n, whose diagonal adds up to 2 n w.
double width_of(std::int64_t n) {
  const double distance = tolerance::relative(n, n, 1, 24 * 16 * 16 * 16);
  return distance + tolerance::relative(n, n, static_cast<double>(n), 16);
}

void expect_radius(const Tensor& a, double wanted, const std::string& what) {
  Context context(1);
  const std::int64_t n = a.shape()[0];
  const NormResult found = norm(a, NumericalRadius{}, options(), context);
  EXPECT_NEAR(found.value, wanted, tolerance::relative(n, n, wanted, 64)) << what;
  ASSERT_EQ(found.kind(), Known::proven) << what;
  EXPECT_LE(found.enclosure->lower.value(), wanted * (1 + tolerance::relative(n, n))) << what;
  EXPECT_GE(found.enclosure->upper->value(), wanted * (1 - tolerance::relative(n, n))) << what;
  EXPECT_LE(found.enclosure->relative_width(), width_of(n)) << what;
  EXPECT_EQ(found.meaning, "numerical radius");
}

std::vector<double> jordan(std::int64_t n, double lambda) {
  std::vector<double> a(static_cast<std::size_t>(n * n), 0.0);
  for (std::int64_t i = 0; i < n; ++i) {
    a[static_cast<std::size_t>(i * n + i)] = lambda;
    if (i + 1 < n) a[static_cast<std::size_t>(i * n + i + 1)] = 1;
  }
  return a;
}

// mpmath, 40 digits; closed forms.
TEST(NumericalRadius, HasItsGoldenValues) {
  expect_radius(Tensor::copy_of(std::vector<double>{1, 2, -3, 4}, {2, 2}), 4.08113883008418967, "M");
  expect_radius(Tensor::copy_of(std::vector<double>{.5, 10, 0, .5}, {2, 2}), 5.5, "2 x 2");
  for (const std::int64_t n : {2, 3, 5, 12}) {
    // A disc: every angle reaches it.
    expect_radius(Tensor::copy_of(jordan(n, 0), {n, n}), std::cos(std::numbers::pi / static_cast<double>(n + 1)),
                  "Jordan " + std::to_string(n));
    expect_radius(Tensor::copy_of(jordan(n, -2), {n, n}), 2 + std::cos(std::numbers::pi / static_cast<double>(n + 1)),
                  "shifted Jordan " + std::to_string(n));
  }
  expect_radius(Tensor::copy_of(std::vector<double>{-3}, {1, 1}), 3, "1 x 1");
}

// For a normal matrix it is the largest modulus of an eigenvalue: here of symmetric ones, and of rotations.
TEST(NumericalRadius, OfANormalMatrixIsItsSpectralRadius) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const std::int64_t n = 6;
    const auto q = gallery::orthonormal(n, n, seed);
    const std::vector<double> values{-5, 4, 3, 2, 1, -0.5};
    std::vector<double> a(static_cast<std::size_t>(n * n));
    for (std::size_t i = 0; i < 6; ++i) {
      for (std::size_t j = 0; j < 6; ++j) {
        long double sum = 0;
        for (std::size_t k = 0; k < 6; ++k) sum += values[k] * q[k][i] * q[k][j];
        a[i * 6 + j] = static_cast<double>(sum);
      }
    }
    expect_radius(Tensor::copy_of(a, {n, n}), 5, "symmetric");
  }
  // Rotation by 90 degrees, scaled, and a smaller one: +-3 i and +-2 i.
  expect_radius(Tensor::copy_of(std::vector<double>{0, -3, 0, 0, 3, 0, 0, 0, 0, 0, 0, -2, 0, 0, 2, 0}, {4, 4}), 3,
                "rotations");
}

// |A|/2 <= w <= |A|; no quotient exceeds it, nor h at any angle of a fine grid.
TEST(NumericalRadius, IsTheLargestQuotient) {
  Context context(1);
  for (const std::int64_t n : {2, 5, 9, 20}) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      std::vector<double> values = gallery::normal(n * n, seed);
      // Several maxima of similar height: a skew part that rivals the symmetric one.
      if (seed % 2 == 0) {
        for (std::int64_t i = 0; i < n; ++i) {
          for (std::int64_t j = 0; j < i; ++j) {
            values[static_cast<std::size_t>(i * n + j)] = -values[static_cast<std::size_t>(j * n + i)];
          }
        }
      }
      const Tensor a = Tensor::copy_of(values, {n, n});
      const NormResult found = norm(a, NumericalRadius{}, options(), context);
      const double two = norm(a, Spectral{}, context).value;
      EXPECT_LE(found.value, two * (1 + tolerance::relative(n, n)));
      EXPECT_GE(found.value, 0.5 * two * (1 - tolerance::relative(n, n)));
      ASSERT_EQ(found.kind(), Known::proven);
      EXPECT_LE(found.enclosure->relative_width(), width_of(n)) << n << " seed " << seed;
      for (std::uint64_t other = 1; other <= 50; ++other) {
        const std::vector<double> re = gallery::normal(n, 100 + other);
        const std::vector<double> im = gallery::normal(n, 200 + other);
        std::complex<double> quotient = 0;
        double square = 0;
        for (std::int64_t i = 0; i < n; ++i) {
          const std::complex<double> x(re[static_cast<std::size_t>(i)], im[static_cast<std::size_t>(i)]);
          square += std::norm(x);
          for (std::int64_t j = 0; j < n; ++j) {
            const std::complex<double> y(re[static_cast<std::size_t>(j)], im[static_cast<std::size_t>(j)]);
            quotient += std::conj(x) * values[static_cast<std::size_t>(i * n + j)] * y;
          }
        }
        EXPECT_LE(std::abs(quotient) / square, found.enclosure->upper->value());
      }
    }
  }
}

// Above the order at which levels are computed, the samples alone find the maximum, and the proof confirms it.
TEST(NumericalRadius, OfALargerMatrixIsProven) {
  Context context(2);
  const std::int64_t n = 140;
  const Tensor a = Tensor::rounded(gallery::normal(n * n, 3), {n, n}, DType::f32);
  const NormResult found = norm(a, NumericalRadius{}, options(), context);
  ASSERT_EQ(found.kind(), Known::proven);
  EXPECT_LE(found.enclosure->relative_width(), width_of(n));
}

TEST(NumericalRadius, StorageTypesLayoutsAndScalesAgree) {
  Context context(1);
  const std::vector<double> values = gallery::normal(6 * 6, 4);
  for (const DType dtype : gallery::kStorageTypes) {
    const Tensor plain = Tensor::rounded(values, {6, 6}, dtype);
    const double wanted = norm(plain, NumericalRadius{}, options(), context).value;
    for (const Tensor& other : {gallery::column_major(dtype, 6, 6, values), gallery::gapped(dtype, 6, 6, values)}) {
      EXPECT_NEAR(norm(other, NumericalRadius{}, options(), context).value, wanted, tolerance::of_matrix(6, 6, wanted));
    }
    EXPECT_NEAR(norm(*dense<double>(plain), NumericalRadius{}, options(), context).value, wanted,
                tolerance::of_matrix(6, 6, wanted));
  }
  const double wanted = norm(Tensor::copy_of(values, {6, 6}), NumericalRadius{}, options(), context).value;
  for (const double unit : {0x1p1000, 0x1p-1000}) {
    std::vector<double> moved = values;
    for (double& value : moved) value *= unit;
    const NormResult found = norm(Tensor::copy_of(moved, {6, 6}), NumericalRadius{}, options(), context);
    EXPECT_NEAR(found.value / unit, wanted, tolerance::of_matrix(6, 6, wanted, 16));
    EXPECT_TRUE(found.enclosure->is_proven());
    EXPECT_LE(found.enclosure->relative_width(), width_of(6));
  }
}

TEST(NumericalRadius, OfASumIsProvenOfAFunctionComputedAndOfZeroZero) {
  Context context(1);
  const Operator<double> a = dense<double>(Tensor::copy_of(gallery::normal(16, 1), {4, 4}));
  const double once = norm(*a, NumericalRadius{}, options(), context).value;
  for (const auto& [op, factor] : {std::pair{a + a, 2.0}, {0.3 * a, 0.3}, {a + 0.3 * transposed(a), 0.0}}) {
    const NormResult found = norm(*op, NumericalRadius{}, options(), context);
    ASSERT_EQ(found.kind(), Known::proven);
    EXPECT_LE(found.enclosure->relative_width(), 2 * width_of(4));
    if (factor > 0) {
      EXPECT_NEAR(found.value, factor * once, tolerance::of_matrix(4, 4, found.value, 16));
    }
  }
  const Operator<double> opaque = function_operator<double>(
      {4, 4}, [a](MatrixView<const double> x, MatrixView<double> y, Context& c) { a->apply(x, y, c); },
      [a](MatrixView<const double> y, MatrixView<double> x, Context& c) { a->apply_adjoint(y, x, c); });
  const NormResult computed = norm(*opaque, NumericalRadius{}, options(), context);
  EXPECT_EQ(computed.kind(), Known::computed);
  EXPECT_NEAR(computed.value, once, tolerance::of_matrix(4, 4, once, 16));
  const NormResult zero =
      norm(Tensor::copy_of(std::vector<double>(9, 0.0), {3, 3}), NumericalRadius{}, options(), context);
  EXPECT_EQ(zero.value, 0);
  EXPECT_EQ(zero.enclosure->upper->value(), 0);
}

TEST(NumericalRadius, IsRefusedWhereThereIsNone) {
  Context context(1);
  const auto refuses = [&](const Tensor& a) {
    EXPECT_THROW(static_cast<void>(norm(a, NumericalRadius{}, options(), context)), Error);
  };
  refuses(Tensor::copy_of(gallery::normal(6, 1), {2, 3}));
  refuses(Tensor::copy_of(std::vector<double>{1, 2, 3, std::nan("")}, {2, 2}));
  refuses(Tensor::copy_of(std::vector<double>{}, {0, 0}));
}

TEST(NumericalRadius, HasAGradientThatDifferencesConfirm) {
  Context context(1);
  for (const std::int64_t n : {2, 5}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const std::vector<double> values = gallery::normal(n * n, seed);
      std::vector<double> gradient(values.size(), 0.0);
      const NormGradient found =
          grad::norm_vjp<double>(Tensor::copy_of(values, {n, n}), NumericalRadius{}, {}, gradient, context);
      ASSERT_EQ(found.kind, GradientKind::unique) << found.note;
      // Central differences along a random direction, with the error of the third derivative and of rounding.
      const std::vector<double> step = gallery::normal(n * n, seed + 40);
      double wanted = 0;
      for (std::size_t i = 0; i < step.size(); ++i) wanted += gradient[i] * step[i];
      const double t = 1e-5;
      const auto value = [&](double along) {
        std::vector<double> moved = values;
        for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += along * step[i];
        return norm(Tensor::copy_of(moved, {n, n}), NumericalRadius{}, context).value;
      };
      EXPECT_NEAR((value(t) - value(-t)) / (2 * t), wanted,
                  tolerance::of_difference(n, n, 1, t) * (1 + std::fabs(wanted)))
          << n << " seed " << seed;
    }
  }
  std::vector<double> gradient(9, 0.0);
  const NormGradient disc =
      grad::norm_vjp<double>(Tensor::copy_of(jordan(3, 0), {3, 3}), NumericalRadius{}, {}, gradient, context);
  EXPECT_EQ(disc.kind, GradientKind::subgradient);
}

}  // namespace
}  // namespace sigmax::norms
