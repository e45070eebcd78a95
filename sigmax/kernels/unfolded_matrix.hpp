// A weight of any number of dimensions, read in place as the matrix whose rows are the entries of one dimension.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "sigmax/core/dtype.hpp"

namespace sigmax::kernels {

/// The matrix of `rows` rows and `segments * inner` columns with
///
///     entry (r, s inner + i)  at  data[s segment_stride + r row_stride + i],     0 <= i < inner
///
/// in elements of f64, f32, f16 or bf16. A row-major tensor [o..., rows, i...] with the dimension `rows` moved to the
/// front and the others flattened is such a matrix with segments = prod o, inner = prod i, row_stride = inner and
/// segment_stride = rows inner: one segment where the dimension is the first, inner = 1 where it is the last. A view of
/// some of the rows keeps the strides. `Byte` is std::byte for memory that is written.
template <class Byte>
requires std::same_as<std::remove_const_t<Byte>, std::byte>
struct Unfolded {
  DType dtype = DType::f32;
  Byte* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t segments = 1;
  std::int64_t inner = 0;
  std::int64_t row_stride = 0;
  std::int64_t segment_stride = 0;

  std::int64_t columns() const noexcept { return segments * inner; }
  std::int64_t size() const noexcept { return rows * columns(); }
  std::int64_t bytes() const noexcept { return size() * static_cast<std::int64_t>(size_of(dtype)); }

  /// Element (r, s inner).
  Byte* run(std::int64_t row, std::int64_t segment) const noexcept {
    return data + (segment * segment_stride + row * row_stride) * static_cast<std::int64_t>(size_of(dtype));
  }

  /// True for one segment without gaps between rows, or for several that follow each other without gaps.
  bool is_contiguous() const noexcept {
    return (rows <= 1 || row_stride == inner) && (segments <= 1 || segment_stride == rows * inner);
  }

  /// Conversion to a view of constants.
  operator Unfolded<const std::byte>() const noexcept  // NOLINT(google-explicit-constructor)
      requires(!std::is_const_v<Byte>) {
    return {dtype, data, rows, segments, inner, row_stride, segment_stride};
  }
};

using UnfoldedMatrix = Unfolded<const std::byte>;
using UnfoldedOutput = Unfolded<std::byte>;

}  // namespace sigmax::kernels
