#include "sigmax/graph/onnx/movement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/shapes.hpp"

namespace sigmax::graph::onnx {
namespace {

using Integers = std::vector<std::int64_t>;

/// A list that must be there, as an attribute or as an operand.
Integers required(const Builder& builder, std::string_view attribute, std::size_t operand) {
  auto found = builder.integers(attribute, operand);
  if (!found) throw RefusedNode{fmt::format("has no {}", attribute)};
  return std::move(*found);
}

Movement in_order(const Dimensions& from, Dimensions to) {
  if (element_count(from) != element_count(to)) {
    throw RefusedNode{fmt::format("makes the shape {} of {}", to_string(to), to_string(from))};
  }
  return {std::move(to), true, {}};
}

/// y of shape `to`, with y[index] = x[sum of offsets[axis][index[axis]]].
Movement by_axis(const Dimensions& to, const std::vector<Integers>& offsets) {
  Movement movement{to, false, Integers(static_cast<std::size_t>(counted(to)))};
  each_entry(to, [&](std::int64_t entry, const Dimensions& index) {
    std::int64_t at = 0;
    for (std::size_t axis = 0; axis < index.size(); ++axis) at += offsets[axis][static_cast<std::size_t>(index[axis])];
    movement.source[static_cast<std::size_t>(entry)] = at;
  });
  return movement;
}

/// y takes the coordinates chosen[axis] along each axis of x.
Movement chosen_by_axis(const Dimensions& shape, std::vector<Integers> chosen) {
  const Dimensions strides = row_major_strides(shape);
  Dimensions to;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    to.push_back(static_cast<std::int64_t>(chosen[axis].size()));
    for (std::int64_t& each : chosen[axis]) each *= strides[axis];
  }
  return by_axis(to, chosen);
}

std::vector<Integers> everything(const Dimensions& shape) {
  std::vector<Integers> chosen;
  for (const std::int64_t extent : shape) {
    Integers& all = chosen.emplace_back(static_cast<std::size_t>(extent));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  }
  return chosen;
}

Movement reshape(const Builder& builder, const Dimensions& shape) {
  Dimensions to = required(builder, "shape", 1);
  const bool keeps_zeros = builder.integer("allowzero", 0) != 0;
  std::optional<std::size_t> open;
  std::int64_t known = 1;
  for (std::size_t axis = 0; axis < to.size(); ++axis) {
    if (to[axis] == 0 && !keeps_zeros) {
      if (axis >= shape.size()) throw RefusedNode{"copies an extent that its input does not have"};
      to[axis] = shape[axis];
    }
    if (to[axis] == -1) {
      if (open) throw RefusedNode{"leaves two extents open"};
      open = axis;
    } else if (to[axis] < 0 || __builtin_mul_overflow(known, to[axis], &known)) {
      throw RefusedNode{fmt::format("makes the shape {}", to_string(to))};
    }
  }
  if (open) to[*open] = known == 0 ? 0 : element_count(shape).value_or(0) / known;
  return in_order(shape, std::move(to));
}

Movement flatten(const Builder& builder, const Dimensions& shape) {
  const std::int64_t axis = builder.integer("axis", 1);
  const std::size_t at = axis == static_cast<std::int64_t>(shape.size()) ? shape.size() : axis_of(axis, shape.size());
  return in_order(shape, {extent_product(shape, 0, at), extent_product(shape, at, shape.size())});
}

Movement squeeze(const Builder& builder, const Dimensions& shape) {
  Dimensions to;
  if (const auto axes = builder.integers("axes", 1)) {
    to = reduced_shape(shape, axes_of(*axes, shape.size()), false);
  } else {
    std::ranges::copy_if(shape, std::back_inserter(to), [](std::int64_t extent) { return extent != 1; });
  }
  return in_order(shape, std::move(to));
}

Movement unsqueeze(const Builder& builder, const Dimensions& shape) {
  const Integers wanted = required(builder, "axes", 1);
  const auto axes = axes_of(wanted, shape.size() + wanted.size());
  Dimensions to;
  std::size_t from = 0;
  for (std::size_t axis = 0; axis < shape.size() + wanted.size(); ++axis) {
    to.push_back(std::ranges::binary_search(axes, axis) ? 1 : shape[from++]);
  }
  return in_order(shape, std::move(to));
}

Movement transpose(const Builder& builder, const Dimensions& shape) {
  Integers order = builder.integers("perm").value_or(Integers());
  if (order.empty()) {
    for (std::size_t axis = shape.size(); axis-- > 0;) order.push_back(static_cast<std::int64_t>(axis));
  }
  if (order.size() != shape.size()) throw RefusedNode{"permutes another number of axes than its input has"};
  axes_of(order, shape.size());  // each once
  const Dimensions strides = row_major_strides(shape);
  Dimensions to;
  std::vector<Integers> offsets;
  for (const std::int64_t each : order) {
    const std::size_t axis = axis_of(each, shape.size());
    to.push_back(shape[axis]);
    Integers& along = offsets.emplace_back();
    for (std::int64_t i = 0; i < shape[axis]; ++i) along.push_back(i * strides[axis]);
  }
  return by_axis(to, offsets);
}

/// The coordinates start, start + step, ... before end on an axis of n entries, with ONNX's clamping.
Integers sliced(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t n) {
  if (step == 0) throw RefusedNode{"has a step of 0"};
  const auto clamped = [n](std::int64_t at, std::int64_t least, std::int64_t most) {
    if (at < 0) at = at < -n ? least : at + n;
    return std::clamp(at, least, most);
  };
  Integers chosen;
  if (n == 0) return chosen;
  if (step > 0) {
    const std::int64_t last = clamped(end, 0, n);
    for (std::int64_t at = clamped(start, 0, n); at<last; at = step> n - at ? n : at + step) chosen.push_back(at);
  } else {
    const std::int64_t last = end < -n ? -1 : clamped(end, -1, n - 1);
    for (std::int64_t at = clamped(start, -1, n - 1); at > last; at = step < -1 - at ? -1 : at + step) {
      chosen.push_back(at);
    }
  }
  return chosen;
}

Movement slice(const Builder& builder, const Dimensions& shape) {
  const Integers starts = required(builder, "starts", 1), ends = required(builder, "ends", 2);
  Integers axes, steps;
  if (auto given = builder.integers("axes", 3)) axes = std::move(*given);
  if (auto given = builder.integers("steps", 4)) steps = std::move(*given);
  if (axes.empty()) {
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
    throw RefusedNode{"has starts, ends, axes and steps of different lengths"};
  }
  axes_of(axes, shape.size());  // each once
  auto chosen = everything(shape);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::size_t axis = axis_of(axes[i], shape.size());
    chosen[axis] = sliced(starts[i], ends[i], steps[i], shape[axis]);
  }
  return chosen_by_axis(shape, std::move(chosen));
}

