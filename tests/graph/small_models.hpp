// Models of a few nodes, imported and evaluated.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "io/onnx_bytes.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/graph/evaluate.hpp"
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

/// The values of all nodes.
inline Values evaluated(const Graph& graph, const std::vector<std::vector<double>>& inputs) {
  std::vector<double> all;
  for (const auto& each : inputs) all.insert(all.end(), each.begin(), each.end());
  return evaluate(graph, all);
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

inline std::vector<float> drawn(std::mt19937& random, std::int64_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& each : values) each = normal(random);
  return values;
}

inline std::vector<double> doubles(const std::vector<float>& values) { return {values.begin(), values.end()}; }

/// Sums of at most `terms` products of entries of a few units, in double.
inline void expect_near(const std::vector<double>& found, const std::vector<double>& expected, double terms) {
  ASSERT_EQ(found.size(), expected.size());
  double scale = 1;
  for (const double each : expected) scale = std::max(scale, std::abs(each));
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], terms * terms * scale * 0x1p-52) << i;
  }
}

/// The constants of a BatchNormalization, and what it does.
struct Statistics {
  std::vector<float> gain, bias, mean, variance;
  Statistics(std::mt19937& random, std::int64_t channels)
      : gain(drawn(random, channels)),
        bias(drawn(random, channels)),
        mean(drawn(random, channels)),
        variance(drawn(random, channels)) {
    for (float& each : variance) each = std::abs(each) + 0.1F;
  }
  double scale(std::size_t c) const {
    return static_cast<double>(gain[c]) / std::sqrt(static_cast<double>(variance[c]) + static_cast<double>(1e-5F));
  }
  double apply(std::size_t c, double x) const {
    return scale(c) * (x - static_cast<double>(mean[c])) + static_cast<double>(bias[c]);
  }
  std::vector<Message> initializers() const {
    const Extents shape{static_cast<std::int64_t>(gain.size())};
    return {floats("g", shape, gain), floats("o", shape, bias), floats("m", shape, mean), floats("v", shape, variance)};
  }
};

}  // namespace sigmax::graph::testing
