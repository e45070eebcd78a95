// Attention in one node: ONNX's Attention and ONNX Runtime's Attention and MultiHeadAttention, taken apart into matrix
// products and a softmax.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/linear_parts.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/runtime_operators.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/graph/scalar/named.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/scaled.hpp"
#include "sigmax/ops/transposed.hpp"

namespace sigmax::graph::onnx {
namespace {

/// Vectors by image, head and position, of a value of three or four axes: those of head h are entries first + h size
/// to first + (h + 1) size - 1 of each row, or matrix h of its image.
struct Heads {
  Value value;
  std::int64_t batch = 1, heads = 1, length = 1, size = 1;
  std::int64_t row = 0;  ///< entries of a row; 0: the axes are image, head, position, entry
  std::int64_t first = 0;

  std::int64_t at(std::int64_t b, std::int64_t h, std::int64_t s, std::int64_t k) const {
    if (row == 0) return ((b * heads + h) * length + s) * size + k;
    return (b * length + s) * row + first + h * size + k;
  }
};

Heads in_rows(const Value& x, std::int64_t heads, std::int64_t first, std::int64_t columns) {
  if (x.shape.size() != 3) throw RefusedNode{fmt::format("has an operand of shape {}", to_string(x.shape))};
  if (heads < 1 || columns % heads != 0 || first + columns > x.shape[2]) {
    throw RefusedNode{fmt::format("has {} heads for rows of {} entries", heads, columns)};
  }
  return {x, x.shape[0], heads, x.shape[1], columns / heads, x.shape[2], first};
}

/// As matrices of `heads` heads, each of x repeated: [b, h, position, entry] or, for keys, [b, h, entry, position].
Value arranged(Builder& builder, const Heads& x, std::int64_t heads, bool of_keys) {
  Dimensions shape{x.batch, heads, x.length, x.size};
  if (of_keys) std::swap(shape[2], shape[3]);
  std::vector<std::int64_t> source(static_cast<std::size_t>(counted(shape)));
  each_entry(shape, [&](std::int64_t entry, const Dimensions& at) {
    const std::int64_t head = at[1] / (heads / x.heads);
    source[static_cast<std::size_t>(entry)] = x.at(at[0], head, at[of_keys ? 3 : 2], at[of_keys ? 2 : 3]);
  });
  return selected(builder, x.value, std::move(source), std::move(shape));
}

/// What is added to the scores [image, head, query, key].
struct Mask {
  Dimensions shape;
  std::vector<double> offset;   ///< known numbers
  std::optional<Index> data{};  ///< those that depend on the input

  Mask(std::int64_t batch, std::int64_t heads, std::int64_t queries, std::int64_t keys)
      : shape{batch, heads, queries, keys}, offset(static_cast<std::size_t>(counted(shape)), 0.0) {}

