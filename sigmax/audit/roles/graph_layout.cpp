#include "sigmax/audit/roles/graph_layout.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace sigmax::audit {
namespace {

bool is_column(Axis axis) { return axis == Axis::in || axis == Axis::kernel; }

// The axes of a reshaped tensor as axes of the one that was reshaped, both in the same order of elements. An axis of
// the tensor that became several must mean the same in each of them: those of columns count as the same. Nothing
// otherwise, or if the extents do not nest.
std::optional<std::vector<Axis>> unfolded(const std::vector<Axis>& axes, const Dimensions& view,
                                          const Dimensions& shape) {
  if (axes.size() != view.size() || element_count(view) != element_count(shape)) return std::nullopt;
  if (element_count(shape).value_or(0) == 0) return std::nullopt;
  std::vector<Axis> result(shape.size(), Axis::in);
  std::size_t at = 0;
  std::int64_t left = view.empty() ? 1 : view[0];
  for (std::size_t d = 0; d < shape.size(); ++d) {
    std::optional<Axis> meaning;
    for (std::int64_t need = shape[d]; need > 1;) {
      while (left == 1) left = view[++at];  // the extents have the same product, so that one is left
      const std::int64_t common = std::min(need, left);
      if (need % common != 0 || left % common != 0) return std::nullopt;
      const bool alike = !meaning || *meaning == axes[at] || (is_column(*meaning) && is_column(axes[at]));
      if (!alike) return std::nullopt;
      if (!meaning) meaning = axes[at];
      need /= common;
      left /= common;
    }
    // An axis of one entry may mean anything.
    result[d] = meaning ? *meaning : d > 0 && result[d - 1] == Axis::kernel ? Axis::kernel : Axis::in;
  }
  return result;
}

// Through the transpositions alone.
std::optional<std::vector<Axis>> permuted(const io::Usage& use, std::vector<Axis> axes) {
  if (use.permutation.empty()) return axes;
  if (use.permutation.front() < 0) {
    std::reverse(axes.begin(), axes.end());
    return axes;
  }
  if (use.permutation.size() != axes.size()) return std::nullopt;
  std::vector<Axis> result(axes.size());
  for (std::size_t i = 0; i < axes.size(); ++i) result[static_cast<std::size_t>(use.permutation[i])] = axes[i];
  return result;
}

// How the axes of what the graph reshapes lie in the tensor; nothing if that does not fit.
std::optional<std::vector<std::size_t>> order_of(const io::Usage& use, std::size_t rank) {
  std::vector<std::size_t> order(rank);
  for (std::size_t i = 0; i < rank; ++i) order[i] = i;
  if (use.order.empty()) return order;
  if (use.order.front() < 0) {
    std::reverse(order.begin(), order.end());
    return order;
  }
  if (use.order.size() != rank) return std::nullopt;
  for (std::size_t i = 0; i < rank; ++i) order[i] = static_cast<std::size_t>(use.order[i]);
  return order;
}

// The layout of the graph's shape as one of the tensor's: in its own shape if the extents nest. A grouped axis may have
// been joined with another, so that its matrices are those of the graph's shape.
std::optional<Layout> stored(const io::Entry& entry, const io::Usage& use, Layout layout) {
  const auto order = order_of(use, entry.shape.size());
  const bool fits =
      layout.axes.size() == use.view.size() && element_count(use.view) == element_count(entry.shape) && order;
  if (!fits) return std::nullopt;
  Dimensions shape;
  for (const std::size_t axis : *order) shape.push_back(entry.shape[axis]);
  if (layout.groups == 1) {
    if (const auto nested = unfolded(layout.axes, use.view, shape)) {
      layout.axes.resize(shape.size());
      for (std::size_t i = 0; i < shape.size(); ++i) layout.axes[(*order)[i]] = (*nested)[i];
      return layout;
    }
  }
  layout.view = use.view;
  if (!use.order.empty()) layout.order = *order;
  return layout;
}

}  // namespace

std::size_t operand_rank(const io::Entry& entry, const io::Usage& use) {
  return use.view.empty() ? entry.shape.size() : use.view.size();
}

std::optional<Layout> through(const io::Entry& entry, const io::Usage& use, Layout layout) {
  if (use.reshaped && use.view.empty()) return std::nullopt;
  const bool grouped = layout.groups > 1;
  const Axis split = layout.axes[grouped ? layout.split : 0];
  auto axes = permuted(use, std::move(layout.axes));
  if (!axes) return std::nullopt;
  layout.axes = std::move(*axes);
  if (grouped) {
    const auto at = std::find(layout.axes.begin(), layout.axes.end(), split);
    layout.split = static_cast<std::size_t>(at - layout.axes.begin());
  }
  return use.view.empty() ? std::optional(std::move(layout)) : stored(entry, use, std::move(layout));
}

std::optional<std::vector<Axis>> einsum_axes(const io::Usage& use) {
  std::string text;
  for (const char c : use.equation) {
    if (c != ' ') text += c;
  }
  const auto arrow = text.find("->");
  const std::string operands = text.substr(0, arrow);
  const auto comma = operands.find(',');
  if (comma == std::string::npos || operands.find(',', comma + 1) != std::string::npos) return std::nullopt;
  const std::string sides[] = {operands.substr(0, comma), operands.substr(comma + 1)};
  if (use.input != 0 && use.input != 1) return std::nullopt;
  const std::string& own = sides[use.input];
  const std::string& other = sides[1 - use.input];
  // An ellipsis of the other operand stands for the axes of its batch, if the result has them too.
  const bool keeps_batch = arrow == std::string::npos || text.find("...", arrow) != std::string::npos;
  if (own.find('.') != std::string::npos || (other.find('.') != std::string::npos && !keeps_batch)) return std::nullopt;
  // Without an arrow the result has the indices that occur once.
  const auto in_result = [&](char c) {
    if (arrow != std::string::npos) return text.find(c, arrow) != std::string::npos;
    return std::count(operands.begin(), operands.end(), c) == 1;
  };
  std::vector<Axis> axes;
  for (const char c : own) {
    const bool shared = other.find(c) != std::string::npos;
    if (std::count(own.begin(), own.end(), c) != 1 || (!shared && !in_result(c))) return std::nullopt;
    axes.push_back(!in_result(c) ? Axis::in : shared ? Axis::stack : Axis::out);
  }
  return axes;
}

}  // namespace sigmax::audit
