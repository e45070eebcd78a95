// The Gram operator on the shorter side of A, with its products counted. Internal to the library.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <variant>

#include "sigmax/core/matrix.hpp"
#include "sigmax/kernels/reads.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// C = A^T A, or A A^T: eigenvectors are the right or the left singular vectors. It is on the shorter side with one
/// exception: a stored matrix whose rows lie one after another has A^T A in one pass and A A^T in two slow ones, so A^T
/// A is taken unless its vectors are more than kLonger times as long.
template <Real T>
class GramSide {
 public:
  GramSide(const LinearOperator<T>& a, Context& context)
      : a_(a), context_(context), right_(is_right(a.shape(), a.structure())) {}

  bool right() const noexcept { return right_; }
  /// The length of its vectors.
  std::int64_t order() const { return right_ ? a_.shape().columns : a_.shape().rows; }

  /// z = C x
  void multiply(MatrixView<const T> x, MatrixView<T> z) {
    if (right_) {
      a_.apply_gram(x, z, context_);
    } else {
      a_.apply_outer_gram(x, z, context_);
    }
    count(x.columns);
  }

  /// Right singular vectors as vectors of this side: themselves, or A times them.
  Matrix<T> from_right(const Matrix<T>& v) {
    if (right_ || v.columns() == 0) return v;
    Matrix<T> u(a_.shape().rows, v.columns());
    a_.apply(v.view(), u.view(), context_);
    count(v.columns());
    return u;
  }

  /// Vectors of this side as right singular vectors: themselves, or A^T times them.
  Matrix<T> to_right(Matrix<T> x) {
    if (right_) return x;
    Matrix<T> v(a_.shape().columns, x.columns());
    a_.apply_adjoint(std::as_const(x).view(), v.view(), context_);
    count(x.columns());
    return v;
  }

  /// Counts products with this many vectors that were made elsewhere.
  void count(std::int64_t columns) {
    products_ += columns;
    reads_ += kernels::reads_of(columns);
  }

  const LinearOperator<T>& a() const noexcept { return a_; }
  Context& context() const noexcept { return context_; }
  std::int64_t products() const noexcept { return products_; }
  std::int64_t reads() const noexcept { return reads_; }

 private:
  static bool is_right(const Shape& shape, const Structure<T>& structure) {
    const auto* stored = std::get_if<structure::Stored>(&structure);
    if (stored == nullptr) return shape.columns <= shape.rows;
    if (stored->transposed) return shape.rows > kLonger * shape.columns;
    return shape.columns <= kLonger * shape.rows;
  }

  static constexpr std::int64_t kLonger = 8;

  const LinearOperator<T>& a_;
  Context& context_;
  bool right_;
  std::int64_t products_ = 0;
  std::int64_t reads_ = 0;
};

}  // namespace sigmax
