#include "sigmax/ops/transposed.hpp"

#include <utility>

#include "sigmax/ops/parts.hpp"

namespace sigmax {
namespace {

template <Real T>
class Transposed final : public LinearOperator<T> {
 public:
  explicit Transposed(Operator<T> of)
      : of_(std::move(of)), of_shape_(of_->shape()), depth_(parts::depth_above<T>("transposed", {of_})) {}

  Shape shape() const override { return {of_shape_.columns, of_shape_.rows}; }

  std::int64_t depth() const override { return depth_; }

  Structure<T> structure() const override {
    const Structure<T> inner = of_->structure();
    if (const auto* stored = std::get_if<structure::Stored>(&inner)) {
      return structure::Stored{stored->matrix, !stored->transposed};
    }
    return structure::Transposed<T>{of_};
  }

  std::int64_t parameter_count() const override { return of_->parameter_count(); }

  Operator<float> in_single() const override {
    if constexpr (std::same_as<T, double>) {
      if (Operator<float> single = of_->in_single()) return std::make_shared<Transposed<float>>(std::move(single));
    }
    return nullptr;
  }

  const Operator<T>& of() const noexcept { return of_; }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override {
    of_->apply_adjoint(x, y, context);
  }

  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    of_->apply(y, x, context);
  }

  void apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const override {
    if (y.data == nullptr) return of_->apply_outer_gram(x, z, context);
    of_->apply_adjoint(x, y, context);
    of_->apply(y, z, context);
  }

  void apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context& context) const override {
    of_->apply_gram(y, z, context);
  }

  void pull_back_impl(const Cotangent<T>& g, std::span<T> grad, Context& context) const override {
    of_->pull_back({g.v, g.u, g.weights}, grad, context);
  }

  Operator<T> of_;
  Shape of_shape_;
  std::int64_t depth_;
};

}  // namespace

template <Real T>
Operator<T> transposed(Operator<T> a) {
  parts::require("transposed", "the operator to be transposed", a);
  if (const auto* inner = dynamic_cast<const Transposed<T>*>(a.get())) return inner->of();
  return std::make_shared<Transposed<T>>(std::move(a));
}

template Operator<float> transposed<float>(Operator<float>);
template Operator<double> transposed<double>(Operator<double>);

}  // namespace sigmax
