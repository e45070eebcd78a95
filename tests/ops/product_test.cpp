#include "sigmax/ops/product.hpp"

#include <gtest/gtest.h>

#include "ops/counting_operator.hpp"

namespace sigmax {
namespace {

TEST(Product, SharesItsFactors) {
  const auto left = constant(2, 3);
  const auto right = constant(3, 4);
  const auto parts = std::get<structure::Product<double>>((left * right)->structure());
  EXPECT_EQ(parts.left, left);
  EXPECT_EQ(parts.right, right);
}

// R^T (L^T L) (R x): one Gram product of the left factor, with or without the image, and likewise on the other side.
TEST(Product, TakesOneGramProductOfItsInnerFactor) {
  const Counted left(5, 2);
  const Counted right(2, 3);
  const auto a = left.a * right.a;
  Context context(1);
  Matrix<double> x(3, 2);
  Matrix<double> y(5, 2);
  Matrix<double> z(3, 2);
  a->apply_gram(std::as_const(x).view(), z.view(), context);
  EXPECT_EQ(left.take(), (Counts{.gram = 1, .widest = 2}));
  EXPECT_EQ(right.take(), (Counts{.apply = 1, .adjoint = 1, .widest = 2}));
  a->apply_gram(std::as_const(x).view(), y.view(), z.view(), context);
  EXPECT_EQ(left.take(), (Counts{.gram_with_image = 1, .widest = 2}));
  EXPECT_EQ(right.take(), (Counts{.apply = 1, .adjoint = 1, .widest = 2}));
  Matrix<double> w(5, 2);
  a->apply_outer_gram(std::as_const(y).view(), w.view(), context);
  EXPECT_EQ(left.take(), (Counts{.apply = 1, .adjoint = 1, .widest = 2}));
  EXPECT_EQ(right.take(), (Counts{.outer_gram = 1, .widest = 2}));
}

TEST(Product, RefusesFactorsThatDoNotFitAndNullOnes) {
  const Operator<double> null;
  const auto a = constant(2, 3);
  const std::string shapes = message_of([&] { return a * constant(4, 5); });
  EXPECT_NE(shapes.find("[product] 2x3 times 4x5"), std::string::npos) << shapes;
  EXPECT_NE(message_of([&] { return a * null; }).find("the right factor is a null operator"), std::string::npos);
  EXPECT_NE(message_of([&] { return null * a; }).find("the left factor is a null operator"), std::string::npos);
}

}  // namespace
}  // namespace sigmax
