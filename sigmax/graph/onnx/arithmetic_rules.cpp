// Sums, products and quotients, of data with constants and of data with data.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/graph/scalar/named.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/scaled.hpp"

namespace sigmax::graph::onnx {
namespace {

/// The operands of an operator that broadcasts, and the shape of its output.
struct Broadcast {
  explicit Broadcast(Builder& builder) : shape(builder.operand(0)->shape) {
    for (std::size_t i = 0; i < builder.node().inputs.size(); ++i) operands.push_back(*builder.operand(i));
    // Operators before opset 7 align a smaller operand at `axis`, not at the end.
    if (builder.opset() < 7 && builder.integer("broadcast", 0) != 0 && operands.size() == 2 &&
        operands[0].shape != operands[1].shape && !operands[1].shape.empty()) {
      align(builder.integer("axis", static_cast<std::int64_t>(operands[0].shape.size() - operands[1].shape.size())));
    }
    for (const Value& each : operands) shape = broadcast_shape(shape, each.shape);
    counted(shape);
  }

  /// The second operand's axes begin at this axis of the first.
  void align(std::int64_t axis) {
    Value& second = operands[1];
    const std::size_t rank = operands[0].shape.size();
    const std::size_t first = axis_of(axis, rank);
    if (first + second.shape.size() > rank) throw RefusedNode{"aligns an operand beyond the axes of the other"};
    Dimensions aligned = second.shape;
    aligned.resize(rank - first, 1);
    if (second.known) second.known->values = second.known->values.reshaped(aligned);
    second.shape = std::move(aligned);
  }

