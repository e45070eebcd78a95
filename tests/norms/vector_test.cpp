// Norms of vectors, their duals, inner products and angles, against long double and against their definitions.
#include "sigmax/norms/vector.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/norms/exponent.hpp"
#include "support/widths.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kExponents[] = {1, 1.25, 1.5, 2, 3, 7.5, 100, kInfinity};

long double reference(const std::vector<double>& x, long double p) {
  long double largest = 0;
  for (const double value : x) largest = std::max(largest, std::fabs(static_cast<long double>(value)));
  if (largest == 0 || std::isinf(p)) return largest;
  long double sum = 0;
  for (const double value : x) sum += std::pow(std::fabs(static_cast<long double>(value)) / largest, p);
  return largest * std::pow(sum, 1 / p);
}

double allowed(std::size_t n, double p, double value) {
  const double terms = static_cast<double>(n) + (std::isinf(p) ? 0 : p) + 16;
  return static_cast<double>(tolerance::gamma(static_cast<std::int64_t>(2 * terms))) * value;
}

TEST(VectorNorm, AgreesWithLongDoubleInEveryStorageTypeAtEveryScale) {
  for (const DType dtype : gallery::kStorageTypes) {
    for (const double unit : {1.0, 1e300, 1e-300}) {
      if (unit != 1 && dtype != DType::f64) continue;
      std::vector<double> values = gallery::normal(23, 7);
      for (double& value : values) value *= unit;
      const Tensor x = Tensor::rounded(values, {23}, dtype);
      const std::vector<double> stored = vector_entries("test", x);
      for (const double p : kExponents) {
        const NormResult found = vector_norm(x, p);
        const long double wanted = reference(stored, p);
        const std::string what = std::string(name(dtype)) + " p " + std::to_string(p);
        EXPECT_NEAR(found.value / unit, static_cast<double>(wanted / unit),
                    allowed(23, p, static_cast<double>(wanted / unit)))
            << what;
        ASSERT_EQ(found.kind(), Known::proven) << what;
        const long double slack = 64 * std::numeric_limits<long double>::epsilon() * wanted;
        EXPECT_LE(found.enclosure->lower.value(), wanted + slack) << what;
        EXPECT_GE(found.enclosure->upper->value(), wanted - slack) << what;
        EXPECT_LE(found.enclosure->relative_width(), tolerance::width_of_p_norm(23, p)) << what;
      }
    }
  }
}

TEST(VectorNorm, ReadsStridesAndExpandedTensors) {
  const std::vector<double> memory{3, 100, -4, 100};
  EXPECT_EQ(vector_norm(Tensor::view_of(std::span(memory).first(3), {2}, {2}), 2).value, 5);
  EXPECT_EQ(vector_norm(Tensor::view_of(std::span(memory).first(1), {4}, {0}), 2).value, 6);
}

TEST(VectorNorm, OfNothingAndOfZerosIsZero) {
  for (const double p : kExponents) {
    EXPECT_EQ(vector_norm(std::vector<double>{}, p), 0);
    EXPECT_EQ(vector_norm(Tensor::copy_of(std::vector<double>{}, {0}), p).enclosure->upper->value(), 0);
    EXPECT_EQ(vector_norm(std::vector<double>{0, -0.0}, p), 0);
  }
}

TEST(VectorNorm, RefusesWhatIsNoVectorOrNoNorm) {
  const Tensor x = Tensor::copy_of(std::vector<double>{1, 2}, {2});
  EXPECT_THROW(static_cast<void>(vector_norm(x, 0.5)), Error);
  EXPECT_THROW(static_cast<void>(vector_norm(x, std::nan(""))), Error);
  EXPECT_THROW(static_cast<void>(vector_norm(x.reshaped({1, 2}), 2)), Error);
  EXPECT_THROW(static_cast<void>(vector_norm(Tensor::copy_of(std::vector<double>{1, std::nan("")}, {2}), 2)), Error);
  EXPECT_THROW(static_cast<void>(vector_norm(Tensor(DType::i64, {0}, nullptr, nullptr), 2)), Error);
}

