// The contract that every solver works against: whatever has singular values is a linear operator.
#pragma once

#include <cstdint>
#include <memory>

#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax {

/// rows x columns: the operator maps vectors of `columns` entries to vectors of `rows` entries.
struct Shape {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  bool operator==(const Shape&) const = default;
};

/// A real linear operator A. The smallest useful one:
///
///     class Twice final : public LinearOperator<double> {
///      public:
///       Shape shape() const override { return {3, 3}; }
///      private:
///       void apply_impl(MatrixView<const double> x, MatrixView<double> y, Context&) const override {
///         for (int i = 0; i < 3; ++i) y.data[i] = 2 * x.data[i];
///       }
///       void apply_adjoint_impl(MatrixView<const double> y, MatrixView<double> x, Context& c) const override {
///         apply_impl(y, x, c);
///       }
///     };
///
/// The public functions check shapes and call the _impl functions once a column; inputs and outputs must not overlap.
template <Real T>
class LinearOperator {
 public:
  virtual ~LinearOperator() = default;

  virtual Shape shape() const = 0;

  /// y = A x for a block of columns. Throws Error if the shapes do not fit.
  void apply(MatrixView<const T> x, MatrixView<T> y, Context& context) const;

  /// x = A^T y for a block of columns. Throws Error if the shapes do not fit.
  void apply_adjoint(MatrixView<const T> y, MatrixView<T> x, Context& context) const;

  /// z = A^T A x for a block of columns, in one read of A where the operator can. Throws Error if the shapes do not
  /// fit.
  void apply_gram(MatrixView<const T> x, MatrixView<T> z, Context& context) const;

  /// The stored matrix that this operator is, or that it is the transpose of (the singular values are the same): what
  /// proofs need. Null if it is neither.
  virtual const kernels::StoredMatrix* stored() const noexcept { return nullptr; }

 private:
  virtual void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const = 0;
  virtual void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const = 0;
  virtual void apply_gram_impl(MatrixView<const T> x, MatrixView<T> z, Context& context) const;
};

template <Real T>
using Operator = std::shared_ptr<const LinearOperator<T>>;

extern template class LinearOperator<double>;

}  // namespace sigmax
