#include "sigmax/lipschitz/certified_accuracy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/lipschitz/classifier.hpp"
#include "support/graphs.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;
using graph_support::Maker;
using Numbers = std::vector<double>;

CertifiedAccuracyOptions at_radii(Numbers radii) {
  CertifiedAccuracyOptions options;
  options.radii = std::move(radii);
  options.bound.walk.certify = repeatable<CertifyOptions>();
  options.attack = repeatable<AttackOptions>();
  return options;
}

// Rows of the weight of a linear classifier of two numbers, and its biases.
graph::Graph linear(const Numbers& weights, Numbers biases = {}) {
  Maker maker(1);
  const Index x = maker.input(2);
  const auto classes = static_cast<std::int64_t>(weights.size() / 2);
  maker.graph.outputs = {maker.add(
      graph::Affine{dense<double>(Tensor::copy_of(weights, {classes, 2})), std::move(biases)}, {x}, {classes})};
  return maker.graph;
}

graph::Graph relu_network(std::uint64_t seed, double scale = 1) {
  Maker maker(seed);
  const Index x = maker.input(6);
  const Index hidden = maker.apply(maker.affine(x, 12), graph_support::relu());
  const Index logits = maker.affine(maker.apply(maker.affine(hidden, 10), graph_support::relu()), 4);
  Numbers diagonal(16, 0.0);
  for (std::size_t i = 0; i < 4; ++i) diagonal[5 * i] = scale;
  maker.graph.outputs = {maker.map(logits, dense<double>(Tensor::copy_of(diagonal, {4, 4})))};
  return maker.graph;
}

std::size_t class_of(const graph::Graph& graph, const Numbers& x) {
  const Numbers logits = outputs(graph, graph::evaluate(graph, x));
  return static_cast<std::size_t>(std::ranges::max_element(logits) - logits.begin());
}

// The radius is the distance from the nearest hyperplane between two classes.
TEST(CertifiedAccuracy, OfALinearClassifierIsTheDistanceFromTheHyperplane) {
  const graph::Graph graph = linear({3, 0, 0, 4, -1, -1});
  const LabeledInput input{{2, 0.5}, 0};  // logits 6, 2, -2.5; |w_0 - w_1| = 5, |w_0 - w_2| = sqrt 17
  const double distance = std::min(4.0 / 5, 8.5 / std::sqrt(17.0));
  const auto found = certified_accuracy(graph, {input}, at_radii({0.999 * distance, 1.001 * distance}));
  EXPECT_LE(found.inputs[0].radius, distance);
  EXPECT_GE(found.inputs[0].radius, distance * (1 - 1e-9));
  EXPECT_EQ(found.inputs[0].at, (std::vector{Robustness::certified, Robustness::broken}));
  EXPECT_EQ(found.radii[0].robust(), 1U);
  EXPECT_EQ(found.radii[1].unbroken(), 0U);
}

TEST(CertifiedAccuracy, NormalizationScalesTheRadius) {
  const graph::Graph plain = linear({3, 0, 0, 4});
  const Classifier scaled = classifier(plain, {{0.5}, {0.25}});
  const auto options = at_radii({0.1});
  const auto of_plain = certified_accuracy(plain, {{{2, 0.5}, 0}}, options);
  // (x - 0.5) / 0.25 = (2, 0.5)
  const auto found = certified_accuracy(scaled.graph, {{{1, 0.625}, 0}}, options);
  EXPECT_NEAR(found.inputs[0].radius, of_plain.inputs[0].radius / 4, 1e-9);
  // Unequal channels: the distance in the data's own units, from the weights that both make together.
  const Classifier unequal = classifier(plain, {{}, {0.5, 2}});
  const auto other = certified_accuracy(unequal.graph, {{{1, 1}, 0}}, options);
  EXPECT_NEAR(other.inputs[0].radius, 4 / std::hypot(6, 2), 1e-9);
}

