#include "sigmax/svd/svd.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sigmax/core/error.hpp"

namespace sigmax {
namespace {

template <Real T>
T norm2(std::span<const T> x) {
  T largest = 0;
  for (const T value : x) largest = std::max(largest, std::fabs(value));
  if (largest == 0 || !std::isfinite(largest)) return largest;
  T sum = 0;
  for (const T value : x) sum += (value / largest) * (value / largest);
  return largest * std::sqrt(sum);
}

// A power of two s with s |A g| near 1 for a random g, so that nothing overflows or underflows in (s A)^T (s A).
template <Real T>
double scale_of(const LinearOperator<T>& a, const RandomState& random, Context& context) {
  const Shape shape = a.shape();
  std::vector<T> x(static_cast<std::size_t>(shape.columns));
  std::vector<T> y(static_cast<std::size_t>(shape.rows));
  fill_normal(random, x);
  for (const double first : {1.0, 0x1p-600}) {
    for (T& value : x) value *= static_cast<T>(first);
    a.apply(std::span<const T>(x), std::span<T>(y), context);
    const T norm = norm2<T>(y);
    if (norm > 0 && std::isfinite(norm)) return std::ldexp(first, std::clamp(-std::ilogb(norm), -1000, 1000));
  }
  return 1;
}

}  // namespace

template <Real T>
SvdResult<T> svd(const LinearOperator<T>& a, const SvdOptions<T>& options, Context& context) {
  const Shape shape = a.shape();
  if (shape.rows < 1 || shape.columns < 1) {
    throw Error(fmt::format("[svd] an operator without entries, {}x{}", shape.rows, shape.columns));
  }
  LanczosOptions lanczos_options;
  // The error of sigma is half that of sigma^2, relatively.
  lanczos_options.tolerance = 2 * options.tolerance;
  lanczos_options.max_products = options.max_products;
  lanczos_options.random = options.random;
  SvdResult<T> result;
  result.scale = scale_of(a, options.random, context);
  std::vector<T> scaled(static_cast<std::size_t>(shape.columns));
  // One factor before and one after, so that a huge or tiny A meets neither overflow nor underflow in between.
  const auto product = [&](std::span<const T> x, std::span<T> z) {
    for (std::size_t i = 0; i < x.size(); ++i) scaled[i] = x[i] * static_cast<T>(result.scale);
    a.apply_gram(std::span<const T>(scaled), z, context);
    for (T& value : z) value *= static_cast<T>(result.scale);
  };
  LanczosResult top = lanczos(shape.columns, product, lanczos_options, context);
  result.u.resize(static_cast<std::size_t>(shape.rows));
  a.apply(std::span<const T>(top.vector), std::span<T>(result.u), context);
  result.sigma = norm2<T>(result.u);
  if (result.sigma > 0) {
    for (T& value : result.u) value /= result.sigma;
  }
  result.residual = top.theta > 0 ? top.residual / top.theta : 0;
  result.v = std::move(top.vector);
  result.outcome = top.outcome;
  result.products = top.products;
  result.recurrence = std::move(top.recurrence);
  result.theta = top.theta;
  result.random = top.random;
  return result;
}

template <Real T>
SvdResult<T> svd(const LinearOperator<T>& a) {
  Context context;
  return svd(a, SvdOptions<T>{}, context);
}

template SvdResult<double> svd<double>(const LinearOperator<double>&, const SvdOptions<double>&, Context&);
template SvdResult<double> svd<double>(const LinearOperator<double>&);

}  // namespace sigmax
