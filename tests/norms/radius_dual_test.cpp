// The dual norm of the numerical radius: closed forms, its duality, and its invariances.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/norms/dual.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

using Vector = std::vector<double>;

Tensor square(const Vector& values) {
  const auto n = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(values.size()))));
  return Tensor::copy_of(values, {n, n});
}

NormResult radius_dual(const Tensor& a) {
  Context context(1);
  return dual_norm(a, NumericalRadius{}, repeatable<NormOptions>(), context);
}

double value_of(const Vector& a, const char* ord) {
  Context context(1);
  return norm(square(a), parse_norm(ord), context).value;
}

// The alternating directions stop at 1e-12 of the size, and their P is repaired by n times its smallest eigenvalue.
constexpr double kSolved = 1e-7;

void expect_dual(const Vector& a, double wanted, const std::string& what) {
  const NormResult found = radius_dual(square(a));
  ASSERT_EQ(found.kind(), Known::proven) << what;
  const double rounding = tolerance::relative(8, 8, wanted);
  EXPECT_LE(found.enclosure->lower.value(), wanted + rounding) << what;
  EXPECT_GE(found.enclosure->upper->value(), wanted - rounding) << what;
  EXPECT_LE(found.enclosure->relative_width(), kSolved) << what;
}

Vector outer(const Vector& u, const Vector& v) {
  Vector a;
  for (const double x : u) {
    for (const double y : v) a.push_back(x * y);
  }
  return a;
}

// |u| |v| (1 + sin of the angle between them).
TEST(RadiusDual, OfARankOneMatrixHasAClosedForm) {
  expect_dual({0, 1, 0, 0}, 2, "nilpotent");
  expect_dual({1, 0, 0, 0}, 1, "projector");
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const Vector u = gallery::normal(4, seed);
    const Vector v = gallery::normal(4, seed + 20);
    double uu = 0, vv = 0, uv = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      uu += u[i] * u[i];
      vv += v[i] * v[i];
      uv += u[i] * v[i];
    }
    expect_dual(outer(u, v), std::sqrt(uu * vv) + std::sqrt(std::max(uu * vv - uv * uv, 0.0)), std::to_string(seed));
  }
}

TEST(RadiusDual, OfANormalMatrixIsTheNuclearNorm) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const Vector g = gallery::normal(16, seed);
    Vector symmetric(16), skew(16);
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t j = 0; j < 4; ++j) {
        symmetric[4 * i + j] = g[4 * i + j] + g[4 * j + i];
        skew[4 * i + j] = g[4 * i + j] - g[4 * j + i];
      }
    }
    for (const Vector& a : {symmetric, skew, Vector{0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0}}) {
      const NormResult found = radius_dual(square(a));
      const double nuclear = value_of(a, "nuc");
      EXPECT_NEAR(found.value, nuclear, tolerance::of_matrix(4, 4, nuclear, 64));
      // Ando's matrix of an orthogonal X is singular in n dimensions; its proof steps back by factors of 16 from 64 u,
      // four times at most.
      EXPECT_LE(found.enclosure->relative_width(), std::pow(16, 4) * 64 * tolerance::kUnitRoundoff);
    }
  }
}

TEST(RadiusDual, BoundsEveryInnerProductAndLiesBetweenTheNuclearNormAndItsDouble) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const Vector y = gallery::normal(25, seed);
    const NormResult dual = radius_dual(square(y));
    ASSERT_EQ(dual.kind(), Known::proven);
    EXPECT_LE(dual.enclosure->relative_width(), kSolved) << seed;
    const double nuclear = value_of(y, "nuc");
    EXPECT_GE(dual.enclosure->upper->value(), nuclear * (1 - tolerance::relative(5, 5)));
    EXPECT_LE(dual.enclosure->lower.value(), 2 * nuclear * (1 + tolerance::relative(5, 5)));
    for (std::uint64_t other = 1; other <= 10; ++other) {
      Vector x = gallery::normal(25, other + 40);
      double inner = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] += static_cast<double>(other % 4) * y[i];
        inner += x[i] * y[i];
      }
      EXPECT_LE(inner,
                value_of(x, "numerical-radius") * dual.enclosure->upper->value() * (1 + tolerance::relative(5, 5)));
    }
  }
}

// The dual norm of w at a matrix x y^T + ... is a norm: the triangle inequality, homogeneity, and w*(U^T Y U) = w*(Y).
TEST(RadiusDual, IsANormThatOrthogonalSimilarityDoesNotChange) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const Vector a = gallery::normal(16, seed);
    const Vector b = gallery::normal(16, seed + 9);
    Vector sum = a, scaled = a, turned(16), transposed(16);
    const auto u = gallery::orthonormal(4, 4, seed);
    for (std::size_t i = 0; i < 16; ++i) {
      sum[i] += b[i];
      scaled[i] *= -3;
    }
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t j = 0; j < 4; ++j) {
        long double entry = 0;
        for (std::size_t k = 0; k < 4; ++k) {
          for (std::size_t l = 0; l < 4; ++l) entry += u[k][i] * a[4 * k + l] * u[l][j];
        }
        turned[4 * i + j] = static_cast<double>(entry);
        transposed[4 * i + j] = a[4 * j + i];
      }
    }
    const double of_a = radius_dual(square(a)).value;
    EXPECT_NEAR(radius_dual(square(scaled)).value, 3 * of_a, 3 * kSolved * of_a);
    EXPECT_NEAR(radius_dual(square(turned)).value, of_a, kSolved * of_a);
    EXPECT_NEAR(radius_dual(square(transposed)).value, of_a, kSolved * of_a);
    EXPECT_LE(radius_dual(square(sum)).value, (of_a + radius_dual(square(b)).value) * (1 + kSolved));
  }
}

TEST(RadiusDual, WorksForEveryStorageTypeAndScale) {
  Context context(1);
  for (const DType dtype : gallery::kStorageTypes) {
    const Tensor a = Tensor::rounded(gallery::normal(16, 3), {4, 4}, dtype);
    const NormResult found = radius_dual(a);
    EXPECT_EQ(found.kind(), Known::proven);
    EXPECT_LE(found.enclosure->relative_width(), kSolved);
    const NormResult of_operator = dual_norm(*dense<double>(a), NumericalRadius{}, repeatable<NormOptions>(), context);
    EXPECT_EQ(of_operator.kind(), Known::proven);
    EXPECT_NEAR(of_operator.value, found.value, kSolved * found.value);
  }
  const Vector plain{1, 2, -3, 4};
  const double wanted = radius_dual(square(plain)).value;
  for (const int e : {-1040, -900, 900, 1018}) {
    Vector moved = plain;
    for (double& value : moved) value = std::ldexp(value, e);
    const NormResult found = radius_dual(square(moved));
    EXPECT_EQ(found.kind(), Known::proven) << e;
    EXPECT_NEAR(std::ldexp(found.value, -e), wanted, kSolved * wanted) << e;
  }
  EXPECT_EQ(radius_dual(square(Vector(9, 0.0))).enclosure->upper->value(), 0);
  EXPECT_THROW(static_cast<void>(radius_dual(Tensor::copy_of(Vector(6, 1.0), {2, 3}))), Error);
  EXPECT_THROW(static_cast<void>(radius_dual(square({1, std::nan(""), 0, 1}))), Error);
}

}  // namespace
}  // namespace sigmax::norms
