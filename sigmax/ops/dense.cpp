#include "sigmax/ops/dense.hpp"

#include <utility>

#include "sigmax/kernels/matvec.hpp"
#include "sigmax/kernels/outer.hpp"

namespace sigmax {
namespace {

template <Real T>
class Dense final : public LinearOperator<T> {
 public:
  explicit Dense(StoredView view, bool has_float_form = true)
      : view_(std::move(view)), has_float_form_(has_float_form) {}

  Shape shape() const override {
    const kernels::StoredMatrix& a = view_.matrix;
    return view_.transposed ? Shape{a.columns, a.rows} : Shape{a.rows, a.columns};
  }

  Structure<T> structure() const override { return structure::Stored{&view_.matrix, view_.transposed}; }

  std::int64_t parameter_count() const override { return view_.matrix.size(); }

  Operator<float> in_single() const override {
    if constexpr (std::same_as<T, double>) {
      if (has_float_form_) return std::make_shared<Dense<float>>(view_);
    }
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
  bool has_float_form_;
};

}  // namespace

template <Real T>
Operator<T> dense(Tensor weight) {
  return std::make_shared<Dense<T>>(stored_view(weight));
}

template <Real T>
Operator<T> dense(const kernels::StoredMatrix& borrowed) {
  return std::make_shared<Dense<T>>(StoredView{Tensor(), borrowed, false}, false);
}

template Operator<float> dense<float>(Tensor);
template Operator<double> dense<double>(Tensor);
template Operator<float> dense<float>(const kernels::StoredMatrix&);
template Operator<double> dense<double>(const kernels::StoredMatrix&);

}  // namespace sigmax