// A search for a class change over many points of the ball, by an attack of its own, never contradicts a certificate;
// and no more inputs are certified than the attack leaves.
TEST(CertifiedAccuracy, IsNeverBrokenAndNeverMoreThanTheAttackLeaves) {
  std::size_t certified = 0;
  std::size_t local = 0;
  std::size_t broken = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const graph::Graph graph = relu_network(seed);
    Maker maker(1000 + seed);
    std::vector<LabeledInput> inputs;
    for (int k = 0; k < 8; ++k) {
      const Numbers x = maker.normal(6);
      inputs.push_back({x, k == 0 ? (class_of(graph, x) + 1) % 4 : class_of(graph, x)});
    }
    const auto found = certified_accuracy(graph, inputs, at_radii({0.02, 0.1, 0.4, 2}));
    EXPECT_EQ(found.correct, 7U);
    EXPECT_EQ(found.wrong, 1U);
    for (std::size_t r = 0; r < found.radii.size(); ++r) {
      const RadiusResult& at = found.radii[r];
      EXPECT_LE(at.robust(), at.unbroken());
      EXPECT_EQ(at.robust() + at.open + at.untried + at.broken, inputs.size());
      certified += at.certified;
      local += at.local;
      broken += at.broken;
      EXPECT_LE(at.robust(), found.radii[r > 0 ? r - 1 : 0].robust());
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const Robustness robustness = found.inputs[i].at[r];
        if (robustness != Robustness::certified && robustness != Robustness::local) continue;
        EXPECT_FALSE(attack(graph, inputs[i].x, inputs[i].label, at.radius, repeatable<AttackOptions>()));
        for (int t = 0; t < 100; ++t) {
          Numbers step = maker.normal(6);
          double length = 0;
          for (const double each : step) length += each * each;
          Numbers moved = inputs[i].x;
          for (std::size_t k = 0; k < moved.size(); ++k) moved[k] += step[k] * at.radius / std::sqrt(length);
          EXPECT_EQ(class_of(graph, moved), inputs[i].label);
        }
      }
    }
  }
  EXPECT_GE(certified, 10U);
  EXPECT_GE(local, 10U);
  EXPECT_GE(broken, 20U);
}

// Weights so small that their products are 0 in double: a bound of 0 that is not rounded up would certify everything.
TEST(CertifiedAccuracy, TinyWeightsCertifyNothingThatIsNot) {
  Maker maker(1);
  const Index x = maker.input(2);
  const auto tiny = [&](Index from, const Numbers& values) {
    return maker.map(from, dense<double>(Tensor::copy_of(values, {2, 2})));
  };
  const Index hidden = maker.apply(tiny(x, {1e-200, 0, 0, 1e-200}), graph_support::relu());
  maker.graph.outputs = {tiny(hidden, {1e-200, 0, 0, 1e-200})};
  // The exact logits 3e-400 and 1e-400 lead to a radius of 2 / sqrt 2; they cannot be told apart in double.
  const auto found = certified_accuracy(maker.graph, {{{3, 1}, 0}, {{1, 3}, 0}}, at_radii({0.1, 2}));
  for (const InputResult& input : found.inputs) {
    EXPECT_EQ(input.radius, 0);
    for (const Robustness robustness : input.at) EXPECT_EQ(robustness, Robustness::open);
  }
  EXPECT_EQ(found.undecided, 2U);
  // Tiny, but products stay in range: the radius is exact.
  maker.graph.outputs = {
      tiny(maker.apply(tiny(x, {1e-120, 0, 0, 1e-120}), graph_support::relu()), {1e-120, 0, 0, 1e-120})};
  const auto small = certified_accuracy(maker.graph, {{{3, 1}, 0}}, at_radii({1.4, 1.5}));
  EXPECT_EQ(small.inputs[0].at, (std::vector{Robustness::certified, Robustness::broken}));
}

// Logits at a distance of rounding are neither correct nor wrong, exact ties are wrong.
TEST(CertifiedAccuracy, TiesAreNeverCertified) {
  const graph::Graph tied = linear({1, 0, 1, 0});
  const auto found = certified_accuracy(tied, {{{1, 0}, 0}}, at_radii({1e-9}));
  EXPECT_EQ(found.correct, 0U);
  EXPECT_EQ(found.inputs[0].predicted, std::nullopt);
  EXPECT_EQ(found.radii[0].robust(), 0U);
  const graph::Graph near = linear({1, 0, 1, 0}, {0x1p60, 0x1p60 - 256});
  const auto close = certified_accuracy(near, {{{1, 0}, 0}, {{1, 0}, 1}}, at_radii({1e-9}));
  EXPECT_EQ(close.radii[0].robust(), 0U);
}

// -inf or overflowed logits are no certificate, however far away they seem.
TEST(CertifiedAccuracy, InfiniteLogitsAreNotCertified) {
  for (const graph::Graph& graph : {linear({1, 0, 0, 1}, {0, -kInfinity}), linear({1e308, 0, -1e308, 0}),
                                    linear({1, 0, 0, 1}, {std::nan(""), 0}), linear({1, 0, 0, 1}, {kInfinity, 0})}) {
    const auto found = certified_accuracy(graph, {{{100, 0}, 0}}, at_radii({0.1}));
    EXPECT_EQ(found.inputs[0].radius, 0);
    EXPECT_EQ(found.radii[0].robust(), 0U);
    EXPECT_EQ(found.correct, 0U);
  }
}

