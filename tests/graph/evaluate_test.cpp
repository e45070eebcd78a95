#include "sigmax/graph/evaluate.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/svd/svd.hpp"
#include "support/graphs.hpp"
#include "tolerance.hpp"

namespace sigmax::graph {
namespace {

using graph_support::all_kinds;
using graph_support::composition;
using graph_support::Kind;
using graph_support::Maker;
using graph_support::single;
using Numbers = std::vector<double>;

double dot(const Numbers& a, const Numbers& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

Numbers moved(Numbers x, double step, const Numbers& d) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += step * d[i];
  return x;
}

// (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / (12 h), wrong by h^4 f^(5) / 30.
Numbers difference(const Graph& graph, const Numbers& x, const Numbers& d) {
  constexpr double h = 1e-4;
  const auto at = [&](double step) { return outputs(graph, evaluate(graph, moved(x, step, d))); };
  const Numbers plus = at(h);
  const Numbers minus = at(-h);
  const Numbers plus2 = at(2 * h);
  const Numbers minus2 = at(-2 * h);
  Numbers y(plus.size());
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = (8 * (plus[i] - minus[i]) - (plus2[i] - minus2[i])) / (12 * h);
  return y;
}

// Returns the size of what was compared.
double expect_derivatives(const Graph& graph, std::uint64_t seed) {
  validate(graph);
  Maker random(seed);
  const Numbers x = random.normal(input_size(graph));
  const Numbers dx = random.normal(input_size(graph));
  const Numbers dy = random.normal(output_size(graph));
  const Values values = evaluate(graph, x);
  const Numbers image = forward(graph, values, dx);
  const Numbers back = reverse(graph, values, dy);
  const double size = std::sqrt(dot(image, image) * dot(dy, dy)) + std::sqrt(dot(back, back) * dot(dx, dx));
  EXPECT_NEAR(dot(image, dy), dot(dx, back), tolerance::relative(1000, 1000) * size);
  const Numbers found = difference(graph, x, dx);
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(image[i], found[i], tolerance::kFiniteDifference * std::max(1.0, size)) << i;
  }
  return size;
}

// Of smooth functions the derivative of dy^T J dx is that of J^T dy along dx, by the symmetry of second derivatives.
// Kinks are farther away than the differences reach, or both see the same ones.
void expect_bend(const Graph& graph, std::uint64_t seed) {
  Maker random(seed);
  const Numbers x = random.normal(input_size(graph));
  const Numbers dx = random.normal(input_size(graph));
  const Numbers dy = random.normal(output_size(graph));
  const Numbers found = bend(graph, evaluate(graph, x), dx, dy, 1e-5);
  constexpr double h = 1e-5;
  const Numbers after = reverse(graph, evaluate(graph, moved(x, h, dx)), dy);
  const Numbers before = reverse(graph, evaluate(graph, moved(x, -h, dx)), dy);
  double size = 1;
  for (std::size_t i = 0; i < found.size(); ++i) size = std::max(size, std::fabs(after[i] - before[i]) / (2 * h));
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], (after[i] - before[i]) / (2 * h), 1e-4 * size) << i;
  }
}

class EvaluateEach : public testing::TestWithParam<int> {};

TEST_P(EvaluateEach, DerivativesAgreeWithDifferencesAndEachOther) {
  double size = 0;  // all units of one ReLU may be off
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    size += expect_derivatives(single(static_cast<Kind>(GetParam()), seed), seed + 100);
  }
  EXPECT_GT(size, 1);
}

TEST_P(EvaluateEach, BendsAgreeWithDifferencesOfDerivatives) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    expect_bend(single(static_cast<Kind>(GetParam()), seed), seed + 100);
  }
}

INSTANTIATE_TEST_SUITE_P(Operations, EvaluateEach, testing::Range(0, graph_support::kKinds));

// relu(x) with x = 0.5 has its kink within w = 2 * 0.5, and not within 0.5 * 0.5: (1 - 0) / 2w.
TEST(Evaluate, BendsCountKinksWithinTheWidth) {
  Maker maker(1);
  maker.graph.outputs = {maker.apply(maker.input(1), graph_support::relu())};
  const Values values = evaluate(maker.graph, Numbers{0.5});
  EXPECT_EQ(bend(maker.graph, values, Numbers{3}, Numbers{5}, 2), Numbers{7.5});
  EXPECT_EQ(bend(maker.graph, values, Numbers{3}, Numbers{5}, 0.5), Numbers{0});
  EXPECT_THROW(bend(maker.graph, values, Numbers{3, 1}, Numbers{5}, 1), Error);
  EXPECT_THROW(bend(maker.graph, values, Numbers{3}, Numbers{}, 1), Error);
}

TEST(Evaluate, DifferentiatesRandomCompositions) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    expect_derivatives(composition(seed, 6, all_kinds()), seed + 1000);
  }
}

