// Rules of functions, reductions and recurrent layers, against their definitions in ONNX.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "graph/small_models.hpp"

namespace sigmax::graph {
namespace {

using namespace testing;
using Integers = std::vector<std::int64_t>;

std::vector<float> normal_floats(std::mt19937& random, std::int64_t count) {
  std::normal_distribution<float> normal(0, 0.7F);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& each : values) each = normal(random);
  return values;
}

void expect_close(const std::vector<double>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 1e-12 * (1 + std::abs(expected[i]))) << i;
}

TEST(ImportRules, TakeFunctionsWithTheirAttributes) {
  struct Case {
    Message node;
    std::function<double(double)> f;
    std::int64_t version = kOpset;
  };
  const auto of = [](const std::string& op) { return node(op, {"x"}, {"y"}); };
  const Case cases[] = {
      {of("Relu"), [](double x) { return std::max(x, 0.0); }},
      {of("LeakyRelu"), [](double x) { return x < 0 ? static_cast<double>(0.01F) * x : x; }},
      {of("LeakyRelu") + number_attribute("alpha", 0.25F), [](double x) { return x < 0 ? 0.25 * x : x; }},
      {of("Elu") + number_attribute("alpha", 2), [](double x) { return x < 0 ? 2 * std::expm1(x) : x; }},
      {of("Sigmoid"), [](double x) { return 1 / (1 + std::exp(-x)); }},
      {of("Tanh"), [](double x) { return std::tanh(x); }},
      {of("Gelu"), [](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }, 20},
      {of("HardSigmoid"), [](double x) { return std::clamp(static_cast<double>(0.2F) * x + 0.5, 0.0, 1.0); }},
      {of("Exp"), [](double x) { return std::exp(x); }},
      {node("Pow", {"x", "three"}, {"y"}), [](double x) { return x * x * x; }},
      {node("Clip", {"x", "zero", "one"}, {"y"}), [](double x) { return std::clamp(x, 0.0, 1.0); }},
      {node("Clip", {"x", "", "one"}, {"y"}), [](double x) { return std::min(x, 1.0); }},
      {of("Clip") + number_attribute("min", -0.5F), [](double x) { return std::max(x, -0.5); }, 6},
      {node("Max", {"zero", "x"}, {"y"}), [](double x) { return std::max(x, 0.0); }},
      {node("Min", {"x", "one", "three"}, {"y"}), [](double x) { return std::min(x, 1.0); }},
  };
  const std::vector<double> x{-3, -0.75, 0, 0.5, 2};
  for (const Case& c : cases) {
    const Graph graph = imported(model_of(
        {c.node}, {floats("zero", {}, {0}), floats("one", {}, {1}), floats("three", {}, {3})}, {5}, c.version));
    ASSERT_EQ(first_reason(graph), "");
    EXPECT_TRUE(std::holds_alternative<Elementwise>(graph.nodes[graph.outputs.at(0)].operation));
    std::vector<double> expected;
    for (const double each : x) expected.push_back(c.f(each));
    SCOPED_TRACE(std::get<Elementwise>(graph.nodes[graph.outputs.at(0)].operation).functions[0]->name());
    expect_close(output_of(graph, x), expected);
  }
}

// max(least, min(x, greatest)), the bounds being the input's own greatest entry less 1, and 2.
// As exporters guard a softmax: where it is not a number, 0.
TEST(ImportRules, RealValuesAreNumbers) {
  const std::vector<Message> nodes{node("Softmax", {"x"}, {"p"}), node("IsNaN", {"p"}, {"n"}),
                                   node("Where", {"n", "zero", "p"}, {"y"})};
  const Graph graph = imported(model_of(nodes, {floats("zero", {}, {0})}, {2, 3}));
  ASSERT_EQ(first_reason(graph), "");
  EXPECT_EQ(graph.assumptions, std::vector<std::string>{"no value is NaN, so that IsNaN is false"});
  const Graph plain = imported(model_of({node("Softmax", {"x"}, {"y"})}, {}, {2, 3}));
  const std::vector<double> x{1, 2, 3, -1, 0, 4};
  EXPECT_EQ(output_of(graph, x), output_of(plain, x));
  EXPECT_NE(first_reason(imported(model_of({node("IsNaN", {"zero"}, {"n"}), node("Where", {"n", "zero", "x"}, {"y"})},
                                           {floats("zero", {}, {NAN})}, {2, 3})))
                .find("asks whether constants are numbers"),
            std::string::npos);
}

