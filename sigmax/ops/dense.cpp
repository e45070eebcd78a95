#include "sigmax/ops/dense.hpp"

#include <fmt/format.h>

#include "sigmax/core/error.hpp"
#include "sigmax/kernels/matvec.hpp"
#include "sigmax/kernels/outer.hpp"

namespace sigmax {
namespace {

template <Real T>
class Dense final : public LinearOperator<T> {
 public:
  explicit Dense(StoredView view) : view_(std::move(view)) {}

  Shape shape() const override {
    const kernels::StoredMatrix& a = view_.matrix;
    return view_.transposed ? Shape{a.columns, a.rows} : Shape{a.rows, a.columns};
  }

  Structure<T> structure() const override { return structure::Stored{&view_.matrix, view_.transposed}; }

  std::int64_t parameter_count() const override { return view_.matrix.size(); }

  Operator<float> in_single() const override {
    if constexpr (std::same_as<T, double>) return std::make_shared<Dense<float>>(view_);
    return nullptr;
  }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override {
    if (view_.transposed) {
      kernels::multiply_transposed<T>(view_.matrix, x, y, context);
    } else {
      kernels::multiply<T>(view_.matrix, x, y, context);
    }
  }

  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    if (view_.transposed) {
      kernels::multiply<T>(view_.matrix, y, x, context);
    } else {
      kernels::multiply_transposed<T>(view_.matrix, y, x, context);
    }
  }

  void apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const override {
    if (!view_.transposed) return kernels::gram<T>(view_.matrix, x, y, z, context);
    if (y.data == nullptr) return kernels::outer_gram<T>(view_.matrix, x, z, context);
    apply_impl(x, y, context);
    apply_adjoint_impl(y, z, context);
  }

  void apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context& context) const override {
    if (view_.transposed) return kernels::gram<T>(view_.matrix, y, {}, z, context);
    kernels::outer_gram<T>(view_.matrix, y, z, context);
  }

  void pull_back_impl(const Cotangent<T>& g, std::span<T> grad, Context& context) const override {
    kernels::add_outer<T>(g.u, g.v, g.weights, grad.data(), g.v.rows, context);
  }

  StoredView view_;
};

}  // namespace

StoredView stored_view(const Tensor& weight) {
  if (weight.rank() != 2) {
    throw Error(fmt::format("[dense] a matrix has 2 dimensions, got shape {}", to_string(weight.shape())));
  }
  if (!is_real(weight.dtype())) {
    throw Error(fmt::format("[dense] {} does not store real numbers", name(weight.dtype())));
  }
  const std::int64_t rows = weight.shape()[0];
  const std::int64_t columns = weight.shape()[1];
  const std::int64_t row_stride = weight.strides()[0];
  const std::int64_t column_stride = weight.strides()[1];
  if (weight.size() == 0 || ((column_stride == 1 || columns == 1) && (row_stride >= columns || rows == 1))) {
    return {weight, {weight.dtype(), weight.data(), rows, columns, rows == 1 ? columns : row_stride}, false};
  }
  if ((row_stride == 1 || rows == 1) && (column_stride >= rows || columns == 1)) {
    return {weight, {weight.dtype(), weight.data(), columns, rows, columns == 1 ? rows : column_stride}, true};
  }
  return stored_view(weight.compact());
}

template <Real T>
Operator<T> dense(Tensor weight) {
  return std::make_shared<Dense<T>>(stored_view(weight));
}

template Operator<float> dense<float>(Tensor);
template Operator<double> dense<double>(Tensor);

}  // namespace sigmax
