// Functions of one number, applied entry by entry. Those that are not Lipschitz everywhere (Exp, Sqrt, Pow) are
// imported too: on a bounded set of inputs they may have a bound.
#include "sigmax/graph/onnx/activation_rules.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/graph/scalar/named.hpp"

namespace sigmax::graph::onnx {
namespace {

constexpr std::size_t kMostFunctions = 1U << 16;
constexpr double kUnbounded = std::numeric_limits<double>::infinity();

std::vector<Value> apply(Builder& builder, Function function) {
  const Value& x = *builder.operand(0);
  return {builder.emit(Elementwise{{std::move(function)}, {}}, {builder.node_of(x)}, x.shape)};
}

std::vector<Value> import_named(Builder& builder) { return apply(builder, named_function(builder.node().op)); }

/// The attributes' defaults are ONNX's, which are floats.
std::vector<Value> import_with_alpha(Builder& builder) {
  const std::string& op = builder.node().op;
  const double alpha = builder.number("alpha", op == "LeakyRelu" ? static_cast<double>(0.01F) : 1.0);
  return apply(builder, named_function(op, {alpha}));
}

std::vector<Value> import_selu(Builder& builder) {
  const double alpha = builder.number("alpha", static_cast<double>(1.67326319217681884765625F));
  return apply(builder, named_function(
                            "Selu", {alpha, builder.number("gamma", static_cast<double>(1.05070102214813232421875F))}));
}

std::vector<Value> import_hard_sigmoid(Builder& builder) {
  return apply(builder, named_function("HardSigmoid", {builder.number("alpha", static_cast<double>(0.2F)),
                                                       builder.number("beta", 0.5)}));
}

std::vector<Value> import_shrink(Builder& builder) {
  return apply(builder, named_function("Shrink", {builder.number("lambd", 0.5), builder.number("bias", 0)}));
}

std::vector<Value> import_gelu(Builder& builder) {
  const std::string form = builder.text("approximate", "none");
  if (form != "none" && form != "tanh") throw RefusedNode{"has an approximation that no rule knows"};
  return apply(builder, named_function(form == "tanh" ? "GeluTanh" : "Gelu"));
}

/// One number, given by an attribute or, in later versions, by an operand.
double bound_of(const Builder& builder, std::string_view attribute, std::size_t operand, double otherwise) {
  const Value* value = builder.operand(operand);
  if (value == nullptr) return builder.number(attribute, otherwise);
  if (!value->known || value->known->values.size() != 1)
    throw RefusedNode{fmt::format("computes its {} from the input", attribute)};
  return value->known->numbers()[0];
}

std::vector<Value> import_clip(Builder& builder) {
  const double least = bound_of(builder, "min", 1, -kUnbounded), greatest = bound_of(builder, "max", 2, kUnbounded);
  return apply(builder, named_function("Clip", {least, greatest}));
}

std::vector<Value> import_prelu(Builder& builder) {
  const Value &x = *builder.operand(0), &slope = *builder.operand(1);
  if (!slope.known) throw RefusedNode{"computes its slope from the input"};
  if (broadcast_shape(slope.shape, x.shape) != x.shape) throw RefusedNode{"has slopes that do not fit its input"};
  const auto slopes = spread_numbers(slope, x.shape);
  return {builder.emit(functions_of(slopes, [](double each) { return named_function("PRelu", {each}); }),
                       {builder.node_of(x)}, x.shape)};
}

std::vector<Value> import_power(Builder& builder) {
  const Value &x = *builder.operand(0), &exponent = *builder.operand(1);
  if (!exponent.known) throw RefusedNode{"is not Lipschitz: its exponent depends on the input"};
  const Dimensions shape = broadcast_shape(x.shape, exponent.shape);
  const Value spread = spread_value(builder, x, shape);
  return {builder.emit(
      functions_of(spread_numbers(exponent, shape), [](double each) { return named_function("Pow", {each}); }),
      {*spread.node}, shape)};
}

}  // namespace

Elementwise functions_of(const std::vector<double>& parameters, Function (*make)(double)) {
  Elementwise result;
  std::map<double, std::uint32_t> places;
  for (const double each : parameters) {
    if (std::isnan(each)) throw RefusedNode{"has a parameter that is not a number"};
    const auto [at, added] = places.emplace(each, static_cast<std::uint32_t>(result.functions.size()));
    if (added) {
      if (result.functions.size() == kMostFunctions) throw RefusedNode{"has more functions than are told apart"};
      result.functions.push_back(make(each));
    }
    result.which.push_back(at->second);
  }
  if (result.functions.size() == 1) result.which.clear();
  return result;
}

std::span<const NamedRule> activation_rules() {
  static constexpr NamedRule kRules[] = {
      {"Relu", import_named},
      {"Sigmoid", import_named},
      {"Tanh", import_named},
      {"Softplus", import_named},
      {"Softsign", import_named},
      {"Erf", import_named},
      {"Mish", import_named},
      {"HardSwish", import_named},
      {"Abs", import_named},
      {"Sin", import_named},
      {"Cos", import_named},
      {"Atan", import_named},
      {"Exp", import_named},
      {"Log", import_named},
      {"Sqrt", import_named},
      {"Reciprocal", import_named},
      {"LeakyRelu", import_with_alpha},
      {"ThresholdedRelu", import_with_alpha},
      {"Elu", import_with_alpha},
      {"Celu", import_with_alpha},
      {"Swish", import_with_alpha},
      {"Selu", import_selu},
      {"HardSigmoid", import_hard_sigmoid},
      {"Shrink", import_shrink},
      {"Gelu", import_gelu},
      {"Clip", import_clip},
      {"PRelu", import_prelu},
      {"Pow", import_power},
  };
  return kRules;
}

}  // namespace sigmax::graph::onnx
