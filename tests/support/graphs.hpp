// Graphs for tests: functions with slopes from closed forms, a maker of nodes with random numbers, one node of every
// operation, and random compositions of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/core/rng.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax::graph_support {

using graph::Function;
using graph::Graph;
using graph::Index;
using graph::Interval;

/// max(slope x, x), 0 <= slope <= 1.
class Leaky final : public graph::ScalarFunction {
 public:
  explicit Leaky(double slope) : slope_(slope) {}
  std::string name() const override { return "Leaky"; }
  double value(double x) const override { return x > 0 ? x : slope_ * x; }
  double derivative(double x) const override { return x > 0 ? 1 : slope_; }
  std::optional<Interval> slopes(const Interval& domain) const override {
    if (domain.least == domain.greatest) return Interval{slope_, 1};  // no two points
    return Interval{domain.least < 0 ? slope_ : 1, domain.greatest > 0 ? 1 : slope_};
  }
  Interval range(const Interval& domain) const override { return {end(domain.least, -1), end(domain.greatest, 1)}; }

 private:
  double end(double x, double direction) const {
    if (x > 0 || x == 0 || slope_ == 0) return x > 0 ? x : 0;
    return std::isinf(x) ? x : std::nextafter(slope_ * x, direction * HUGE_VAL);
  }
  double slope_;
};

/// A function with a derivative that is greatest at 0, where it is `steepest`, and falls on both sides: tanh, the
/// sigmoid. The C library's values are taken to be right to 2^-48.
class Sigmoidal final : public graph::ScalarFunction {
 public:
  explicit Sigmoidal(bool logistic) : logistic_(logistic) {}
  std::string name() const override { return logistic_ ? "Sigmoid" : "Tanh"; }
  double value(double x) const override { return logistic_ ? 1 / (1 + std::exp(-x)) : std::tanh(x); }
  double derivative(double x) const override {
    const double y = value(x);
    return logistic_ ? y * (1 - y) : 1 - y * y;
  }
  std::optional<Interval> slopes(const Interval& domain) const override {
    const double near = std::max({0.0, domain.least, -domain.greatest});
    const double far = std::max(std::fabs(domain.least), std::fabs(domain.greatest));
    return Interval{std::max(0.0, derivative(far) - kMargin), derivative(near) + kMargin};
  }
  Interval range(const Interval& domain) const override {
    return {value(domain.least) - kMargin, value(domain.greatest) + kMargin};
  }

 private:
  static constexpr double kMargin = 0x1p-48;
  bool logistic_;
};

inline Function relu() { return std::make_shared<Leaky>(0); }
inline Function leaky(double slope) { return std::make_shared<Leaky>(slope); }
inline Function hyperbolic_tangent() { return std::make_shared<Sigmoidal>(false); }
inline Function sigmoid() { return std::make_shared<Sigmoidal>(true); }

