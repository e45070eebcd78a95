#include "sigmax/lipschitz/network_bound.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "gallery/reference_svd.hpp"
#include "repeatable.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/scalar/named.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/materialize.hpp"
#include "sigmax/ops/scaled.hpp"
#include "sigmax/ops/selection.hpp"
#include "support/graphs.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;
using graph_support::leaky;
using graph_support::Maker;
using graph_support::relu;

NetworkBoundOptions repeated() {
  NetworkBoundOptions options;
  options.walk.certify = repeatable<CertifyOptions>();
  options.lower_search = repeatable<LowerOptions>();
  options.lower_search.starts = 3;
  options.lower_search.steps = 30;
  return options;
}

NetworkEnclosure enclosed(const graph::Graph& graph, const Domain& domain = Everywhere{}) {
  NetworkEnclosure found = network_bound(graph, domain, repeated());
  if (found.upper) {
    EXPECT_EQ(found.upper->certainty(), Certainty::proven);
    if (found.lower) {
      EXPECT_LE(found.lower->bound.value(), found.upper->value());
    }
    if (found.walk.bound) {
      EXPECT_LE(found.upper->value(), found.walk.bound->value());
    }
    if (found.inequality) {
      EXPECT_LE(found.upper->value(), found.inequality->value());
    }
  }
  return found;
}

/// input - layers of `width` ReLUs - output
Index perceptron(Maker& maker, Index x, std::int64_t width, int layers, std::int64_t outputs) {
  for (int k = 0; k < layers; ++k) {
    const std::int64_t columns = maker.graph.nodes[x].size();
    x = maker.add(graph::Affine{maker.matrix(width, columns), maker.normal(width)}, {x}, {width});
    x = maker.add(graph::Elementwise{{relu()}, {}}, {x}, {width});
  }
  return maker.add(graph::Affine{maker.matrix(outputs, width)}, {x}, {outputs});
}

TEST(NetworkBound, OfAChainIsLessByTheInequality) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    Maker maker(seed);
    maker.graph.outputs = {perceptron(maker, maker.input(6), 12, 3, 4)};
    const NetworkEnclosure found = enclosed(maker.graph);
    ASSERT_TRUE(found.inequality);
    EXPECT_LT(found.inequality->value(), found.walk.bound->value());
    EXPECT_EQ(found.method, "inequality");
    ASSERT_EQ(found.parts.size(), 1U);
    EXPECT_EQ(found.parts[0].neurons, 36);
    EXPECT_TRUE(found.parts[0].search);
    EXPECT_FALSE(found.parts[0].from && *found.parts[0].from != 0);
  }
}

// The inequality is about the Euclidean norm: its number would be none for another.
TEST(NetworkBound, InOtherNormsIsTheWalk) {
  for (const VectorNorm norm : {VectorNorm::one, VectorNorm::infinity}) {
    Maker maker(3);
    maker.graph.outputs = {perceptron(maker, maker.input(6), 12, 3, 4)};
    NetworkBoundOptions options = repeated();
    options.walk.norm = norm;
    const NetworkEnclosure found = network_bound(maker.graph, Everywhere{}, options);
    EXPECT_FALSE(found.inequality);
    EXPECT_EQ(found.method, "walk");
    EXPECT_EQ(found.upper->value(), found.walk.bound->value());
    EXPECT_LE(found.lower->bound.value(), found.upper->value());
    // The same search in the same norm.
    EXPECT_EQ(difference_quotient(maker.graph, found.lower->x, found.lower->y, norm).value(),
              found.lower->bound.value());
  }
}

TEST(NetworkBound, CutsWhereANodeIsNotLayered) {
  Maker maker(7);
  const Index x = maker.input(6);
  const Index first = perceptron(maker, x, 10, 2, 8);
  const Index softmax = maker.add(graph::Softmax{{1, 8, 1}}, {first}, {8});
  maker.graph.outputs = {perceptron(maker, softmax, 9, 2, 3)};
  const NetworkEnclosure found = enclosed(maker.graph);
  ASSERT_EQ(found.parts.size(), 3U);
  EXPECT_TRUE(found.parts[0].search);
  EXPECT_FALSE(found.parts[1].search);
  EXPECT_NEAR(found.parts[1].bound->value(), 0.5, 1e-12);
  EXPECT_TRUE(found.parts[2].search);
  EXPECT_LE(found.upper->value(), found.walk.bound->value());
}

