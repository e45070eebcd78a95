// One node of ONNX given to its rule, and the affine map that its nodes are, as a matrix in extended precision.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/ops/materialize.hpp"

namespace sigmax::graph::testing {

class RuleBuilder final : public onnx::Builder {
 public:
  explicit RuleBuilder(std::string op, std::int64_t opset = 20) : opset_(opset) { node_.op = std::move(op); }

  /// An operand that the user gives: a node.
  RuleBuilder& data(Dimensions shape) {
    graph.nodes.push_back({"input", Input{}, {}, shape});
    graph.inputs.push_back(graph.nodes.size() - 1);
    return add({{std::move(shape), std::nullopt, graph.nodes.size() - 1}});
  }
  RuleBuilder& numbers(const std::vector<double>& values, Dimensions shape) {
    return add({{shape, onnx::known_numbers(values, shape), std::nullopt}});
  }
  RuleBuilder& integers_at(std::vector<std::int64_t> values, Dimensions shape) {
    return add({{shape, onnx::known_integers(std::move(values), shape), std::nullopt}});
  }
  RuleBuilder& list(const std::vector<std::int64_t>& values) {
    return integers_at(values, {static_cast<std::int64_t>(values.size())});
  }
  RuleBuilder& absent() { return add({}); }

  template <class T>
  RuleBuilder& set(std::string attribute, T value) {
    node_.attributes.push_back({std::move(attribute), std::move(value)});
    return *this;
  }
  RuleBuilder& set(std::string attribute, const char* value) { return set(std::move(attribute), std::string(value)); }
  RuleBuilder& set(std::string attribute, int value) { return set(std::move(attribute), std::int64_t{value}); }
  RuleBuilder& outputs(std::size_t count) {
    node_.outputs.assign(count, "y");
    return *this;
  }

  const io::ComputationNode& node() const override { return node_; }
  std::int64_t opset() const override { return opset_; }
  const onnx::Value* operand(std::size_t index) const override {
    return index < operands_.size() && operands_[index] ? &*operands_[index] : nullptr;
  }
  Index node_of(const onnx::Value& value) override {
    if (value.node) return *value.node;
    graph.nodes.push_back({"constant", Constant{value.known->numbers()}, {}, value.shape});
    return graph.nodes.size() - 1;
  }
  onnx::Value emit(Operation operation, std::vector<Index> inputs, Dimensions shape) override {
    graph.nodes.push_back({"node", std::move(operation), std::move(inputs), shape});
    return {std::move(shape), std::nullopt, graph.nodes.size() - 1};
  }
  void assume(std::string) override {}

  std::vector<onnx::Value> run() {
    if (node_.outputs.empty()) node_.outputs = {"y"};
    for (const auto& family : {onnx::moving_rules(), onnx::scattering_rules(), onnx::averaging_rules(),
                               onnx::resizing_rules(), onnx::einsum_rules(), onnx::sampling_rules()}) {
      const auto rule = std::ranges::find(family, node_.op, &onnx::NamedRule::op);
      if (rule == family.end()) continue;
      auto values = rule->rule(*this);
      validate(graph);
      return values;
    }
    throw Error("no rule");
  }

  Graph graph;

 private:
  RuleBuilder& add(std::optional<onnx::Value> value) {
    operands_.push_back(std::move(value));
    node_.inputs.push_back(operands_.back() ? "x" : "");
    return *this;
  }

