#include "sigmax/ops/product.hpp"

#include <utility>

#include "sigmax/ops/parts.hpp"

namespace sigmax {
namespace {

template <Real T>
class Product final : public LinearOperator<T> {
 public:
  Product(Operator<T> left, Operator<T> right)
      : left_(std::move(left)),
        right_(std::move(right)),
        shape_{left_->shape().rows, right_->shape().columns},
        inner_(right_->shape().rows),
        depth_(parts::depth_above<T>("product", {left_, right_})) {}

  Shape shape() const override { return shape_; }

  std::int64_t depth() const override { return depth_; }

  Structure<T> structure() const override { return structure::Product<T>{left_, right_}; }

  std::int64_t parameter_count() const override { return left_->parameter_count() + right_->parameter_count(); }

  Operator<float> in_single() const override {
    if constexpr (std::same_as<T, double>) {
      const std::vector<Operator<float>> single = parts::in_single({left_, right_});
      if (!single.empty()) return std::make_shared<Product<float>>(single[0], single[1]);
    }
    return nullptr;
  }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override {
    parts::ScratchBlock<T> t(inner_, x.columns, context);
    right_->apply(x, t.view(), context);
    left_->apply(t.view(), y, context);
  }

  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    parts::ScratchBlock<T> t(inner_, y.columns, context);
    left_->apply_adjoint(y, t.view(), context);
    right_->apply_adjoint(t.view(), x, context);
  }

  // R^T (L^T L) (R x)
  void apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const override {
    parts::ScratchBlock<T> t(inner_, x.columns, context);
    parts::ScratchBlock<T> s(inner_, x.columns, context);
    right_->apply(x, t.view(), context);
    parts::gram<T>(*left_, t.view(), y, s.view(), context);
    right_->apply_adjoint(s.view(), z, context);
  }

  // L (R R^T) (L^T y)
  void apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context& context) const override {
    parts::ScratchBlock<T> t(inner_, y.columns, context);
    parts::ScratchBlock<T> s(inner_, y.columns, context);
    left_->apply_adjoint(y, t.view(), context);
    right_->apply_outer_gram(t.view(), s.view(), context);
    left_->apply(s.view(), z, context);
  }

  // u^T L R v = u^T L (R v) = (L^T u)^T R v
  void pull_back_impl(const Cotangent<T>& g, std::span<T> grad, Context& context) const override {
    const auto of_left = static_cast<std::size_t>(left_->parameter_count());
    parts::ScratchBlock<T> t(inner_, g.terms(), context);
    if (of_left > 0) {
      right_->apply(g.v, t.view(), context);
      left_->pull_back({g.u, t.view(), g.weights}, grad.first(of_left), context);
    }
    if (of_left == grad.size()) return;
    left_->apply_adjoint(g.u, t.view(), context);
    right_->pull_back({t.view(), g.v, g.weights}, grad.subspan(of_left), context);
  }

  Operator<T> left_;
  Operator<T> right_;
  Shape shape_;
  std::int64_t inner_;
  std::int64_t depth_;
};

}  // namespace

template <Real T>
Operator<T> product(Operator<T> left, Operator<T> right) {
  parts::require("product", "the left factor", left);
  parts::require("product", "the right factor", right);
  if (left->shape().columns != right->shape().rows) {
    throw Error(
        fmt::format("[product] {} times {}: the left factor must have as many columns as the right one has rows",
                    parts::to_string(left->shape()), parts::to_string(right->shape())));
  }
  return std::make_shared<Product<T>>(std::move(left), std::move(right));
}

template <Real T>
Operator<T> operator*(Operator<T> left, Operator<T> right) {
  return product<T>(std::move(left), std::move(right));
}

template Operator<float> product<float>(Operator<float>, Operator<float>);
template Operator<double> product<double>(Operator<double>, Operator<double>);
template Operator<float> operator*(Operator<float>, Operator<float>);
template Operator<double> operator*(Operator<double>, Operator<double>);

}  // namespace sigmax
