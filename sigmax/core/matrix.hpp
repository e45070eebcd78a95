// A block of column vectors that owns its memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/core/view.hpp"

namespace sigmax {

/// A column-major matrix, initially all zeros: element (i, j) is at values()[i + j * rows()].
template <Real T>
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::int64_t rows, std::int64_t columns)
      : rows_(rows), columns_(columns), values_(static_cast<std::size_t>(rows * columns)) {}

  std::int64_t rows() const noexcept { return rows_; }
  std::int64_t columns() const noexcept { return columns_; }
  bool empty() const noexcept { return values_.empty(); }

  T& operator()(std::int64_t i, std::int64_t j) { return values_[static_cast<std::size_t>(i + j * rows_)]; }
  T operator()(std::int64_t i, std::int64_t j) const { return values_[static_cast<std::size_t>(i + j * rows_)]; }

  MatrixView<T> view() { return {values_.data(), rows_, columns_}; }
  MatrixView<const T> view() const { return {values_.data(), rows_, columns_}; }
  std::span<T> column(std::int64_t j) { return view().column(j); }
  std::span<const T> column(std::int64_t j) const { return view().column(j); }
  std::span<T> values() noexcept { return values_; }
  std::span<const T> values() const noexcept { return values_; }

  bool operator==(const Matrix&) const = default;

 private:
  std::int64_t rows_ = 0;
  std::int64_t columns_ = 0;
  std::vector<T> values_;
};

}  // namespace sigmax