TEST(ImportRules, ClipBetweenBoundsThatAreData) {
  const Graph graph =
      imported(model_of({node("ReduceMax", {"x"}, {"m"}) + attribute("keepdims", 0),
                         node("Sub", {"m", "one"}, {"least"}), node("Clip", {"x", "least", "two"}, {"y"})},
                        {floats("one", {}, {1}), floats("two", {}, {2})}, {4}));
  ASSERT_EQ(first_reason(graph), "");
  EXPECT_EQ(output_of(graph, {0, 1.5, -3, 2.25}), (std::vector<double>{1.25, 1.5, 1.25, 2}));
}

TEST(ImportRules, GiveEachChannelItsSlope) {
  const Graph graph =
      imported(model_of({node("PRelu", {"x", "s"}, {"y"})}, {floats("s", {2, 1}, {0.5F, 3})}, {1, 2, 2}));
  EXPECT_EQ(output_of(graph, {-1, 1, -1, -2}), (std::vector<double>{-0.5, 1, -3, -6}));
  EXPECT_EQ(std::get<Elementwise>(graph.nodes[graph.outputs.at(0)].operation).functions.size(), 2U);
}

TEST(ImportRules, ReduceAlongAnyAxes) {
  std::mt19937 random(1);
  const auto drawn = normal_floats(random, 2 * 3 * 4);
  for (const Integers& axes : {Integers{0}, Integers{1}, Integers{-1}, Integers{0, 2}, Integers{1, 2}, Integers{}}) {
    for (const std::string op :
         {"ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceSumSquare", "ReduceLogSum"}) {
      auto x = drawn;
      if (op == "ReduceLogSum") std::ranges::for_each(x, [](float& each) { each += 3; });
      const auto reduced = [&](std::size_t axis) {
        return axes.empty() || std::ranges::any_of(axes, [&](std::int64_t each) {
                 return static_cast<std::size_t>(each < 0 ? each + 3 : each) == axis;
               });
      };
      const std::size_t extents[] = {2, 3, 4};
      std::vector<std::vector<double>> groups(24);
      for (std::size_t e = 0; e < 24; ++e) {
        const std::size_t index[] = {e / 12, e / 4 % 3, e % 4};
        std::size_t group = 0;
        for (std::size_t axis = 0; axis < 3; ++axis) {
          if (!reduced(axis)) group = group * extents[axis] + index[axis];
        }
        groups[group].push_back(static_cast<double>(x[e]));
      }
      std::erase_if(groups, [](const auto& each) { return each.empty(); });
      std::vector<double> expected;
      for (const auto& group : groups) {
        double result = op == "ReduceMax" || op == "ReduceMin" ? group[0] : 0;
        for (const double each : group) {
          if (op == "ReduceMax") result = std::max(result, each);
          if (op == "ReduceMin") result = std::min(result, each);
          if (op == "ReduceL1") result += std::abs(each);
          if (op == "ReduceL2" || op == "ReduceSumSquare") result += each * each;
          if (op == "ReduceLogSumExp") result += std::exp(each);
          if (op == "ReduceLogSum") result += each;
        }
        if (op == "ReduceL2") result = std::sqrt(result);
        if (op.starts_with("ReduceLogSum")) result = std::log(result);
        expected.push_back(result);
      }
      Message reduction = node(op, {"x"}, {"y"}) + attribute("keepdims", 0);
      if (!axes.empty()) reduction = reduction + attribute("axes", axes);
      const Graph graph = imported(model_of({reduction}, {}, {2, 3, 4}, 13));
      SCOPED_TRACE(op);
      ASSERT_EQ(first_reason(graph), "");
      expect_close(output_of(graph, {x.begin(), x.end()}), expected);
    }
  }
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

/// A recurrent layer of one direction by ONNX's equations; weights [gates h, n], biases [2 gates h]. `state` and `cell`
/// are those at the start, and afterwards those at the end.
std::vector<double> recurrence_by_definition(const std::string& op, const std::vector<double>& x, std::size_t n,
                                             std::size_t h, const std::vector<float>& w, const std::vector<float>& r,
                                             const std::vector<float>& b, bool backward, bool before_reset,
                                             std::vector<double>& state, std::vector<double>& cell) {
  const std::size_t gates = op == "RNN" ? 1 : op == "GRU" ? 3 : 4, steps = x.size() / n, rows = gates * h;
  std::vector<double> y(steps * h);
  const auto input = [&](std::size_t t, std::size_t row) {
    double sum = static_cast<double>(b[row]);
    for (std::size_t k = 0; k < n; ++k) sum += static_cast<double>(w[row * n + k]) * x[t * n + k];
    return sum;
  };
  const auto recurrent = [&](const std::vector<double>& of, std::size_t row) {
    double sum = static_cast<double>(b[rows + row]);
    for (std::size_t k = 0; k < h; ++k) sum += static_cast<double>(r[row * h + k]) * of[k];
    return sum;
  };
  for (std::size_t s = 0; s < steps; ++s) {
    const std::size_t t = backward ? steps - 1 - s : s;
    std::vector<double> next(h);
    for (std::size_t i = 0; i < h; ++i) {
      if (op == "RNN") next[i] = std::tanh(input(t, i) + recurrent(state, i));
      if (op == "LSTM") {
        const auto gate = [&](std::size_t g) { return input(t, g * h + i) + recurrent(state, g * h + i); };
        cell[i] = logistic(gate(2)) * cell[i] + logistic(gate(0)) * std::tanh(gate(3));
        next[i] = logistic(gate(1)) * std::tanh(cell[i]);
      }
      if (op == "GRU") {
        const double z = logistic(input(t, i) + recurrent(state, i));
        const double own_reset = logistic(input(t, h + i) + recurrent(state, h + i));
        std::vector<double> damped(h);
        for (std::size_t k = 0; k < h; ++k) damped[k] = logistic(input(t, h + k) + recurrent(state, h + k)) * state[k];
        const double candidate = before_reset ? input(t, 2 * h + i) + own_reset * recurrent(state, 2 * h + i)
                                              : input(t, 2 * h + i) + recurrent(damped, 2 * h + i);
        next[i] = (1 - z) * std::tanh(candidate) + z * state[i];
      }
    }
    state = next;
    std::copy(state.begin(), state.end(), y.begin() + static_cast<std::ptrdiff_t>(t * h));
  }
  return y;
}

TEST(ImportRules, RunRecurrentLayersAsTheyAreDefined) {
  const std::size_t n = 3, h = 2, steps = 4;
  std::mt19937 random(2);
  for (const std::string op : {"RNN", "GRU", "LSTM"}) {
    for (const std::string direction : {"forward", "reverse", "bidirectional"}) {
      for (const bool before_reset : {false, true}) {
        if (before_reset && op != "GRU") continue;
        const std::int64_t directions = direction == "bidirectional" ? 2 : 1, gates = op == "RNN"   ? 1
                                                                                      : op == "GRU" ? 3
                                                                                                    : 4;
        const std::int64_t rows = gates * static_cast<std::int64_t>(h);
        const auto w = normal_floats(random, directions * rows * 3), r = normal_floats(random, directions * rows * 2);
        const auto b = normal_floats(random, directions * 2 * rows), x = normal_floats(random, 12);
        Message layer = node(op, {"x", "w", "r", "b", "", "h0"}, {"y", "last"}) +
                        text_attribute("direction", direction) + attribute("hidden_size", 2);
        if (before_reset) layer = layer + attribute("linear_before_reset", 1);
        const std::vector<Message> constants{
            floats("w", {directions, rows, 3}, w), floats("r", {directions, rows, 2}, r),
            floats("b", {directions, 2 * rows}, b),
            floats("h0", {directions, 1, 2}, std::vector<float>(static_cast<std::size_t>(2 * directions)))};
        const auto part = [&](const std::vector<float>& all, std::size_t d) {
          const auto length = static_cast<std::ptrdiff_t>(all.size()) / directions;
          const auto first = all.begin() + static_cast<std::ptrdiff_t>(d) * length;
          return std::vector<float>(first, first + length);
        };
        std::vector<double> expected(steps * static_cast<std::size_t>(directions) * h), last;
        for (std::size_t d = 0; d < static_cast<std::size_t>(directions); ++d) {
          const bool backward = direction == "reverse" || d == 1;
          std::vector<double> state(h), cell(h);
          const auto y = recurrence_by_definition(op, {x.begin(), x.end()}, n, h, part(w, d), part(r, d), part(b, d),
                                                  backward, before_reset, state, cell);
          for (std::size_t t = 0; t < steps; ++t) {
            for (std::size_t i = 0; i < h; ++i)
              expected[(t * static_cast<std::size_t>(directions) + d) * h + i] = y[t * h + i];
          }
          for (std::size_t i = 0; i < h; ++i) last.push_back(y[(backward ? 0 : steps - 1) * h + i]);
        }
        SCOPED_TRACE(op + " " + direction);
        const Graph graph = imported(whole_model(
            {layer}, constants, {value_info("x", {std::int64_t{4}, std::int64_t{1}, std::int64_t{3}})}, {"y", "last"}));
        ASSERT_EQ(first_reason(graph), "");
        const Values values = evaluated(graph, {{x.begin(), x.end()}});
        expect_close(values[graph.outputs.at(0)], expected);
        expect_close(values[graph.outputs.at(1)], last);
      }
    }
  }
}

std::vector<float> part_of(const std::vector<float>& all, std::int64_t d, std::int64_t directions) {
  const auto length = static_cast<std::ptrdiff_t>(all.size()) / directions;
  return {all.begin() + d * length, all.begin() + (d + 1) * length};
}

/// A batch of 2, with states that are inputs; x is [batch, steps, width] with `batch_first`.
void expect_states_of_a_batch(const std::string& op, const std::string& direction, bool batch_first,
                              bool before_reset) {
  SCOPED_TRACE(op + " " + direction + (batch_first ? ", batch first" : ""));
  constexpr std::int64_t n = 3, h = 2, steps = 3, batch = 2;
  std::mt19937 random(7);
  const std::int64_t directions = direction == "bidirectional" ? 2 : 1, gates = op == "RNN" ? 1 : op == "GRU" ? 3 : 4;
  const std::int64_t rows = gates * h;
  const auto w = normal_floats(random, directions * rows * n), r = normal_floats(random, directions * rows * h);
  const auto b = normal_floats(random, directions * 2 * rows), x = normal_floats(random, steps * batch * n);
  const auto h0 = normal_floats(random, directions * batch * h), c0 = normal_floats(random, directions * batch * h);
  const bool is_lstm = op == "LSTM";
  Names operands{"x", "w", "r", "b", "", "h0"};
  if (is_lstm) operands.emplace_back("c0");
  Names outputs{"y", "yh"};
  if (is_lstm) outputs.emplace_back("yc");
  Message layer = node(op, operands, outputs) + text_attribute("direction", direction) + attribute("hidden_size", h);
  if (batch_first) layer = layer + attribute("layout", 1);
  if (before_reset) layer = layer + attribute("linear_before_reset", 1);
  std::vector<Message> inputs{
      batch_first ? value_info("x", {batch, steps, n}) : value_info("x", {steps, batch, n}),
      batch_first ? value_info("h0", {batch, directions, h}) : value_info("h0", {directions, batch, h})};
  if (is_lstm) {
    inputs.push_back(batch_first ? value_info("c0", {batch, directions, h}) : value_info("c0", {directions, batch, h}));
  }
  const Graph graph =
      imported(whole_model({layer},
                           {floats("w", {directions, rows, n}, w), floats("r", {directions, rows, h}, r),
                            floats("b", {directions, 2 * rows}, b)},
                           inputs, outputs));
  ASSERT_EQ(first_reason(graph), "");
  const auto place = [&](std::int64_t t, std::int64_t item) {
    return batch_first ? item * steps + t : t * batch + item;
  };
  const auto state_place = [&](std::int64_t d, std::int64_t item) {
    return batch_first ? item * directions + d : d * batch + item;
  };
  std::vector<double> y(static_cast<std::size_t>(steps * directions * batch * h));
  std::vector<double> yh(static_cast<std::size_t>(directions * batch * h)), yc = yh;
  for (std::int64_t d = 0; d < directions; ++d) {
    for (std::int64_t item = 0; item < batch; ++item) {
      std::vector<double> own, state, cell;
      for (std::int64_t t = 0; t < steps; ++t) {
        for (std::int64_t i = 0; i < n; ++i)
          own.push_back(static_cast<double>(x[static_cast<std::size_t>(place(t, item) * n + i)]));
      }
      for (std::int64_t i = 0; i < h; ++i) {
        state.push_back(static_cast<double>(h0[static_cast<std::size_t>(state_place(d, item) * h + i)]));
        cell.push_back(static_cast<double>(c0[static_cast<std::size_t>(state_place(d, item) * h + i)]));
      }
      const auto part = recurrence_by_definition(op, own, n, h, part_of(w, d, directions), part_of(r, d, directions),
                                                 part_of(b, d, directions), direction == "reverse" || d == 1,
                                                 before_reset, state, cell);
      for (std::int64_t i = 0; i < h; ++i) {
        for (std::int64_t t = 0; t < steps; ++t) {
          const std::int64_t at =
              batch_first ? (item * steps + t) * directions + d : (t * directions + d) * batch + item;
          y[static_cast<std::size_t>(at * h + i)] = part[static_cast<std::size_t>(t * h + i)];
        }
        yh[static_cast<std::size_t>(state_place(d, item) * h + i)] = state[static_cast<std::size_t>(i)];
        yc[static_cast<std::size_t>(state_place(d, item) * h + i)] = cell[static_cast<std::size_t>(i)];
      }
    }
  }
  std::vector<std::vector<double>> given{doubles(x), doubles(h0)};
  if (is_lstm) given.push_back(doubles(c0));
  const Values values = evaluated(graph, given);
  expect_close(values[graph.outputs.at(0)], y);
  expect_close(values[graph.outputs.at(1)], yh);
  if (is_lstm) expect_close(values[graph.outputs.at(2)], yc);
}

TEST(ImportRules, RunRecurrentLayersOfABatchFromGivenStates) {
  for (const std::string op : {"RNN", "GRU", "LSTM"}) {
    for (const std::string direction : {"forward", "reverse", "bidirectional"}) {
      for (const bool batch_first : {false, true}) {
        expect_states_of_a_batch(op, direction, batch_first, false);
        if (op == "GRU") expect_states_of_a_batch(op, direction, batch_first, true);
      }
    }
  }
}

TEST(ImportRules, RefuseRecurrentLayersThatAreMoreThanThat) {
  std::mt19937 random(3);
  const auto reason = [&](const Message& more, const Names& operands, const Extents& shape) {
    return first_reason(
        imported(model_of({node("LSTM", operands, {"y"}, "lstm") + more},
                          {floats("w", {1, 8, 3}, normal_floats(random, 24)),
                           floats("r", {1, 8, 2}, normal_floats(random, 16)), floats("one", {1, 1, 2}, {1, 1})},
                          shape)));
  };
  const Message none = number_attribute("unused", 0);
  EXPECT_EQ(reason(none, {"x", "w", "r"}, {4, 1, 3}), "");
  EXPECT_EQ(reason(none, {"x", "w", "r"}, {4, 2, 3}), "");
  EXPECT_EQ(reason(none, {"x", "w", "r", "", "", "one"}, {4, 1, 3}), "");
  EXPECT_NE(reason(none, {"x", "w", "r"}, {300, 2, 3}).find("has 300 steps"), std::string::npos);
  EXPECT_NE(reason(none, {"x", "w", "r", "", "", "w"}, {4, 1, 3}).find("has a state of shape"), std::string::npos);
  EXPECT_NE(reason(number_attribute("clip", 1), {"x", "w", "r"}, {4, 1, 3}).find("clips"), std::string::npos);
  EXPECT_NE(reason(none, {"x", "w", "w"}, {4, 1, 3}).find("weights of shape"), std::string::npos);
}

}  // namespace
}  // namespace sigmax::graph