/// z + B relu(A z), twice, and a linear output: every way passes the sums.
TEST(NetworkBound, OfResidualBlocksTakesThemTogether) {
  Maker maker(11);
  Index z = maker.input(5);
  for (int block = 0; block < 2; ++block) {
    const Index inner = perceptron(maker, z, 7, 1, 5);
    z = maker.add(graph::Sum{}, {z, inner}, {5});
  }
  maker.graph.outputs = {maker.add(graph::Affine{maker.matrix(3, 5)}, {z}, {3})};
  const NetworkEnclosure found = enclosed(maker.graph);
  ASSERT_TRUE(found.inequality);
  EXPECT_LT(found.inequality->value(), found.walk.product->value());
  ASSERT_EQ(found.parts.size(), 1U);
  // The blocks' neurons alone: sums and maps are no variables.
  EXPECT_EQ(found.parts[0].neurons, 14);
}

/// Two inputs and two outputs are one vector each.
TEST(NetworkBound, OfSeveralInputsAndOutputs) {
  Maker maker(13);
  const Index a = maker.input(3);
  const Index b = maker.input(4);
  const Index both = maker.add(graph::Stack{}, {a, b}, {7});
  const Index y = perceptron(maker, both, 8, 2, 4);
  const Index halves[] = {maker.add(graph::Affine{range_selection<double>(4, 0, 2)}, {y}, {2}),
                          maker.add(graph::Affine{range_selection<double>(4, 2, 2)}, {y}, {2})};
  maker.graph.outputs = {halves[0], halves[1]};
  const NetworkEnclosure found = enclosed(maker.graph);
  maker.graph.outputs = {y};
  const NetworkEnclosure whole = enclosed(maker.graph);
  ASSERT_TRUE(found.inequality);
  EXPECT_NEAR(found.inequality->value(), whole.inequality->value(), 1e-3 * whole.inequality->value());
}

/// Near a point the bound is that of the linear map there.
TEST(NetworkBound, OnASmallBallIsNearlyTheJacobiansNorm) {
  Maker maker(17);
  const Index x = maker.input(5);
  maker.graph.outputs = {perceptron(maker, x, 10, 2, 3)};
  const Ball ball{maker.normal(5), 1e-6};
  const NetworkEnclosure local = enclosed(maker.graph, ball);
  const NetworkEnclosure global = enclosed(maker.graph);
  ASSERT_TRUE(local.upper && local.lower);
  // No preactivation is that near to 0 in this network.
  EXPECT_LE(local.inequality->value(), (1 + 1e-6) * local.lower->bound.value());
  EXPECT_LT(local.upper->value(), global.upper->value());
}

/// The largest singular value of the network's Jacobian at x.
double norm_of_jacobian(const graph::Graph& graph, const std::vector<double>& x) {
  const Operator<double> j = jacobian(graph, x);
  const Matrix<double> columns = materialize(*j);
  const std::vector<double> transposed(columns.values().begin(), columns.values().end());
  const auto n = static_cast<std::size_t>(columns.columns());
  const auto m = static_cast<std::size_t>(columns.rows());
  return static_cast<double>(gallery::reference_singular_values(transposed, n, m).front());
}

/// As the ball shrinks, the bound by the inequality tends to the norm of the Jacobian, at depth too, and whatever the
/// functions: neurons of fixed sign are linear, and those of nearly fixed slopes leave a small rest.
TEST(NetworkBound, TendsToTheJacobiansNorm) {
  const auto expect = [](const graph::Graph& graph, const std::vector<double>& x, double radius, double relative) {
    NetworkBoundOptions options = repeated();
    options.lower = false;
    const NetworkEnclosure found = network_bound(graph, Ball{x, radius}, options);
    ASSERT_TRUE(found.inequality);
    ASSERT_TRUE(found.parts[0].search) << found.parts[0].why;
    const double truth = norm_of_jacobian(graph, x);
    EXPECT_GE(found.inequality->value(), truth * (1 - 1e-9));
    EXPECT_LE(found.inequality->value(), truth * (1 + relative));
  };
  Maker wide(31);
  wide.graph.outputs = {perceptron(wide, wide.input(20), 100, 6, 10)};
  expect(wide.graph, wide.normal(20), 1e-9, 1e-6);
  for (const graph::Function& f : {leaky(0.1), graph::named_function("Gelu"), graph::named_function("Tanh")}) {
    Maker maker(37);
    Index z = maker.affine(maker.input(6), 8);
    for (int block = 0; block < 3; ++block) {
      const Index inner = maker.affine(maker.apply(maker.affine(z, 9), f), 8);
      z = maker.apply(maker.add(graph::Sum{}, {z, inner}, {8}), f);
    }
    maker.graph.outputs = {maker.affine(z, 3)};
    const std::vector<double> x = maker.normal(6);
    // Slopes are known to about 1e-6 (scalar_function.hpp).
    expect(maker.graph, x, 1e-9, 1e-5);
    expect(maker.graph, x, 1e-4, 1e-2);
  }
}

