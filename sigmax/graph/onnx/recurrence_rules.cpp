// RNN, GRU and LSTM, without peepholes, clipping or sequences of different lengths. From a zero state and of a batch of
// 1 a layer is one node; otherwise its steps are.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/recurrence_layer.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/graph/scalar/named.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::graph::onnx {
namespace {

using Kind = Recurrence::Kind;

std::int64_t gates_of(Kind kind) { return kind == Kind::Simple ? 1 : kind == Kind::Gru ? 3 : 4; }

bool is_zero(const Value& value) {
  return value.known && std::ranges::all_of(value.known->numbers(), [](double each) { return each == 0; });
}

/// Whether it begins at a state that is not known to be 0.
bool has_state(const Builder& builder) {
  for (const std::size_t operand : {std::size_t{5}, std::size_t{6}}) {
    const Value* value = builder.operand(operand);
    if (value != nullptr && !is_zero(*value)) return true;
  }
  return false;
}

/// The functions of one direction: f; f and g; f, g and h.
std::vector<Function> gate_functions(const Builder& builder, Kind kind, std::int64_t direction,
                                     std::int64_t directions) {
  const std::size_t count = kind == Kind::Simple ? 1 : kind == Kind::Gru ? 2 : 3;
  const auto* words = builder.node().find<std::vector<std::string>>("activations");
  for (const auto& attribute : builder.node().attributes) {
    if (attribute.name == "activations" && words == nullptr) throw RefusedNode{"has activations that are not texts"};
    if (attribute.name == "activation_alpha" || attribute.name == "activation_beta") {
      throw RefusedNode{"gives its functions parameters, which no rule knows"};
    }
  }
  if (words == nullptr || words->empty()) {
    if (kind == Kind::Simple) return {named_function("Tanh")};
    if (kind == Kind::Gru) return {named_function("Sigmoid"), named_function("Tanh")};
    return {named_function("Sigmoid"), named_function("Tanh"), named_function("Tanh")};
  }
  if (words->size() != count * static_cast<std::size_t>(directions)) {
    throw RefusedNode{fmt::format("has {} functions", words->size())};
  }
  constexpr std::array<std::string_view, 6> kKnown = {"Relu", "Tanh", "Sigmoid", "Softsign", "Softplus", "Elu"};
  std::vector<Function> functions;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& word = (*words)[static_cast<std::size_t>(direction) * count + i];
    if (std::ranges::find(kKnown, word) == kKnown.end()) throw RefusedNode{"has a function that no rule knows"};
    functions.push_back(named_function(word));
  }
  return functions;
}

/// A real constant of this shape.
const Tensor& weight(const Builder& builder, std::size_t operand, const Dimensions& shape, std::string_view what) {
  const Value* value = builder.operand(operand);
  if (!value->known) throw RefusedNode{fmt::format("computes its {} from the input", what)};
  if (value->known->is_integer() || value->shape != shape) {
    throw RefusedNode{fmt::format("has {} of shape {}, not {}", what, to_string(value->shape), to_string(shape))};
  }
  return value->known->values;
}

void require_plain(const Builder& builder, std::int64_t steps) {
  for (const auto& attribute : builder.node().attributes) {
    if (attribute.name == "clip") throw RefusedNode{"clips its gates, which no rule knows"};
  }
  if (builder.integer("input_forget", 0) != 0) throw RefusedNode{"couples its gates, which no rule knows"};
  if (const Value* lengths = builder.operand(4)) {
    bool full = lengths->known.has_value();
    if (full) {
      full = std::ranges::all_of(lengths->known->numbers(),
                                 [&](double each) { return each == static_cast<double>(steps); });
    }
    if (!full) throw RefusedNode{"has sequences of other lengths than its input"};
  }
  if (builder.operand(7) != nullptr && !is_zero(*builder.operand(7)))
    throw RefusedNode{"has peepholes, which no rule knows"};
}

RecurrentLayer layer_of(const Builder& builder, Kind kind) {
  const Dimensions& x = builder.operand(0)->shape;
  const Dimensions& recurrent = builder.operand(2)->shape;
  if (x.size() != 3 || recurrent.size() != 3) throw RefusedNode{"has operands without three axes"};
  const bool steps_first = builder.integer("layout", 0) == 0;
  RecurrentLayer layer{kind,
                       x[steps_first ? 0 : 1],
                       x[steps_first ? 1 : 0],
                       x[2],
                       recurrent[2],
                       recurrent[0],
                       steps_first,
                       builder.text("direction", "forward")};
  const bool both = layer.direction == "bidirectional";
  if (!both && layer.direction != "forward" && layer.direction != "reverse")
    throw RefusedNode{"has an unknown direction"};
  if (layer.directions != (both ? 2 : 1))
    throw RefusedNode{fmt::format("has weights of {} directions", layer.directions)};
  if (layer.steps < 1 || layer.batch < 1 || layer.hidden < 1 || layer.width < 1) throw RefusedNode{"has no entries"};
  return layer;
}

