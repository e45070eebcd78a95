// A stored matrix as an operator for svd(). Internal to bounds/.
#pragma once

#include "sigmax/kernels/matvec.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::bounds {

/// Does not own the matrix. Computes in double throughout (no in_single()), so that a recurrence is one of doubles.
class StoredOperator final : public LinearOperator<double> {
 public:
  explicit StoredOperator(const kernels::StoredMatrix& a) : a_(a) {}

  Shape shape() const override { return {a_.rows, a_.columns}; }
  Structure<double> structure() const override { return structure::Stored{&a_, false}; }

 private:
  void apply_impl(MatrixView<const double> x, MatrixView<double> y, Context& context) const override {
    kernels::multiply<double>(a_, x, y, context);
  }
  void apply_adjoint_impl(MatrixView<const double> y, MatrixView<double> x, Context& context) const override {
    kernels::multiply_transposed<double>(a_, y, x, context);
  }
  void apply_gram_impl(MatrixView<const double> x, MatrixView<double> y, MatrixView<double> z,
                       Context& context) const override {
    kernels::gram<double>(a_, x, y, z, context);
  }
  void apply_outer_gram_impl(MatrixView<const double> y, MatrixView<double> z, Context& context) const override {
    kernels::outer_gram<double>(a_, y, z, context);
  }

  kernels::StoredMatrix a_;
};

}  // namespace sigmax::bounds
