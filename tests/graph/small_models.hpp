// Models of a few nodes, imported and evaluated by plain loops.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <variant>
#include <vector>

#include "io/onnx_bytes.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/graph/from_onnx.hpp"
#include "sigmax/io/computation/expansion.hpp"

namespace sigmax::graph::testing {

using namespace sigmax::io::testing;

inline constexpr std::int64_t kOpset = 17;

inline io::Computation computation_of(const Message& message) {
  return io::expanded_computation(file_of(message.bytes, "m.onnx"));
}

inline Message whole_model(const std::vector<Message>& nodes, const std::vector<Message>& initializers,
                           const std::vector<Message>& inputs, const Names& outputs, std::int64_t version = kOpset) {
  std::vector<Message> infos;
  for (const auto& name : outputs) infos.push_back(value_info(name, {}));
  return model(typed_graph(nodes, initializers, inputs, infos)) + opset(version);
}

/// A float input `x` of a fixed shape, and the output `y`.
inline Message model_of(const std::vector<Message>& nodes, const std::vector<Message>& initializers,
                        const Extents& shape, std::int64_t version = kOpset) {
  std::vector<std::variant<std::int64_t, std::string>> extents(shape.begin(), shape.end());
  return whole_model(nodes, initializers, {value_info("x", extents)}, {"y"}, version);
}

inline Graph imported(const Message& message, const ImportOptions& options = {}) {
  return from_onnx(computation_of(message), options);
}

/// y = A x.
inline std::vector<double> image(const LinearOperator<double>& map, const std::vector<double>& x) {
  Context context;
  std::vector<double> y(static_cast<std::size_t>(map.shape().rows));
  map.apply({x.data(), map.shape().columns, 1, map.shape().columns}, {y.data(), map.shape().rows, 1, map.shape().rows},
            context);
  return y;
}

/// The values of all nodes, for the operations that the tests of the importer make. NaN for a node that is refused.
inline std::vector<std::vector<double>> evaluated(const Graph& graph, const std::vector<std::vector<double>>& inputs) {
  std::vector<std::vector<double>> values(graph.nodes.size());
  std::size_t next = 0;
  for (Index n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    std::vector<double>& y = values[n];
    if (std::holds_alternative<Input>(node.operation)) {
      y = inputs.at(next++);
      continue;
    }
    y.assign(static_cast<std::size_t>(node.size()), 0.0);
    const auto operand = [&](std::size_t i) -> const std::vector<double>& { return values[node.inputs.at(i)]; };
    if (const auto* constant = std::get_if<Constant>(&node.operation)) {
      y = constant->values;
    } else if (const auto* affine = std::get_if<Affine>(&node.operation)) {
      y = image(*affine->map, operand(0));
      for (std::size_t i = 0; i < affine->offset.size(); ++i) y[i] += affine->offset[i];
    } else if (const auto* elementwise = std::get_if<Elementwise>(&node.operation)) {
      for (std::size_t i = 0; i < y.size(); ++i) {
        y[i] = elementwise->functions.at(elementwise->which.empty() ? 0 : elementwise->which[i])->value(operand(0)[i]);
      }
    } else if (std::holds_alternative<Sum>(node.operation)) {
      for (std::size_t t = 0; t < node.inputs.size(); ++t) {
        for (std::size_t i = 0; i < y.size(); ++i) y[i] += operand(t)[i];
      }
    } else if (std::holds_alternative<Product>(node.operation)) {
      for (std::size_t i = 0; i < y.size(); ++i) y[i] = operand(0)[i] * operand(1)[i];
    } else if (std::holds_alternative<Quotient>(node.operation)) {
      for (std::size_t i = 0; i < y.size(); ++i) y[i] = operand(0)[i] / operand(1)[i];
    } else if (const auto* extreme = std::get_if<Extreme>(&node.operation)) {
      y = operand(0);
      for (std::size_t t = 1; t < node.inputs.size(); ++t) {
        for (std::size_t i = 0; i < y.size(); ++i) {
          y[i] = extreme->least ? std::min(y[i], operand(t)[i]) : std::max(y[i], operand(t)[i]);
        }
      }
    } else if (const auto* product = std::get_if<MatrixProduct>(&node.operation)) {
      for (std::int64_t b = 0; b < product->batch; ++b) {
        for (std::int64_t i = 0; i < product->rows; ++i) {
          for (std::int64_t j = 0; j < product->columns; ++j) {
            for (std::int64_t k = 0; k < product->inner; ++k) {
              y[static_cast<std::size_t>((b * product->rows + i) * product->columns + j)] +=
                  operand(0)[static_cast<std::size_t>((b * product->rows + i) * product->inner + k)] *
                  operand(1)[static_cast<std::size_t>((b * product->inner + k) * product->columns + j)];
            }
          }
        }
      }
    } else if (const auto* pool = std::get_if<MaxPool>(&node.operation)) {
      const std::int64_t in = pool->window.input_positions(), out = pool->window.output_positions();
      for (std::int64_t c = 0; c < pool->channels; ++c) {
        for (std::int64_t a = 0; a < out; ++a) {
          double most = -std::numeric_limits<double>::infinity();
          for (std::int64_t p = 0; p < pool->window.taps(); ++p) {
            const std::int64_t at = input_of(pool->window, a, p);
            if (at >= 0) most = std::max(most, operand(0)[static_cast<std::size_t>(c * in + at)]);
          }
          y[static_cast<std::size_t>(c * out + a)] = most;
        }
      }
    } else {
      y.assign(y.size(), std::numeric_limits<double>::quiet_NaN());
    }
  }
  return values;
}

/// The value of the one output.
inline std::vector<double> output_of(const Graph& graph, const std::vector<double>& x) {
  return evaluated(graph, {x})[graph.outputs.at(0)];
}

/// The reason of the first refused node; empty if none is.
inline std::string first_reason(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (const auto* refused = std::get_if<Refused>(&node.operation)) return node.name + " " + refused->reason;
  }
  return {};
}

}  // namespace sigmax::graph::testing
