// Column-major views of dense blocks of vectors.
#pragma once

#include <concepts>
#include <cstdint>
#include <ranges>
#include <span>
#include <type_traits>

namespace sigmax {

/// A type that solvers compute in. There are more storage types (DType); these two are all compute types.
template <class T>
concept Real = std::same_as<T, float> || std::same_as<T, double>;

/// A block of column vectors: element (i, j) at data[i + j * stride]. `T` may be const.
template <class T>
requires Real<std::remove_const_t<T>>
struct MatrixView {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t stride = 0;  ///< elements from one column to the next, at least `rows`

  MatrixView() = default;
  MatrixView(T* first, std::int64_t row_count, std::int64_t column_count, std::int64_t column_stride)
      : data(first), rows(row_count), columns(column_count), stride(column_stride) {}
  MatrixView(T* first, std::int64_t row_count, std::int64_t column_count)
      : MatrixView(first, row_count, column_count, row_count) {}

  /// A single vector: a span, a std::vector or an array. It must outlive the view.
  template <std::ranges::contiguous_range Vector>
  requires std::convertible_to<std::add_pointer_t<std::remove_reference_t<std::ranges::range_reference_t<Vector>>>, T*>
  MatrixView(Vector&& vector)  // NOLINT(google-explicit-constructor,bugprone-forwarding-reference-overload)
      : MatrixView(std::ranges::data(vector), static_cast<std::int64_t>(std::ranges::size(vector)), 1) {}

  /// Conversion to a view of constants.
  operator MatrixView<const T>() const  // NOLINT(google-explicit-constructor)
      requires(!std::is_const_v<T>) {
    return {data, rows, columns, stride};
  }

  std::span<T> column(std::int64_t j) const { return {data + j * stride, static_cast<std::size_t>(rows)}; }

  /// Columns [first, first + count).
  MatrixView column_range(std::int64_t first, std::int64_t count) const {
    return {data + first * stride, rows, count, stride};
  }
};

}  // namespace sigmax