TEST(VectorNorm, IsANorm) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::vector<double> x = gallery::normal(9, seed);
    const std::vector<double> y = gallery::normal(9, seed + 100);
    std::vector<double> sum = x;
    std::vector<double> twice = x;
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i] += y[i];
      twice[i] *= -2;
    }
    for (const double p : kExponents) {
      const double of_x = vector_norm(x, p);
      const double of_y = vector_norm(y, p);
      EXPECT_GT(of_x, 0);
      EXPECT_EQ(vector_norm(twice, p), 2 * of_x) << p;
      EXPECT_LE(vector_norm(sum, p), of_x + of_y + allowed(9, p, of_x + of_y)) << p;
    }
  }
}

TEST(DualVectorNorm, IsReachedByItsMaximizerAndNeverExceeded) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::vector<double> x = gallery::normal(11, seed);
    if (seed % 3 == 0) x[2] = 0;
    if (seed % 5 == 0) x[3] = -x[4];
    for (const double p : kExponents) {
      const double dual = dual_vector_norm(Tensor::copy_of(x, {11}), p).value;
      const std::vector<double> y = dual_maximizer(x, p);
      EXPECT_NEAR(vector_norm(y, p), 1, allowed(11, p, 4)) << p;
      EXPECT_NEAR(inner_product(x, y), dual, allowed(11, p, 4 * dual)) << p;
      const Hoelder other = hoelder(gallery::normal(11, seed + 50), x, p);
      EXPECT_LE(other.inner, other.product);
      EXPECT_GE(other.gap, 0);
      EXPECT_NEAR(other.gap, other.product - other.inner, allowed(11, p, other.product));
      const Hoelder tight = hoelder(y, x, p);
      EXPECT_LE(tight.gap, allowed(11, p, 8 * dual)) << p;
    }
  }
}

// 1/p* = 1 - 1/3 is not a double; the norm of the true exponent lies inside.
TEST(DualVectorNorm, EnclosesAnExponentThatIsNoDouble) {
  const std::vector<double> x = gallery::normal(13, 3);
  for (const double p : {3.0, 4.0, 1.1, 7.0, 1e6, 0x1p60}) {
    const NormResult found = dual_vector_norm(Tensor::copy_of(x, {13}), p);
    const long double exact = static_cast<long double>(p) / (static_cast<long double>(p) - 1);
    const long double wanted = reference(x, exact);
    const long double slack = 64 * std::numeric_limits<long double>::epsilon() * wanted;
    EXPECT_LE(found.enclosure->lower.value(), wanted + slack) << p;
    EXPECT_GE(found.enclosure->upper->value(), wanted - slack) << p;
    EXPECT_TRUE(found.enclosure->is_proven());
    EXPECT_LE(found.enclosure->relative_width(), tolerance::width_of_p_norm(13, static_cast<double>(exact))) << p;
  }
}

TEST(DualMaximizer, OfZeroIsAUnitVectorAndOfNothingIsNothing) {
  EXPECT_EQ(dual_maximizer(std::vector<double>{0, 0}, 3), (std::vector<double>{1, 0}));
  EXPECT_TRUE(dual_maximizer(std::vector<double>{}, 3).empty());
  EXPECT_EQ(dual_maximizer(std::vector<double>{1e300, -2e300}, 1), (std::vector<double>{0, -1}));
}

TEST(ConjugateBracket, LiesAroundTheConjugate) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const double p = 1 + std::exp(4 * gallery::normal(1, seed)[0]);
    const Bracket b = conjugate_bracket(p);
    EXPECT_LE(b.down, b.up);
    EXPECT_TRUE(b.is_exact() || std::nextafter(b.down, 2e300) == b.up);
    // p* >= q if and only if q (p - 1) <= p, and p - 1 is exact.
    EXPECT_LE(std::fma(b.down, p - 1, -p), 0) << p;
    EXPECT_GE(std::fma(b.up, p - 1, -p), 0) << p;
  }
  EXPECT_TRUE(conjugate_bracket(1).is_exact() && std::isinf(conjugate(1)));
  EXPECT_EQ(conjugate(kInfinity), 1);
}

