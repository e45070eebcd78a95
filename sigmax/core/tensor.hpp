// A typed, shaped, strided array that keeps its bytes alive without owning a copy of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sigmax/core/dtype.hpp"

namespace sigmax {

using Dimensions = std::vector<std::int64_t>;

/// Product of the dimensions, 1 for rank 0; no value if a dimension is negative or the product exceeds 2^63 - 1.
std::optional<std::int64_t> element_count(std::span<const std::int64_t> shape) noexcept;

/// `[64, 3, 7, 7]`, as messages and tables print it.
std::string to_string(std::span<const std::int64_t> shape);

/// Strides, in elements, of a row-major (C order) array of this shape.
Dimensions row_major_strides(std::span<const std::int64_t> shape);

/// A read-only array: bytes, type, shape and strides, and a handle that keeps the bytes alive (a file mapping, a heap
/// buffer, a foreign library's array). Copying a Tensor copies the handle, not the bytes.
///
/// Strides count elements and may be zero (an expanded tensor) but not negative.
class Tensor {
 public:
  Tensor() = default;

  /// A row-major tensor over `data`; `owner` is released with the last copy.
  Tensor(DType dtype, Dimensions shape, const std::byte* data, std::shared_ptr<const void> owner);

  /// A tensor over `data` with these strides. Throws Error if there is not one stride for each dimension or one is
  /// negative.
  Tensor(DType dtype, Dimensions shape, Dimensions strides, const std::byte* data, std::shared_ptr<const void> owner);

  /// A tensor over memory of the caller's, which is not copied: it must stay where it is, and keep its values, while
  /// the tensor or anything made of it is in use. Row-major without gaps; or with strides in elements, of which {1,
  /// rows} makes a matrix of column-major values. Throws Error if the values are not as many as the shape holds, or end
  /// before the last element that the strides lead to.
  static Tensor view_of(std::span<const double> values, Dimensions shape);
  static Tensor view_of(std::span<const float> values, Dimensions shape);
  static Tensor view_of(std::span<const double> values, Dimensions shape, Dimensions strides);
  static Tensor view_of(std::span<const float> values, Dimensions shape, Dimensions strides);
  /// Memory that is gone when the call returns.
  template <class T>
  static Tensor view_of(std::vector<T>&& values, Dimensions shape, Dimensions strides = {}) = delete;

  /// A row-major tensor with its own copy of `values`. Throws Error if the shape does not hold exactly as many.
  static Tensor copy_of(std::span<const double> values, Dimensions shape);
  static Tensor copy_of(std::span<const float> values, Dimensions shape);

  /// Values rounded to nearest into any real storage type.
  static Tensor rounded(std::span<const double> values, Dimensions shape, DType dtype);

  DType dtype() const noexcept { return dtype_; }
  const Dimensions& shape() const noexcept { return shape_; }
  const Dimensions& strides() const noexcept { return strides_; }
  std::size_t rank() const noexcept { return shape_.size(); }
  std::int64_t size() const noexcept { return size_; }
  const std::byte* data() const noexcept { return data_; }
  const std::shared_ptr<const void>& owner() const noexcept { return owner_; }

  /// True if the elements lie without gaps in row-major order.
  bool is_row_major() const noexcept;

  /// The sub-tensor at `index` of the first dimension, sharing the bytes. Throws Error out of range.
  Tensor slice(std::int64_t index) const;

  /// The sub-tensor of the indices [first, first + count) of the first dimension, sharing the bytes. Throws Error out
  /// of range.
  Tensor range(std::int64_t first, std::int64_t count) const;

  /// The same elements in row-major order under another shape. A strided tensor is copied first. Throws Error if the
  /// element counts differ.
  Tensor reshaped(Dimensions shape) const;

  /// A row-major tensor of the same values: the tensor itself if it is row-major already, otherwise a copy.
  Tensor compact() const;

  /// One element of a real tensor, in double. `index` has one entry per dimension. For tests and small reads.
  double at(std::span<const std::int64_t> index) const;

 private:
  DType dtype_ = DType::f32;
  Dimensions shape_;
  Dimensions strides_;
  std::int64_t size_ = 0;
  const std::byte* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};

}  // namespace sigmax
