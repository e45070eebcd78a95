#include "sigmax/ops/function.hpp"

#include <utility>

#include "sigmax/ops/parts.hpp"

namespace sigmax {
namespace {

template <Real T>
class FunctionOperator final : public LinearOperator<T> {
 public:
  FunctionOperator(Shape shape, BlockFunction<T> apply, BlockFunction<T> apply_adjoint)
      : shape_(shape), apply_(std::move(apply)), apply_adjoint_(std::move(apply_adjoint)) {}

  Shape shape() const override { return shape_; }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override { apply_(x, y, context); }

  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    apply_adjoint_(y, x, context);
  }

  Shape shape_;
  BlockFunction<T> apply_;
  BlockFunction<T> apply_adjoint_;
};

}  // namespace

template <Real T>
Operator<T> function_operator(Shape shape, BlockFunction<T> apply, BlockFunction<T> apply_adjoint) {
  if (shape.rows < 0 || shape.columns < 0) {
    throw Error(fmt::format("[function_operator] a shape is not negative, got {}", parts::to_string(shape)));
  }
  if (!apply) throw Error("[function_operator] apply is an empty function");
  if (!apply_adjoint) throw Error("[function_operator] apply_adjoint is an empty function");
  return std::make_shared<FunctionOperator<T>>(shape, std::move(apply), std::move(apply_adjoint));
}

template Operator<float> function_operator<float>(Shape, BlockFunction<float>, BlockFunction<float>);
template Operator<double> function_operator<double>(Shape, BlockFunction<double>, BlockFunction<double>);

}  // namespace sigmax
