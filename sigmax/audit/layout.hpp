// How the axes of a tensor form a matrix or a batch of matrices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sigmax/core/tensor.hpp"

namespace sigmax::audit {

/// The meaning of one axis of a weight. Rows of the matrix are `out` and `entries`; columns are `in`, `kernel` and
/// `width`; a `stack` axis runs over matrices.
enum class Axis : std::uint8_t { stack, out, in, kernel, entries, width };

/// The meaning of each axis, and the groups of a grouped convolution. The groups divide the axis `split`: `out` for a
/// convolution, `in` for a transposed or depthwise one. The other channel axis counts the channels of one group.
struct Layout {
  std::vector<Axis> axes;
  std::int64_t groups = 1;
  std::size_t split = 0;
  /// Not empty: the axes are those of the tensor's elements, in their own order, in this shape. With `order`, axis
  /// order[i] of the tensor comes as axis i before they are counted.
  Dimensions view{};
  std::vector<std::size_t> order{};
};

/// `[out, in]`, `[out, in / 32, kernel, kernel]`; `[stack x out, in]` for matrices stacked vertically; `[3, 8] as
/// [in, out]` for a view, `[3, 8] of axes (1, 0, 2) as [in, out]` for one with an order.
std::string layout_text(const Layout& layout);

/// A tensor seen as a batch: `batch` matrices of rows x columns.
struct BlockShape {
  std::int64_t batch = 1;
  std::int64_t rows = 1;
  std::int64_t columns = 1;
};

/// The layout must have one axis per dimension (of its view, which has as many elements as the shape), and its groups
/// must divide the axis that they split.
BlockShape block_shape(const Layout& layout, const Dimensions& shape);

/// The product of the kernel axes' extents; 1 without any.
std::int64_t kernel_taps(const Layout& layout, const Dimensions& shape);

/// The extents of the index of a matrix in the batch: those of the stack axes, or the number of groups. Empty for a
/// single matrix.
Dimensions stack_shape(const Layout& layout, const Dimensions& shape);

/// The tensor with the axes that the layout counts: in its view, if it has one. Shares the bytes where strides can.
Tensor as_laid_out(const Tensor& tensor, const Layout& layout);

/// The matrices of the batch, each 2-dimensional. They share the tensor's bytes if strides can express the order of the
/// elements; otherwise the tensor is copied once.
std::vector<Tensor> blocks_of(const Tensor& tensor, const Layout& layout);

/// The index, in the tensor's own shape, of entry (row, column) of matrix `block`.
Dimensions tensor_index(const Layout& layout, const Dimensions& shape, std::int64_t block, std::int64_t row,
                        std::int64_t column);

}  // namespace sigmax::audit
