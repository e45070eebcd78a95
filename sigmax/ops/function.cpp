#include "sigmax/ops/function.hpp"

#include <utility>

#include "sigmax/ops/parts.hpp"

namespace sigmax {
namespace {

template <Real T>
class FunctionOperator final : public LinearOperator<T> {
 public:
  FunctionOperator(Shape shape, BlockFunction<T> apply, BlockFunction<T> apply_adjoint,
                   FunctionParameters<T> parameters)
      : shape_(shape),
        apply_(std::move(apply)),
        apply_adjoint_(std::move(apply_adjoint)),
        parameters_(std::move(parameters)) {}

  Shape shape() const override { return shape_; }

  std::int64_t parameter_count() const override { return parameters_.count; }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override { apply_(x, y, context); }

  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    apply_adjoint_(y, x, context);
  }

  void pull_back_impl(const Cotangent<T>& g, std::span<T> grad, Context& context) const override {
    parameters_.pull_back(g, grad, context);
  }

  Shape shape_;
  BlockFunction<T> apply_;
  BlockFunction<T> apply_adjoint_;
  FunctionParameters<T> parameters_;
};

}  // namespace

template <Real T>
Operator<T> function_operator(Shape shape, BlockFunction<T> apply, BlockFunction<T> apply_adjoint,
                              FunctionParameters<T> parameters) {
  if (shape.rows < 0 || shape.columns < 0) {
    throw Error(fmt::format("[function_operator] the shape must not be negative, got {}", parts::to_string(shape)));
  }
  if (!apply) throw Error("[function_operator] apply is an empty function");
  if (!apply_adjoint) throw Error("[function_operator] apply_adjoint is an empty function");
  if (parameters.count < 0) {
    throw Error(
        fmt::format("[function_operator] the number of parameters must not be negative, got {}", parameters.count));
  }
  if (parameters.count > 0 && !parameters.pull_back) {
    throw Error(fmt::format("[function_operator] there are {} parameters, but pull_back is an empty function",
                            parameters.count));
  }
  return std::make_shared<FunctionOperator<T>>(shape, std::move(apply), std::move(apply_adjoint),
                                               std::move(parameters));
}

template Operator<float> function_operator<float>(Shape, BlockFunction<float>, BlockFunction<float>,
                                                  FunctionParameters<float>);
template Operator<double> function_operator<double>(Shape, BlockFunction<double>, BlockFunction<double>,
                                                    FunctionParameters<double>);

}  // namespace sigmax