/// The operations that one node alone can show.
enum class Kind {
  affine,
  relu,
  tanh,
  mixed,
  sum,
  stack,
  product,
  quotient,
  matrix_product,
  greatest,
  least,
  softmax,
  log_softmax,
  maximum,
  minimum,
  euclidean,
  absolute,
  log_sum_exp,
  sorted,
  local_response,
  max_pool,
  layer_norm,
  rms_norm,
  simple,
  gru,
  gru_linear,
  lstm,
  lstm_backward
};
inline constexpr int kKinds = 28;

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : state_(random_state(seed)) {}

  Graph graph;

  std::vector<double> normal(std::int64_t count, double scale = 1) {
    std::vector<double> x(static_cast<std::size_t>(count));
    state_ = fill_normal(state_, x);
    for (double& each : x) each *= scale;
    return x;
  }
  std::int64_t whole(std::int64_t from, std::int64_t to) {
    double x = 0;
    state_ = fill_uniform(state_, std::span<double>(&x, 1));
    return std::min(to, from + static_cast<std::int64_t>((x < 0 ? -x : x) * static_cast<double>(to - from + 1)));
  }
  Operator<double> matrix(std::int64_t rows, std::int64_t columns) {
    return dense<double>(
        Tensor::copy_of(normal(rows * columns, 1 / std::sqrt(static_cast<double>(columns))), {rows, columns}));
  }

  Index add(graph::Operation operation, std::vector<Index> inputs, Dimensions shape) {
    const std::string name = "node " + std::to_string(graph.nodes.size());
    graph.nodes.push_back({name, std::move(operation), std::move(inputs), std::move(shape)});
    return graph.nodes.size() - 1;
  }
  Index input(std::int64_t size) {
    graph.inputs.push_back(add(graph::Input{}, {}, {size}));
    return graph.inputs.back();
  }
  Index constant(std::vector<double> values) {
    const auto size = static_cast<std::int64_t>(values.size());
    return add(graph::Constant{std::move(values)}, {}, {size});
  }
  Index affine(Index from, std::int64_t rows) {
    return add(graph::Affine{matrix(rows, size(from)), normal(rows, 0.5)}, {from}, {rows});
  }
  Index map(Index from, Operator<double> a) {
    const std::int64_t rows = a->shape().rows;
    return add(graph::Affine{std::move(a)}, {from}, {rows});
  }
  Index apply(Index from, Function f) { return add(graph::Elementwise{{std::move(f)}}, {from}, {size(from)}); }
  std::int64_t size(Index node) const { return graph.nodes[node].size(); }

  /// A node of this kind that depends on `a` (and on `b`, where it has two operands), through Affine nodes that give
  /// the operands their sizes.
  Index node(Kind kind, Index a, Index b) {
    using graph::Groups;
    const Groups groups{2, 3, 2};
    switch (kind) {
      case Kind::affine: return affine(a, whole(2, 6));
      case Kind::relu: return apply(affine(a, 5), relu());
      case Kind::tanh: return apply(affine(a, 5), hyperbolic_tangent());
      case Kind::mixed:
        return add(graph::Elementwise{{leaky(0.25), sigmoid(), hyperbolic_tangent()}, {0, 1, 2, 1, 0}}, {affine(a, 5)},
                   {5});
      case Kind::sum: return add(graph::Sum{}, {affine(a, 4), affine(b, 4), constant(normal(4))}, {4});
      case Kind::stack: return add(graph::Stack{}, {affine(a, 3), b, constant(normal(2))}, {5 + size(b)});
      case Kind::product: return add(graph::Product{}, {affine(a, 4), affine(b, 4)}, {4});
      case Kind::quotient: {
        const Index below = add(graph::Sum{}, {constant({2, -3, 4}), apply(affine(b, 3), hyperbolic_tangent())}, {3});
        return add(graph::Quotient{}, {affine(a, 3), below}, {3});
      }
      case Kind::matrix_product: return add(graph::MatrixProduct{2, 2, 3, 1}, {affine(a, 12), affine(b, 6)}, {2, 2, 1});
      case Kind::greatest: return add(graph::Extreme{false}, {affine(a, 4), affine(b, 4), constant(normal(4))}, {4});
      case Kind::least: return add(graph::Extreme{true}, {affine(a, 4), affine(b, 4)}, {4});
      case Kind::softmax: return add(graph::Softmax{groups, false}, {affine(a, 12)}, {2, 3, 2});
      case Kind::log_softmax: return add(graph::Softmax{groups, true}, {affine(a, 12)}, {2, 3, 2});
      case Kind::maximum: return reduced(graph::Reduction::Kind::Maximum, a);
      case Kind::minimum: return reduced(graph::Reduction::Kind::Minimum, a);
      case Kind::euclidean: return reduced(graph::Reduction::Kind::EuclideanNorm, a);
      case Kind::absolute: return reduced(graph::Reduction::Kind::AbsoluteSum, a);
      case Kind::log_sum_exp: return reduced(graph::Reduction::Kind::LogSumExp, a);
      case Kind::sorted: return add(graph::Sorted{groups, 2, whole(0, 1) == 1}, {affine(a, 12)}, {2, 2, 2});
      case Kind::local_response:
        return add(graph::LocalResponse{groups, whole(1, 4), 0.5, 0.75, 0.5}, {affine(a, 12)}, {2, 3, 2});
      case Kind::max_pool: {
        Correlation window;
        window.axes = {{2, 1, 1, 1, 3, 3}, {2, 2, 1, 0, 4, 2}};
        return add(graph::MaxPool{window, 2}, {affine(a, 24)}, {2, 3, 2});
      }
      case Kind::layer_norm:
        return add(graph::Standardization{groups, true, 0.5, normal(12), normal(12)}, {affine(a, 12)}, {2, 3, 2});
      case Kind::rms_norm:
        return add(graph::Standardization{groups, false, 0.5, {}, {}, 0.25, whole(0, 2)}, {affine(a, 12)}, {2, 3, 2});
      case Kind::simple: return recurrence(graph::Recurrence::Kind::Simple, a, false, false);
      case Kind::gru: return recurrence(graph::Recurrence::Kind::Gru, a, false, false);
      case Kind::gru_linear: return recurrence(graph::Recurrence::Kind::Gru, a, false, true);
      case Kind::lstm: return recurrence(graph::Recurrence::Kind::Lstm, a, false, false);
      case Kind::lstm_backward: return recurrence(graph::Recurrence::Kind::Lstm, a, true, false);
    }
    return a;
  }

 private:
  Index reduced(graph::Reduction::Kind kind, Index a) {
    return add(graph::Reduction{kind, {2, 3, 2}}, {affine(a, 12)}, {2, 2});
  }
  Index recurrence(graph::Recurrence::Kind kind, Index a, bool backward, bool linear_before_reset) {
    const std::int64_t gates = kind == graph::Recurrence::Kind::Simple ? 1
                               : kind == graph::Recurrence::Kind::Gru  ? 3
                                                                       : 4;
    graph::Recurrence r;
    r.kind = kind;
    r.steps = 3;
    r.width = 2;
    r.hidden = 2;
    r.input_weight = matrix(gates * 2, 2);
    r.recurrent_weight = matrix(gates * 2, 2);
    r.bias = normal(gates * 2, 0.3);
    if (linear_before_reset) r.recurrent_bias = normal(2, 0.3);
    r.functions = {sigmoid(), hyperbolic_tangent(), hyperbolic_tangent()};
    if (kind == graph::Recurrence::Kind::Simple) r.functions = {hyperbolic_tangent()};
    if (kind == graph::Recurrence::Kind::Gru) r.functions.pop_back();
    r.backward = backward;
    r.linear_before_reset = linear_before_reset;
    return add(std::move(r), {affine(a, 6)}, {3, 2});
  }

  RandomState state_;
};

