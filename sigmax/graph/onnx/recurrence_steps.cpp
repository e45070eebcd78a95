// Recurrent layers step by step: with states that are given or handed out, and for any batch. With a = W x_t + R h +
// bias in pieces, one a gate, h and c the state before the step:
//
//     RNN   h' = f(a)
//     GRU   z = f(a_z), r = f(a_r), n = g(W_h x_t + b + R_h (r h)), h' = (1 - z) n + z h;
//           linear_before_reset: n = g(W_h x_t + b + r (R_h h + recurrent bias))
//     LSTM  c' = f(a_f) c + f(a_i) g(a_c), h' = f(a_o) p(c')
#include <fmt/format.h>

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/linear_parts.hpp"
#include "sigmax/graph/onnx/recurrence_layer.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/product.hpp"
#include "sigmax/ops/scaled.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::graph::onnx {
namespace {

using Kind = Recurrence::Kind;

/// Each step is a dozen nodes.
constexpr std::int64_t kMostUnrolled = 256;

class Steps {
 public:
  Steps(Builder& builder, const RecurrentLayer& layer, const Recurrence& r, Index x)
      : builder_(builder), layer_(layer), r_(r), gates_(r.input_weight->shape().rows / layer.hidden) {
    from_input_ = affine(repeated(layer.steps * layer.batch, r.input_weight), x, layer.steps * gates_ * state_size(),
                         repeated_bias(layer.steps));
  }

  std::int64_t state_size() const { return layer_.batch * layer_.hidden; }

  /// h and c after the step that reads x_t.
  void step(std::int64_t t, Index& h, Index& c) {
    switch (r_.kind) {
      case Kind::Simple: h = function(0, sum({gate(t, 0), recurrent(0, h)})); break;
      case Kind::Gru: h = gru(t, h); break;
      case Kind::Lstm: {
        const auto of_gate = [&](std::int64_t g, std::size_t f) {
          return function(f, sum({gate(t, g), recurrent(g, h)}));
        };
        const Index added = product(of_gate(0, 0), of_gate(3, 1));
        const Index open = of_gate(1, 0);
        c = sum({product(of_gate(2, 0), c), added});
        h = product(open, function(2, c));
        break;
      }
    }
  }

 private:
  Index gru(std::int64_t t, Index h) {
    const Index z = function(0, sum({gate(t, 0), recurrent(0, h)}));
    const Index reset = function(0, sum({gate(t, 1), recurrent(1, h)}));
    Index inside = 0;
    if (r_.linear_before_reset) {
      std::vector<double> bias;
      for (std::int64_t b = 0; b < layer_.batch; ++b)
        bias.insert(bias.end(), r_.recurrent_bias.begin(), r_.recurrent_bias.end());
      inside = product(reset, recurrent(2, h, bias));
    } else {
      inside = recurrent(2, product(reset, h));
    }
    const Index n = function(1, sum({gate(t, 2), inside}));
    const Index rest = affine(scaled(-1.0, identity<double>(state_size())), z, state_size(),
                              std::vector<double>(static_cast<std::size_t>(state_size()), 1.0));
    return sum({product(rest, n), product(z, h)});
  }

  std::vector<double> repeated_bias(std::int64_t steps) const {
    std::vector<double> all;
    for (std::int64_t i = 0; i < steps * layer_.batch; ++i) all.insert(all.end(), r_.bias.begin(), r_.bias.end());
    return all;
  }

  /// The entries of gate g, [batch, hidden], from rows of all gates that begin at `first`.
  std::vector<std::int64_t> gate_entries(std::int64_t first, std::int64_t g) const {
    std::vector<std::int64_t> source;
    for (std::int64_t b = 0; b < layer_.batch; ++b) {
      for (std::int64_t i = 0; i < layer_.hidden; ++i) source.push_back(first + (b * gates_ + g) * layer_.hidden + i);
    }
    return source;
  }

  /// W_g x_t + bias
  Index gate(std::int64_t t, std::int64_t g) {
    const std::int64_t size = gates_ * state_size();
    auto source = gate_entries(t * size, g);
    return affine(selection<double>(layer_.steps * size, std::move(source)), from_input_, state_size());
  }

  /// R_g h + bias
  Index recurrent(std::int64_t g, Index h, std::vector<double> bias = {}) {
    const auto at = static_cast<std::size_t>(g);
    if (recurrent_maps_.size() <= at) recurrent_maps_.resize(static_cast<std::size_t>(gates_));
    if (recurrent_maps_[at] == nullptr) {
      Operator<double> rows = r_.recurrent_weight;
      if (gates_ > 1) {
        std::vector<std::int64_t> source;
        for (std::int64_t i = 0; i < layer_.hidden; ++i) source.push_back(g * layer_.hidden + i);
        rows = sigmax::product(selection<double>(gates_ * layer_.hidden, std::move(source)), std::move(rows));
      }
      recurrent_maps_[at] = repeated(layer_.batch, std::move(rows));
    }
    return affine(recurrent_maps_[at], h, state_size(), std::move(bias));
  }

