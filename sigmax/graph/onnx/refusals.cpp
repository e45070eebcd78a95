#include "sigmax/graph/onnx/refusals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/runtime_operators.hpp"
#include "sigmax/graph/onnx/shapes.hpp"

namespace sigmax::graph::onnx {
namespace {

struct Group {
  std::string_view reason;
  std::vector<std::string_view> ops;
};

const std::vector<Group>& groups() {
  static const std::vector<Group> kGroups = {
      {"is not Lipschitz: it jumps", {"Floor", "Ceil", "Round", "Sign", "Hardmax", "IsInf", "Mod"}},
      {"is not Lipschitz: its output is a position, which jumps", {"ArgMax", "ArgMin", "NonZero", "OneHot"}},
      {"is not Lipschitz: its output is true or false",
       {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor", "Not"}},
      {"is not Lipschitz: it grows like a power of its input", {"ReduceProd", "Det"}},
      {"is not Lipschitz: its slope is not bounded near 0", {"LpNormalization"}},
      {"is not Lipschitz: which boxes it keeps jumps", {"NonMaxSuppression", "RoiAlign", "MaxRoiPool"}},
      {"rounds to steps: no multiple of the change of its input bounds that of its output",
       {"QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger",
        "DequantizeLinear"}},
      {"depends on the input in its steps", {"If", "Where"}},
      {"draws random numbers",
       {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"}},
  };
  return kGroups;
}

constexpr std::array<std::string_view, 27> kSameShape = {"Floor",
                                                         "Ceil",
                                                         "Round",
                                                         "Sign",
                                                         "Hardmax",
                                                         "IsInf",
                                                         "Not",
                                                         "Cast",
                                                         "Exp",
                                                         "Log",
                                                         "Sqrt",
                                                         "Reciprocal",
                                                         "LpNormalization",
                                                         "Dropout",
                                                         "Softmax",
                                                         "LogSoftmax",
                                                         "LRN",
                                                         "CumSum",
                                                         "Identity",
                                                         "QuantizeLinear",
                                                         "DequantizeLinear",
                                                         "BatchNormalization",
                                                         "InstanceNormalization",
                                                         "GroupNormalization",
                                                         "PRelu",
                                                         "Neg",
                                                         "Abs"};
constexpr std::array<std::string_view, 20> kBroadcast = {"Add",
                                                         "Sub",
                                                         "Mul",
                                                         "Div",
                                                         "Pow",
                                                         "Mod",
                                                         "Min",
                                                         "Max",
                                                         "Sum",
                                                         "Mean",
                                                         "And",
                                                         "Or",
                                                         "Xor",
                                                         "Less",
                                                         "Equal",
                                                         "Greater",
                                                         "Where",
                                                         "LessOrEqual",
                                                         "GreaterOrEqual",
                                                         "BitwiseAnd"};

Dimensions reduced_by_node(const Builder& builder, bool arg) {
  const Dimensions& shape = builder.operand(0)->shape;
  std::vector<std::int64_t> axes;
  if (arg) {
    axes = {builder.integer("axis", 0)};
  } else {
    axes = builder.integers("axes", 1).value_or(std::vector<std::int64_t>());
    if (axes.empty() && builder.integer("noop_with_empty_axes", 0) == 0) {
      for (std::size_t axis = 0; axis < shape.size(); ++axis) axes.push_back(static_cast<std::int64_t>(axis));
    }
  }
  return reduced_shape(shape, axes_of(axes, shape.size()), builder.integer("keepdims", 1) != 0);
}

/// ONNX's MatMul; nothing where a side is a vector.
std::optional<Dimensions> product_shape(const Dimensions& a, const Dimensions& b) {
  if (a.size() < 2 || b.size() < 2) return std::nullopt;
  Dimensions shape = broadcast_shape(Dimensions(a.begin(), a.end() - 2), Dimensions(b.begin(), b.end() - 2));
  shape.push_back(a[a.size() - 2]);
  shape.push_back(b.back());
  return shape;
}

}  // namespace

std::string reason_without_rule(const io::ComputationNode& node) {
  if (!node.domain.empty()) return reason_of_domain(node);
  for (const Group& group : groups()) {
    if (std::ranges::find(group.ops, node.op) != group.ops.end()) return std::string(group.reason);
  }
  return "is an operator that no rule knows";
}

std::optional<std::vector<Dimensions>> shapes_of_refused(const Builder& builder) {
  const io::ComputationNode& node = builder.node();
  if (!node.domain.empty() || builder.operand(0) == nullptr) return std::nullopt;
  const auto listed = [&](const auto& list) { return std::ranges::find(list, node.op) != list.end(); };
  const auto one = [](const Dimensions& shape) { return std::vector<Dimensions>(1, shape); };
  try {
    if (listed(kSameShape)) return one(builder.operand(0)->shape);
    if (listed(kBroadcast)) {
      Dimensions shape = builder.operand(0)->shape;
      for (std::size_t i = 1; i < node.inputs.size(); ++i) {
        if (builder.operand(i) == nullptr) return std::nullopt;
        shape = broadcast_shape(shape, builder.operand(i)->shape);
      }
      return one(shape);
    }
    if (node.op == "ArgMax" || node.op == "ArgMin") return one(reduced_by_node(builder, true));
    if (node.op.starts_with("Reduce")) return one(reduced_by_node(builder, false));
    if (node.op == "MatMul" && builder.operand(1) != nullptr) {
      if (auto shape = product_shape(builder.operand(0)->shape, builder.operand(1)->shape)) return one(*shape);
    }
  } catch (const RefusedNode&) {
    return std::nullopt;  // operands that do not fit
  }
  return std::nullopt;
}

}  // namespace sigmax::graph::onnx
