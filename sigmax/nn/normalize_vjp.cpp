#include "sigmax/nn/normalize_vjp.hpp"

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/entrywise.hpp"

namespace sigmax::nn {

template <Real T>
NormalizeGradient normalize_vjp(const Weight& weight, std::span<const T> u, std::span<const T> v, const Factor& f,
                                const Weight& grad_output, bool always_inner, const WeightOutput& grad_weight,
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
                                                const Factor&, const Weight&, bool, const WeightOutput&, Context&);
template NormalizeGradient normalize_vjp<double>(const Weight&, std::span<const double>, std::span<const double>,
                                                 const Factor&, const Weight&, bool, const WeightOutput&, Context&);
template void add_sigma_gradient<float>(double, std::span<const float>, std::span<const float>, const WeightOutput&,
                                        Context&);
template void add_sigma_gradient<double>(double, std::span<const double>, std::span<const double>, const WeightOutput&,
                                         Context&);

}  // namespace sigmax::nn
