#include "sigmax/lipschitz/lower.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "repeatable.hpp"
#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/lipschitz/walk.hpp"
#include "sigmax/svd/svd.hpp"
#include "support/graphs.hpp"
#include "tolerance.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;
using graph_support::Maker;
using Numbers = std::vector<double>;

LowerOptions quick() {
  auto options = repeatable<LowerOptions>();
  options.starts = 4;
  options.steps = 40;
  return options;
}

double distance(const Numbers& x, const Numbers& y) {
  double squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) squares += (x[i] - y[i]) * (x[i] - y[i]);
  return std::sqrt(squares);
}

graph::Graph network(std::uint64_t seed, std::vector<std::int64_t> widths, const graph::Function& f) {
  Maker maker(seed);
  Index at = maker.input(widths[0]);
  for (std::size_t k = 1; k < widths.size(); ++k) {
    if (k > 1) at = maker.apply(at, f);
    at = maker.affine(at, widths[k]);
  }
  maker.graph.outputs = {at};
  return maker.graph;
}

TEST(LowerBound, OfALinearMapIsItsNorm) {
  Maker maker(1);
  const Operator<double> a = maker.matrix(12, 17);
  const Index x = maker.input(17);
  maker.graph.outputs = {maker.map(x, a)};
  const Enclosure truth = sigma_max(*a, repeatable<CertifyOptions>());
  const LowerBound found = lower_bound(maker.graph, Everywhere{}, quick()).bound;
  EXPECT_EQ(found.certainty(), Certainty::proven);
  EXPECT_LE(found.value(), truth.upper->value());
  EXPECT_GE(found.value(), truth.lower.value() * (1 - 1e-4));
}

// relu(x) - relu(-x) - x is 0 everywhere, but its Jacobian at 0 as an evaluation takes it is -1.
TEST(LowerBound, IsNotDeceivedByAKink) {
  Maker maker(1);
  const Index x = maker.input(1);
  const auto times = [&](Index from, double factor) {
    return maker.map(from, dense<double>(Tensor::copy_of(Numbers{factor}, {1, 1})));
  };
  const Index positive = maker.apply(x, graph_support::relu());
  const Index negative = maker.apply(times(x, -1), graph_support::relu());
  maker.graph.outputs = {maker.add(graph::Sum{}, {positive, times(negative, -1), times(x, -1)}, {1})};
  const graph::Values at_kink = graph::evaluate(maker.graph, Numbers{0});
  ASSERT_EQ(forward(maker.graph, at_kink, Numbers{1})[0], -1);
  EXPECT_EQ(lower_bound(maker.graph, Everywhere{}, quick()).bound.value(), 0);
  EXPECT_EQ(lower_bound(maker.graph, Ball{{0}, 1e-9}, quick()).bound.value(), 0);
}

// x + 2^53 rounds to even numbers: a quotient of computed values would be 2.
TEST(LowerBound, CountsTheRoundingOfTheEvaluation) {
  Maker maker(1);
  const Index x = maker.input(1);
  maker.graph.outputs = {
      maker.add(graph::Affine{dense<double>(Tensor::copy_of(Numbers{1}, {1, 1})), {0x1p53}}, {x}, {1})};
  const graph::Values low = graph::evaluate(maker.graph, Numbers{1});
  const graph::Values high = graph::evaluate(maker.graph, Numbers{2});
  ASSERT_EQ(high[1][0] - low[1][0], 2);
  EXPECT_LE(difference_quotient(maker.graph, {1}, {2}).value(), 1);
  EXPECT_LE(difference_quotient(maker.graph, {1}, {1.001}).value(), 1);
  EXPECT_LE(lower_bound(maker.graph, Everywhere{}, quick()).bound.value(), 1);
  EXPECT_GE(difference_quotient(maker.graph, {0}, {0x1p40}).value(), 1 - 1e-9);
}

TEST(LowerBound, IsAttainedByItsTwoPoints) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const graph::Graph net = network(seed, {4, 10, 10, 3}, graph_support::relu());
    const Lower found = lower_bound(net, Everywhere{}, quick());
    EXPECT_EQ(difference_quotient(net, found.x, found.y).value(), found.bound.value());
    const Numbers fx = outputs(net, graph::evaluate(net, found.x));
    const Numbers fy = outputs(net, graph::evaluate(net, found.y));
    EXPECT_NEAR(distance(fx, fy) / distance(found.x, found.y), found.bound.value(), 1e-6 * found.bound.value());
  }
}

