#include "sigmax/audit/layout.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <string_view>
#include <utility>

namespace sigmax::audit {
namespace {

const Dimensions& seen_shape(const Layout& layout, const Dimensions& shape) {
  return layout.view.empty() ? shape : layout.view;
}

// What a layout's view is of: the tensor with its axes in the layout's order.
Tensor ordered(const Tensor& tensor, const Layout& layout) {
  if (layout.order.empty()) return tensor;
  Dimensions extents, strides;
  for (const std::size_t axis : layout.order) {
    extents.push_back(tensor.shape()[axis]);
    strides.push_back(tensor.strides()[axis]);
  }
  return Tensor(tensor.dtype(), std::move(extents), std::move(strides), tensor.data(), tensor.owner());
}

// Where an element of the view is in the tensor.
Dimensions index_before_view(const Layout& layout, const Dimensions& shape, const Dimensions& index) {
  std::int64_t linear = 0;
  for (std::size_t d = 0; d < index.size(); ++d) linear = linear * layout.view[d] + index[d];
  Dimensions stored(shape.size(), 0);
  for (std::size_t d = shape.size(); d-- > 0;) {
    const std::size_t axis = layout.order.empty() ? d : layout.order[d];
    stored[axis] = linear % shape[axis];
    linear /= shape[axis];
  }
  return stored;
}

bool is_row(Axis axis) { return axis == Axis::out || axis == Axis::entries; }

std::string_view axis_name(Axis axis) {
  switch (axis) {
    case Axis::stack: return "stack";
    case Axis::out: return "out";
    case Axis::in: return "in";
    case Axis::kernel: return "kernel";
    case Axis::entries: return "entries";
    case Axis::width: return "width";
  }
  return "out";
}

// The dimensions of a tensor, a split axis counted as two, are sorted into the three dimensions of a batch. Each one
// stores its axis in the tensor, and how many steps along that axis make one step of its own.
struct AxisPart {
  std::size_t axis;
  std::int64_t extent;
  std::int64_t step;
};

struct Order {
  std::vector<AxisPart> batch, rows, columns;
};

Order order_of(const Layout& layout, const Dimensions& stored) {
  const Dimensions& shape = seen_shape(layout, stored);
  Order order;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const Axis axis = layout.axes[d];
    std::int64_t extent = shape[d];
    if (d == layout.split && layout.groups > 1) {
      extent /= layout.groups;
      order.batch.push_back({d, layout.groups, extent});
    }
    (axis == Axis::stack ? order.batch : is_row(axis) ? order.rows : order.columns).push_back({d, extent, 1});
  }
  return order;
}

std::int64_t extent_of(const std::vector<AxisPart>& parts) {
  std::int64_t extent = 1;
  for (const AxisPart& part : parts) extent *= part.extent;
  return extent;
}

// The stride of all parts combined into one dimension, if there is one.
std::optional<std::int64_t> joint_stride(const std::vector<AxisPart>& parts, const Dimensions& strides) {
  std::int64_t joint = 0;
  std::int64_t inner = 1;  // elements of the parts so far
  bool any = false;
  for (std::size_t p = parts.size(); p-- > 0;) {
    if (parts[p].extent == 1) continue;
    const std::int64_t stride = strides[parts[p].axis] * parts[p].step;
    if (!any) joint = stride;
    if (any && stride != joint * inner) return std::nullopt;
    any = true;
    inner *= parts[p].extent;
  }
  return any ? joint : 1;
}

// Adds the linear index `rest` along all parts to the index in the tensor.
void add_index(const std::vector<AxisPart>& parts, std::int64_t rest, Dimensions& index) {
  for (std::size_t p = parts.size(); p-- > 0;) {
    index[parts[p].axis] += rest % parts[p].extent * parts[p].step;
    rest /= parts[p].extent;
  }
}

Tensor as_batch(const Tensor& tensor, const Order& order) {
  const Dimensions shape = {extent_of(order.batch), extent_of(order.rows), extent_of(order.columns)};
  const auto batch = joint_stride(order.batch, tensor.strides());
  const auto rows = joint_stride(order.rows, tensor.strides());
  const auto columns = joint_stride(order.columns, tensor.strides());
  if (batch && rows && columns) {
    return Tensor(tensor.dtype(), shape, {*batch, *rows, *columns}, tensor.data(), tensor.owner());
  }
  Dimensions extents, strides;
  for (const auto* parts : {&order.batch, &order.rows, &order.columns}) {
    for (const AxisPart& part : *parts) {
      extents.push_back(part.extent);
      strides.push_back(tensor.strides()[part.axis] * part.step);
    }
  }
  const Tensor permuted(tensor.dtype(), std::move(extents), std::move(strides), tensor.data(), tensor.owner());
  return permuted.reshaped(shape);
}

}  // namespace

