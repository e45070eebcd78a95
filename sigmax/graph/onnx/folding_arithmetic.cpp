// Arithmetic on constants, entry by entry.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/exact.hpp"
#include "sigmax/graph/onnx/folding.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/graph/onnx/spelled_out.hpp"

namespace sigmax::graph::onnx {
namespace {

using Integer = std::int64_t;

struct OfOne {
  std::string_view op;
  Exactly (*number)(double);
};

constexpr std::array kOfOne = {
    OfOne{"Neg", [](double x) { return Exactly{-x}; }},
    OfOne{"Abs", [](double x) { return Exactly{std::abs(x)}; }},
    OfOne{"Floor", [](double x) { return Exactly{std::floor(x)}; }},
    OfOne{"Ceil", [](double x) { return Exactly{std::ceil(x)}; }},
    OfOne{"Round", [](double x) { return Exactly{std::nearbyint(x)}; }},  // ties to even
    OfOne{"Sign", [](double x) { return Exactly{static_cast<double>((x > 0) - (x < 0))}; }},
    OfOne{"Relu", [](double x) { return Exactly{std::max(x, 0.0)}; }},
    OfOne{"Sqrt", exact_root},
    OfOne{"Reciprocal", [](double x) { return exact_quotient(1, x); }},
    OfOne{"Exp",
          [](double x) {
            return Exactly{std::exp(x), x == 0};
          }},
    OfOne{"Log",
          [](double x) {
            return Exactly{std::log(x), x == 1};
          }},
    OfOne{"Sin",
          [](double x) {
            return Exactly{std::sin(x), x == 0};
          }},
    OfOne{"Cos",
          [](double x) {
            return Exactly{std::cos(x), x == 0};
          }},
    OfOne{"Tanh",
          [](double x) {
            return Exactly{std::tanh(x), x == 0};
          }},
    OfOne{"Erf",
          [](double x) {
            return Exactly{std::erf(x), x == 0};
          }},
    OfOne{"Sigmoid",
          [](double x) {
            return Exactly{1 / (1 + std::exp(-x)), x == 0};
          }},
};

Exactly power(double base, double exponent) {
  if (exponent == 1) return {base};
  if (exponent == 2) return exact_product(base, base);
  if (exponent == 0.5) return exact_root(base);
  return {std::pow(base, exponent), exponent == 0};
}

/// The remainder with the sign of the divisor: NumPy's.
double floored_remainder(double a, double b) {
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

struct OfTwo {
  std::string_view op;
  Exactly (*number)(double, double);
};

constexpr std::array kOfTwo = {
    OfTwo{"Add", exact_sum},
    OfTwo{"Sum", exact_sum},
    OfTwo{"Sub", [](double a, double b) { return exact_sum(a, -b); }},
    OfTwo{"Mul", exact_product},
    OfTwo{"Div", exact_quotient},
    OfTwo{"Pow", power},
    OfTwo{"Min", [](double a, double b) { return Exactly{std::min(a, b)}; }},
    OfTwo{"Max", [](double a, double b) { return Exactly{std::max(a, b)}; }},
    OfTwo{kHypotenuse,
          [](double a, double b) {
            const Exactly first = exact_product(a, a), second = exact_product(b, b);
            const Exactly sum = exact_sum(first.value, second.value);
            const Exactly root = exact_root(sum.value);
            return Exactly{root.value, first.exact && second.exact && sum.exact && root.exact};
          }},
    OfTwo{"Mod",
          [](double a, double b) {
            return Exactly{floored_remainder(a, b), false};
          }},
};

struct Comparison {
  std::string_view op;
  bool (*truth)(double, double);
};

constexpr std::array kComparisons = {
    Comparison{"Equal", [](double a, double b) { return a == b; }},
    Comparison{"Less", [](double a, double b) { return a < b; }},
    Comparison{"LessOrEqual", [](double a, double b) { return a <= b; }},
    Comparison{"Greater", [](double a, double b) { return a > b; }},
    Comparison{"GreaterOrEqual", [](double a, double b) { return a >= b; }},
    Comparison{"And", [](double a, double b) { return a != 0 && b != 0; }},
    Comparison{"Or", [](double a, double b) { return a != 0 || b != 0; }},
    Comparison{"Xor", [](double a, double b) { return (a != 0) != (b != 0); }},
};

[[noreturn]] void refuse_overflow() { throw RefusedNode{"computes an integer that does not fit 64 bits"}; }

Integer integer_power(Integer base, Integer exponent) {
  if (exponent < 0) throw RefusedNode{"raises an integer to a negative power"};
  Integer result = 1;
  if (base == 0 || base == 1) return exponent == 0 ? 1 : base;
  if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  for (; exponent > 0; --exponent) {  // at most 63 times before it overflows
    if (__builtin_mul_overflow(result, base, &result)) refuse_overflow();
  }
  return result;
}

/// ONNX's arithmetic on integers: Div drops the fraction; Mod has the sign of the divisor, with fmod that of a.
Integer combined(std::string_view op, Integer a, Integer b, bool fmod) {
  Integer result = 0;
  if (op == "Add" || op == "Sum") {
    if (__builtin_add_overflow(a, b, &result)) refuse_overflow();
  } else if (op == "Sub") {
    if (__builtin_sub_overflow(a, b, &result)) refuse_overflow();
  } else if (op == "Mul") {
    if (__builtin_mul_overflow(a, b, &result)) refuse_overflow();
  } else if (op == "Div" || op == "Mod") {
    if (b == 0) throw RefusedNode{"divides an integer by 0"};
    if (b == -1 && a == std::numeric_limits<Integer>::min()) refuse_overflow();
    const Integer rest = a % b;
    result = op == "Div" ? a / b : rest != 0 && !fmod && (rest < 0) != (b < 0) ? rest + b : rest;
  } else if (op == "Pow") {
    result = integer_power(a, b);
  } else {
    result = op == "Min" ? std::min(a, b) : std::max(a, b);
  }
  return result;
}

Value constant_of(Known known) {
  Dimensions shape = known.values.shape();
  return {std::move(shape), std::move(known), std::nullopt};
}

template <class T>
std::vector<T> spread(const std::vector<T>& values, const Dimensions& from, const Dimensions& to) {
  if (from == to) return values;
  std::vector<T> result;
  for (const std::int64_t at : broadcast_source(from, to)) result.push_back(values[static_cast<std::size_t>(at)]);
  return result;
}

Folded folded_numbers(std::vector<double> values, Dimensions shape, bool exact) {
  for (const double each : values) {
    if (!std::isfinite(each)) throw RefusedNode{"computes a constant that is not finite"};
  }
  return {{constant_of(known_numbers(std::move(values), std::move(shape)))}, exact};
}

Folded fold_one(const Builder& builder, const OfOne& function) {
  const Known& operand = *builder.operand(0)->known;
  std::vector<double> values = operand.numbers();
  bool exact = true;
  for (double& each : values) {
    const Exactly result = function.number(each);
    each = result.value;
    exact = exact && result.exact;
  }
  if (!operand.is_integer()) return folded_numbers(std::move(values), operand.values.shape(), exact);
  std::vector<Integer> integers;
  integers.reserve(values.size());
  for (const double each : values) integers.push_back(static_cast<Integer>(each));
  return {{constant_of(known_integers(std::move(integers), operand.values.shape()))}};
}

/// Add and the like; Sum, Min and Max take any number of operands.
Folded fold_pairs(const Builder& builder, const OfTwo& function) {
  const std::string& op = builder.node().op;
  Dimensions shape = builder.operand(0)->shape;
  const std::size_t count = builder.node().inputs.size();
  bool integers = true;
  for (std::size_t i = 0; i < count; ++i) {
    shape = broadcast_shape(shape, builder.operand(i)->shape);
    integers = integers && builder.operand(i)->known->is_integer();
  }
  counted(shape);
  const bool fmod = builder.integer("fmod", 0) != 0;
  if (integers) {
    auto result = spread(builder.operand(0)->known->integers(), builder.operand(0)->shape, shape);
    for (std::size_t i = 1; i < count; ++i) {
      const auto other = spread(builder.operand(i)->known->integers(), builder.operand(i)->shape, shape);
      for (std::size_t e = 0; e < result.size(); ++e) result[e] = combined(op, result[e], other[e], fmod);
    }
    return {{constant_of(known_integers(std::move(result), shape))}};
  }
  if (op == "Mod" && fmod) throw RefusedNode{"takes the remainder of real numbers"};
  bool exact = true;
  auto result = spread(builder.operand(0)->known->numbers(), builder.operand(0)->shape, shape);
  for (std::size_t i = 1; i < count; ++i) {
    const auto other = spread(builder.operand(i)->known->numbers(), builder.operand(i)->shape, shape);
    for (std::size_t e = 0; e < result.size(); ++e) {
      const Exactly both = function.number(result[e], other[e]);
      result[e] = both.value;
      exact = exact && both.exact;
    }
  }
  return folded_numbers(std::move(result), shape, exact);
}

Folded fold_comparison(const Builder& builder, const Comparison& comparison) {
  const Value &a = *builder.operand(0), &b = *builder.operand(1);
  const Dimensions shape = broadcast_shape(a.shape, b.shape);
  const auto left = spread(a.known->numbers(), a.shape, shape), right = spread(b.known->numbers(), b.shape, shape);
  std::vector<Integer> result;
  for (std::size_t e = 0; e < left.size(); ++e) result.push_back(comparison.truth(left[e], right[e]) ? 1 : 0);
  return {{constant_of(known_integers(std::move(result), shape))}};
}

Folded fold_not(const Builder& builder) {
  std::vector<Integer> result;
  for (const double each : builder.operand(0)->known->numbers()) result.push_back(each == 0 ? 1 : 0);
  return {{constant_of(known_integers(std::move(result), builder.operand(0)->shape))}};
}

Folded fold_where(const Builder& builder) {
  const Value &condition = *builder.operand(0), &yes = *builder.operand(1), &no = *builder.operand(2);
  const Dimensions shape = broadcast_shape(condition.shape, broadcast_shape(yes.shape, no.shape));
  const auto truth = spread(condition.known->numbers(), condition.shape, shape);
  const auto choose = [&](auto chosen, const auto& other) {
    for (std::size_t e = 0; e < chosen.size(); ++e) {
      if (truth[e] == 0) chosen[e] = other[e];
    }
    return chosen;
  };
  if (yes.known->is_integer() && no.known->is_integer()) {
    return {{constant_of(known_integers(
        choose(spread(yes.known->integers(), yes.shape, shape), spread(no.known->integers(), no.shape, shape)),
        shape))}};
  }
  return {{constant_of(known_numbers(
      choose(spread(yes.known->numbers(), yes.shape, shape), spread(no.known->numbers(), no.shape, shape)), shape))}};
}

/// (x - zero point) scale, with a scale for all entries or for each along an axis.
Folded fold_dequantize(const Builder& builder) {
  const Value &x = *builder.operand(0), &scale = *builder.operand(1);
  const Value* zero = builder.operand(2);
  if (builder.integer("block_size", 0) != 0) throw RefusedNode{"dequantizes by blocks"};
  Dimensions along(x.shape.size(), 1);
  if (scale.known->values.size() != 1) {
    along[axis_of(builder.integer("axis", 1), x.shape.size())] = scale.known->values.size();
  }
  if (broadcast_shape(along, x.shape) != x.shape) throw RefusedNode{"has scales that do not fit its operand"};
  const auto scales = spread(scale.known->numbers(), along, x.shape);
  std::vector<double> zeros(scales.size());
  if (zero != nullptr) {
    if (zero->known->values.size() != scale.known->values.size())
      throw RefusedNode{"has as many zero points as scales"};
    zeros = spread(zero->known->numbers(), along, x.shape);
  }
  std::vector<double> result = x.known->numbers();
  bool exact = true;
  for (std::size_t e = 0; e < result.size(); ++e) {
    const Exactly steps = exact_sum(result[e], -zeros[e]);
    const Exactly product = exact_product(steps.value, scales[e]);
    result[e] = product.value;
    exact = exact && steps.exact && product.exact;
  }
  return folded_numbers(std::move(result), x.shape, exact);
}

}  // namespace

std::optional<Folded> fold_arithmetic(const Builder& builder) {
  const std::string& op = builder.node().op;
  const auto listed = [&](const auto& table) {
    const auto found = std::ranges::find_if(table, [&](const auto& each) { return each.op == op; });
    return found == table.end() ? nullptr : &*found;
  };
  if (const OfOne* function = listed(kOfOne)) return fold_one(builder, *function);
  if (const OfTwo* function = listed(kOfTwo)) return fold_pairs(builder, *function);
  if (const Comparison* comparison = listed(kComparisons)) return fold_comparison(builder, *comparison);
  if (op == "Not") return fold_not(builder);
  if (op == "Where") return fold_where(builder);
  if (op == "DequantizeLinear") return fold_dequantize(builder);
  return std::nullopt;
}

}  // namespace sigmax::graph::onnx
