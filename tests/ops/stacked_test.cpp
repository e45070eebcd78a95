#include "sigmax/ops/stacked.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "ops/counting_operator.hpp"

namespace sigmax {
namespace {

TEST(Stacked, SharesItsParts) {
  const auto a = constant(2, 3);
  const auto b = constant(4, 3);
  const auto rows = std::get<structure::Stacked<double>>(stack_rows({a, b})->structure());
  EXPECT_TRUE(rows.of_rows);
  EXPECT_EQ(rows.parts, (std::vector<Operator<double>>{a, b}));
  EXPECT_FALSE(std::get<structure::Stacked<double>>(stack_columns({a, a})->structure()).of_rows);
  EXPECT_EQ(stack_rows({a}), a);
  EXPECT_EQ(stack_columns({a}), a);
}

TEST(Stacked, OfRowsTakesOneGramProductOfEachPart) {
  const Counted a(2, 3);
  const Counted b(4, 3);
  const auto both = stack_rows({a.a, b.a});
  Context context(1);
  Matrix<double> x(3, 2);
  Matrix<double> y(6, 2);
  Matrix<double> z(3, 2);
  both->apply_gram(std::as_const(x).view(), z.view(), context);
  EXPECT_EQ(a.take(), (Counts{.gram = 1, .widest = 2}));
  EXPECT_EQ(b.take(), (Counts{.gram = 1, .widest = 2}));
  both->apply_gram(std::as_const(x).view(), y.view(), z.view(), context);
  EXPECT_EQ(a.take(), (Counts{.gram_with_image = 1, .widest = 2}));
  EXPECT_EQ(b.take(), (Counts{.gram_with_image = 1, .widest = 2}));
}

TEST(Stacked, OfColumnsTakesOneOuterGramProductOfEachPart) {
  const Counted a(3, 2);
  const Counted b(3, 4);
  const auto both = stack_columns({a.a, b.a});
  Context context(1);
  Matrix<double> y(3, 2);
  Matrix<double> z(3, 2);
  both->apply_outer_gram(std::as_const(y).view(), z.view(), context);
  EXPECT_EQ(a.take(), (Counts{.outer_gram = 1, .widest = 2}));
  EXPECT_EQ(b.take(), (Counts{.outer_gram = 1, .widest = 2}));
}

TEST(Stacked, RefusesPartsThatDoNotFitAndNullOnes) {
  const auto a = constant(2, 3);
  const std::string rows = message_of([&] { return stack_rows({a, constant(2, 4)}); });
  EXPECT_NE(rows.find("[stack_rows] all parts must have as many columns as the first: it is 2x3, and part 2 is 2x4"),
            std::string::npos)
      << rows;
  const std::string columns = message_of([&] { return stack_columns({a, constant(3, 3)}); });
  EXPECT_NE(columns.find("[stack_columns] all parts must have as many rows as the first: it is 2x3, and part 2 is 3x3"),
            std::string::npos)
      << columns;
  EXPECT_NE(message_of([&] {
              return stack_rows({a, Operator<double>()});
            }).find("part 2 of 2 is a null operator"),
            std::string::npos);
  EXPECT_NE(message_of([] { return stack_columns(std::vector<Operator<float>>{}); }).find("at least one part"),
            std::string::npos);
}

}  // namespace
}  // namespace sigmax
