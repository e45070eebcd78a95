// Matrices in the other of the two compute types, and stored matrices in double. Internal to the library.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <utility>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax {

/// Doubles in row-major order without gaps, as kernels take them. Borrowed.
kernels::StoredMatrix stored_matrix(const double* values, std::int64_t rows, std::int64_t columns);

/// out[i * columns + j] = scale a_ij, row-major without gaps; exact if scale is a power of two and nothing underflows.
/// One read of A, on all threads. Throws Error if the storage type is not real.
void in_double(const kernels::StoredMatrix& a, double scale, double* out, Context& context);

/// x in `To`: exact from float to double, rounded to nearest from double to float.
template <Real To, Real From>
Matrix<To> converted(MatrixView<const From> x) {
  Matrix<To> result(x.rows, x.columns);
  for (std::int64_t j = 0; j < x.columns; ++j) {
    std::ranges::transform(x.column(j), result.column(j).begin(), [](From value) { return static_cast<To>(value); });
  }
  return result;
}

template <Real To, Real From>
Matrix<To> converted(const Matrix<From>& x) {
  return converted<To, From>(x.view());
}

/// Without a copy where the type is the same.
template <Real To, Real From>
Matrix<To> converted(Matrix<From>&& x) {
  if constexpr (std::same_as<To, From>) {
    return std::move(x);
  } else {
    return converted<To, From>(std::as_const(x).view());
  }
}

}  // namespace sigmax