// Closed forms, operation by operation, with operands that show the order of entries.
TEST(Evaluate, ComputesWhatEachOperationSays) {
  Maker maker(1);
  const Index x = maker.input(6);
  Graph& graph = maker.graph;
  const Numbers at = {1, -2, 3, 0.5, -1, 2};
  const auto value = [&](Operation operation, std::vector<Index> inputs, Dimensions shape) {
    graph.outputs = {maker.add(std::move(operation), std::move(inputs), std::move(shape))};
    validate(graph);
    return outputs(graph, evaluate(graph, at));
  };
  const Index other = maker.constant({2, 2, -1, 4, 0, 1});
  EXPECT_EQ(value(Sum{}, {x, other, x}, {6}), (Numbers{4, -2, 5, 5, -2, 5}));
  EXPECT_EQ(value(Stack{}, {x, other}, {12}), (Numbers{1, -2, 3, 0.5, -1, 2, 2, 2, -1, 4, 0, 1}));
  EXPECT_EQ(value(Product{}, {x, other}, {6}), (Numbers{2, -4, -3, 2, 0, 2}));
  EXPECT_EQ(value(Quotient{}, {other, x}, {6}), (Numbers{2, -1, -1.0 / 3, 8, 0, 0.5}));
  EXPECT_EQ(value(Extreme{false}, {x, other}, {6}), (Numbers{2, 2, 3, 4, 0, 2}));
  EXPECT_EQ(value(Extreme{true}, {x, other}, {6}), (Numbers{1, -2, -1, 0.5, -1, 1}));
  // [1 -2 3; 0.5 -1 2] [2 2; -1 4; 0 1]
  EXPECT_EQ(value(MatrixProduct{1, 2, 3, 2}, {x, other}, {2, 2}), (Numbers{4, -3, 2, -1}));
  EXPECT_EQ(value(Reduction{Reduction::Kind::Maximum, {1, 2, 3}}, {x}, {3}), (Numbers{1, -1, 3}));
  EXPECT_EQ(value(Reduction{Reduction::Kind::Minimum, {2, 3, 1}}, {x}, {2}), (Numbers{-2, -1}));
  EXPECT_EQ(value(Reduction{Reduction::Kind::AbsoluteSum, {1, 6, 1}}, {x}, {1}), (Numbers{9.5}));
  EXPECT_NEAR(value(Reduction{Reduction::Kind::EuclideanNorm, {1, 6, 1}}, {x}, {1})[0], std::sqrt(19.25), 1e-14);
  Correlation window;
  window.axes = {{2, 1, 1, 1, 3, 3}};  // windows [pad, 0], [0, 1], [1, 2] of 3 entries
  EXPECT_EQ(value(MaxPool{window, 2}, {x}, {2, 3}), (Numbers{1, 1, 3, 0.5, 0.5, 2}));
}

TEST(Evaluate, NormalizesGroups) {
  Maker maker(1);
  const Index x = maker.input(4);
  maker.graph.outputs = {maker.add(Standardization{{1, 4, 1}, true, 0.75, {1, 2, 1, 1}, {0, 1, 0, 0}}, {x}, {4})};
  // mean 2, variance 1.25, sqrt(1.25 + 0.75) = sqrt 2
  const Numbers y = outputs(maker.graph, evaluate(maker.graph, Numbers{0.5, 1.5, 2.5, 3.5}));
  const double h = 1 / std::numbers::sqrt2;
  const Numbers expected = {-1.5 * h, 1 - h, 0.5 * h, 1.5 * h};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(y[i], expected[i], tolerance::relative(4, 4)) << i;
}

TEST(Evaluate, SoftmaxIsStableFarFromZero) {
  Maker maker(1);
  const Index x = maker.input(2);
  maker.graph.outputs = {maker.add(Softmax{{1, 2, 1}, false}, {x}, {2}), maker.add(Softmax{{1, 2, 1}, true}, {x}, {2})};
  const Numbers y = outputs(maker.graph, evaluate(maker.graph, Numbers{1000, 1000 + std::log(3.0)}));
  const Numbers expected = {0.25, 0.75, std::log(0.25), std::log(0.75)};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(y[i], expected[i], 1000 * tolerance::relative(4, 4)) << i;
}

