#include "sigmax/ops/scaled.hpp"

#include <cmath>
#include <utility>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/ops/parts.hpp"

namespace sigmax {
namespace {

template <Real T>
class Scaled final : public LinearOperator<T> {
 public:
  Scaled(double factor, Operator<T> of)
      : factor_(factor), of_(std::move(of)), shape_(of_->shape()), depth_(parts::depth_above<T>("scaled", {of_})) {}

  Shape shape() const override { return shape_; }

  std::int64_t depth() const override { return depth_; }

  Structure<T> structure() const override { return structure::Scaled<T>{factor_, of_}; }

  std::int64_t parameter_count() const override { return of_->parameter_count(); }

  // A factor beyond 2^+-100 cannot compensate for the scale of an A that float could hold.
  Operator<float> in_single() const override {
    if constexpr (std::same_as<T, double>) {
      const double magnitude = std::fabs(factor_);
      if (magnitude != 0 && (magnitude < 0x1p-100 || magnitude > 0x1p100)) return nullptr;
      if (Operator<float> single = of_->in_single()) return std::make_shared<Scaled<float>>(factor_, std::move(single));
    }
    return nullptr;
  }

  double factor() const noexcept { return factor_; }
  const Operator<T>& of() const noexcept { return of_; }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override {
    with_scaled(x, context, [&](MatrixView<const T> fx) { of_->apply(fx, y, context); });
  }

  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    with_scaled(y, context, [&](MatrixView<const T> fy) { of_->apply_adjoint(fy, x, context); });
  }

  void apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const override {
    with_scaled(x, context, [&](MatrixView<const T> fx) { parts::gram(*of_, fx, y, z, context); });
    parts::scale(z, factor_);
  }

  void apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context& context) const override {
    with_scaled(y, context, [&](MatrixView<const T> fy) { of_->apply_outer_gram(fy, z, context); });
    parts::scale(z, factor_);
  }

  void pull_back_impl(const Cotangent<T>& g, std::span<T> grad, Context& context) const override {
    std::vector<double> weights(g.weights.begin(), g.weights.end());
    for (double& weight : weights) weight *= factor_;
    of_->pull_back({g.u, g.v, weights}, grad, context);
  }

  // product(factor x)
  template <class Product>
  void with_scaled(MatrixView<const T> x, Context& context, const Product& product) const {
    parts::ScratchBlock<T> fx(x.rows, x.columns, context);
    parts::scale_to<T>(fx.view(), factor_, x);
    product(fx.view());
  }

  double factor_;
  Operator<T> of_;
  Shape shape_;
  std::int64_t depth_;
};

// Whether fl(f g) = f g. Away from underflow, the error of a rounded product is a floating-point number, and fma
// computes it.
bool is_exact(double f, double g, double product) {
  return std::isfinite(product) && std::fabs(product) >= 0x1p-900 && std::fma(f, g, -product) == 0;
}

}  // namespace

template <Real T>
Operator<T> scaled(double factor, Operator<T> a) {
  const FloatingEnvironment environment;
  parts::require("scaled", "the operator to be scaled", a);
  parts::require_finite("scaled", factor);
  if (const auto* inner = dynamic_cast<const Scaled<T>*>(a.get())) {
    const double product = factor * inner->factor();
    if (is_exact(factor, inner->factor(), product)) return scaled<T>(product, inner->of());
  }
  if (factor == 1) return a;
  return std::make_shared<Scaled<T>>(factor, std::move(a));
}

template <Real T>
Operator<T> operator*(double factor, Operator<T> a) {
  return scaled<T>(factor, std::move(a));
}

template <Real T>
Operator<T> operator-(Operator<T> a) {
  return scaled<T>(-1, std::move(a));
}

template Operator<float> scaled<float>(double, Operator<float>);
template Operator<double> scaled<double>(double, Operator<double>);
template Operator<float> operator*(double, Operator<float>);
template Operator<double> operator*(double, Operator<double>);
template Operator<float> operator-(Operator<float>);
template Operator<double> operator-(Operator<double>);

}  // namespace sigmax
