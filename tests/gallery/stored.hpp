// Matrices in storage, with every awkward alignment and stride, and the values that they hold.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "sigmax/core/dtype.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax::gallery {

inline constexpr DType kStorageTypes[] = {DType::f64, DType::f32, DType::f16, DType::bf16};

/// Writes the bits of `value`, rounded to nearest, to element `index` at `to`.
inline void store(DType dtype, double value, std::byte* to, std::size_t index) {
  std::byte* const p = to + index * size_of(dtype);
  const auto write = [p](auto bits) { std::memcpy(p, &bits, sizeof bits); };
  switch (dtype) {
    case DType::f64: return write(value);
    case DType::f32: return write(static_cast<float>(value));
    case DType::f16: return write(double_to_f16(value));
    default: return write(double_to_bf16(value));
  }
}

/// The exact value of element `index` at `from`.
inline double fetch(DType dtype, const std::byte* from, std::size_t index) {
  const std::byte* const p = from + index * size_of(dtype);
  const auto read = [p](auto bits) {
    std::memcpy(&bits, p, sizeof bits);
    return bits;
  };
  switch (dtype) {
    case DType::f64: return read(double());
    case DType::f32: return static_cast<double>(read(float()));
    case DType::f16: return f16_to_double(read(std::uint16_t()));
    default: return bf16_to_double(read(std::uint16_t()));
  }
}

/// A row-major matrix whose first element lies `offset` elements into its buffer and whose rows are `gap` elements
/// apart. Everything between the entries is NaN and the buffer ends with the last entry, so that a kernel that reads
/// outside the matrix is detected.
class Stored {
 public:
  Stored(DType dtype, std::int64_t rows, std::int64_t columns, std::span<const double> values, std::int64_t gap = 0,
         std::int64_t offset = 0)
      : dtype_(dtype), rows_(rows), columns_(columns), stride_(columns + gap), offset_(offset) {
    const std::int64_t elements = offset + (rows > 0 ? (rows - 1) * stride_ + columns : 0);
    bytes_.resize(static_cast<std::size_t>(elements) * size_of(dtype));
    for (std::int64_t i = 0; i < elements; ++i) {
      store(dtype, std::numeric_limits<double>::quiet_NaN(), bytes_.data(), static_cast<std::size_t>(i));
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) set(i, j, values[static_cast<std::size_t>(i * columns + j)]);
    }
  }

  void set(std::int64_t i, std::int64_t j, double value) { store(dtype_, value, bytes_.data(), at(i, j)); }
  double operator()(std::int64_t i, std::int64_t j) const { return fetch(dtype_, bytes_.data(), at(i, j)); }

  kernels::StoredMatrix matrix() const {
    return {dtype_, bytes_.data() + static_cast<std::size_t>(offset_) * size_of(dtype_), rows_, columns_, stride_};
  }

  /// The stored values, row-major without gaps.
  std::vector<double> values() const {
    std::vector<double> all;
    all.reserve(static_cast<std::size_t>(rows_ * columns_));
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = 0; j < columns_; ++j) all.push_back((*this)(i, j));
    }
    return all;
  }

  std::string what() const {
    return std::string(name(dtype_)) + " " + std::to_string(rows_) + "x" + std::to_string(columns_) + " stride " +
           std::to_string(stride_) + " offset " + std::to_string(offset_);
  }

 private:
  std::size_t at(std::int64_t i, std::int64_t j) const { return static_cast<std::size_t>(offset_ + i * stride_ + j); }

  DType dtype_;
  std::int64_t rows_;
  std::int64_t columns_;
  std::int64_t stride_;
  std::int64_t offset_;
  std::vector<std::byte> bytes_;
};

/// Independent standard normal numbers, the same on every machine.
inline std::vector<double> normal(std::int64_t count, std::uint64_t seed) {
  std::vector<double> values(static_cast<std::size_t>(count));
  static_cast<void>(fill_normal(random_state(seed), values));
  return values;
}

/// A tensor of shape [rows, columns] whose bytes lie in column-major order, the values given in row-major order.
inline Tensor column_major(DType dtype, std::int64_t rows, std::int64_t columns, std::span<const double> values) {
  std::vector<double> turned(values.size());
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      turned[static_cast<std::size_t>(j * rows + i)] = values[static_cast<std::size_t>(i * columns + j)];
    }
  }
  const Tensor bytes = Tensor::rounded(turned, {columns, rows}, dtype);
  return {dtype, {rows, columns}, {1, rows}, bytes.data(), bytes.owner()};
}

/// A tensor of shape [rows, columns] with gaps between the elements of a row and between rows.
inline Tensor gapped(DType dtype, std::int64_t rows, std::int64_t columns, std::span<const double> values) {
  const std::int64_t stride = 3 * columns + 2;
  std::vector<double> spread(static_cast<std::size_t>(rows * stride), std::numeric_limits<double>::quiet_NaN());
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      spread[static_cast<std::size_t>(i * stride + 3 * j)] = values[static_cast<std::size_t>(i * columns + j)];
    }
  }
  const Tensor bytes = Tensor::rounded(spread, {rows * stride}, dtype);
  return {dtype, {rows, columns}, {stride, 3}, bytes.data(), bytes.owner()};
}

}  // namespace sigmax::gallery
