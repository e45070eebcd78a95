// A matrix in the other of the two compute types. Internal to the library.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <utility>

#include "sigmax/core/matrix.hpp"
#include "sigmax/core/view.hpp"

namespace sigmax {

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
