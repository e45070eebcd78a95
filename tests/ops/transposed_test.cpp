#include "sigmax/ops/transposed.hpp"

#include <gtest/gtest.h>

#include "ops/counting_operator.hpp"
#include "sigmax/ops/sum.hpp"

namespace sigmax {
namespace {

TEST(Transposed, TwiceIsTheOperatorItself) {
  const auto a = constant(2, 3);
  EXPECT_NE(transposed(a), a);
  EXPECT_EQ(transposed(transposed(a)), a);
}

TEST(Transposed, OfAStoredMatrixIsAStoredMatrixTurnedRound) {
  const auto a = constant(2, 3);
  const auto before = std::get<structure::Stored>(a->structure());
  const auto after = std::get<structure::Stored>(transposed(a)->structure());
  EXPECT_EQ(after.matrix, before.matrix);
  EXPECT_NE(after.transposed, before.transposed);
  const auto sum = a + a;
  EXPECT_EQ(std::get<structure::Transposed<double>>(transposed(sum)->structure()).of, sum);
}

TEST(Transposed, ExchangesTheGramProducts) {
  const Counted inner(4, 3);
  const auto a = transposed(inner.a);
  Context context(1);
  Matrix<double> x(4, 3);
  Matrix<double> z(4, 3);
  a->apply_gram(std::as_const(x).view(), z.view(), context);
  EXPECT_EQ(inner.take(), (Counts{.outer_gram = 1, .widest = 3}));
  Matrix<double> y(3, 3);
  Matrix<double> w(3, 3);
  a->apply_outer_gram(std::as_const(y).view(), w.view(), context);
  EXPECT_EQ(inner.take(), (Counts{.gram = 1, .widest = 3}));
}

TEST(Transposed, RefusesANullOperator) {
  EXPECT_NE(message_of([] { return transposed(Operator<float>()); }).find("[transposed]"), std::string::npos);
}

}  // namespace
}  // namespace sigmax