  Index affine(Operator<double> map, Index from, std::int64_t size, std::vector<double> offset = {}) {
    return *emit_affine(builder_, std::move(map), from, {size}, std::move(offset)).node;
  }
  Index function(std::size_t f, Index x) {
    return *builder_.emit(Elementwise{{r_.functions[f]}}, {x}, {state_size()}).node;
  }
  Index sum(std::vector<Index> terms) { return *builder_.emit(Sum{}, std::move(terms), {state_size()}).node; }
  Index product(Index a, Index b) { return *builder_.emit(Product{}, {a, b}, {state_size()}).node; }

  Builder& builder_;
  const RecurrentLayer& layer_;
  const Recurrence& r_;
  std::int64_t gates_;
  Index from_input_ = 0;
  std::vector<Operator<double>> recurrent_maps_{};
};

/// The state of direction d at the start, [batch, hidden].
Index first_state(Builder& builder, const RecurrentLayer& layer, std::size_t operand, std::int64_t d) {
  const std::int64_t size = layer.batch * layer.hidden;
  const Value* given = builder.operand(operand);
  if (given == nullptr) {
    const Value zeros{{size}, known_numbers(std::vector<double>(static_cast<std::size_t>(size)), {size}), std::nullopt};
    return builder.node_of(zeros);
  }
  const Dimensions expected = layer.steps_first ? Dimensions{layer.directions, layer.batch, layer.hidden}
                                                : Dimensions{layer.batch, layer.directions, layer.hidden};
  if (given->shape != expected) {
    throw RefusedNode{fmt::format("has a state of shape {}, not {}", to_string(given->shape), to_string(expected))};
  }
  std::vector<std::int64_t> source;
  for (std::int64_t b = 0; b < layer.batch; ++b) {
    const std::int64_t row = layer.steps_first ? d * layer.batch + b : b * layer.directions + d;
    for (std::int64_t i = 0; i < layer.hidden; ++i) source.push_back(row * layer.hidden + i);
  }
  return builder.node_of(selected(builder, *given, std::move(source), {size}));
}

/// x as [steps, batch, width]
Index in_order_of_time(Builder& builder, const RecurrentLayer& layer) {
  const Value& x = *builder.operand(0);
  if (layer.steps_first) return builder.node_of(x);
  std::vector<std::int64_t> source;
  for (std::int64_t t = 0; t < layer.steps; ++t) {
    for (std::int64_t b = 0; b < layer.batch; ++b) {
      for (std::int64_t i = 0; i < layer.width; ++i) source.push_back((b * layer.steps + t) * layer.width + i);
    }
  }
  return builder.node_of(selected(builder, x, std::move(source), {layer.steps, layer.batch, layer.width}));
}

/// States of [batch, hidden] below each other, with `times` and then `directions` before them, in ONNX's order.
Value assembled(Builder& builder, const RecurrentLayer& layer, const std::vector<Index>& states, std::int64_t times,
                bool has_times) {
  const std::int64_t size = layer.batch * layer.hidden, all = static_cast<std::int64_t>(states.size()) * size;
  const Value stacked =
      states.size() == 1 ? Value{{size}, std::nullopt, states[0]} : builder.emit(Stack{}, states, {all});
  Dimensions shape{layer.directions, layer.batch, layer.hidden};
  if (has_times) shape.insert(shape.begin(), times);
  if (layer.steps_first) return reshaped(builder, stacked, shape);
  std::vector<std::int64_t> source;
  for (std::int64_t b = 0; b < layer.batch; ++b) {
    for (std::size_t k = 0; k < states.size(); ++k) {
      for (std::int64_t i = 0; i < layer.hidden; ++i) {
        source.push_back((static_cast<std::int64_t>(k) * layer.batch + b) * layer.hidden + i);
      }
    }
  }
  shape = has_times ? Dimensions{layer.batch, times, layer.directions, layer.hidden}
                    : Dimensions{layer.batch, layer.directions, layer.hidden};
  return selected(builder, stacked, std::move(source), std::move(shape));
}

}  // namespace

std::vector<Value> step_by_step(Builder& builder, const RecurrentLayer& layer,
                                const std::vector<Recurrence>& directions) {
  if (layer.steps > kMostUnrolled) {
    throw RefusedNode{
        fmt::format("has {} steps from a given state or of a batch, more than {}", layer.steps, kMostUnrolled)};
  }
  counted({layer.steps, layer.directions, layer.batch, layer.hidden});
  const Index x = in_order_of_time(builder, layer);
  const std::int64_t count = layer.directions;
  std::vector<Index> states(static_cast<std::size_t>(layer.steps * count)), last, cells;
  for (std::int64_t d = 0; d < count; ++d) {
    Steps steps(builder, layer, directions[static_cast<std::size_t>(d)], x);
    Index h = first_state(builder, layer, 5, d);
    Index c = layer.kind == Kind::Lstm ? first_state(builder, layer, 6, d) : 0;
    for (std::int64_t s = 0; s < layer.steps; ++s) {
      const std::int64_t t = layer.is_backward(d) ? layer.steps - 1 - s : s;
      steps.step(t, h, c);
      states[static_cast<std::size_t>(t * count + d)] = h;
    }
    last.push_back(h);
    cells.push_back(c);
  }
  std::vector<Value> outputs{assembled(builder, layer, states, layer.steps, true),
                             assembled(builder, layer, last, 1, false)};
  if (layer.kind == Kind::Lstm) outputs.push_back(assembled(builder, layer, cells, 1, false));
  return outputs;
}

}  // namespace sigmax::graph::onnx
