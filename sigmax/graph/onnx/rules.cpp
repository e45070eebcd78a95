#include "sigmax/graph/onnx/rules.hpp"

#include <algorithm>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/runtime_operators.hpp"
#include "sigmax/graph/onnx/spelled_out.hpp"

namespace sigmax::graph::onnx {
namespace {

using Family = std::span<const NamedRule> (*)();

constexpr Family kFamilies[] = {
    identity_rules,     // one family a line
    arithmetic_rules,   //
    matrix_rules,       //
    convolution_rules,  //
    batch_rules,        //
    elementwise_rules,  //
    recurrence_rules,   //
    reduction_rules,    //
    order_rules,        //
    softmax_rules,      //
    moving_rules,       //
    scattering_rules,   //
    averaging_rules,    //
    resizing_rules,     //
    einsum_rules,       //
    sampling_rules,     //
    attention_rules,    //
    normalization_rules,
};

struct Operands {
  std::string_view op;
  std::size_t least;
};

/// Operators that need more than one operand.
constexpr Operands kOperands[] = {
    {"Add", 2},
    {"Sub", 2},
    {"Mul", 2},
    {"Div", 2},
    {"Pow", 2},
    {"Mod", 2},
    {"Equal", 2},
    {"Less", 2},
    {"LessOrEqual", 2},
    {"Greater", 2},
    {"GreaterOrEqual", 2},
    {"And", 2},
    {"Or", 2},
    {"Xor", 2},
    {"CastLike", 2},
    {"Where", 3},
    {"Range", 3},
    {"MatMul", 2},
    {"FusedMatMul", 2},
    {"Gemm", 2},
    {"Conv", 2},
    {"ConvTranspose", 2},
    {"BatchNormalization", 5},
    {"InstanceNormalization", 3},
    {"GroupNormalization", 3},
    {"LayerNormalization", 2},
    {"RMSNormalization", 2},
    {"Gather", 2},
    {"GatherElements", 2},
    {"GatherND", 2},
    {"ScatterND", 3},
    {"ScatterElements", 3},
    {"Scatter", 3},
    {"PRelu", 2},
    {"Expand", 2},
    {"Tile", 2},
    {"CumSum", 2},
    {kHypotenuse, 2},
    {"DequantizeLinear", 2},
    {"GridSample", 2},
    {"Attention", 3},
    {kPackedAttention, 2},
    {"RNN", 3},
    {"GRU", 3},
    {"LSTM", 3},
};

/// Each name among the inputs of these is an operand.
constexpr std::string_view kAnyNumber[] = {"Concat", "Sum", "Mean", "Min", "Max", "Einsum"};

/// These make their output of attributes.
constexpr std::string_view kWithoutOperands[] = {"RandomNormal", "RandomUniform"};

}  // namespace

std::size_t operands_needed(const io::ComputationNode& node) {
  if (std::ranges::find(kWithoutOperands, node.op) != std::end(kWithoutOperands)) return 0;
  if (std::ranges::find(kAnyNumber, node.op) != std::end(kAnyNumber)) {
    return std::max<std::size_t>(1, node.inputs.size());
  }
  const auto* found = std::ranges::find(kOperands, node.op, &Operands::op);
  return found == std::end(kOperands) ? 1 : found->least;
}

std::vector<std::string_view> ops_with_rules() {
  std::vector<std::string_view> ops;
  for (const Family family : kFamilies) {
    for (const NamedRule& each : family()) ops.push_back(each.op);
  }
  return ops;
}

const NamedRule* find_rule(std::string_view op) {
  for (const Family family : kFamilies) {
    const auto rules = family();
    const auto found = std::ranges::find(rules, op, &NamedRule::op);
    if (found != rules.end()) return &*found;
  }
  return nullptr;
}

}  // namespace sigmax::graph::onnx
