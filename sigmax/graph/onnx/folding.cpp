#include "sigmax/graph/onnx/folding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/movement.hpp"
#include "sigmax/graph/onnx/shapes.hpp"

namespace sigmax::graph::onnx {
namespace {

using Integers = std::vector<std::int64_t>;

Value constant_value(Known known) {
  Dimensions shape = known.values.shape();
  return {std::move(shape), std::move(known), std::nullopt};
}

const Known& known(const Builder& builder, std::size_t operand) {
  const Value* value = builder.operand(operand);
  if (value == nullptr || !value->known) throw RefusedNode{fmt::format("has no operand {}", operand + 1)};
  return *value->known;
}

/// The operands one after another along an axis; in double unless all have one type.
Folded fold_concat(const Builder& builder) {
  const std::size_t axis = axis_of(builder.integer("axis", 1), builder.operand(0)->shape.size());
  std::vector<const Known*> parts;
  for (std::size_t i = 0; i < builder.node().inputs.size(); ++i) parts.push_back(&known(builder, i));
  Dimensions shape = parts.front()->values.shape();
  const bool integers = parts.front()->is_integer();
  shape[axis] = 0;
  for (const Known* part : parts) {
    Dimensions like = part->values.shape();
    if (like.size() != shape.size() || part->is_integer() != integers) throw RefusedNode{"joins unlike operands"};
    shape[axis] += like[axis];
    like[axis] = shape[axis];
    if (like != shape) throw RefusedNode{"joins operands whose shapes do not fit"};
  }
  const auto count = static_cast<std::size_t>(counted(shape));
  const std::int64_t outer = extent_product(shape, 0, axis), inner = extent_product(shape, axis, shape.size());
  const auto join = [&](auto result, auto read) {
    std::int64_t at = 0;
    for (const Known* part : parts) {
      const auto values = read(*part);
      const std::int64_t width = extent_product(part->values.shape(), axis, shape.size());
      for (std::int64_t o = 0; o < outer; ++o) {
        std::copy_n(values.begin() + o * width, width, result.begin() + o * inner + at);
      }
      at += width;
    }
    return result;
  };
  if (integers) {
    return {
        {constant_value(known_integers(join(Integers(count), [](const Known& k) { return k.integers(); }), shape))}};
  }
  return {{constant_value(
      known_numbers(join(std::vector<double>(count), [](const Known& k) { return k.numbers(); }), shape))}};
}

Folded fold_cast(const Builder& builder) {
  constexpr std::int64_t kInt32 = 6, kInt64 = 7, kBool = 9;  // TensorProto.DataType
  constexpr std::int64_t kReal[] = {1, 10, 11, 16};
  constexpr double kBeyond = 0x1p63;
  const std::int64_t to = builder.integer("to", 0);
  const Known& from = known(builder, 0);
  if (std::ranges::find(kReal, to) != std::end(kReal)) {
    if (!from.is_integer()) return {{constant_value(from)}};
    return {{constant_value(known_numbers(from.numbers(), from.values.shape()))}};
  }
  if (to != kInt32 && to != kInt64 && to != kBool) {
    throw RefusedNode{fmt::format("casts a constant to type {}, which is not folded", to)};
  }
  Integers result;
  if (from.is_integer()) {
    result = from.integers();
  } else {
    for (const double each : from.numbers()) {
      if (to == kBool) {
        result.push_back(each != 0 ? 1 : 0);
        continue;
      }
      if (!(std::abs(each) < kBeyond)) throw RefusedNode{fmt::format("casts {} to an integer", each)};
      result.push_back(static_cast<std::int64_t>(each));
    }
  }
  for (std::int64_t& each : result) {
    if (to == kBool) each = each != 0 ? 1 : 0;
    if (to == kInt32 && each != static_cast<std::int32_t>(each))
      throw RefusedNode{fmt::format("casts {} to i32", each)};
  }
  return {{constant_value(known_integers(std::move(result), from.values.shape()))}};
}

/// To real numbers; which type of integers an operand has is no longer known.
Folded fold_cast_like(const Builder& builder) {
  const Known& from = known(builder, 0);
  if (known(builder, 1).is_integer()) throw RefusedNode{"casts a constant to a type of integers, which is not folded"};
  return {{constant_value(from.is_integer() ? known_numbers(from.numbers(), from.values.shape()) : from)}};
}

Folded fold_constant_of_shape(const Builder& builder) {
  const Integers shape = known(builder, 0).integers();
  const auto count = static_cast<std::size_t>(counted(shape));
  const auto* value = builder.node().find<Tensor>("value");
  if (value == nullptr) {
    for (const auto& each : builder.node().attributes) {
      if (each.name == "value") throw RefusedNode{"has a value that is not read"};
    }
    return {{constant_value(known_numbers(std::vector<double>(count), shape))}};
  }
  if (value->size() != 1) throw RefusedNode{"has a value that is not one number"};
  const auto one = known_tensor(*value);
  if (!one) throw RefusedNode{fmt::format("has a value of type {}", name(value->dtype()))};
  if (one->is_integer()) return {{constant_value(known_integers(Integers(count, one->integers()[0]), shape))}};
  return {{constant_value(known_numbers(std::vector<double>(count, one->numbers()[0]), shape))}};
}

Folded fold_range(const Builder& builder) {
  // A double counts every step that is allowed; integers are formed exactly.
  const Known &start = known(builder, 0), &limit = known(builder, 1), &delta = known(builder, 2);
  for (const Known* each : {&start, &limit, &delta}) {
    if (each->values.size() != 1) throw RefusedNode{"counts from, to or by something that is not one number"};
  }
  const double from = start.numbers()[0], to = limit.numbers()[0], by = delta.numbers()[0];
  const double steps = std::ceil((to - from) / by);
  if (std::isnan(steps) || steps > static_cast<double>(kMostEntries)) {
    throw RefusedNode{fmt::format("counts from {} to {} by {}", from, to, by)};
  }
  const auto count = static_cast<std::int64_t>(std::max(0.0, steps));
  if (start.is_integer() && limit.is_integer() && delta.is_integer()) {
    Integers values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(start.integers()[0] + i * delta.integers()[0]);
    return {{constant_value(known_integers(std::move(values), {count}))}};
  }
  std::vector<double> values;
  bool exact = true;
  for (std::int64_t i = 0; i < count; ++i) {
    const double step = static_cast<double>(i) * by;
    exact = exact && std::fma(static_cast<double>(i), by, -step) == 0;
    values.push_back(from + step);
    exact = exact && values.back() - from == step && values.back() - step == from;
  }
  return {{constant_value(known_numbers(std::move(values), {count}))}, exact};
}

/// The coordinates of the entries that are not 0, one column each.
Folded fold_non_zero(const Builder& builder) {
  const auto values = known(builder, 0).numbers();
  const Dimensions& shape = builder.operand(0)->shape;
  std::vector<Integers> rows(shape.size());
  each_entry(shape, [&](std::int64_t entry, const Dimensions& index) {
    if (values[static_cast<std::size_t>(entry)] == 0) return;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) rows[axis].push_back(index[axis]);
  });
  Integers all;
  for (const Integers& row : rows) all.insert(all.end(), row.begin(), row.end());
  const auto count = static_cast<std::int64_t>(rows.empty() ? 0 : rows[0].size());
  return {{constant_value(known_integers(std::move(all), {static_cast<std::int64_t>(shape.size()), count}))}};
}

Folded fold_triangle(const Builder& builder) {
  const Known& from = known(builder, 0);
  const auto source = triangle(builder, builder.operand(0)->shape);
  const auto cut = [&](auto values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (source[i] < 0) values[i] = 0;
    }
    return values;
  };
  const Dimensions& shape = builder.operand(0)->shape;
  if (from.is_integer()) return {{constant_value(known_integers(cut(from.integers()), shape))}};
  return {{constant_value(known_numbers(cut(from.numbers()), shape))}};
}

}  // namespace