  template <class Add>
  void add_where(Add add) {
    each_entry(shape,
               [&](std::int64_t entry, const Dimensions& at) { offset[static_cast<std::size_t>(entry)] += add(at); });
  }
  void make_causal() {
    add_where([](const Dimensions& at) { return at[3] > at[2] ? -kInfinity : 0; });
  }
  void add(Builder& builder, const Value& value) {
    if (broadcast_shape(value.shape, shape) != shape) {
      throw RefusedNode{
          fmt::format("has a mask of shape {} for scores of shape {}", to_string(value.shape), to_string(shape))};
    }
    if (!value.known) {
      data = builder.node_of(spread_value(builder, value, shape));
      return;
    }
    const std::vector<double> numbers = spread_numbers(value, shape);
    for (std::size_t i = 0; i < numbers.size(); ++i) offset[i] += numbers[i];
  }
};

/// softmax(scale Q K^T + mask) V as [image, head, query, entry]; `cap`: c tanh(s / c) of the scores, unless it is 0.
Value attended(Builder& builder, const Heads& q, const Heads& k, const Heads& v, std::optional<double> given_scale,
               Mask mask, double cap) {
  const bool fits = k.batch == q.batch && v.batch == q.batch && k.heads > 0 && q.heads % k.heads == 0 &&
                    v.heads == k.heads && v.length == k.length && k.size == q.size;
  if (!fits) throw RefusedNode{"has queries, keys and values that do not fit each other"};
  if (q.length == 0 || k.length == 0 || q.size == 0 || v.size == 0 || q.batch == 0) {
    throw RefusedNode{"attends to nothing"};
  }
  const double scale = given_scale ? *given_scale : 1 / std::sqrt(static_cast<double>(q.size));
  if (!std::isfinite(scale)) throw RefusedNode{fmt::format("has a scale of {}", scale)};
  const std::int64_t batch = q.batch * q.heads;
  const Value queries = arranged(builder, q, q.heads, false), keys = arranged(builder, k, q.heads, true);
  const Value values = arranged(builder, v, q.heads, false);
  Value scores = builder.emit(MatrixProduct{batch, q.length, q.size, k.length},
                              {builder.node_of(queries), builder.node_of(keys)}, mask.shape);
  // 1 / sqrt(n) is rounded twice.
  const double error = given_scale ? 0 : rounding_error(2);
  const std::int64_t count = counted(mask.shape);
  scores = emit_affine(builder, scaled(scale, identity<double>(count)), *scores.node, mask.shape,
                       cap == 0 && !mask.data ? mask.offset : std::vector<double>(), error);
  if (mask.data) {
    scores = builder.emit(Sum{}, {*scores.node, *mask.data}, mask.shape);
    scores = emit_affine(builder, identity<double>(count), *scores.node, mask.shape, mask.offset);
  }
  if (cap != 0) {
    scores =
        emit_affine(builder, scaled(1 / cap, identity<double>(count)), *scores.node, mask.shape, {}, rounding_error(1));
    scores = builder.emit(Elementwise{{named_function("Tanh")}}, {*scores.node}, mask.shape);
    scores = emit_affine(builder, scaled(cap, identity<double>(count)), *scores.node, mask.shape);
  }
  const Value weights = builder.emit(Softmax{{batch * q.length, k.length, 1}, false}, {*scores.node}, mask.shape);
  return builder.emit(MatrixProduct{batch, q.length, k.length, v.size}, {*weights.node, builder.node_of(values)},
                      {q.batch, q.heads, q.length, v.size});
}

/// [image, head, query, entry] with the heads of a query in one row.
Value heads_in_rows(Builder& builder, const Value& y) {
  const Dimensions& s = y.shape;
  Dimensions shape{s[0], s[2], s[1], s[3]};
  std::vector<std::int64_t> source(static_cast<std::size_t>(counted(shape)));
  each_entry(shape, [&](std::int64_t entry, const Dimensions& at) {
    source[static_cast<std::size_t>(entry)] = ((at[0] * s[1] + at[2]) * s[2] + at[1]) * s[3] + at[3];
  });
  return reshaped(builder, selected(builder, y, std::move(source), shape), {s[0], s[2], s[1] * s[3]});
}

void refuse_operand(const Builder& builder, std::size_t index, const char* what) {
  if (builder.operand(index) != nullptr) throw RefusedNode{fmt::format("has {}, which no rule knows", what)};
}

std::optional<double> stated_scale(const Builder& builder) {
  const auto* found = builder.node().find<double>("scale");
  return found == nullptr || *found == 0 ? std::nullopt : std::optional(*found);
}

/// ONNX's Attention: operands of three axes with rows of heads, or of four.
std::vector<Value> import_attention(Builder& builder) {
  refuse_operand(builder, 4, "keys of the past");
  refuse_operand(builder, 5, "values of the past");
  refuse_operand(builder, 6, "lengths of its keys");
  const auto heads_of = [&](std::size_t operand, const char* attribute) -> Heads {
    const Value& x = *builder.operand(operand);
    if (x.shape.size() == 4) return {x, x.shape[0], x.shape[1], x.shape[2], x.shape[3]};
    return in_rows(x, builder.integer(attribute, 0), 0, x.shape.empty() ? 0 : x.shape.back());
  };
  const Heads q = heads_of(0, "q_num_heads"), k = heads_of(1, "kv_num_heads"), v = heads_of(2, "kv_num_heads");
  const double cap = builder.number("softcap", 0);
  Mask mask(q.batch, q.heads, q.length, k.length);
  const bool is_causal = builder.integer("is_causal", 0) != 0;
  if (cap != 0 && (is_causal || builder.operand(3) != nullptr || !(cap > 0) || std::isinf(cap))) {
    throw RefusedNode{"caps its scores behind a mask, or by a number that is not positive"};
  }
  if (is_causal) mask.make_causal();
  if (const Value* given = builder.operand(3); given != nullptr) {
    if (given->known && given->known->is_integer()) {  // true or false: whether a key counts
      const std::vector<double> counts = spread_numbers(*given, broadcast_shape(given->shape, mask.shape));
      if (counts.size() != mask.offset.size()) throw RefusedNode{"has a mask that does not fit its scores"};
      for (std::size_t i = 0; i < counts.size(); ++i) mask.offset[i] += counts[i] != 0 ? 0 : -kInfinity;
    } else {
      mask.add(builder, *given);
    }
  }
  const std::optional<double> scale =
      builder.node().find<double>("scale") == nullptr ? std::nullopt : std::optional(builder.number("scale", 1));
  const Value y = attended(builder, q, k, v, scale, std::move(mask), cap);
  return {builder.operand(0)->shape.size() == 4 ? y : heads_in_rows(builder, y)};
}

/// ONNX Runtime's masks of keys: lengths by image, or 1 and 0 by image (and query) and key. What is masked has a large
/// negative number added.
void add_key_mask(const Builder& builder, std::size_t operand, Mask& mask) {
  if (builder.operand(operand) == nullptr) return;
  const Known& known = known_operand(builder, operand, "mask");
  const Dimensions& shape = builder.operand(operand)->shape;
  const std::int64_t batch = mask.shape[0], queries = mask.shape[2], keys = mask.shape[3];
  const std::vector<double> numbers = known.numbers();
  const double filter = builder.number("mask_filter_value", -10000);
  const auto number = [&](std::int64_t i) { return numbers[static_cast<std::size_t>(i)]; };
  if (shape == Dimensions{batch}) {
    mask.add_where([&](const Dimensions& at) { return static_cast<double>(at[3]) < number(at[0]) ? 0 : filter; });
  } else if (shape == Dimensions{batch, keys}) {
    mask.add_where([&](const Dimensions& at) { return number(at[0] * keys + at[3]) != 0 ? 0 : filter; });
  } else if (shape == Dimensions{batch, queries, keys}) {
    mask.add_where(
        [&](const Dimensions& at) { return number((at[0] * queries + at[2]) * keys + at[3]) != 0 ? 0 : filter; });
  } else {
    throw RefusedNode{fmt::format("has a mask of shape {}, which no rule knows", to_string(shape))};
  }
}

/// The value with a constant added to each row, from entry `first` of it on.
Value with_bias(Builder& builder, const Value& x, const Value* bias, std::int64_t first) {
  if (bias == nullptr) return x;
  if (!bias->known) throw RefusedNode{"computes its bias from the input"};
  const std::vector<double> numbers = bias->known->numbers();
  const std::int64_t width = x.shape.back();
  if (first + width > static_cast<std::int64_t>(numbers.size())) throw RefusedNode{"has a bias that does not fit"};
  std::vector<double> offset(static_cast<std::size_t>(counted(x.shape)));
  for (std::size_t i = 0; i < offset.size(); ++i) {
    offset[i] = numbers[static_cast<std::size_t>(first) + i % static_cast<std::size_t>(width)];
  }
  return emit_affine(builder, identity<double>(counted(x.shape)), builder.node_of(x), x.shape, std::move(offset));
}

/// ONNX Runtime's Attention: one matrix for queries, keys and values.
std::vector<Value> import_packed_attention(Builder& builder) {
  refuse_operand(builder, 4, "keys and values of the past");
  if (builder.integer("do_rotary", 0) != 0) throw RefusedNode{"turns its queries and keys, which no rule knows"};
  const Value &x = *builder.operand(0), &weights = *builder.operand(1);
  if (!weights.known) throw RefusedNode{"computes its weights from the input"};
  if (x.shape.size() != 3 || weights.shape.size() != 2 || weights.shape[0] != x.shape[2]) {
    throw RefusedNode{"has an input that does not fit its weights"};
  }
  const std::int64_t width = weights.shape[1], heads = builder.integer("num_heads", 0);
  std::vector<std::int64_t> sizes = builder.integers("qkv_hidden_sizes").value_or(std::vector<std::int64_t>());
  if (sizes.empty()) sizes = {width / 3, width / 3, width / 3};
  if (sizes.size() != 3 || std::ranges::any_of(sizes, [&](std::int64_t n) { return n < 1 || n > width; }) ||
      sizes[0] + sizes[1] + sizes[2] != width) {
    throw RefusedNode{"has sizes of queries, keys and values that do not fit its weights"};
  }
  const Dimensions shape{x.shape[0], x.shape[1], width};
  const Operator<double> map = transposed(dense<double>(weights.known->values));
  const Value projected = emit_affine(builder, repeated(x.shape[0] * x.shape[1], map), builder.node_of(x), shape);
  const Value all = with_bias(builder, projected, builder.operand(2), 0);
  const Heads q = in_rows(all, heads, 0, sizes[0]), k = in_rows(all, heads, sizes[0], sizes[1]);
  const Heads v = in_rows(all, heads, sizes[0] + sizes[1], sizes[2]);
  Mask mask(q.batch, q.heads, q.length, k.length);
  if (builder.integer("unidirectional", 0) != 0) mask.make_causal();
  add_key_mask(builder, 3, mask);
  if (const Value* more = builder.operand(5); more != nullptr) mask.add(builder, *more);
  return {heads_in_rows(builder, attended(builder, q, k, v, stated_scale(builder), std::move(mask), 0))};
}

std::vector<Value> import_multi_head_attention(Builder& builder) {
  refuse_operand(builder, 6, "keys of the past");
  refuse_operand(builder, 7, "values of the past");
  const std::int64_t heads = builder.integer("num_heads", 0);
  std::vector<Heads> parts;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const Value* x = builder.operand(i);
    if (x == nullptr || x->shape.size() != 3) {
      throw RefusedNode{"has queries, keys or values that are not of the shape images x positions x entries"};
    }
    parts.push_back(in_rows(with_bias(builder, *x, builder.operand(3), first), heads, 0, x->shape[2]));
    first += x->shape[2];
  }
  Mask mask(parts[0].batch, heads, parts[0].length, parts[1].length);
  if (builder.integer("unidirectional", 0) != 0) mask.make_causal();
  add_key_mask(builder, 4, mask);
  if (const Value* more = builder.operand(5); more != nullptr) mask.add(builder, *more);
  return {heads_in_rows(builder,
                        attended(builder, parts[0], parts[1], parts[2], stated_scale(builder), std::move(mask), 0))};
}

}  // namespace

std::span<const NamedRule> attention_rules() {
  static constexpr NamedRule kRules[] = {{"Attention", import_attention},
                                         {kPackedAttention, import_packed_attention},
                                         {"MultiHeadAttention", import_multi_head_attention}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
