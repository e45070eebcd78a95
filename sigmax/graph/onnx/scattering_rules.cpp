// GatherND, ScatterND and ScatterElements at constant positions: selections of what there is and of what is put in.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/linear_parts.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/selection.hpp"
#include "sigmax/ops/stacked.hpp"
#include "sigmax/ops/transposed.hpp"

namespace sigmax::graph::onnx {
namespace {

using Positions = std::vector<std::int64_t>;

Positions known_positions(const Builder& builder) {
  const Known& known = known_operand(builder, 1, "positions");
  if (!known.is_integer()) throw RefusedNode{"has indices that are not integers"};
  return known.integers();
}

std::int64_t checked_index(std::int64_t index, std::int64_t extent) {
  if (index < -extent || index >= extent) {
    throw RefusedNode{fmt::format("looks entry {} up on an axis of {} entries", index, extent)};
  }
  return index < 0 ? index + extent : index;
}

/// Where the slices begin that a tuple of indices, one a row of operand 1, names from axis `batch` on.
struct Slices {
  std::int64_t length = 1;  ///< entries of each
  std::size_t depth = 0;    ///< indices in a tuple
  Positions starts{};       ///< without those of the batch
};

Slices slices_of(const Builder& builder, const Dimensions& shape, std::size_t batch) {
  const Dimensions& of_indices = builder.operand(1)->shape;
  if (of_indices.empty() || of_indices.back() < 1 ||
      static_cast<std::size_t>(of_indices.back()) + batch > shape.size()) {
    throw RefusedNode{"has indices whose shape does not fit its operand"};
  }
  Slices slices;
  slices.depth = static_cast<std::size_t>(of_indices.back());
  slices.length = extent_product(shape, batch + slices.depth, shape.size());
  const Positions indices = known_positions(builder);
  const Dimensions strides = row_major_strides(shape);
  for (std::size_t i = 0; i < indices.size(); i += slices.depth) {
    std::int64_t at = 0;
    for (std::size_t k = 0; k < slices.depth; ++k) {
      at += checked_index(indices[i + k], shape[batch + k]) * strides[batch + k];
    }
    slices.starts.push_back(at);
  }
  return slices;
}

std::vector<Value> gather_rule(Builder& builder) {
  const Value& x = *builder.operand(0);
  const Dimensions& of_indices = builder.operand(1)->shape;
  const std::int64_t batch = builder.integer("batch_dims", 0);
  if (batch < 0 || static_cast<std::size_t>(batch) >= std::min(x.shape.size(), of_indices.size())) {
    throw RefusedNode{fmt::format("has {} axes of a batch", batch)};
  }
  const auto axes = static_cast<std::size_t>(batch);
  for (std::size_t k = 0; k < axes; ++k) {
    if (x.shape[k] != of_indices[k]) throw RefusedNode{"has indices whose shape does not fit its operand"};
  }
  const Slices slices = slices_of(builder, x.shape, axes);
  Dimensions shape(of_indices.begin(), of_indices.end() - 1);
  shape.insert(shape.end(), x.shape.begin() + static_cast<std::ptrdiff_t>(axes + slices.depth), x.shape.end());
  const std::int64_t items = extent_product(x.shape, 0, axes);
  const std::int64_t entries = extent_product(x.shape, axes, x.shape.size());
  const std::int64_t tuples = items == 0 ? 0 : static_cast<std::int64_t>(slices.starts.size()) / items;
  counted(shape);
  Positions source;
  for (std::size_t i = 0; i < slices.starts.size(); ++i) {
    const std::int64_t first = static_cast<std::int64_t>(i) / tuples * entries + slices.starts[i];
    for (std::int64_t k = 0; k < slices.length; ++k) source.push_back(first + k);
  }
  return {selected(builder, x, std::move(source), std::move(shape))};
}

/// x plus the entries of operand 2 at their places.
std::vector<Value> added(Builder& builder, const Positions& places) {
  const Value &x = *builder.operand(0), &updates = *builder.operand(2);
  const std::int64_t size = counted(x.shape), count = counted(updates.shape);
  const Operator<double> spread = transposed(selection<double>(size, places));
  if (x.known) return {emit_affine(builder, spread, builder.node_of(updates), x.shape, x.known->numbers())};
  const Value both = builder.emit(Stack{}, {builder.node_of(x), builder.node_of(updates)}, {size + count});
  return {emit_affine(builder, stack_columns<double>({identity<double>(size), spread}), *both.node, x.shape)};
}

/// The greatest (or least) of x and the entries of operand 2 at their places: round k has the k-th of each place, and x
/// where there are fewer.
std::vector<Value> extremes(Builder& builder, const Positions& places, bool least) {
  const Value &x = *builder.operand(0), &updates = *builder.operand(2);
  const std::int64_t size = counted(x.shape), count = counted(updates.shape);
  constexpr std::size_t kMostRounds = 64;
  std::vector<Positions> rounds;
  std::vector<std::size_t> taken(static_cast<std::size_t>(size), 0);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto place = static_cast<std::size_t>(places[i]);
    const std::size_t round = taken[place]++;
    if (round >= kMostRounds) throw RefusedNode{fmt::format("puts more than {} entries into one place", kMostRounds)};
    if (round == rounds.size()) {
      rounds.emplace_back();
      for (std::int64_t e = 0; e < size; ++e) rounds.back().push_back(e);
    }
    rounds[round][place] = size + static_cast<std::int64_t>(i);
  }
  const Value both = builder.emit(Stack{}, {builder.node_of(x), builder.node_of(updates)}, {size + count});
  std::vector<Index> terms{builder.node_of(x)};
  for (Positions& round : rounds) terms.push_back(*selected(builder, both, std::move(round), x.shape).node);
  return {builder.emit(Extreme{least}, std::move(terms), x.shape)};
}

/// x with the entries at `places` replaced, in their order, by those of operand 2, or combined with them.
std::vector<Value> replaced(Builder& builder, const Positions& places) {
  const Value &x = *builder.operand(0), &updates = *builder.operand(2);
  const std::int64_t size = counted(x.shape);
  if (counted(updates.shape) != static_cast<std::int64_t>(places.size())) {
    throw RefusedNode{"has another number of new entries than of positions"};
  }
  const std::string reduction = builder.text("reduction", "none");
  if (reduction == "add") return added(builder, places);
  if (reduction == "max" || reduction == "min") return extremes(builder, places, reduction == "min");
  if (reduction != "none") {
    throw RefusedNode{fmt::format("combines entries by '{}', which no rule knows", reduction)};
  }
  Positions source(static_cast<std::size_t>(size));
  for (std::int64_t i = 0; i < size; ++i) source[static_cast<std::size_t>(i)] = i;
  for (std::size_t i = 0; i < places.size(); ++i) {
    std::int64_t& at = source[static_cast<std::size_t>(places[i])];
    if (at >= size) throw RefusedNode{"puts two entries into one place, in no stated order"};
    at = size + static_cast<std::int64_t>(i);
  }
  const Index first = builder.node_of(x), second = builder.node_of(updates);
  const Dimensions all{size + static_cast<std::int64_t>(places.size())};
  const Value both = builder.emit(Stack{}, {first, second}, all);
  return {selected(builder, both, std::move(source), x.shape)};
}

std::vector<Value> scatter_rule(Builder& builder) {
  const Slices slices = slices_of(builder, builder.operand(0)->shape, 0);
  counted({static_cast<std::int64_t>(slices.starts.size()), slices.length});
  Positions places;
  for (const std::int64_t start : slices.starts) {
    for (std::int64_t k = 0; k < slices.length; ++k) places.push_back(start + k);
  }
  return replaced(builder, places);
}

std::vector<Value> scatter_elements_rule(Builder& builder) {
  const Dimensions& shape = builder.operand(0)->shape;
  const Dimensions& of_indices = builder.operand(1)->shape;
  const std::size_t axis = axis_of(builder.integer("axis", 0), shape.size());
  bool fits = of_indices.size() == shape.size();
  for (std::size_t k = 0; fits && k < shape.size(); ++k) fits = k == axis || of_indices[k] <= shape[k];
  if (!fits) throw RefusedNode{"has indices whose shape does not fit its operand"};
  const Positions indices = known_positions(builder);
  const Dimensions strides = row_major_strides(shape);
  Positions places(indices.size());
  each_entry(of_indices, [&](std::int64_t entry, const Dimensions& index) {
    const auto i = static_cast<std::size_t>(entry);
    places[i] = checked_index(indices[i], shape[axis]) * strides[axis];
    for (std::size_t k = 0; k < index.size(); ++k) places[i] += k == axis ? 0 : index[k] * strides[k];
  });
  return replaced(builder, places);
}

}  // namespace

std::span<const NamedRule> scattering_rules() {
  static constexpr NamedRule kRules[] = {{"GatherND", gather_rule},
                                         {"ScatterND", scatter_rule},
                                         {"ScatterElements", scatter_elements_rule},
                                         {"Scatter", scatter_elements_rule}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