/// One inequality for each of these, also where nodes are read several times and inputs come in late.
TEST(NetworkBound, TakesBlocksOfEveryFormIntoOneInequality) {
  const auto relu_of = [](Maker& maker, Index v) { return maker.apply(v, relu()); };
  const auto expect_one = [](Maker& maker, Index output, std::int64_t neurons) {
    maker.graph.outputs = {output};
    const NetworkEnclosure found = enclosed(maker.graph);
    ASSERT_TRUE(found.inequality);
    ASSERT_EQ(found.parts.size(), 1U);
    EXPECT_TRUE(found.parts[0].search) << found.parts[0].why;
    EXPECT_EQ(found.parts[0].neurons, neurons);
    EXPECT_LT(found.inequality->value(), found.walk.bound->value());
  };
  {
    SCOPED_TRACE("a function behind the sum");
    Maker maker(41);
    Index z = maker.input(6);
    for (int block = 0; block < 3; ++block) {
      const Index inner = maker.affine(relu_of(maker, maker.affine(z, 8)), 6);
      z = relu_of(maker, maker.add(graph::Sum{}, {z, inner}, {6}));
    }
    expect_one(maker, maker.affine(z, 3), 3 * 14);
  }
  {
    SCOPED_TRACE("functions in front");
    Maker maker(42);
    Index z = maker.affine(maker.input(5), 6);
    for (int block = 0; block < 3; ++block) {
      const Index inner = maker.affine(relu_of(maker, maker.affine(relu_of(maker, z), 7)), 6);
      z = maker.add(graph::Sum{}, {z, inner}, {6});
    }
    expect_one(maker, maker.affine(z, 3), 3 * 13);
  }
  {
    SCOPED_TRACE("every layer reads the concatenation of all before it");
    Maker maker(43);
    Index z = maker.input(4);
    for (int layer = 0; layer < 4; ++layer) {
      const Index next = relu_of(maker, maker.affine(z, 5));
      z = maker.add(graph::Stack{}, {z, next}, {maker.size(z) + 5});
    }
    expect_one(maker, maker.affine(z, 2), 4 * 5);
  }
  {
    SCOPED_TRACE("a second input behind the first layers, which are read twice");
    Maker maker(44);
    const Index a = maker.input(4);
    const Index b = maker.input(3);
    const Index z = relu_of(maker, maker.affine(a, 6));
    const Index left = relu_of(maker, maker.affine(maker.add(graph::Stack{}, {z, b}, {9}), 5));
    const Index right = maker.apply(maker.affine(z, 5), leaky(0.25));
    expect_one(maker, maker.affine(maker.add(graph::Sum{}, {left, right}, {5}), 3), 6 + 5 + 5);
  }
}

/// A function that subtracts a part of its argument again: what is 0 is no neuron, and what is nearly 0 has an error.
TEST(NetworkBound, OfMapsThatCancel) {
  Maker maker(45);
  const Index x = maker.input(5);
  const Operator<double> a = maker.matrix(6, 5);
  const Operator<double> b = maker.matrix(5, 6);
  const Index v = maker.map(maker.map(x, a), b);
  const Index w = maker.map(maker.map(x, a), scaled(-1.0, b));
  const Index zero = maker.add(graph::Sum{}, {v, w}, {5});
  const Index z = maker.apply(zero, relu());
  maker.graph.outputs = {z};
  EXPECT_LE(enclosed(maker.graph).upper->value(), 1e-5);
  const Index other = maker.apply(maker.affine(x, 5), relu());
  maker.graph.outputs = {maker.affine(maker.add(graph::Sum{}, {z, other}, {5}), 2)};
  const NetworkEnclosure found = enclosed(maker.graph);
  ASSERT_TRUE(found.inequality);
  EXPECT_TRUE(found.parts[0].search) << found.parts[0].why;
}