TEST(InnerProduct, SurvivesCancellationAndAnyScale) {
  // 1e16 + 1 - 1e16
  EXPECT_EQ(inner_product(std::vector<double>{1e16, 1, -1e16}, std::vector<double>{1, 1, 1}), 1);
  EXPECT_EQ(inner_product(std::vector<double>{0x1p900, 0x1p850}, std::vector<double>{0x1p-900, -0x1p-850}), 0);
  EXPECT_EQ(inner_product(std::vector<double>{0x1p1000}, std::vector<double>{0x1p-1000}), 1);
  EXPECT_EQ(inner_product(std::vector<double>{0x1p1000}, std::vector<double>{0x1p1000}), kInfinity);
  EXPECT_EQ(inner_product(std::vector<double>{}, std::vector<double>{}), 0);
  EXPECT_THROW(inner_product(std::vector<double>{1}, std::vector<double>{}), Error);
}

// cos and sin of angles from 1e-13 to pi; the arc cosine of the inner product loses half of the digits of small ones.
TEST(Angle, IsAccurateForSmallAngles) {
  for (const double unit : {1.0, 1e-300, 1e300}) {
    for (const double theta : {1e-13, 1e-9, 1e-4, 0.5, 1.5, 3.0}) {
      const std::vector<double> x{unit, 0, 0};
      const std::vector<double> y{unit * std::cos(theta), unit * std::sin(theta), 0};
      EXPECT_NEAR(angle(x, y), theta, tolerance::relative(4, 1, 1)) << theta;
      // Small against large lengths, and the other order.
      std::vector<double> shorter = y;
      for (double& value : shorter) value *= 0.75;
      EXPECT_NEAR(angle(shorter, x), theta, tolerance::relative(4, 1, 1)) << theta;
    }
  }
  const std::vector<double> x = gallery::normal(50, 2);
  std::vector<double> y = x;
  y[7] *= 1 + 1e-10;
  // tan theta = |y - x| sin / |x|: with e_7 at the cosine c = x_7 / |x|, theta = 1e-10 |c| sqrt(1 - c^2).
  const double c = x[7] / vector_norm(x, 2);
  const double wanted = 1e-10 * std::fabs(c) * std::sqrt(1 - c * c);
  EXPECT_NEAR(angle(x, y), wanted, tolerance::relative(50, 1, 1));
}

TEST(Angle, OfOneDirectionIsZeroAndOfOppositeOnesPi) {
  const std::vector<double> x = gallery::normal(6, 4);
  std::vector<double> opposite = x;
  for (double& value : opposite) value *= -3;
  EXPECT_LE(angle(x, x), tolerance::relative(6, 1, 1));
  EXPECT_NEAR(angle(x, opposite), std::acos(-1.0), tolerance::relative(6, 1, 4));
  EXPECT_THROW(angle(x, std::vector<double>(6, 0.0)), Error);
  EXPECT_THROW(angle(x, std::vector<double>(5, 1.0)), Error);
}

TEST(InnerProduct, TakesTensorsOfOneShape) {
  const std::vector<double> x = gallery::normal(12, 1);
  const std::vector<double> y = gallery::normal(12, 2);
  const Tensor a = Tensor::copy_of(x, {3, 4});
  const Tensor b = gallery::column_major(DType::f64, 3, 4, y);
  EXPECT_EQ(inner_product(a, b), inner_product(x, y));
  EXPECT_EQ(angle(a, b), angle(x, y));
  EXPECT_EQ(angle(Tensor::rounded(std::vector<double>{1, 0}, {2}, DType::bf16),
                  Tensor::rounded(std::vector<double>{0, 2}, {2}, DType::f16)),
            std::acos(0.0));
  EXPECT_THROW(static_cast<void>(inner_product(a, a.reshaped({4, 3}))), Error);
  EXPECT_THROW(static_cast<void>(angle(a, Tensor(DType::i64, {3, 4}, nullptr, nullptr))), Error);
}

}  // namespace
}  // namespace sigmax::norms
