#include "sigmax/ops/sum.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "ops/counting_operator.hpp"

namespace sigmax {
namespace {

std::vector<Operator<double>> terms_of(const Operator<double>& a) {
  return std::get<structure::Sum<double>>(a->structure()).terms;
}

TEST(Sum, SharesItsTermsAndTakesInnerSumsApart) {
  const auto a = constant(2, 3);
  const auto b = constant(2, 3, 2);
  const auto c = constant(2, 3, 3);
  const std::vector<Operator<double>> wanted = {a, b, c};
  EXPECT_EQ(terms_of((a + b) + c), wanted);
  EXPECT_EQ(terms_of(a + (b + c)), wanted);
  EXPECT_EQ(terms_of(sum({a, b, c})), wanted);
  EXPECT_EQ(sum({a}), a);
}

TEST(Sum, OfADifferenceHasTheNegativeOfTheSecondTerm) {
  const auto a = constant(2, 3);
  const auto b = constant(2, 3, 2);
  const auto terms = terms_of(a - b);
  ASSERT_EQ(terms.size(), 2U);
  EXPECT_EQ(terms[0], a);
  const auto negative = std::get<structure::Scaled<double>>(terms[1]->structure());
  EXPECT_EQ(negative.factor, -1);
  EXPECT_EQ(negative.of, b);
}

TEST(Sum, ReadsEachTermOnceForAProductAndTwiceForAGramProductInWholeBlocks) {
  const Counted a(4, 3);
  const Counted b(4, 3);
  const auto both = a.a + b.a;
  Context context(1);
  Matrix<double> x(3, 7);
  Matrix<double> y(4, 7);
  Matrix<double> z(3, 7);
  both->apply(std::as_const(x).view(), y.view(), context);
  EXPECT_EQ(a.take(), (Counts{.apply = 1, .widest = 7}));
  EXPECT_EQ(b.take(), (Counts{.apply = 1, .widest = 7}));
  both->apply_gram(std::as_const(x).view(), z.view(), context);
  EXPECT_EQ(a.take(), (Counts{.apply = 1, .adjoint = 1, .widest = 7}));
  EXPECT_EQ(b.take(), (Counts{.apply = 1, .adjoint = 1, .widest = 7}));
}

TEST(Sum, RefusesShapesThatDifferAndNullTerms) {
  const Operator<double> null;
  const auto a = constant(2, 3);
  const std::string shapes = message_of([&] { return a + constant(3, 2); });
  EXPECT_NE(shapes.find("[sum]"), std::string::npos) << shapes;
  EXPECT_NE(shapes.find("2x3"), std::string::npos) << shapes;
  EXPECT_NE(shapes.find("3x2"), std::string::npos) << shapes;
  EXPECT_NE(message_of([&] { return sum({a, null, a}); }).find("term 2 of 3 is a null operator"), std::string::npos);
  EXPECT_NE(message_of([&] { return a - null; }).find("term 2 of 2 is a null operator"), std::string::npos);
  EXPECT_NE(message_of([&] { return null + a; }).find("term 1 of 2"), std::string::npos);
  EXPECT_NE(message_of([&] { return sum(std::vector<Operator<double>>{}); }).find("at least one"), std::string::npos);
}

}  // namespace
}  // namespace sigmax
