#include "sigmax/ops/scaled.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "ops/counting_operator.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

structure::Scaled<double> parts_of(const Operator<double>& a) {
  return std::get<structure::Scaled<double>>(a->structure());
}

TEST(Scaled, TakesInnerFactorsTogetherWhereThatIsExact) {
  const auto a = constant(2, 3);
  EXPECT_EQ(scaled(1, a), a);
  EXPECT_EQ(-(-a), a);
  EXPECT_EQ(parts_of(4 * (0.75 * a)).factor, 3);
  EXPECT_EQ(parts_of(4 * (0.75 * a)).of, a);
  EXPECT_EQ(8 * (0.125 * a), a);
}

TEST(Scaled, KeepsFactorsWhoseProductWouldBeRoundedOrOutOfRange) {
  const auto a = constant(2, 3);
  for (const double inner : {0.1, 1e200, 1e-200, 0.0}) {
    const double outer = inner == 0.1 ? 0.7 : inner;
    const auto both = parts_of(outer * (inner * a));
    EXPECT_EQ(both.factor, outer);
    EXPECT_EQ(parts_of(both.of).factor, inner);
    EXPECT_EQ(parts_of(both.of).of, a);
  }
}

TEST(Scaled, CostsWhatItsOperatorCosts) {
  const Counted inner(4, 3);
  const auto a = 2 * inner.a;
  Context context(1);
  Matrix<double> x(3, 5);
  Matrix<double> y(4, 5);
  Matrix<double> z(3, 5);
  a->apply_gram(std::as_const(x).view(), z.view(), context);
  EXPECT_EQ(inner.take(), (Counts{.gram = 1, .widest = 5}));
  a->apply_gram(std::as_const(x).view(), y.view(), z.view(), context);
  EXPECT_EQ(inner.take(), (Counts{.gram_with_image = 1, .widest = 5}));
  Matrix<double> w(4, 5);
  a->apply_outer_gram(std::as_const(y).view(), w.view(), context);
  EXPECT_EQ(inner.take(), (Counts{.outer_gram = 1, .widest = 5}));
}

// The square of the factor, or of the matrix, is out of range; the Gram product of the two together is not.
TEST(Scaled, StaysInRangeWhereTheFactorMakesUpForTheMatrix) {
  Context context(1);
  const std::vector<double> x = {1, 2, 3};
  for (const double size : {1e-250, 1e-200, 1e200, 1e250}) {
    const auto a = (1 / size) * constant(2, 3, size);
    std::vector<double> y(2);
    std::vector<double> z(3);
    a->apply_gram(x, y, z, context);
    for (const double value : y) EXPECT_NEAR(value, 6, 6 * tolerance::relative(2, 3));
    for (const double value : z) EXPECT_NEAR(value, 12, 12 * tolerance::relative(2, 3));
    std::vector<double> w(2);
    a->apply_outer_gram(std::vector<double>{1, 2}, w, context);
    for (const double value : w) EXPECT_NEAR(value, 9, 9 * tolerance::relative(2, 3));
  }
}

TEST(Scaled, ComputesInFloatOnlyWithAFactorInItsRange) {
  const auto a = constant(2, 3);
  EXPECT_NE(scaled(0x1p-100, a)->in_single(), nullptr);
  EXPECT_NE(scaled(0, a)->in_single(), nullptr);
  EXPECT_EQ(scaled(0x1p-101, a)->in_single(), nullptr);
  EXPECT_EQ(scaled(0x1p101, a)->in_single(), nullptr);
}

TEST(Scaled, RefusesFactorsThatAreNotFiniteAndNullOperators) {
  const auto a = constant(2, 3);
  EXPECT_NE(message_of([&] { return scaled(std::nan(""), a); }).find("[scaled] the factor must be finite, got nan"),
            std::string::npos);
  EXPECT_NE(message_of([&] { return std::numeric_limits<double>::infinity() * a; }).find("got inf"), std::string::npos);
  EXPECT_NE(message_of([&] { return 2 * Operator<double>(); }).find("null operator"), std::string::npos);
}

}  // namespace
}  // namespace sigmax