Recurrence recurrence_of(const Builder& builder, const RecurrentLayer& layer, std::int64_t direction) {
  const std::int64_t gates = gates_of(layer.kind) * layer.hidden;
  const Tensor w = weight(builder, 1, {layer.directions, gates, layer.width}, "input weights").compact();
  const Tensor r = weight(builder, 2, {layer.directions, gates, layer.hidden}, "recurrent weights").compact();
  Recurrence result;
  result.kind = layer.kind;
  result.steps = layer.steps;
  result.width = layer.width;
  result.hidden = layer.hidden;
  result.input_weight = dense<double>(w.slice(direction));
  result.recurrent_weight = dense<double>(r.slice(direction));
  result.functions = gate_functions(builder, layer.kind, direction, layer.directions);
  result.backward = layer.is_backward(direction);
  result.linear_before_reset = layer.kind == Kind::Gru && builder.integer("linear_before_reset", 0) != 0;
  if (builder.operand(3) == nullptr) return result;
  const auto biases = Known{weight(builder, 3, {layer.directions, 2 * gates}, "biases")}.numbers();
  for (std::int64_t g = 0; g < gates; ++g) {
    const auto at = static_cast<std::size_t>(direction * 2 * gates + g);
    const double recurrent = biases[at + static_cast<std::size_t>(gates)];
    const bool apart = result.linear_before_reset && g >= 2 * layer.hidden;  // the candidate's, behind the reset gate
    if (apart) result.recurrent_bias.push_back(recurrent);
    result.bias.push_back(apart ? biases[at] : biases[at] + recurrent);
  }
  return result;
}

/// The state at the end of each direction's run, [directions, hidden], from the states [steps, directions, hidden].
Value last_states(Builder& builder, const RecurrentLayer& layer, Index states, const Dimensions& shape) {
  std::vector<std::int64_t> source;
  for (std::int64_t d = 0; d < layer.directions; ++d) {
    const std::int64_t step = layer.is_backward(d) ? 0 : layer.steps - 1;
    for (std::int64_t i = 0; i < layer.hidden; ++i) source.push_back((step * layer.directions + d) * layer.hidden + i);
  }
  const std::int64_t all = layer.steps * layer.directions * layer.hidden;
  return emit_affine(builder, selection<double>(all, std::move(source)), states, shape);
}

std::vector<Value> import_recurrence(Builder& builder, Kind kind) {
  const RecurrentLayer layer = layer_of(builder, kind);
  require_plain(builder, layer.steps);
  std::vector<Recurrence> directions;
  for (std::int64_t d = 0; d < layer.directions; ++d) directions.push_back(recurrence_of(builder, layer, d));
  if (layer.batch != 1 || has_state(builder)) return step_by_step(builder, layer, directions);
  const Index x = builder.node_of(*builder.operand(0));
  const Dimensions rows{layer.steps, layer.hidden};
  Index states = *builder.emit(directions[0], {x}, rows).node;
  const Dimensions all = layer.steps_first ? Dimensions{layer.steps, layer.directions, 1, layer.hidden}
                                           : Dimensions{1, layer.steps, layer.directions, layer.hidden};
  if (layer.directions == 2) {  // the directions one after another become rows of both
    const Index other = *builder.emit(directions[1], {x}, rows).node;
    const Index stacked = *builder.emit(Stack{}, {states, other}, {2, layer.steps, layer.hidden}).node;
    std::vector<std::int64_t> source;
    for (std::int64_t t = 0; t < layer.steps; ++t) {
      for (std::int64_t d = 0; d < 2; ++d) {
        for (std::int64_t i = 0; i < layer.hidden; ++i) source.push_back((d * layer.steps + t) * layer.hidden + i);
      }
    }
    states =
        *emit_affine(builder, selection<double>(2 * layer.steps * layer.hidden, std::move(source)), stacked, all).node;
  }
  std::vector<Value> outputs{{all, std::nullopt, states}};
  const auto is_used = [&](std::size_t i) {
    return builder.node().outputs.size() > i && !builder.node().outputs[i].empty();
  };
  const Dimensions last =
      layer.steps_first ? Dimensions{layer.directions, 1, layer.hidden} : Dimensions{1, layer.directions, layer.hidden};
  if (is_used(1) || is_used(2)) outputs.push_back(last_states(builder, layer, states, last));
  if (is_used(2)) outputs.push_back(step_by_step(builder, layer, directions).at(2));
  return outputs;
}

std::vector<Value> import_rnn(Builder& builder) { return import_recurrence(builder, Kind::Simple); }
std::vector<Value> import_gru(Builder& builder) { return import_recurrence(builder, Kind::Gru); }
std::vector<Value> import_lstm(Builder& builder) { return import_recurrence(builder, Kind::Lstm); }

}  // namespace

std::span<const NamedRule> recurrence_rules() {
  static constexpr NamedRule kRules[] = {{"RNN", import_rnn}, {"GRU", import_gru}, {"LSTM", import_lstm}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
