// An operator known only by its products.
#pragma once

#include <utility>

#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// The products of `inner` and nothing else: no structure, no float form, and the Gram products of the base class.
template <Real T>
class OpaqueOperator : public LinearOperator<T> {
 public:
  explicit OpaqueOperator(Operator<T> inner) : inner_(std::move(inner)) {}
  Shape shape() const override { return inner_->shape(); }

 protected:
  const LinearOperator<T>& inner() const { return *inner_; }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override {
    inner_->apply(x, y, context);
  }
  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    inner_->apply_adjoint(y, x, context);
  }
  Operator<T> inner_;
};

}  // namespace sigmax