  Dimensions shape;
  std::vector<Value> operands;
};

/// a_1 + ... + a_n, the constants as one offset; `signs` multiply the operands.
Value signed_sum(Builder& builder, const Broadcast& given, const std::vector<double>& signs) {
  const auto count = static_cast<std::size_t>(counted(given.shape));
  std::vector<double> offset;
  std::vector<std::pair<Value, double>> data;
  for (std::size_t i = 0; i < given.operands.size(); ++i) {
    if (!given.operands[i].known) {
      data.emplace_back(spread_value(builder, given.operands[i], given.shape), signs[i]);
      continue;
    }
    offset.resize(count, 0.0);
    const auto numbers = spread_numbers(given.operands[i], given.shape);
    for (std::size_t e = 0; e < count; ++e) offset[e] += signs[i] * numbers[e];
  }
  std::vector<Index> terms;
  const bool has_offset = std::ranges::any_of(offset, [](double each) { return each != 0; });
  for (std::size_t i = 0; i < data.size(); ++i) {
    const auto& [value, sign] = data[i];
    const bool last = i + 1 == data.size() && has_offset;
    if (sign == 1 && !last) {
      terms.push_back(*value.node);
      continue;
    }
    const auto one = identity<double>(static_cast<std::int64_t>(count));
    const Value term = emit_affine(builder, sign == 1 ? one : scaled(sign, one), *value.node, given.shape,
                                   last ? offset : std::vector<double>());
    terms.push_back(*term.node);
  }
  if (terms.size() == 1) return {given.shape, std::nullopt, terms[0]};
  return builder.emit(Sum{}, std::move(terms), given.shape);
}

std::vector<Value> import_sum(Builder& builder) {
  const Broadcast given(builder);
  return {signed_sum(builder, given, std::vector<double>(given.operands.size(), 1.0))};
}

std::vector<Value> import_difference(Builder& builder) { return {signed_sum(builder, Broadcast(builder), {1, -1})}; }

std::vector<Value> import_mean(Builder& builder) {
  const Broadcast given(builder);
  const double count = static_cast<double>(given.operands.size());
  const Value sum = signed_sum(builder, given, std::vector<double>(given.operands.size(), 1.0));
  const std::vector<double> shares(static_cast<std::size_t>(counted(given.shape)), 1 / count);
  return {emit_affine(builder, scaling(shares), *sum.node, given.shape, {}, 2 * kRounding)};
}

std::vector<Value> import_negation(Builder& builder) {
  const Value& x = *builder.operand(0);
  return {emit_affine(builder, scaled(-1.0, identity<double>(counted(x.shape))), builder.node_of(x), x.shape)};
}

void require_finite(const std::vector<double>& factors) {
  if (!std::ranges::all_of(factors, [](double each) { return std::isfinite(each); })) {
    throw RefusedNode{"multiplies by a constant that is not finite"};
  }
}

std::vector<Value> import_product(Builder& builder) {
  const Broadcast given(builder);
  const Value &a = given.operands[0], &b = given.operands[1];
  if (!a.known && !b.known) {
    const Value left = spread_value(builder, a, given.shape), right = spread_value(builder, b, given.shape);
    return {builder.emit(Product{}, {*left.node, *right.node}, given.shape)};
  }
  const Value& data = a.known ? b : a;
  const auto factors = spread_numbers(a.known ? a : b, given.shape);
  require_finite(factors);
  const Value spread = spread_value(builder, data, given.shape);
  return {emit_affine(builder, scaling(factors), *spread.node, given.shape)};
}

std::vector<Value> import_quotient(Builder& builder) {
  const Broadcast given(builder);
  const Value &a = given.operands[0], &b = given.operands[1];
  if (!b.known) {
    const Value above = spread_value(builder, a, given.shape), below = spread_value(builder, b, given.shape);
    return {builder.emit(Quotient{}, {builder.node_of(above), builder.node_of(below)}, given.shape)};
  }
  std::vector<double> factors = spread_numbers(b, given.shape);
  bool rounded = false;
  for (double& each : factors) {
    if (each == 0) throw RefusedNode{"divides by the constant 0"};
    const double inverse = 1 / each;
    if (!std::isnormal(inverse)) throw RefusedNode{"divides by a constant whose inverse is out of range"};
    rounded = rounded || std::fma(inverse, each, -1.0) != 0;
    each = inverse;
  }
  const Value spread = spread_value(builder, a, given.shape);
  return {emit_affine(builder, scaling(factors), *spread.node, given.shape, {}, rounded ? 2 * kRounding : 0.0)};
}

/// max(x, c) and min(x, c) with a constant c are functions of x alone: one for each c.
Elementwise bounded_by(const std::vector<double>& bounds, bool least) {
  constexpr auto kInfinite = std::numeric_limits<double>::infinity();
  constexpr std::size_t kMostBounds = 4096;
  Elementwise result;
  std::map<double, std::uint32_t> places;
  for (const double each : bounds) {
    if (std::isnan(each)) throw RefusedNode{"has a bound that is not a number"};
    const auto [at, added] = places.emplace(each, static_cast<std::uint32_t>(places.size()));
    result.which.push_back(at->second);
    if (!added) continue;
    if (places.size() > kMostBounds) throw RefusedNode{"has a bound of its own for too many entries"};
    if (least) {
      result.functions.push_back(named_function("Clip", {-kInfinite, each}));
    } else {
      result.functions.push_back(each == 0 ? named_function("Relu") : named_function("Clip", {each, kInfinite}));
    }
  }
  if (places.size() == 1) result.which.clear();
  return result;
}

std::vector<Value> import_extreme(Builder& builder, bool least) {
  const Broadcast given(builder);
  std::vector<Value> data;
  std::vector<double> bounds;
  for (const Value& each : given.operands) {
    if (!each.known) {
      data.push_back(spread_value(builder, each, given.shape));
      continue;
    }
    const auto numbers = spread_numbers(each, given.shape);
    if (bounds.empty()) bounds = numbers;
    for (std::size_t e = 0; e < bounds.size(); ++e) {
      bounds[e] = least ? std::min(bounds[e], numbers[e]) : std::max(bounds[e], numbers[e]);
    }
  }
  Value result = data[0];
  if (data.size() > 1) {
    std::vector<Index> inputs;
    inputs.reserve(data.size());
    for (const Value& each : data) inputs.push_back(*each.node);
    result = builder.emit(Extreme{least}, std::move(inputs), given.shape);
  }
  if (!bounds.empty()) result = builder.emit(bounded_by(bounds, least), {*result.node}, given.shape);
  return {result};
}

std::vector<Value> import_least(Builder& builder) { return import_extreme(builder, true); }
std::vector<Value> import_greatest(Builder& builder) { return import_extreme(builder, false); }

/// c * value for a condition c that the input decides.
Index chosen_part(Builder& builder, Index condition, const Value& value, const Dimensions& shape) {
  if (value.known) {
    const auto factors = spread_numbers(value, shape);
    require_finite(factors);
    return *emit_affine(builder, scaling(factors), condition, shape).node;
  }
  return *builder.emit(Product{}, {condition, *spread_value(builder, value, shape).node}, shape).node;
}

/// c a + (1 - c) b. If c, a and b are functions of one value, recognition makes one function of it, which may be
/// continuous; else the condition, which jumps, has no bound.
std::vector<Value> choice_by_input(Builder& builder, const Broadcast& given) {
  const Index condition = *spread_value(builder, given.operands[0], given.shape).node;
  const std::int64_t count = counted(given.shape);
  const Value otherwise = emit_affine(builder, scaled(-1.0, identity<double>(count)), condition, given.shape,
                                      std::vector<double>(static_cast<std::size_t>(count), 1.0));
  std::vector<Index> terms = {chosen_part(builder, condition, given.operands[1], given.shape),
                              chosen_part(builder, *otherwise.node, given.operands[2], given.shape)};
  return {builder.emit(Sum{}, std::move(terms), given.shape)};
}

/// With a constant condition, the entries of the one or the other.
std::vector<Value> import_choice(Builder& builder) {
  const Broadcast given(builder);
  const Value& condition = given.operands[0];
  if (!condition.known) return choice_by_input(builder, given);
  const auto truth = spread_numbers(condition, given.shape);
  std::vector<double> masks[2];  // of the operand for true, of that for false
  for (const double each : truth) {
    masks[0].push_back(each != 0 ? 1 : 0);
    masks[1].push_back(each != 0 ? 0 : 1);
  }
  std::vector<double> offset(truth.size(), 0.0);
  for (std::size_t side = 0; side < 2; ++side) {
    if (!given.operands[1 + side].known) continue;
    const auto numbers = spread_numbers(given.operands[1 + side], given.shape);
    for (std::size_t e = 0; e < offset.size(); ++e) {
      if (masks[side][e] != 0) offset[e] = numbers[e];
    }
  }
  std::vector<Index> terms;
  for (std::size_t side = 0; side < 2; ++side) {
    if (given.operands[1 + side].known) continue;
    const Value spread = spread_value(builder, given.operands[1 + side], given.shape);
    terms.push_back(
        *emit_affine(builder, scaling(masks[side]), *spread.node, given.shape, std::exchange(offset, {})).node);
  }
  if (terms.size() == 1) return {Value{given.shape, std::nullopt, terms[0]}};
  return {builder.emit(Sum{}, std::move(terms), given.shape)};
}

/// 1 where a < b, a > b, ... and 0 elsewhere, as a function of a - b.
std::vector<Value> import_comparison(Builder& builder) {
  const Broadcast given(builder);
  const std::string& op = builder.node().op;
  const Value difference = signed_sum(builder, given, {1, -1});
  return {builder.emit(Elementwise{{named_function(op == "Less"          ? "IsNegative"
                                                   : op == "LessOrEqual" ? "IsNotPositive"
                                                   : op == "Greater"     ? "IsPositive"
                                                                         : "IsNotNegative")}},
                       {*difference.node}, given.shape)};
}

/// A real number is none. Where a mask of -infinity leaves a softmax nothing, the softmax is refused.
std::vector<Value> import_not_a_number(Builder& builder) {
  const Value& x = *builder.operand(0);
  const Dimensions& shape = x.shape;
  if (x.node && std::holds_alternative<Constant>(builder.emitted(*x.node).operation)) {
    throw RefusedNode{"asks whether constants are numbers"};
  }
  builder.assume("no value is NaN, so that IsNaN is false");
  return {Value{shape, known_integers(std::vector<std::int64_t>(static_cast<std::size_t>(counted(shape)), 0), shape),
                std::nullopt}};
}

std::vector<Value> import_not(Builder& builder) {
  const Value& x = *builder.operand(0);
  const std::int64_t count = counted(x.shape);
  return {emit_affine(builder, scaled(-1.0, identity<double>(count)), builder.node_of(x), x.shape,
                      std::vector<double>(static_cast<std::size_t>(count), 1.0))};
}

}  // namespace

std::span<const NamedRule> arithmetic_rules() {
  static constexpr NamedRule kRules[] = {
      {"Add", import_sum},
      {"Sum", import_sum},
      {"Sub", import_difference},
      {"Mean", import_mean},
      {"Neg", import_negation},
      {"Mul", import_product},
      {"Div", import_quotient},
      {"Min", import_least},
      {"Max", import_greatest},
      {"Where", import_choice},
      {"Less", import_comparison},
      {"LessOrEqual", import_comparison},
      {"Greater", import_comparison},
      {"GreaterOrEqual", import_comparison},
      {"Not", import_not},
      {"IsNaN", import_not_a_number},
  };
  return kRules;
}

}  // namespace sigmax::graph::onnx
