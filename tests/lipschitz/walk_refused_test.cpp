// Nodes without a bound, and what the walk says about them.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "lipschitz/walks.hpp"
#include "sigmax/graph/scalar/expression_function.hpp"
#include "sigmax/graph/scalar/named.hpp"
#include "support/opaque.hpp"
#include "tolerance.hpp"

namespace sigmax::lipschitz {
namespace {

TEST(Walk, RefusesProductsWithoutBoundsOnValuesAndSaysWhatHelps) {
  Maker maker(5);
  const Index x = maker.input(3);
  const Index product = maker.add(graph::Product{}, {x, maker.affine(x, 3)}, {3});
  const Index after = maker.affine(product, 2);
  const Walk everywhere = walked(maker, after);
  EXPECT_FALSE(everywhere.bound);
  EXPECT_FALSE(everywhere.product);
  ASSERT_EQ(everywhere.refused.size(), 1u);
  EXPECT_EQ(everywhere.refused[0].node, product);
  EXPECT_EQ(everywhere.refused[0].reason, "multiplies by a value that is not bounded");
  EXPECT_TRUE(everywhere.refused[0].needs_bounded_domain);
  EXPECT_FALSE(everywhere.layers.back().running);
  EXPECT_TRUE(everywhere.layers.back().bound);
  EXPECT_TRUE(walked(maker, after, graph::Box(3, graph::Interval{-1, 1})).bound);
}

// Where a function jumps, the reason says what makes the jump go away; on a side of it there is a bound.
TEST(Walk, SaysWhatHelpsWhereFunctionsJump) {
  const auto reason = [](graph::Function f, const Domain& domain = Everywhere{}) {
    Maker maker(5);
    const Walk found = walked(maker, maker.apply(maker.input(1), std::move(f)), domain);
    return found.bound ? std::string() : found.refused.at(0).reason;
  };
  const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  EXPECT_TRUE(has(reason(graph::named_function("ThresholdedRelu")), "unless alpha is 0"));
  EXPECT_TRUE(has(reason(graph::named_function("Shrink", {0.5, 0})), "unless bias = lambd"));
  EXPECT_TRUE(has(reason(graph::named_function("IsNegative")), "as Max, Min, Relu or Clip"));
  const graph::Expression x = graph::Expression::variable(), one = graph::Expression::constant(1);
  EXPECT_TRUE(has(reason(graph::function_of(make(graph::Symbol::Where, {x, one, x}, 0), "")), "both sides"));
  EXPECT_EQ(reason(graph::named_function("ThresholdedRelu"), graph::Box{{2, 3}}), "");
  EXPECT_EQ(reason(graph::named_function("IsNegative"), graph::Box{{-3, -2}}), "");
}

TEST(Walk, NamesNodesWithoutABound) {
  Maker maker(5);
  const Index x = maker.input(3);
  const Index refused = maker.add(graph::Refused{"steps at integers"}, {x}, {3});
  const Index opaque = maker.map(x, std::make_shared<OpaqueOperator<double>>(maker.matrix(3, 3)));
  const Walk found = walked(maker, maker.add(graph::Sum{}, {refused, maker.affine(refused, 3), opaque}, {3}));
  EXPECT_FALSE(found.bound);
  ASSERT_EQ(found.refused.size(), 2u);
  EXPECT_EQ(found.refused[0].name, maker.graph.nodes[refused].name);
  EXPECT_EQ(found.refused[0].reason, "steps at integers");
  EXPECT_EQ(found.refused[1].node, opaque);
  // Neither counts where no output depends on it.
  EXPECT_TRUE(walked(maker, maker.affine(x, 1)).bound);
}

// What a refused node depends on is not known: it is no constant, even where nothing comes before it.
TEST(Walk, NeverTakesARefusedNodeForAConstant) {
  Maker maker(5);
  maker.input(3);
  const Index refused = maker.add(graph::Refused{"is an input of type i64"}, {}, {3});
  const Walk found = walked(maker, maker.affine(refused, 2));
  EXPECT_FALSE(found.bound);
  EXPECT_FALSE(found.product);
  ASSERT_EQ(found.refused.size(), 1u);
  EXPECT_EQ(found.refused[0].reason, "is an input of type i64");
}

// One run names everything that stands in the way: also behind a node that is refused, except where that alone is why.
TEST(Walk, NamesRefusedNodesBehindOthers) {
  Maker maker(5);
  const Index x = maker.input(3);
  const Index first = maker.add(graph::Refused{"jumps"}, {x}, {3});
  const Index second = maker.add(graph::Refused{"jumps too"}, {maker.affine(first, 3)}, {0});
  const Index third = maker.add(graph::Refused{"comes after a node without a shape"}, {second}, {3});
  const Index product = maker.add(graph::Product{}, {third, third}, {3});
  const Walk found = walked(maker, product);
  ASSERT_EQ(found.refused.size(), 2u);
  EXPECT_EQ(found.refused[0].node, first);
  EXPECT_EQ(found.refused[1].node, second);
}

TEST(Walk, RefusesWhatOverflowsAndKeepsWhatIsFarFromOne) {
  Maker maker(5);
  Index at = maker.input(1);
  for (int i = 0; i < 3; ++i) at = maker.map(at, matrix({1e120}, 1, 1));
  const Walk found = walked(maker, at);
  EXPECT_FALSE(found.bound);
  EXPECT_EQ(found.refused[0].reason, "has a bound beyond the range of double");
  Maker small(5);
  Index low = small.input(1);
  for (int i = 0; i < 3; ++i) low = small.map(low, matrix({i == 2 ? 1e200 : 1e-150}, 1, 1));
  EXPECT_NEAR(walked(small, low).bound->value() / 1e-100, 1, tolerance::kOutward);
}

TEST(Walk, OfAConstantIsZeroAndKeepsAssumptions) {
  Maker maker(5);
  maker.input(3);
  maker.graph.assumptions = {"batch size 1"};
  const Walk found = walked(maker, maker.affine(maker.constant({1, 2}), 2));
  EXPECT_EQ(found.bound->value(), 0);
  EXPECT_TRUE(found.layers.empty());
  EXPECT_EQ(found.assumptions, std::vector<std::string>{"batch size 1"});
}

}  // namespace
}  // namespace sigmax::lipschitz
