#include "sigmax/graph/graph.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::graph {
namespace {

/// What the inputs of a node must be for its operation, and what size they give it.
class Check {
 public:
  Check(const Graph& graph, Index index) : graph_(graph), node_(graph.nodes[index]), index_(index) {
    for (const Index input : node_.inputs) {
      if (input >= index) fail(fmt::format("reads node {}, which does not come before it", input));
    }
    if (!element_count(node_.shape)) fail(fmt::format("has the shape {}", to_string(node_.shape)));
  }

  void operator()(const Input&) const { require_inputs(0); }
  void operator()(const Constant& constant) const {
    require_inputs(0);
    require_size(static_cast<std::int64_t>(constant.values.size()));
  }
  void operator()(const Affine& affine) const {
    require_inputs(1);
    if (!affine.map) fail("has no linear map");
    require_input_size(0, affine.map->shape().columns);
    require_size(affine.map->shape().rows);
    if (!affine.offset.empty()) require_length("offset", affine.offset.size(), size());
    if (!affine.offset_error.empty()) require_length("offset error", affine.offset_error.size(), size());
    for (const double each : affine.offset_error) {
      if (!(each >= 0)) fail(fmt::format("has an offset error of {}", each));
    }
    if (!(affine.row_error >= 0)) fail(fmt::format("has a row error of {}", affine.row_error));
  }
  void operator()(const Elementwise& elementwise) const {
    require_inputs(1);
    require_input_size(0, size());
    if (elementwise.functions.empty()) fail("has no function");
    if (elementwise.which.empty()) return;
    require_length("list of functions", elementwise.which.size(), size());
    for (const std::uint32_t each : elementwise.which) {
      if (each >= elementwise.functions.size()) fail(fmt::format("has no function {}", each));
    }
  }
  void operator()(const Sum&) const { require_same_sizes(); }
  void operator()(const Extreme&) const { require_same_sizes(); }
  void operator()(const Stack&) const {
    std::int64_t total = 0;
    for (const Index input : node_.inputs) total += graph_.nodes[input].size();
    require_size(total);
  }
  void operator()(const Product&) const {
    require_inputs(2);
    require_same_sizes();
  }
  void operator()(const Quotient&) const {
    require_inputs(2);
    require_same_sizes();
  }
  void operator()(const MatrixProduct& product) const {
    require_inputs(2);
    require_input_size(0, count({product.batch, product.rows, product.inner}));
    require_input_size(1, count({product.batch, product.inner, product.columns}));
    require_size(count({product.batch, product.rows, product.columns}));
  }
  void operator()(const Softmax& softmax) const {
    require_inputs(1);
    require_input_size(0, count(softmax.groups));
    require_size(count(softmax.groups));
  }
  void operator()(const Reduction& reduction) const {
    require_inputs(1);
    require_input_size(0, count(reduction.groups));
    require_size(count({reduction.groups.outer, reduction.groups.inner}));
  }
  void operator()(const MaxPool& pool) const {
    require_inputs(1);
    require_input_size(0, count({pool.channels, pool.window.input_positions()}));
    require_size(count({pool.channels, pool.window.output_positions()}));
  }
  void operator()(const Standardization& standardization) const {
    require_inputs(1);
    require_input_size(0, count(standardization.groups));
    require_size(count(standardization.groups));
    if (!standardization.gain.empty()) require_length("gain", standardization.gain.size(), size());
    if (!standardization.offset.empty()) require_length("offset", standardization.offset.size(), size());
    if (!(standardization.epsilon >= 0)) fail(fmt::format("has an epsilon of {}", standardization.epsilon));
    if (!(standardization.added >= 0)) fail(fmt::format("adds {} to a deviation", standardization.added));
    if (standardization.correction < 0 ||
        (standardization.correction > 0 && standardization.correction >= standardization.groups.length)) {
      fail(fmt::format("divides by {} entries less {}", standardization.groups.length, standardization.correction));
    }
  }
  void operator()(const Sorted& sorted) const {
    require_inputs(1);
    require_input_size(0, count(sorted.groups));
    require_size(count({sorted.groups.outer, sorted.count, sorted.groups.inner}));
    if (sorted.count < 1 || sorted.count > sorted.groups.length) {
      fail(fmt::format("takes {} of {} entries", sorted.count, sorted.groups.length));
    }
  }
  void operator()(const LocalResponse& response) const {
    require_inputs(1);
    require_input_size(0, count(response.groups));
    require_size(count(response.groups));
    if (response.size < 1) fail(fmt::format("has windows of {} entries", response.size));
    if (!(response.alpha >= 0) || !(response.beta >= 0) || !(response.bias > 0) || std::isinf(response.alpha) ||
        std::isinf(response.beta) || std::isinf(response.bias)) {
      fail(fmt::format("has alpha {}, beta {} and bias {}", response.alpha, response.beta, response.bias));
    }
    if (!(response.alpha_error >= 0)) fail(fmt::format("has an alpha with the error {}", response.alpha_error));
  }
  void operator()(const Recurrence& recurrence) const {
    require_inputs(1);
    require_input_size(0, count({recurrence.steps, recurrence.width}));
    require_size(count({recurrence.steps, recurrence.hidden}));
    const std::int64_t gates = count({gate_count(recurrence.kind), recurrence.hidden});
    require_shape("input weight", recurrence.input_weight, {gates, recurrence.width});
    require_shape("recurrent weight", recurrence.recurrent_weight, {gates, recurrence.hidden});
    if (!recurrence.bias.empty()) require_length("bias", recurrence.bias.size(), gates);
    if (!recurrence.recurrent_bias.empty()) {
      require_length("recurrent bias", recurrence.recurrent_bias.size(), recurrence.hidden);
    }
    require_length("list of functions", recurrence.functions.size(), function_count(recurrence.kind));
  }
  void operator()(const Refused&) const {}

