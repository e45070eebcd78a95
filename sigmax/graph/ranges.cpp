#include "sigmax/graph/ranges.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <variant>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/ranges/linear.hpp"
#include "sigmax/graph/ranges/node.hpp"
#include "sigmax/graph/ranges/outward.hpp"

namespace sigmax::graph {
namespace {

Box of_affine(const Affine& affine, const Box& x, Context& context) {
  Box y = image(*affine.map, x, false, context);
  const Interval scale{down(1 - affine.row_error), up(1 + affine.row_error)};
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (affine.row_error > 0) y[i] = scale * y[i];
    if (!affine.offset.empty()) y[i] = y[i] + point(affine.offset[i]);
    if (!affine.offset_error.empty()) y[i] = y[i] + Interval{-affine.offset_error[i], affine.offset_error[i]};
  }
  return y;
}

template <class Combine>
Box folded(Boxes x, const Combine& combine) {
  Box y = *x[0];
  for (std::size_t k = 1; k < x.size(); ++k) {
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = combine(y[i], (*x[k])[i]);
  }
  return y;
}

class Visitor {
 public:
  Visitor(const Node& node, Boxes x, Context& context) : node_(node), x_(x), context_(context) {}

  Box operator()(const Input&) const { return unknown(); }
  Box operator()(const Refused&) const { return unknown(); }
  Box operator()(const Constant& constant) const { return box_of(constant.values); }
  Box operator()(const Affine& affine) const { return of_affine(affine, *x_[0], context_); }
  Box operator()(const Elementwise& elementwise) const {
    const Box& x = *x_[0];
    Box y(x.size());
    // Away from the border of an image, entries of a channel often have the same interval.
    const ScalarFunction* last = nullptr;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const ScalarFunction* const f = elementwise.functions[elementwise.which.empty() ? 0 : elementwise.which[i]].get();
      if (f == last && x[i] == x[i - 1]) {
        y[i] = y[i - 1];
        continue;
      }
      last = f;
      y[i] = f->range(x[i]);
      if (!(y[i].least <= y[i].greatest)) y[i] = {};
    }
    return y;
  }
  Box operator()(const Sum&) const {
    return folded(x_, [](const Interval& a, const Interval& b) { return a + b; });
  }
  Box operator()(const Stack&) const {
    Box y;
    for (const Box* const part : x_) y.insert(y.end(), part->begin(), part->end());
    return y;
  }
  Box operator()(const Product&) const {
    if (node_.inputs[0] == node_.inputs[1]) {
      Box y = *x_[0];
      for (Interval& each : y) each = square(each);
      return y;
    }
    return folded(x_, [](const Interval& a, const Interval& b) { return a * b; });
  }
  Box operator()(const Quotient&) const {
    return folded(x_, [](const Interval& a, const Interval& b) { return a / b; });
  }
  Box operator()(const MatrixProduct& product) const { return graph::box_of(product, *x_[0], *x_[1]); }
  Box operator()(const Extreme& extreme) const {
    return folded(x_,
                  [&](const Interval& a, const Interval& b) { return extreme.least ? minimum(a, b) : maximum(a, b); });
  }
  Box operator()(const Softmax& softmax) const { return graph::box_of(softmax, *x_[0]); }
  Box operator()(const Reduction& reduction) const { return graph::box_of(reduction, *x_[0]); }
  Box operator()(const MaxPool& pool) const { return graph::box_of(pool, *x_[0]); }
  Box operator()(const Standardization& standardization) const { return graph::box_of(standardization, *x_[0]); }
  Box operator()(const Sorted& sorted) const { return graph::box_of(sorted, *x_[0]); }
  Box operator()(const LocalResponse& response) const { return graph::box_of(response, *x_[0]); }
  Box operator()(const Recurrence& recurrence) const { return graph::box_of(recurrence, *x_[0], context_); }

 private:
  Box unknown() const { return Box(static_cast<std::size_t>(node_.size())); }
  const Node& node_;
  Boxes x_;
  Context& context_;
};

}  // namespace

Box box_of(std::span<const double> x) {
  Box box;
  for (const double each : x) box.push_back(point(each));
  return box;
}

Box range_of(const Graph& graph, Index index, std::span<const Box> boxes, Context& context) {
  const FloatingEnvironment environment;
  const Node& node = graph.nodes[index];
  std::vector<const Box*> x;
  for (const Index input : node.inputs) x.push_back(&boxes[input]);
  return std::visit(Visitor(node, x, context), node.operation);
}

Box range_of(const Graph& graph, Index index, std::span<const Box> boxes) {
  Context context;
  return range_of(graph, index, boxes, context);
}

std::vector<Box> ranges(const Graph& graph, const Box& input, Context& context) {
  const FloatingEnvironment environment;
  if (static_cast<std::int64_t>(input.size()) != input_size(graph)) {
    throw Error(fmt::format("[ranges] the box has {} entries; the graph has {}", input.size(), input_size(graph)));
  }
  for (const Interval& each : input) {
    if (!(each.least <= each.greatest) || each.least == kInfinity || each.greatest == -kInfinity) {
      throw Error(fmt::format("[ranges] there is no number in [{}, {}]", each.least, each.greatest));
    }
  }
  std::vector<Box> boxes(graph.nodes.size());
  auto next = input.begin();
  for (const Index index : graph.inputs) {
    const auto end = next + graph.nodes[index].size();
    boxes[index].assign(next, end);
    next = end;
  }
  const std::vector<bool> needed = leads_to_output(graph);
  for (Index i = 0; i < graph.nodes.size(); ++i) {
    if (!needed[i] || std::holds_alternative<Input>(graph.nodes[i].operation)) continue;
    context.check_cancel();
    boxes[i] = range_of(graph, i, boxes, context);
  }
  return boxes;
}

std::vector<Box> ranges(const Graph& graph, const Box& input) {
  Context context;
  return ranges(graph, input, context);
}

Evaluated evaluate_with_errors(const Graph& graph, std::span<const double> input, Context& context) {
  const FloatingEnvironment environment;
  Evaluated result{outputs(graph, evaluate(graph, input, context)), {}};
  const std::vector<Box> boxes = ranges(graph, box_of(input), context);
  for (const Index output : graph.outputs) {
    for (const Interval& each : boxes[output]) {
      const double value = result.values[result.errors.size()];
      const bool is_exact = each == point(value);
      result.errors.push_back(is_exact ? 0 : up(std::max(each.greatest - value, value - each.least)));
    }
  }
  return result;
}

Evaluated evaluate_with_errors(const Graph& graph, std::span<const double> input) {
  Context context;
  return evaluate_with_errors(graph, input, context);
}

}  // namespace sigmax::graph