  io::ComputationNode node_;
  std::int64_t opset_;
  std::vector<std::optional<onnx::Value>> operands_;
};

/// y = M x + offset for all inputs of the graph below each other. Row i of the exact map is (1 + d) times this one with
/// |d| <= row_error, up to the rounding of entries that the map states.
struct WholeMap {
  std::int64_t columns = 0;
  std::vector<std::vector<long double>> rows;
  std::vector<long double> offset;
  Dimensions shape;
  double row_error = 0;
};

/// Follows Affine, Sum, Stack and Constant nodes.
inline WholeMap whole_map(const Graph& graph, const onnx::Value& value) {
  std::int64_t columns = 0;
  for (const Index input : graph.inputs) columns += graph.nodes[input].size();
  std::vector<WholeMap> maps;
  std::int64_t first = 0;
  for (const Node& node : graph.nodes) {
    WholeMap m{columns, {}, {}, node.shape, 0};
    const auto size = static_cast<std::size_t>(node.size());
    m.rows.assign(size, std::vector<long double>(static_cast<std::size_t>(columns)));
    m.offset.assign(size, 0);
    for (const Index input : node.inputs) m.row_error += maps[input].row_error;
    if (std::holds_alternative<Input>(node.operation)) {
      for (std::size_t i = 0; i < size; ++i) m.rows[i][static_cast<std::size_t>(first) + i] = 1;
      first += node.size();
    } else if (const auto* constant = std::get_if<Constant>(&node.operation)) {
      std::copy(constant->values.begin(), constant->values.end(), m.offset.begin());
    } else if (const auto* affine = std::get_if<Affine>(&node.operation)) {
      Context context(1);
      const Matrix<double> a = materialize(*affine->map, context);
      const WholeMap& before = maps[node.inputs[0]];
      for (std::size_t i = 0; i < size; ++i) {
        for (std::size_t k = 0; k < before.rows.size(); ++k) {
          const long double weight = a(static_cast<std::int64_t>(i), static_cast<std::int64_t>(k));
          if (weight == 0) continue;
          for (std::size_t j = 0; j < m.rows[i].size(); ++j) m.rows[i][j] += weight * before.rows[k][j];
          m.offset[i] += weight * before.offset[k];
        }
        if (!affine->offset.empty()) m.offset[i] += affine->offset[i];
      }
      m.row_error += affine->row_error;
    } else if (std::holds_alternative<Sum>(node.operation)) {
      for (const Index input : node.inputs) {
        for (std::size_t i = 0; i < size; ++i) {
          for (std::size_t j = 0; j < m.rows[i].size(); ++j) m.rows[i][j] += maps[input].rows[i][j];
          m.offset[i] += maps[input].offset[i];
        }
      }
    } else if (std::holds_alternative<Stack>(node.operation)) {
      std::size_t at = 0;
      for (const Index input : node.inputs) {
        for (std::size_t i = 0; i < maps[input].rows.size(); ++i, ++at) {
          m.rows[at] = maps[input].rows[i];
          m.offset[at] = maps[input].offset[i];
        }
      }
    } else {
      ADD_FAILURE() << "an operation that is not affine";
    }
    maps.push_back(std::move(m));
  }
  WholeMap found = maps.at(value.node.value());
  found.shape = value.shape;
  return found;
}

/// The definition of a map: calls add(column, weight) for each term of entry i of the output, and returns the offset.
using Definition = std::function<double(std::int64_t i, const std::function<void(std::int64_t, long double)>& add)>;

/// The rule's map is the definition's: shape, offset, and each entry within the stated row error and a rounding of the
/// matrix that is formed of the operator.
inline void expect_map(RuleBuilder& builder, const Dimensions& shape, const Definition& definition,
                       std::size_t output = 0) {
  std::vector<onnx::Value> values;
  try {
    values = builder.run();
  } catch (const onnx::RefusedNode& refused) {
    FAIL() << refused.reason;
  }
  ASSERT_LT(output, values.size());
  ASSERT_FALSE(values[output].known);
  ASSERT_EQ(values[output].shape, shape);
  const WholeMap found = whole_map(builder.graph, values[output]);
  ASSERT_EQ(static_cast<std::int64_t>(found.rows.size()), element_count(shape).value());
  EXPECT_LE(found.row_error, 0x1p-45);
  for (std::size_t i = 0; i < found.rows.size(); ++i) {
    std::vector<long double> wanted(static_cast<std::size_t>(found.columns));
    const double offset = definition(static_cast<std::int64_t>(i), [&](std::int64_t column, long double weight) {
      wanted.at(static_cast<std::size_t>(column)) += weight;
    });
    ASSERT_EQ(static_cast<double>(found.offset[i]), offset) << "row " << i;
    long double largest = 0;
    for (const long double each : wanted) largest = std::max(largest, std::fabs(each));
    for (std::size_t j = 0; j < wanted.size(); ++j) {
      // Terms that nearly cancel leave the rounding of the largest one.
      ASSERT_LE(std::fabs(found.rows[i][j] - wanted[j]), (found.row_error + 0x1p-50L) * largest)
          << "row " << i << ", column " << j;
    }
  }
}

/// The reason for which the rule refuses the node; empty: it does not.
inline std::string refusal_of(RuleBuilder& builder) {
  try {
    builder.run();
  } catch (const onnx::RefusedNode& refused) {
    return refused.reason;
  }
  return {};
}

/// The product of the proven norms of the affine maps after one another, both ends.
inline void expect_norm(RuleBuilder& builder, double truth) {
  builder.run();
  long double lower = 1, upper = 1;
  for (const Node& node : builder.graph.nodes) {
    if (const auto* affine = std::get_if<Affine>(&node.operation)) {
      const Enclosure e = sigma_max(*affine->map);
      lower *= e.lower.value() * (1 - affine->row_error);
      upper *= e.upper.value().value() * (1 + affine->row_error);
    }
  }
  EXPECT_LE(lower, truth * (1 + 0x1p-50L));
  EXPECT_GE(upper, truth * (1 - 0x1p-50L));
  EXPECT_LE(upper - lower, 1e-9 * truth);
}

/// The coordinates of an entry.
inline Dimensions coordinates(std::int64_t entry, const Dimensions& shape) {
  Dimensions at(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    at[axis] = entry % shape[axis];
    entry /= shape[axis];
  }
  return at;
}

/// The entry at these coordinates.
inline std::int64_t entry_at(const Dimensions& at, const Dimensions& shape) {
  std::int64_t entry = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) entry = entry * shape[axis] + at[axis];
  return entry;
}

}  // namespace sigmax::graph::testing
