// What one read of a stored matrix serves.
#pragma once

#include <cstdint>

namespace sigmax::kernels {

/// Columns of X that the products of matvec.hpp multiply in one read of A.
inline constexpr std::int64_t kColumnsARead = 8;

/// Reads of A that a product with `columns` columns takes.
constexpr std::int64_t reads_of(std::int64_t columns) { return (columns + kColumnsARead - 1) / kColumnsARead; }

}  // namespace sigmax::kernels
