// Functions of one number, entry by entry, with parameters from attributes or from constant operands.
//
// Those that are Lipschitz on bounded sets only (Exp, Pow, Log, Sqrt, Reciprocal) are functions here like the others:
// whether they have slopes depends on what reaches them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/graph/scalar/named.hpp"
#include "sigmax/ops/diagonal.hpp"

namespace sigmax::graph::onnx {
namespace {

/// More functions than this in one node take seconds.
constexpr std::size_t kMostFunctions = 4096;

Value emit_function(Builder& builder, Function function) {
  const Value& x = *builder.operand(0);
  counted(x.shape);
  return builder.emit(Elementwise{{std::move(function)}}, {builder.node_of(x)}, x.shape);
}

/// The function of the operator's own name, without parameters.
std::vector<Value> import_function(Builder& builder) {
  return {emit_function(builder, named_function(builder.node().op))};
}

/// Names of attributes and what they are if they are absent, in the order of the function's parameters.
struct Attributes {
  std::string_view op;
  std::vector<std::pair<std::string_view, double>> all;
};

const std::vector<Attributes>& attributes() {
  static const std::vector<Attributes> kAttributes = {
      {"LeakyRelu", {{"alpha", static_cast<double>(0.01F)}}},
      {"ThresholdedRelu", {{"alpha", 1}}},
      {"Elu", {{"alpha", 1}}},
      {"Celu", {{"alpha", 1}}},
      {"Selu", {{"alpha", 1.67326319217681884765625}, {"gamma", 1.05070102214813232421875}}},
      {"HardSigmoid", {{"alpha", static_cast<double>(0.2F)}, {"beta", 0.5}}},
      {"Shrink", {{"lambd", 0.5}, {"bias", 0}}},
      {"Swish", {{"alpha", 1}}},
  };
  return kAttributes;
}

std::vector<Value> import_with_attributes(Builder& builder) {
  const auto found = std::ranges::find(attributes(), builder.node().op, &Attributes::op);
  std::vector<double> parameters;
  for (const auto& [name, otherwise] : found->all) parameters.push_back(builder.number(name, otherwise));
  return {emit_function(builder, named_function(found->op, parameters))};
}

std::vector<Value> import_gelu(Builder& builder) {
  const std::string approximate = builder.text("approximate", "none");
  if (approximate != "none" && approximate != "tanh") {
    throw RefusedNode{fmt::format("has approximate = '{}', which is neither 'none' nor 'tanh'", approximate)};
  }
  return {emit_function(builder, named_function(approximate == "none" ? "Gelu" : "GeluTanh"))};
}

/// f_p(x) with p from a constant operand that broadcasts: a function for each number that occurs.
std::vector<Value> functions_of(Builder& builder, const Value& parameters, std::string_view name) {
  const Value& x = *builder.operand(0);
  counted(x.shape);
  const Dimensions shape = broadcast_shape(x.shape, parameters.shape);
  Elementwise elementwise;
  std::map<double, std::uint32_t> places;
  for (const double each : spread_numbers(parameters, shape)) {
    if (!std::isfinite(each)) throw RefusedNode{fmt::format("has a parameter that is {}", each)};
    const auto [place, is_new] = places.emplace(each, static_cast<std::uint32_t>(places.size()));
    if (is_new) {
      if (places.size() > kMostFunctions) throw RefusedNode{"has a function of its own for too many entries"};
      elementwise.functions.push_back(named_function(name, {each}));
    }
    elementwise.which.push_back(place->second);
  }
  if (places.size() <= 1) elementwise.which.clear();
  if (elementwise.functions.empty()) elementwise.functions.push_back(named_function("Identity"));  // no entries
  return {builder.emit(std::move(elementwise), {*spread_value(builder, x, shape).node}, shape)};
}

std::vector<Value> import_prelu(Builder& builder) {
  const Value& x = *builder.operand(0);
  Value slope = *builder.operand(1);
  if (!slope.known) throw RefusedNode{"has a slope that depends on the input"};
  // Before opset 7 a slope of one axis belongs to the channels, axis 1.
  if (builder.opset() < 7 && slope.shape.size() == 1 && x.shape.size() > 2) {
    slope.shape.resize(x.shape.size() - 1, 1);
  }
  return functions_of(builder, slope, "PRelu");
}

std::vector<Value> import_power(Builder& builder) {
  const Value& exponent = *builder.operand(1);
  if (!exponent.known) throw RefusedNode{"is not Lipschitz: its exponent depends on the input"};
  if (builder.operand(0)->known) throw RefusedNode{"raises a constant to a power that depends on the input"};
  return functions_of(builder, exponent, "Pow");
}

double bound_of_clip(const Builder& builder, std::size_t operand, std::string_view attribute, double otherwise) {
  const Value* value = builder.operand(operand);
  if (value == nullptr) return builder.number(attribute, otherwise);
  const auto numbers = value->known->numbers();
  if (numbers.size() != 1) throw RefusedNode{"has bounds that are not single numbers"};
  return numbers[0];
}

/// max(least, min(x, greatest)) with bounds that are data: not a function of x alone.
std::vector<Value> clip_by_data(Builder& builder) {
  Value result = *builder.operand(0);
  counted(result.shape);
  for (const std::size_t operand : {std::size_t{2}, std::size_t{1}}) {
    const Value* bound = builder.operand(operand);
    if (bound == nullptr) continue;
    if (counted(bound->shape) != 1) throw RefusedNode{"has bounds that are not single numbers"};
    const Value spread = spread_value(builder, *bound, result.shape);
    result = builder.emit(Extreme{operand == 2}, {builder.node_of(result), builder.node_of(spread)}, result.shape);
  }
  return {result};
}

std::vector<Value> import_clip(Builder& builder) {
  for (const std::size_t operand : {std::size_t{1}, std::size_t{2}}) {
    const Value* bound = builder.operand(operand);
    if (bound != nullptr && !bound->known) return clip_by_data(builder);
  }
  const double least = bound_of_clip(builder, 1, "min", -std::numeric_limits<double>::infinity());
  const double greatest = bound_of_clip(builder, 2, "max", std::numeric_limits<double>::infinity());
  if (std::isnan(least) || std::isnan(greatest)) throw RefusedNode{"has bounds that are not numbers"};
  if (std::isinf(least) && std::isinf(greatest) && least < 0 && greatest > 0) return {*builder.operand(0)};
  return {emit_function(builder, named_function("Clip", {least, greatest}))};
}

}  // namespace

std::span<const NamedRule> elementwise_rules() {
  static constexpr NamedRule kRules[] = {
      {"Relu", import_function},
      {"Sigmoid", import_function},
      {"Tanh", import_function},
      {"Softplus", import_function},
      {"Softsign", import_function},
      {"Erf", import_function},
      {"Mish", import_function},
      {"HardSwish", import_function},
      {"Abs", import_function},
      {"Sin", import_function},
      {"Cos", import_function},
      {"Atan", import_function},
      {"Asinh", import_function},
      {"Exp", import_function},
      {"Log", import_function},
      {"Sqrt", import_function},
      {"Reciprocal", import_function},
      {"LeakyRelu", import_with_attributes},
      {"ThresholdedRelu", import_with_attributes},
      {"Elu", import_with_attributes},
      {"Celu", import_with_attributes},
      {"Selu", import_with_attributes},
      {"HardSigmoid", import_with_attributes},
      {"Shrink", import_with_attributes},
      {"Swish", import_with_attributes},
      {"Gelu", import_gelu},
      {"PRelu", import_prelu},
      {"Pow", import_power},
      {"Clip", import_clip},
  };
  return kRules;
}

}  // namespace sigmax::graph::onnx