// A layer of one unit, written out in scalars as the comment in ONNX's operator list has it.
TEST(Evaluate, RecurrencesFollowTheirEquations) {
  const auto s = [](double a) { return 1 / (1 + std::exp(-a)); };
  const auto run = [](Recurrence::Kind kind, std::int64_t gates, std::vector<Function> functions, bool before) {
    Maker maker(1);
    const Index x = maker.input(2);
    Recurrence r;
    r.kind = kind;
    r.steps = 2;
    Numbers w;
    Numbers u;
    for (std::int64_t g = 0; g < gates; ++g) {
      w.push_back(0.5 + static_cast<double>(g));
      u.push_back(0.25 - static_cast<double>(g));
      r.bias.push_back(0.1 * static_cast<double>(g + 1));
    }
    r.input_weight = dense<double>(Tensor::copy_of(w, {gates, 1}));
    r.recurrent_weight = dense<double>(Tensor::copy_of(u, {gates, 1}));
    r.functions = std::move(functions);
    r.linear_before_reset = before;
    if (before) r.recurrent_bias = {0.7};
    maker.graph.outputs = {maker.add(std::move(r), {x}, {2, 1})};
    validate(maker.graph);
    return outputs(maker.graph, evaluate(maker.graph, Numbers{0.3, -0.8}));
  };
  const Function logistic = graph_support::sigmoid();
  const Function hyperbolic = graph_support::hyperbolic_tangent();
  const double close = tolerance::relative(16, 16);

  const Numbers simple = run(Recurrence::Kind::Simple, 1, {hyperbolic}, false);
  const double h1 = std::tanh(0.5 * 0.3 + 0.1);
  EXPECT_NEAR(simple[0], h1, close);
  EXPECT_NEAR(simple[1], std::tanh(0.5 * -0.8 + 0.25 * h1 + 0.1), close);

  for (const bool before : {false, true}) {
    const Numbers gru = run(Recurrence::Kind::Gru, 3, {logistic, hyperbolic}, before);
    double h = 0;
    for (int t = 0; t < 2; ++t) {
      const double x = t == 0 ? 0.3 : -0.8;
      const double z = s(0.5 * x + 0.25 * h + 0.1);
      const double r = s(1.5 * x - 0.75 * h + 0.2);
      const double inner = before ? r * (-1.75 * h + 0.7) : -1.75 * (r * h);
      h = (1 - z) * std::tanh(2.5 * x + 0.3 + inner) + z * h;
      EXPECT_NEAR(gru[static_cast<std::size_t>(t)], h, close);
    }
  }

  const Numbers lstm = run(Recurrence::Kind::Lstm, 4, {logistic, hyperbolic, hyperbolic}, false);
  double h = 0;
  double c = 0;
  for (int t = 0; t < 2; ++t) {
    const double x = t == 0 ? 0.3 : -0.8;
    const double i = s(0.5 * x + 0.25 * h + 0.1);
    const double o = s(1.5 * x - 0.75 * h + 0.2);
    const double f = s(2.5 * x - 1.75 * h + 0.3);
    c = f * c + i * std::tanh(3.5 * x - 2.75 * h + 0.4);
    h = o * std::tanh(c);
    EXPECT_NEAR(lstm[static_cast<std::size_t>(t)], h, close);
  }
}

TEST(Evaluate, JacobianIsAnOperatorForTheSvd) {
  Maker maker(7);
  const Index x = maker.input(5);
  maker.graph.outputs = {maker.affine(maker.apply(maker.affine(x, 6), graph_support::hyperbolic_tangent()), 4)};
  const Numbers at = maker.normal(5);
  const Operator<double> j = jacobian(maker.graph, at);
  ASSERT_EQ(j->shape(), (Shape{4, 5}));
  // W2 diag(1 - tanh^2) W1, from unit vectors.
  const Values values = evaluate(maker.graph, at);
  Numbers columns;
  for (std::size_t k = 0; k < 5; ++k) {
    Numbers e(5, 0.0);
    e[k] = 1;
    const Numbers column = forward(maker.graph, values, e);
    columns.insert(columns.end(), column.begin(), column.end());
  }
  const auto options = repeatable<SvdOptions<double>>();
  const double expected = svd(*dense<double>(Tensor::copy_of(columns, {5, 4})), options).sigma[0];
  EXPECT_NEAR(svd(*j, options).sigma[0], expected, tolerance::of_estimate(1e-8) * expected);
}

TEST(Evaluate, NamesTheNodeThatIsRefusedWhereAnOutputNeedsIt) {
  Maker maker(1);
  const Index x = maker.input(2);
  const Index refused = maker.add(Refused{"steps at integers"}, {x}, {2});
  maker.graph.nodes[refused].name = "Floor 'f'";
  maker.graph.outputs = {maker.affine(x, 1)};
  EXPECT_TRUE(evaluate(maker.graph, Numbers{1, 2})[refused].empty());
  maker.graph.outputs = {refused};
  try {
    evaluate(maker.graph, Numbers{1, 2});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "Floor 'f' steps at integers");
  }
}

TEST(Evaluate, RefusesVectorsOfAnotherSize) {
  const Graph graph = single(Kind::affine, 1);
  const Values values = evaluate(graph, Numbers(4, 1.0));
  EXPECT_THROW(evaluate(graph, Numbers(3)), Error);
  EXPECT_THROW(forward(graph, values, Numbers(3)), Error);
  EXPECT_THROW(reverse(graph, values, Numbers(99)), Error);
}

}  // namespace
}  // namespace sigmax::graph