std::vector<Movement> split(const Builder& builder, const Dimensions& shape) {
  const std::size_t axis = axis_of(builder.integer("axis", 0), shape.size());
  const auto outputs = static_cast<std::int64_t>(builder.node().outputs.size());
  Integers sizes;
  if (auto given = builder.integers("split", 1)) {
    sizes = std::move(*given);
  } else {  // as even as can be, the last one smaller
    const std::int64_t size = (shape[axis] + outputs - 1) / outputs;
    for (std::int64_t i = 0; i < outputs; ++i)
      sizes.push_back(std::clamp<std::int64_t>(shape[axis] - i * size, 0, size));
  }
  std::int64_t total = 0;
  for (const std::int64_t each : sizes) {
    if (each < 0 || each > shape[axis]) throw RefusedNode{fmt::format("splits off {} entries", each)};
    total += each;
  }
  if (static_cast<std::int64_t>(sizes.size()) != outputs || total != shape[axis]) {
    throw RefusedNode{fmt::format("splits {} entries into {}", shape[axis], to_string(sizes))};
  }
  std::vector<Movement> parts;
  std::int64_t first = 0;
  for (const std::int64_t size : sizes) {
    auto chosen = everything(shape);
    chosen[axis] = sliced(first, first + size, 1, shape[axis]);
    parts.push_back(chosen_by_axis(shape, std::move(chosen)));
    first += size;
  }
  return parts;
}

Movement gather(const Builder& builder, const Dimensions& shape) {
  const Value& operand = *builder.operand(1);
  if (!operand.known) throw RefusedNode{"looks entries up at positions that are computed from the input"};
  if (!operand.known->is_integer()) throw RefusedNode{"has indices that are not integers"};
  const std::size_t axis = axis_of(builder.integer("axis", 0), shape.size());
  auto chosen = everything(shape);
  chosen[axis].clear();
  for (const std::int64_t index : operand.known->integers()) {
    if (index < -shape[axis] || index >= shape[axis]) {
      throw RefusedNode{fmt::format("looks entry {} up on an axis of {} entries", index, shape[axis])};
    }
    chosen[axis].push_back(index < 0 ? index + shape[axis] : index);
  }
  Movement movement = chosen_by_axis(shape, std::move(chosen));
  const auto at = static_cast<std::ptrdiff_t>(axis);
  movement.shape.erase(movement.shape.begin() + at);
  movement.shape.insert(movement.shape.begin() + at, operand.shape.begin(), operand.shape.end());
  return movement;
}