// Against the greatest norm of Jacobians at many random points. A search takes another path where a number is rounded
// another way, so that one of them may end up to some percent lower: their sum counts.
TEST(LowerBound, IsAboutAsGoodAsSampling) {
  double found = 0;
  double sampled = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const auto f = seed % 2 == 0 ? graph_support::relu() : graph_support::hyperbolic_tangent();
    const graph::Graph net = network(seed, {3, 12, 8, 2}, f);
    Maker random(seed + 50);
    double best = 0;
    for (int sample = 0; sample < 2000; ++sample) {
      const Numbers x = random.normal(3, sample % 2 == 0 ? 1 : 4);
      const graph::Values values = graph::evaluate(net, x);
      Numbers v = random.normal(3);
      for (int step = 0; step < 6; ++step) {
        v = reverse(net, values, forward(net, values, v));
        const double length = distance(v, Numbers(3, 0.0));
        if (length > 0) std::ranges::for_each(v, [&](double& each) { each /= length; });
      }
      best = std::max(best, distance(forward(net, values, v), Numbers(2, 0.0)));
    }
    found += lower_bound(net, Everywhere{}, repeatable<LowerOptions>()).bound.value();
    sampled += best;
  }
  EXPECT_GE(found, 0.9 * sampled);
}

TEST(LowerBound, StaysInTheDomain) {
  // tanh is steepest at 0, which is not in the domains.
  Maker maker(1);
  const Index x = maker.input(2);
  maker.graph.outputs = {maker.apply(x, graph_support::hyperbolic_tangent())};
  const auto slope = [](double at) { return 1 - std::tanh(at) * std::tanh(at); };

  const graph::Box box = {{1, 2}, {-3, -1.5}};
  const Lower boxed = lower_bound(maker.graph, box, quick());
  for (const Numbers* point : {&boxed.x, &boxed.y}) {
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_GE((*point)[i], box[i].least);
      EXPECT_LE((*point)[i], box[i].greatest);
    }
  }
  EXPECT_LE(boxed.bound.value(), slope(1));
  EXPECT_GE(boxed.bound.value(), slope(1.1));

  const Ball ball{{2, 2}, 0.5};
  const Lower near = lower_bound(maker.graph, ball, quick());
  EXPECT_LE(distance(near.x, ball.center), 0.5);
  EXPECT_LE(distance(near.y, ball.center), 0.5);
  EXPECT_LE(near.bound.value(), slope(1.5));
  EXPECT_GE(near.bound.value(), slope(1.7));
}

TEST(LowerBound, OfAConstantIsZero) {
  Maker maker(1);
  maker.input(2);
  maker.graph.outputs = {maker.constant({1, 2})};
  EXPECT_EQ(lower_bound(maker.graph, Everywhere{}, quick()).bound.value(), 0);
  EXPECT_EQ(lower_bound(network(1, {2, 3}, graph_support::relu()), Ball{{1, 1}, 0}, quick()).bound.value(), 0);
}

TEST(LowerBound, RefusesDomainsAndOptionsThatDoNotFit) {
  const graph::Graph net = network(1, {2, 3}, graph_support::relu());
  EXPECT_THROW(lower_bound(net, graph::Box(3)), Error);
  EXPECT_THROW(lower_bound(net, graph::Box{{0, 1}, {2, 1}}), Error);
  EXPECT_THROW(lower_bound(net, Ball{{0}, 1}), Error);
  EXPECT_THROW(lower_bound(net, Ball{{0, 0}, -1}), Error);
  EXPECT_THROW(lower_bound(net, Ball{{0, std::nan("")}, 1}), Error);
  LowerOptions options;
  options.starts = 0;
  EXPECT_THROW(lower_bound(net, Everywhere{}, options), Error);
  options = {};
  options.most_flops = 0;
  EXPECT_THROW(lower_bound(net, Everywhere{}, options), Error);
}

// A budget for less than one search leaves a short one, whose points prove what they are said to.
TEST(LowerBound, IsFoundWithAnyNumberOfOperations) {
  const graph::Graph net = network(5, {6, 20, 20, 3}, graph_support::relu());
  const double most = walk(net, Everywhere{}).bound->value();
  for (const double flops : {1.0, 1e5, 1e6, 1e8}) {
    LowerOptions options = quick();
    options.most_flops = flops;
    const Lower found = lower_bound(net, Everywhere{}, options);
    EXPECT_GT(found.bound.value(), 0) << flops;
    EXPECT_LE(found.bound.value(), most) << flops;
    EXPECT_EQ(difference_quotient(net, found.x, found.y).value(), found.bound.value()) << flops;
  }
}

}  // namespace
}  // namespace sigmax::lipschitz
