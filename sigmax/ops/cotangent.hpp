// The gradient with respect to an operator as a short sum of outer products, never as a dense matrix.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/core/view.hpp"

namespace sigmax {

/// sum_i w_i u_i v_i^T: the gradient of a number with respect to the entries of A, as views. The gradient of sigma_1 is
/// one term, (u_1, v_1, 1); the gradient of a function of singular values has one term per triplet.
template <Real T>
struct Cotangent {
  MatrixView<const T> u;            ///< rows x r
  MatrixView<const T> v;            ///< columns x r
  std::span<const double> weights;  ///< r; in double whatever T is

  std::int64_t terms() const noexcept { return static_cast<std::int64_t>(weights.size()); }
};

/// A cotangent with memory of its own.
template <Real T>
struct OuterSum {
  Matrix<T> u;                  ///< rows x r
  Matrix<T> v;                  ///< columns x r
  std::vector<double> weights;  ///< r

  OuterSum() = default;
  OuterSum(Matrix<T> left, Matrix<T> right, std::vector<double> all_weights)
      : u(std::move(left)), v(std::move(right)), weights(std::move(all_weights)) {}
  OuterSum(std::int64_t rows, std::int64_t columns, std::int64_t terms)
      : u(rows, terms), v(columns, terms), weights(static_cast<std::size_t>(terms), 1.0) {}

  /// Views of this cotangent, valid while it lives.
  Cotangent<T> view() const { return {u.view(), v.view(), weights}; }
};

}  // namespace sigmax
