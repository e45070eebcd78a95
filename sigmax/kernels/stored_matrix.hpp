// A matrix as it is stored: every kernel reads this.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sigmax/core/dtype.hpp"

namespace sigmax::kernels {

/// A row-major matrix of f64, f32, f16 or bf16 elements with `stride` elements from one row to the next. A column-major
/// matrix is the row-major view of its transpose. The data is aligned for its type.
struct StoredMatrix {
  DType dtype = DType::f64;
  const std::byte* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t stride = 0;

  std::int64_t size() const noexcept { return rows * columns; }

  /// Rows [first, first + count).
  StoredMatrix row_range(std::int64_t first, std::int64_t count) const noexcept {
    StoredMatrix part = *this;
    part.data += static_cast<std::size_t>(first * stride) * size_of(dtype);
    part.rows = count;
    return part;
  }
};

}  // namespace sigmax::kernels
