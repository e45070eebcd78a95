#include "sigmax/nn/normalize_vjp.hpp"

#include <algorithm>
#include <vector>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/entrywise.hpp"
#include "sigmax/kernels/unfolded.hpp"
#include "sigmax/kernels/vector.hpp"

namespace sigmax::nn {
namespace {

// u^T H v
template <Real T>
double bilinear(const Weight& h, std::span<const T> u, std::span<const T> v, Context& context) {
  auto image = context.scratch<T>(u.size());
  const std::span<T> t(image.data(), image.size());
  kernels::unfolded_multiply<T>(h, v, t, context);
  return kernels::dot(u, std::span<const T>(t));
}

}  // namespace

template <Real T>
NormalizeGradient normalize_vjp(const Weight& weight, std::span<const T> u, std::span<const T> v, const Factor& f,
                                const Weight& grad_output, const WeightOutput& grad_weight, bool always_inner,
                                Context& context) {
  const FloatingEnvironment environment;
  NormalizeGradient result;
  const bool outer = f.first != 0;
  if (outer || always_inner) result.inner = kernels::inner_product(grad_output, weight, context);
  kernels::Combination<T> what{.alpha = f.value, .x = grad_output};
  if (outer) {
    what.gamma = f.first * result.inner;
    what.u = u;
    what.v = v;
  }
  kernels::combination<T>(what, grad_weight, context);
  return result;
}

template <Real T>
void normalize_double_vjp(const Weight& weight, std::span<const T> u, std::span<const T> v, const Factor& f,
                          const Weight& grad_output, std::optional<double> inner, const Weight& h,
                          const WeightOutput& grad_grad_output, const WeightOutput& grad_weight, Context& context) {
  const FloatingEnvironment environment;
  const double bent = f.first == 0 ? 0.0 : bilinear<T>(h, u, v, context);
  if (grad_grad_output.data != nullptr) {
    kernels::Combination<T> what{.alpha = f.value, .x = h};
    if (f.first != 0) {
      what.beta = f.first * bent;
      what.y = weight;
    }
    kernels::combination<T>(what, grad_grad_output, context);
  }
  if (grad_weight.data == nullptr) return;
  kernels::Combination<T> what{.alpha = f.first * bent, .x = grad_output};
  if (f.first != 0) {
    const double p = inner ? *inner : kernels::inner_product(grad_output, weight, context);
    what.gamma = f.first * kernels::inner_product(grad_output, h, context) + f.second * p * bent;
    what.u = u;
    what.v = v;
  }
  kernels::combination<T>(what, grad_weight, context);
}

double output_sigma_gradient(const Factor& f, double dy_dot_y) {
  const FloatingEnvironment environment;
  return f.first == 0 ? 0.0 : dy_dot_y * f.first / f.value;
}

double dot(DType dtype, const void* x, const void* y, std::int64_t count, Context& context) {
  const FloatingEnvironment environment;
  const Weight left{dtype, static_cast<const std::byte*>(x), 1, 1, count, count, count};
  const Weight right{dtype, static_cast<const std::byte*>(y), 1, 1, count, count, count};
  return kernels::inner_product(left, right, context);
}

template <Real T>
void add_sigma_gradient(double sigma_gradient, std::span<const T> u, std::span<const T> v,
                        const WeightOutput& grad_weight, Context& context) {
  const FloatingEnvironment environment;
  kernels::combination<T>({.alpha = 1, .x = grad_weight, .gamma = sigma_gradient, .u = u, .v = v}, grad_weight,
                          context);
}

template NormalizeGradient normalize_vjp<float>(const Weight&, std::span<const float>, std::span<const float>,
                                                const Factor&, const Weight&, const WeightOutput&, bool, Context&);
template NormalizeGradient normalize_vjp<double>(const Weight&, std::span<const double>, std::span<const double>,
                                                 const Factor&, const Weight&, const WeightOutput&, bool, Context&);
template void normalize_double_vjp<float>(const Weight&, std::span<const float>, std::span<const float>, const Factor&,
                                          const Weight&, std::optional<double>, const Weight&, const WeightOutput&,
                                          const WeightOutput&, Context&);
template void normalize_double_vjp<double>(const Weight&, std::span<const double>, std::span<const double>,
                                           const Factor&, const Weight&, std::optional<double>, const Weight&,
                                           const WeightOutput&, const WeightOutput&, Context&);
template void add_sigma_gradient<float>(double, std::span<const float>, std::span<const float>, const WeightOutput&,
                                        Context&);
template void add_sigma_gradient<double>(double, std::span<const double>, std::span<const double>, const WeightOutput&,
                                         Context&);

}  // namespace sigmax::nn
