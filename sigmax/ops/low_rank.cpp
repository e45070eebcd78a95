#include "sigmax/ops/low_rank.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/kernels/scan.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/parts.hpp"
#include "sigmax/ops/product.hpp"
#include "sigmax/ops/scaled.hpp"
#include "sigmax/ops/transposed.hpp"

namespace sigmax {
namespace {

// Without its inner matrix, a Gram product with a factor F takes one more read of F. Forming the inner matrix takes as
// long as about r reads (measured at 4096 rows: 8 for r = 8, 19 for r = 16, 80 for r = 64), and a solver makes a few
// dozen products.
constexpr std::int64_t kMostInner = 32;

// G = 2^-2e F^T F of a tall factor F, B or A^T, with 2^e about its largest entry; null where it is not worth its cost.
// scale^2 F^T F t = f G (f t) with f = 2^e scale: large and small factors are multiplied together before anything is
// squared.
template <Real T>
struct Inner {
  Operator<T> g;
  double f = 0;
};

Inner<double> inner_of(const Operator<double>& tall, double scale, Context& context) {
  const Shape shape = tall->shape();
  const std::int64_t r = shape.columns;
  if (r == 0 || r > kMostInner || 4 * r > shape.rows) return {};
  const kernels::Scan scan = kernels::scan(*std::get<structure::Stored>(tall->structure()).matrix, context);
  if (!scan.finite()) return {};
  const int e = scan.max_abs > 0 ? std::clamp(std::ilogb(scan.max_abs), -1000, 1000) : 0;
  const double f = std::ldexp(scale, e);
  if (scale != 0 && !(std::fabs(f) >= 0x1p-1000 && std::fabs(f) <= 0x1p1000)) return {};
  Matrix<double> unit(r, r);
  Matrix<double> g(r, r);
  for (std::int64_t i = 0; i < r; ++i) unit(i, i) = std::ldexp(1.0, -e);
  tall->apply_gram(std::as_const(unit).view(), g.view(), context);
  parts::scale(g.view(), std::ldexp(1.0, -e));
  return {dense<double>(Tensor::copy_of(g.values(), {r, r})), f};
}

template <Real T>
class LowRank final : public LinearOperator<T> {
 public:
  LowRank(Operator<T> b, Operator<T> a, double scale, Inner<T> of_b, Inner<T> of_a)
      : b_(std::move(b)),
        a_(std::move(a)),
        scale_(scale),
        composed_(scaled<T>(scale, product<T>(b_, a_))),
        of_b_(std::move(of_b)),
        of_a_(std::move(of_a)) {}

  Shape shape() const override { return {b_->shape().rows, a_->shape().columns}; }

  Structure<T> structure() const override { return composed_->structure(); }

  std::int64_t parameter_count() const override { return composed_->parameter_count(); }

  std::int64_t depth() const override { return composed_->depth(); }

  Operator<float> in_single() const override {
    if constexpr (std::same_as<T, double>) {
      const auto single = [](const Inner<double>& inner) {
        return Inner<float>{inner.g == nullptr ? nullptr : inner.g->in_single(), inner.f};
      };
      return std::make_shared<LowRank<float>>(b_->in_single(), a_->in_single(), scale_, single(of_b_), single(of_a_));
    }
    return nullptr;
  }

 private:
  std::int64_t rank() const { return a_->shape().rows; }

  // y = B (scale (A x))
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override {
    parts::ScratchBlock<T> t(rank(), x.columns, context);
    a_->apply(x, t.view(), context);
    parts::scale(t.view(), scale_);
    b_->apply(t.view(), y, context);
  }

  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    parts::ScratchBlock<T> t(rank(), y.columns, context);
    b_->apply_adjoint(y, t.view(), context);
    parts::scale(t.view(), scale_);
    a_->apply_adjoint(t.view(), x, context);
  }

  // z = A^T (scale^2 B^T B (A x))
  void apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const override {
    parts::ScratchBlock<T> t(rank(), x.columns, context);
    parts::ScratchBlock<T> s(rank(), x.columns, context);
    a_->apply(x, t.view(), context);
    if (y.data == nullptr && of_b_.g != nullptr) {
      multiply_inner(of_b_, t.view(), s.view(), context);
    } else {
      parts::scale(t.view(), scale_);
      parts::gram<T>(*b_, t.view(), y, s.view(), context);
      parts::scale(s.view(), scale_);
    }
    a_->apply_adjoint(s.view(), z, context);
  }

  // z = B (scale^2 A A^T (B^T y))
  void apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context& context) const override {
    parts::ScratchBlock<T> t(rank(), y.columns, context);
    parts::ScratchBlock<T> s(rank(), y.columns, context);
    b_->apply_adjoint(y, t.view(), context);
    if (of_a_.g != nullptr) {
      multiply_inner(of_a_, t.view(), s.view(), context);
    } else {
      parts::scale(t.view(), scale_);
      a_->apply_outer_gram(t.view(), s.view(), context);
      parts::scale(s.view(), scale_);
    }
    b_->apply(s.view(), z, context);
  }

  // Gradients of scale (B A): scale sum w u (A v)^T for B, scale sum w (B^T u) v^T for A.
  void pull_back_impl(const Cotangent<T>& g, std::span<T> grad, Context& context) const override {
    composed_->pull_back(g, grad, context);
  }

  // s = f G (f t); t is overwritten.
  static void multiply_inner(const Inner<T>& inner, MatrixView<T> t, MatrixView<T> s, Context& context) {
    parts::scale(t, inner.f);
    inner.g->apply(t, s, context);
    parts::scale(s, inner.f);
  }

  Operator<T> b_;
  Operator<T> a_;
  double scale_;
  Operator<T> composed_;
  Inner<T> of_b_;
  Inner<T> of_a_;
};

void require_matrix(const char* which, const Tensor& factor) {
  if (factor.rank() != 2) {
    throw Error(fmt::format("[low_rank] {} has 2 dimensions, got shape {}", which, sigmax::to_string(factor.shape())));
  }
  if (!is_real(factor.dtype())) {
    throw Error(
        fmt::format("[low_rank] {} has the type {}, which does not store real numbers", which, name(factor.dtype())));
  }
}

}  // namespace

template <Real T>
Operator<T> low_rank(Tensor b, Tensor a, double scale, Context& context) {
  const FloatingEnvironment environment;
  require_matrix("B", b);
  require_matrix("A", a);
  parts::require_finite("low_rank", scale);
  if (b.shape()[1] != a.shape()[0]) {
    throw Error(fmt::format("[low_rank] B of {}x{} times A of {}x{}: B must have as many columns as A has rows",
                            b.shape()[0], b.shape()[1], a.shape()[0], a.shape()[1]));
  }
  const Operator<double> left = dense<double>(std::move(b));
  const Operator<double> right = dense<double>(std::move(a));
  auto in_double = std::make_shared<LowRank<double>>(left, right, scale, inner_of(left, scale, context),
                                                     inner_of(transposed(right), scale, context));
  if constexpr (std::same_as<T, double>) {
    return in_double;
  } else {
    return in_double->in_single();
  }
}

template <Real T>
Operator<T> low_rank(Tensor b, Tensor a, double scale) {
  const FloatingEnvironment environment;
  Context context;
  return low_rank<T>(std::move(b), std::move(a), scale, context);
}

template Operator<float> low_rank<float>(Tensor, Tensor, double, Context&);
template Operator<double> low_rank<double>(Tensor, Tensor, double, Context&);
template Operator<float> low_rank<float>(Tensor, Tensor, double);
template Operator<double> low_rank<double>(Tensor, Tensor, double);

}  // namespace sigmax
