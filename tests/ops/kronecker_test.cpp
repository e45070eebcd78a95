#include "sigmax/ops/kronecker.hpp"

#include <gtest/gtest.h>

#include <variant>
#include <vector>

#include "ops/counting_operator.hpp"
#include "sigmax/ops/diagonal.hpp"

namespace sigmax {
namespace {

std::vector<Operator<double>> factors_of(const Operator<double>& a) {
  return std::get<structure::Kronecker<double>>(a->structure()).factors;
}

TEST(Kronecker, MergesIdentitiesAndDropsThoseOfOrderOne) {
  const Operator<double> w = constant(2, 3);
  EXPECT_EQ(kronecker({identity<double>(1), w, identity<double>(1)}), w);
  const std::vector<Operator<double>> factors =
      factors_of(kronecker({identity<double>(2), identity<double>(5), w, identity<double>(1)}));
  ASSERT_EQ(factors.size(), 2u);
  EXPECT_EQ(factors[0]->shape().rows, 10);
  EXPECT_EQ(factors[1], w);
  const Operator<double> all = kronecker({identity<double>(2), identity<double>(3)});
  EXPECT_TRUE(std::get<structure::Diagonal>(all->structure()).is_identity());
}

TEST(Kronecker, AppliesEachFactorOnceToAllLinesAlongItsAxis) {
  const Counted a(2, 3);
  const Counted b(5, 4);
  const Operator<double> both = kronecker({a.a, b.a});
  Context context(1);
  std::vector<double> x(12, 1.0);
  std::vector<double> y(10);
  both->apply(std::span<const double>(x), std::span<double>(y), context);
  EXPECT_EQ(y, std::vector<double>(10, 12.0));
  // A shrinks the tensor, so that it comes first: 4 lines along its axis, and then 2 along that of B.
  EXPECT_EQ(a.take(), (Counts{.apply = 1, .widest = 4}));
  EXPECT_EQ(b.take(), (Counts{.apply = 1, .widest = 2}));
  both->apply_adjoint(std::span<const double>(y), std::span<double>(x), context);
  EXPECT_EQ(b.take(), (Counts{.adjoint = 1, .widest = 2}));
  EXPECT_EQ(a.take(), (Counts{.adjoint = 1, .widest = 4}));
}

TEST(Kronecker, TakesTheGramProductsOfItsFactors) {
  const Counted a(2, 3);
  const Operator<double> on_rows = kronecker({identity<double>(7), a.a});
  Context context(1);
  const std::vector<double> x(21, 1.0);
  std::vector<double> z(21);
  on_rows->apply_gram(std::span<const double>(x), std::span<double>(z), context);
  EXPECT_EQ(a.take(), (Counts{.gram = 1, .widest = 7}));
  const std::vector<double> y(14, 1.0);
  std::vector<double> w(14);
  on_rows->apply_outer_gram(std::span<const double>(y), std::span<double>(w), context);
  EXPECT_EQ(a.take(), (Counts{.outer_gram = 1, .widest = 7}));
}

TEST(Kronecker, RefusesNoFactorsNullOnesAndSidesBeyondAnyTensor) {
  EXPECT_NE(message_of([] { return kronecker(std::vector<Operator<double>>{}); }).find("at least one factor"),
            std::string::npos);
  EXPECT_NE(message_of([] {
              return kronecker<double>({identity<double>(2), nullptr});
            }).find("factor 2 of 2 is a null operator"),
            std::string::npos);
  const std::int64_t large = std::int64_t{1} << 40;
  EXPECT_NE(message_of([&] {
              return kronecker({identity<double>(large), constant(1, 1), identity<double>(large)});
            }).find("2^62"),
            std::string::npos);
}

}  // namespace
}  // namespace sigmax