/// Layers in units far apart, with products of maps on the way that no double holds.
TEST(NetworkBound, OfLayersInUnitsFarApart) {
  for (const double unit : {1e150, 1e-150, 1e100, 1e-200}) {
    Maker maker(46);
    Index z = maker.input(4);
    for (int layer = 0; layer < 2; ++layer) {
      z = maker.map(maker.map(z, scaled(unit, maker.matrix(5, maker.size(z)))), scaled(unit, maker.matrix(6, 5)));
      z = maker.apply(z, relu());
      z = maker.map(maker.map(z, scaled(1 / unit, maker.matrix(5, 6))), scaled(1 / unit, maker.matrix(4, 5)));
      z = maker.apply(z, leaky(0.1));
    }
    maker.graph.outputs = {maker.affine(z, 2)};
    NetworkBoundOptions options = repeated();
    options.lower = false;
    const NetworkEnclosure found = network_bound(maker.graph, Everywhere{}, options);
    ASSERT_TRUE(found.inequality) << unit << (found.parts.empty() ? "none" : found.parts[0].why);
    EXPECT_TRUE(found.parts[0].search) << found.parts[0].why;
    EXPECT_LE(found.inequality->value(), found.walk.product->value()) << unit;
  }
}

/// Where a function does not move, nothing behind it does.
TEST(NetworkBound, OfNeuronsThatAreOffIsZero) {
  Maker maker(18);
  const Index x = maker.input(3);
  const Index v = maker.add(graph::Affine{identity<double>(3), {-9, -9, 5}}, {x}, {3});
  const Index z = maker.add(graph::Elementwise{{relu()}, {}}, {v}, {3});
  const Index off = maker.add(graph::Affine{range_selection<double>(3, 0, 2)}, {z}, {2});
  maker.graph.outputs = {off};
  EXPECT_EQ(enclosed(maker.graph, Ball{{0, 0, 0}, 1}).upper->value(), 0);
  maker.graph.outputs = {z};
  EXPECT_NEAR(enclosed(maker.graph, Ball{{0, 0, 0}, 1}).upper->value(), 1, 1e-9);
}

/// (1 + d) in front of a function is in its slopes, at the output in the bound.
TEST(NetworkBound, CountsTheErrorOfFoldedRows) {
  Maker maker(19);
  const Index x = maker.input(4);
  const Operator<double> first = maker.matrix(6, 4);
  const Operator<double> last = maker.matrix(3, 6);
  const auto bound_with = [&](double inside, double outside) {
    Maker other(0);
    const Index input = other.input(4);
    const Index v = other.add(graph::Affine{first, {}, inside}, {input}, {6});
    const Index z = other.add(graph::Elementwise{{leaky(0.1)}, {}}, {v}, {6});
    other.graph.outputs = {other.add(graph::Affine{last, {}, outside}, {z}, {3})};
    return enclosed(other.graph).inequality->value();
  };
  const double exact = bound_with(0, 0);
  EXPECT_GE(bound_with(0, 0.25), 1.25 * exact * (1 - 1e-3));
  EXPECT_LE(bound_with(0, 0.25), 1.25 * exact * (1 + 1e-3));
  // All rows might be larger by that.
  EXPECT_GE(bound_with(0.25, 0), 1.25 * exact * (1 - 1e-3));
  static_cast<void>(x);
}

TEST(NetworkBound, NamesTheNodeWithoutABound) {
  Maker maker(23);
  const Index x = maker.input(4);
  const Index y = maker.add(graph::Refused{"steps at 0"}, {x}, {4});
  maker.graph.nodes[y].name = "Sign 'step'";
  maker.graph.outputs = {y};
  const NetworkEnclosure found = enclosed(maker.graph);
  EXPECT_FALSE(found.upper);
  EXPECT_FALSE(found.lower);
  ASSERT_EQ(found.walk.refused.size(), 1U);
  EXPECT_EQ(found.walk.refused[0].name, "Sign 'step'");
  EXPECT_EQ(found.walk.refused[0].reason, "steps at 0");
}

TEST(NetworkBound, OfWideLayersIsLeftToTheWalk) {
  Maker maker(29);
  maker.graph.outputs = {perceptron(maker, maker.input(3), 20, 1, 2)};
  NetworkBoundOptions options = repeated();
  options.widest_layer = 19;
  const NetworkEnclosure found = network_bound(maker.graph, Everywhere{}, options);
  ASSERT_EQ(found.parts.size(), 1U);
  EXPECT_FALSE(found.parts[0].search);
  EXPECT_EQ(found.parts[0].why, "a layer has 20 neurons, more than 19");
  EXPECT_TRUE(found.upper);
}

/// Random compositions of every operation: whatever has a bound has one above what a search finds.
TEST(NetworkBound, HoldsForCompositions) {
  int bounded = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    bounded += static_cast<bool>(enclosed(graph_support::composition(seed, 5, graph_support::all_kinds())).upper);
  }
  EXPECT_GE(bounded, 3);
}

}  // namespace
}  // namespace sigmax::lipschitz