// A positive multiple of the network has the same radii, up to rounding, at any scale.
TEST(CertifiedAccuracy, DoesNotDependOnTheScaleOfTheLogits) {
  const std::vector<LabeledInput> inputs = {{{1, -1, 0.5, 2, 0, 1}, class_of(relu_network(3), {1, -1, 0.5, 2, 0, 1})}};
  const auto options = at_radii({0.05});
  const double radius = certified_accuracy(relu_network(3), inputs, options).inputs[0].radius;
  EXPECT_GT(radius, 0);
  for (const double scale : {0x1p-200, 0x1p200}) {
    const auto found = certified_accuracy(relu_network(3, scale), inputs, options);
    EXPECT_NEAR(found.inputs[0].radius, radius, 1e-4 * radius);
  }
}

// A network of zeros keeps its class whatever happens.
TEST(CertifiedAccuracy, AConstantNetworkIsRobustWithoutLimit) {
  const graph::Graph graph = linear({0, 0, 0, 0}, {1, 0});
  const auto found = certified_accuracy(graph, {{{1, 2}, 0}, {{1, 2}, 1}}, at_radii({1e300}));
  EXPECT_EQ(found.inputs[0].radius, std::numeric_limits<double>::max());
  EXPECT_EQ(found.radii[0].certified, 1U);
  EXPECT_EQ(found.radii[0].broken, 1U);
}

TEST(CertifiedAccuracy, TriesNoMoreBallsThanAllowed) {
  const graph::Graph graph = relu_network(2);
  Maker maker(77);
  std::vector<LabeledInput> inputs;
  for (int k = 0; k < 20; ++k) {
    const Numbers x = maker.normal(6);
    inputs.push_back({x, class_of(graph, x)});
  }
  auto options = at_radii({0.3});
  options.attacks = false;
  options.most_local = 0;
  const auto none = certified_accuracy(graph, inputs, options);
  options.most_local = 3;
  const auto some = certified_accuracy(graph, inputs, options);
  ASSERT_GT(none.radii[0].untried, 3U);
  EXPECT_EQ(none.radii[0].local, 0U);
  EXPECT_EQ(some.radii[0].untried, none.radii[0].untried - 3);
  EXPECT_EQ(none.radii[0].certified, some.radii[0].certified);
}

TEST(CertifiedAccuracy, ManyClassesShareOneBound) {
  const graph::Graph graph = relu_network(5);
  Maker maker(5);
  const Numbers x = maker.normal(6);
  auto options = at_radii({0.01});
  const auto pairs = certified_accuracy(graph, {{x, class_of(graph, x)}}, options);
  options.most_classes_for_pairs = 3;
  const auto one = certified_accuracy(graph, {{x, class_of(graph, x)}}, options);
  EXPECT_FALSE(one.is_per_pair);
  EXPECT_EQ(one.pairs.size(), 1U);
  EXPECT_GT(one.inputs[0].radius, 0);
  EXPECT_LE(one.inputs[0].radius, pairs.inputs[0].radius);
}

// The counts do not depend on the number of threads.
TEST(CertifiedAccuracy, IsTheSameForAnyNumberOfThreads) {
  const graph::Graph graph = relu_network(4);
  Maker maker(9);
  std::vector<LabeledInput> inputs;
  for (int k = 0; k < 70; ++k) inputs.push_back({maker.normal(6), 0});
  auto options = at_radii({0.05, 0.5});
  options.attack.steps = 5;
  Context one(1);
  Context three(3);
  const auto a = certified_accuracy(graph, inputs, options, one);
  const auto b = certified_accuracy(graph, inputs, options, three);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(a.inputs[i].radius, b.inputs[i].radius);
    EXPECT_EQ(a.inputs[i].at, b.inputs[i].at);
  }
}

TEST(CertifiedAccuracy, RefusesWhatDoesNotFit) {
  const graph::Graph graph = linear({3, 0, 0, 4});
  EXPECT_THROW(certified_accuracy(graph, {{{1, 2}, 2}}, at_radii({0.1})), Error);
  EXPECT_THROW(certified_accuracy(graph, {{{1}, 0}}, at_radii({0.1})), Error);
  EXPECT_THROW(certified_accuracy(graph, {{{1, std::nan("")}, 0}}, at_radii({0.1})), Error);
  EXPECT_THROW(certified_accuracy(graph, {{{1, 2}, 0}}, at_radii({-0.1})), Error);
  EXPECT_THROW(certified_accuracy(linear({1, 2}), {{{1, 2}, 0}}, at_radii({0.1})), Error);
  auto options = at_radii({0.1});
  options.box = graph::Interval{0, 1};
  EXPECT_THROW(certified_accuracy(graph, {{{1, 2}, 0}}, options), Error);
  Context context;
  context.request_cancel();
  EXPECT_THROW(certified_accuracy(graph, {{{1, 2}, 0}}, at_radii({0.1}), context), Canceled);
}

}  // namespace
}  // namespace sigmax::lipschitz