/// One node of the kind on an input of 4 entries.
inline Graph single(Kind kind, std::uint64_t seed) {
  Maker maker(seed);
  const Index x = maker.input(4);
  maker.graph.outputs = {maker.node(kind, x, x)};
  return maker.graph;
}

/// `count` nodes of random kinds, each on nodes drawn among those before it; two inputs; the last two are put out.
inline Graph composition(std::uint64_t seed, int count, const std::vector<Kind>& kinds) {
  Maker maker(seed);
  std::vector<Index> made = {maker.input(3), maker.input(2)};
  const auto drawn = [&] {
    const auto last = static_cast<std::int64_t>(made.size()) - 1;
    return made[static_cast<std::size_t>(maker.whole(std::max<std::int64_t>(0, last - 2), last))];
  };
  for (int i = 0; i < count; ++i) {
    const Kind kind = kinds[static_cast<std::size_t>(maker.whole(0, static_cast<std::int64_t>(kinds.size()) - 1))];
    const Index a = drawn();
    const Index b = drawn();
    made.push_back(maker.node(kind, a, b));
  }
  maker.graph.outputs = {made[made.size() - 1], made[made.size() - 2]};
  return maker.graph;
}

inline std::vector<Kind> all_kinds() {
  std::vector<Kind> kinds;
  for (int k = 0; k < kKinds; ++k) kinds.push_back(static_cast<Kind>(k));
  return kinds;
}

}  // namespace sigmax::graph_support