std::optional<Folded> fold_shape(const Builder& builder) {
  const std::string& op = builder.node().op;
  if (op != "Shape" && op != "Size") return std::nullopt;
  const Dimensions& shape = builder.operand(0)->shape;
  if (op == "Size") return Folded{{constant_value(known_integers({element_count(shape).value_or(0)}, {}))}};
  const auto rank = static_cast<std::int64_t>(shape.size());
  const auto clamped = [rank](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank); };
  const std::int64_t first = clamped(builder.integer("start", 0));
  const std::int64_t last = std::max(first, clamped(builder.integer("end", rank)));
  return Folded{
      {constant_value(known_integers(Integers(shape.begin() + first, shape.begin() + last), {last - first}))}};
}

std::optional<Folded> fold(const Builder& builder) {
  for (std::size_t i = 0; i < builder.node().inputs.size(); ++i) {
    const Value* operand = builder.operand(i);
    if (operand != nullptr && !operand->known) return std::nullopt;
  }
  const std::string& op = builder.node().op;
  if (op == "Identity") return Folded{{*builder.operand(0)}};
  if (op == "Concat") return fold_concat(builder);
  if (op == "Cast") return fold_cast(builder);
  if (op == "CastLike") return fold_cast_like(builder);
  if (op == "ConstantOfShape") return fold_constant_of_shape(builder);
  if (op == "Range") return fold_range(builder);
  if (op == "NonZero") return fold_non_zero(builder);
  if (op == "Trilu") return fold_triangle(builder);
  if (const auto movements = movements_of(builder)) {
    Folded folded;
    for (const Movement& each : *movements) {
      folded.outputs.push_back(constant_value({moved(builder.operand(0)->known->values, each)}));
    }
    return folded;
  }
  if (auto folded = fold_arithmetic(builder)) return folded;
  return fold_sums(builder);
}

}  // namespace sigmax::graph::onnx
