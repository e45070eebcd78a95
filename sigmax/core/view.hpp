// Column-major views of dense blocks of vectors.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <type_traits>

namespace sigmax {

/// What solvers compute in. Storage types are more (DType); compute types are these two.
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

  /// One vector.
  template <class U>
  requires std::convertible_to<U*, T*> MatrixView(
      std::span<U> vector)  // NOLINT(google-explicit-constructor): a vector is a matrix of one column
      : MatrixView(vector.data(), static_cast<std::int64_t>(vector.size()), 1) {}

  /// A view of constants from a view of variables.
  operator MatrixView<const T>() const  // NOLINT(google-explicit-constructor)
      requires(!std::is_const_v<T>) {
    return {data, rows, columns, stride};
  }

  std::span<T> column(std::int64_t j) const { return {data + j * stride, static_cast<std::size_t>(rows)}; }
};

}  // namespace sigmax
