#include "sigmax/lipschitz/lower.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>

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

double distance(const Numbers& x, const Numbers& y, VectorNorm norm = VectorNorm::two) {
  double sum = 0;
  double squares = 0;
  double most = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double apart = std::fabs(x[i] - y[i]);
    sum += apart;
    squares += apart * apart;
    most = std::max(most, apart);
  }
  return norm == VectorNorm::one ? sum : norm == VectorNorm::two ? std::sqrt(squares) : most;
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

// The induced norms are the greatest sums of |entries| of a column and of a row.
TEST(LowerBound, OfALinearMapIsItsNormInOtherNorms) {
  Maker maker(2);
  const Operator<double> a = maker.matrix(12, 17);
  const Index x = maker.input(17);
  maker.graph.outputs = {maker.map(x, a)};
  Numbers rows(12, 0.0);
  double column = 0;
  for (std::size_t j = 0; j < 17; ++j) {
    Numbers unit(17, 0.0);
    unit[j] = 1;
    Numbers image(12);
    Context context;
    a->apply(unit, image, context);
    double sum = 0;
    for (std::size_t i = 0; i < 12; ++i) {
      sum += std::fabs(image[i]);
      rows[i] += std::fabs(image[i]);
    }
    column = std::max(column, sum);
  }
  const double row = *std::ranges::max_element(rows);
  for (const auto& [norm, truth] : {std::pair{VectorNorm::one, column}, std::pair{VectorNorm::infinity, row}}) {
    auto options = quick();
    options.norm = norm;
    const double found = lower_bound(maker.graph, Everywhere{}, options).bound.value();
    EXPECT_LE(found, truth * (1 + tolerance::kOutward)) << name(norm);
    EXPECT_GE(found, truth * (1 - 1e-9)) << name(norm);
  }
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

// A network of one input is a line on pieces, and the constant its steepest slope: of all on a fine mesh. The sum
// counts, as above.
TEST(LowerBound, ReachesTheSteepestPieceOfALine) {
  double found = 0;
  double truth = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const graph::Graph net = network(seed, {1, 8, 8, 8, 2}, graph_support::relu());
    double steepest = 0;
    for (int i = -20000; i <= 20000; ++i) {
      const graph::Values values = graph::evaluate(net, Numbers{i * 1e-3});
      steepest = std::max(steepest, distance(forward(net, values, Numbers{1}), Numbers(2, 0.0)));
    }
    const double here = lower_bound(net, graph::Box{{-20, 20}}, repeatable<LowerOptions>()).bound.value();
    EXPECT_GE(here, 0.7 * steepest);
    found += here / steepest;
    truth += 1;
  }
  EXPECT_GE(found, 0.97 * truth);
}

// Against all patterns of neurons that many inputs meet, in networks of three layers of four neurons without offsets. A
// pattern that is behind neurons which are off almost everywhere may be missed.
TEST(LowerBound, ComesCloseToTheBestPatternOfATinyNetwork) {
  int close = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Maker maker(seed);
    Index at = maker.input(3);
    for (const std::int64_t width : {4, 4, 4, 2}) {
      const std::int64_t reads = maker.graph.nodes[at].size();
      if (reads == 4) at = maker.apply(at, graph_support::relu());
      at = maker.map(at, maker.matrix(width, reads));
    }
    maker.graph.outputs = {at};
    double best = 0;
    for (int i = 0; i < 20000; ++i) {
      const graph::Values values = graph::evaluate(maker.graph, maker.normal(3));
      // |J|^2 is the greater eigenvalue of J J^T.
      const Numbers first = reverse(maker.graph, values, Numbers{1, 0});
      const Numbers second = reverse(maker.graph, values, Numbers{0, 1});
      double a = 0;
      double b = 0;
      double c = 0;
      for (std::size_t k = 0; k < 3; ++k) {
        a += first[k] * first[k];
        b += first[k] * second[k];
        c += second[k] * second[k];
      }
      best = std::max(best, std::sqrt((a + c + std::hypot(a - c, 2 * b)) / 2));
    }
    const double here = lower_bound(maker.graph, Everywhere{}, repeatable<LowerOptions>()).bound.value();
    if (here >= 0.95 * best) ++close;
  }
  EXPECT_GE(close, 6);
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

  // The nearest point to 0 is (1.5, 1.5), (1.5, 2) and (2 - 0.5 / sqrt 2, the same), but each is steepest along an
  // axis.
  for (const VectorNorm norm : {VectorNorm::one, VectorNorm::two, VectorNorm::infinity}) {
    const Ball ball{{2, 2}, 0.5, norm};
    const Lower near = lower_bound(maker.graph, ball, quick());
    EXPECT_LE(distance(near.x, ball.center, norm), 0.5) << name(norm);
    EXPECT_LE(distance(near.y, ball.center, norm), 0.5) << name(norm);
    EXPECT_LE(near.bound.value(), slope(1.5)) << name(norm);
    EXPECT_GE(near.bound.value(), slope(1.7)) << name(norm);
  }
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