Movement gather_elements(const Builder& builder, const Dimensions& shape) {
  const Value& operand = *builder.operand(1);
  if (!operand.known) throw RefusedNode{"looks entries up at positions that are computed from the input"};
  if (!operand.known->is_integer()) throw RefusedNode{"has indices that are not integers"};
  const std::size_t axis = axis_of(builder.integer("axis", 0), shape.size());
  bool fits = operand.shape.size() == shape.size();
  for (std::size_t k = 0; fits && k < shape.size(); ++k) fits = k == axis || operand.shape[k] <= shape[k];
  if (!fits) throw RefusedNode{"has indices whose shape does not fit its operand"};
  const auto indices = operand.known->integers();
  const Dimensions strides = row_major_strides(shape);
  Movement movement{operand.shape, false, Integers(static_cast<std::size_t>(counted(operand.shape)))};
  each_entry(operand.shape, [&](std::int64_t entry, const Dimensions& index) {
    const std::int64_t chosen = indices[static_cast<std::size_t>(entry)];
    if (chosen < -shape[axis] || chosen >= shape[axis]) {
      throw RefusedNode{fmt::format("looks entry {} up on an axis of {} entries", chosen, shape[axis])};
    }
    std::int64_t at = (chosen < 0 ? chosen + shape[axis] : chosen) * strides[axis];
    for (std::size_t k = 0; k < index.size(); ++k) at += k == axis ? 0 : index[k] * strides[k];
    movement.source[static_cast<std::size_t>(entry)] = at;
  });
  return movement;
}

Movement expand(const Builder& builder, const Dimensions& shape) {
  const Dimensions to = broadcast_shape(shape, required(builder, "shape", 1));
  if (to == shape) return {to, true, {}};
  return {to, false, broadcast_source(shape, to)};
}

Movement tile(const Builder& builder, const Dimensions& shape) {
  const Integers repeats = required(builder, "repeats", 1);
  if (repeats.size() != shape.size()) throw RefusedNode{"repeats another number of axes than its input has"};
  Dimensions to;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    std::int64_t extent = 0;
    if (repeats[axis] < 0 || __builtin_mul_overflow(shape[axis], repeats[axis], &extent)) {
      throw RefusedNode{fmt::format("repeats {} times", repeats[axis])};
    }
    to.push_back(extent);
  }
  counted(to);
  std::vector<Integers> chosen(shape.size());
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    for (std::int64_t i = 0; i < to[axis]; ++i) chosen[axis].push_back(i % shape[axis]);
  }
  return chosen_by_axis(shape, std::move(chosen));
}

using OneMovement = Movement (*)(const Builder&, const Dimensions&);
constexpr std::array<std::pair<std::string_view, OneMovement>, 10> kMovements = {{{"Reshape", reshape},
                                                                                  {"Flatten", flatten},
                                                                                  {"Squeeze", squeeze},
                                                                                  {"Unsqueeze", unsqueeze},
                                                                                  {"Transpose", transpose},
                                                                                  {"Slice", slice},
                                                                                  {"Gather", gather},
                                                                                  {"GatherElements", gather_elements},
                                                                                  {"Expand", expand},
                                                                                  {"Tile", tile}}};

}  // namespace

std::optional<std::vector<Movement>> movements_of(const Builder& builder) {
  const std::string& op = builder.node().op;
  const auto* found = std::ranges::find(kMovements, op, &std::pair<std::string_view, OneMovement>::first);
  if (op != "Split" && found == kMovements.end()) return std::nullopt;
  const Dimensions& shape = builder.operand(0)->shape;
  counted(shape);
  return op == "Split" ? split(builder, shape) : std::vector{found->second(builder, shape)};
}

std::vector<std::int64_t> triangle(const Builder& builder, const Dimensions& shape) {
  if (shape.size() < 2) throw RefusedNode{"takes a triangle of something that is not a matrix"};
  std::int64_t diagonal = 0;
  if (const Value* k = builder.operand(1)) {
    if (!k->known) throw RefusedNode{"computes its diagonal from the input"};
    const Integers given = k->known->is_integer() ? k->known->integers() : Integers();
    if (given.size() != 1) throw RefusedNode{"has a diagonal that is not one integer"};
    diagonal = std::clamp(given[0], -kMostEntries, kMostEntries);
  }
  const bool upper = builder.integer("upper", 1) != 0;
  Integers source(static_cast<std::size_t>(counted(shape)));
  each_entry(shape, [&](std::int64_t entry, const Dimensions& index) {
    const std::int64_t above = index[shape.size() - 1] - index[shape.size() - 2];
    source[static_cast<std::size_t>(entry)] = (upper ? above >= diagonal : above <= diagonal) ? entry : -1;
  });
  return source;
}

Tensor moved(const Tensor& values, const Movement& movement) {
  if (movement.in_order) return values.reshaped(movement.shape);
  const Tensor compact = values.compact();
  const std::size_t width = size_of(values.dtype());
  auto bytes = std::make_shared<std::vector<std::byte>>(movement.source.size() * width);
  for (std::size_t i = 0; i < movement.source.size(); ++i) {
    std::memcpy(bytes->data() + i * width, compact.data() + static_cast<std::size_t>(movement.source[i]) * width,
                width);
  }
  const std::byte* data = bytes->data();
  return Tensor(values.dtype(), movement.shape, data, std::move(bytes));
}

}  // namespace sigmax::graph::onnx
