// Operators that hand their input on.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

#include "sigmax/graph/onnx/rules.hpp"

namespace sigmax::graph::onnx {
namespace {

std::vector<Value> import_identity(Builder& builder) { return {*builder.operand(0)}; }

/// Inference: the input, and a mask that keeps everything.
std::vector<Value> import_dropout(Builder& builder) {
  if (builder.opset() < 7 && builder.integer("is_test", 0) == 0) {
    throw RefusedNode{"draws random numbers (is_test is 0)"};
  }
  if (const Value* training = builder.operand(2)) {
    if (!training->known) throw RefusedNode{"draws random numbers if an input of the network says so (training_mode)"};
    const auto flags = training->known->numbers();
    if (flags.empty() || flags[0] != 0) throw RefusedNode{"draws random numbers (training_mode is true)"};
  }
  const Value& input = *builder.operand(0);
  std::vector<Value> outputs{input};
  if (builder.node().outputs.size() > 1 && !builder.node().outputs[1].empty()) {
    std::vector<std::int64_t> kept(static_cast<std::size_t>(element_count(input.shape).value_or(0)), 1);
    outputs.push_back({input.shape, known_integers(std::move(kept), input.shape), std::nullopt});
  }
  return outputs;
}

/// The network is taken in real numbers: between types of real numbers a cast changes nothing.
std::vector<Value> import_cast(Builder& builder) {
  constexpr std::int64_t kFloat = 1, kFloat16 = 10, kDouble = 11, kBfloat16 = 16;  // TensorProto.DataType
  const std::int64_t to = builder.integer("to", 0);
  if (to != kFloat && to != kFloat16 && to != kDouble && to != kBfloat16) {
    throw RefusedNode{"steps: it casts to a type that does not hold real numbers"};
  }
  return {*builder.operand(0)};
}

/// As Cast, to the type of an operand. Data is of real numbers.
std::vector<Value> import_cast_like(Builder& builder) {
  const Value& like = *builder.operand(1);
  if (like.known && like.known->is_integer()) throw RefusedNode{"steps: it casts to a type of integers"};
  return {*builder.operand(0)};
}

}  // namespace

std::span<const NamedRule> identity_rules() {
  static constexpr NamedRule kRules[] = {{"Identity", import_identity},
                                         {"Dropout", import_dropout},
                                         {"Cast", import_cast},
                                         {"CastLike", import_cast_like}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