 private:
  static std::int64_t gate_count(Recurrence::Kind kind) {
    switch (kind) {
      case Recurrence::Kind::Simple: return 1;
      case Recurrence::Kind::Gru: return 3;
      case Recurrence::Kind::Lstm: return 4;
    }
    return 0;
  }

  static std::int64_t function_count(Recurrence::Kind kind) {
    switch (kind) {
      case Recurrence::Kind::Simple: return 1;
      case Recurrence::Kind::Gru: return 2;
      case Recurrence::Kind::Lstm: return 3;
    }
    return 0;
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(fmt::format("[graph] node {} ({}) {}", index_, node_.name, problem));
  }

  std::int64_t size() const { return *element_count(node_.shape); }

  std::int64_t count(std::initializer_list<std::int64_t> extents) const {
    const std::optional<std::int64_t> product = element_count(Dimensions(extents));
    if (!product) fail("has an extent that is negative or too large");
    return *product;
  }
  std::int64_t count(const Groups& groups) const { return count({groups.outer, groups.length, groups.inner}); }

  void require_inputs(std::size_t expected) const {
    if (node_.inputs.size() != expected) fail(fmt::format("has {} inputs, not {}", node_.inputs.size(), expected));
  }
  void require_input_size(std::size_t input, std::int64_t expected) const {
    const std::int64_t found = graph_.nodes[node_.inputs[input]].size();
    if (found != expected) fail(fmt::format("has an input of {} entries, not {}", found, expected));
  }
  void require_size(std::int64_t expected) const {
    if (size() != expected) fail(fmt::format("has {} entries, not {}", size(), expected));
  }
  void require_length(const char* what, std::size_t found, std::int64_t expected) const {
    if (static_cast<std::int64_t>(found) != expected) {
      fail(fmt::format("has an {} of {} entries, not {}", what, found, expected));
    }
  }
  void require_same_sizes() const {
    if (node_.inputs.empty()) fail("has no inputs");
    for (std::size_t i = 0; i < node_.inputs.size(); ++i) require_input_size(i, size());
  }
  void require_shape(const char* what, const Operator<double>& found, Shape expected) const {
    if (!found) fail(fmt::format("has no {}", what));
    if (found->shape() != expected) {
      fail(fmt::format("has an {} of {} x {}, not {} x {}", what, found->shape().rows, found->shape().columns,
                       expected.rows, expected.columns));
    }
  }

  const Graph& graph_;
  const Node& node_;
  Index index_;
};

}  // namespace

std::int64_t Node::size() const { return element_count(shape).value_or(0); }

void validate(const Graph& graph) {
  for (Index index = 0; index < graph.nodes.size(); ++index) {
    std::visit(Check(graph, index), graph.nodes[index].operation);
  }
  for (const Index output : graph.outputs) {
    if (output >= graph.nodes.size()) throw Error(fmt::format("[graph] there is no node {} to put out", output));
  }
  for (const Index input : graph.inputs) {
    if (input >= graph.nodes.size() || !std::holds_alternative<Input>(graph.nodes[input].operation)) {
      throw Error(fmt::format("[graph] node {} is not an input", input));
    }
  }
}

}  // namespace sigmax::graph
