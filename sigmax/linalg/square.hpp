// Square matrices: the check and the identity. Internal to the library.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "sigmax/core/error.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax {

/// Throws Error, in the name of `who`, if the matrix is not square.
inline void require_square(std::string_view who, const Matrix<double>& a) {
  if (a.rows() == a.columns()) return;
  throw Error(fmt::format("[{}] the matrix must be square, got {}x{}", who, a.rows(), a.columns()));
}

inline Matrix<double> identity(std::int64_t n) {
  Matrix<double> result(n, n);
  for (std::int64_t i = 0; i < n; ++i) result(i, i) = 1;
  return result;
}

}  // namespace sigmax