std::string layout_text(const Layout& layout) {
  std::string text;
  // With only two axes, one axis holds the matrices of a stack, one after another.
  if (layout.groups > 1 && layout.axes.size() == 2) {
    const auto part = [&](std::size_t d) {
      return fmt::format("{}{}", d == layout.split ? "stack x " : "", axis_name(layout.axes[d]));
    };
    return fmt::format("[{}, {}]", part(0), part(1));
  }
  // The axis that is not split counts the channels of one group.
  std::optional<Axis> counted;
  if (layout.groups > 1) counted = layout.axes[layout.split] == Axis::out ? Axis::in : Axis::out;
  for (const Axis axis : layout.axes) {
    text += fmt::format("{}{}", text.empty() ? "[" : ", ", axis_name(axis));
    if (counted == axis) text += fmt::format(" / {}", layout.groups);
  }
  text += "]";
  if (layout.view.empty()) return text;
  const std::string of =
      layout.order.empty() ? std::string() : fmt::format(" of axes ({})", fmt::join(layout.order, ", "));
  return fmt::format("{}{} as {}", to_string(layout.view), of, text);
}

BlockShape block_shape(const Layout& layout, const Dimensions& shape) {
  const Order order = order_of(layout, shape);
  return {extent_of(order.batch), extent_of(order.rows), extent_of(order.columns)};
}

std::int64_t kernel_taps(const Layout& layout, const Dimensions& stored) {
  const Dimensions& shape = seen_shape(layout, stored);
  std::int64_t taps = 1;
  for (std::size_t d = 0; d < shape.size(); ++d) taps *= layout.axes[d] == Axis::kernel ? shape[d] : 1;
  return taps;
}

Dimensions stack_shape(const Layout& layout, const Dimensions& shape) {
  Dimensions extents;
  for (const AxisPart& part : order_of(layout, shape).batch) extents.push_back(part.extent);
  return extents;
}

Tensor as_laid_out(const Tensor& tensor, const Layout& layout) {
  return layout.view.empty() ? tensor : ordered(tensor, layout).reshaped(layout.view);
}

std::vector<Tensor> blocks_of(const Tensor& tensor, const Layout& layout) {
  const Order order = order_of(layout, tensor.shape());
  const Tensor batch = as_batch(as_laid_out(tensor, layout), order);
  std::vector<Tensor> blocks;
  for (std::int64_t b = 0; b < batch.shape()[0]; ++b) blocks.push_back(batch.slice(b));
  return blocks;
}

Dimensions tensor_index(const Layout& layout, const Dimensions& shape, std::int64_t block, std::int64_t row,
                        std::int64_t column) {
  const Order order = order_of(layout, shape);
  Dimensions index(seen_shape(layout, shape).size(), 0);
  add_index(order.batch, block, index);
  add_index(order.rows, row, index);
  add_index(order.columns, column, index);
  return layout.view.empty() ? index : index_before_view(layout, shape, index);
}

}  // namespace sigmax::audit
