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

// The exponent e with |A g| / |g| about 2^e for a random g: where the entries of A are.
template <Real T>
int exponent_of(const LinearOperator<T>& a, const RandomState& random, Context& context) {
  const Shape shape = a.shape();
  std::vector<T> x(static_cast<std::size_t>(shape.columns));
  std::vector<T> y(static_cast<std::size_t>(shape.rows));
  for (const int shift : {0, -600, 600}) {
    static_cast<void>(fill_normal(random, x));  // the solver draws the same start again
    for (T& value : x) value = std::ldexp(value, shift);
    a.apply(std::span<const T>(x), std::span<T>(y), context);
    const T norm = norm2<T>(y);
    if (norm > 0 && std::isfinite(norm)) return std::clamp(std::ilogb(norm) - shift, -1000, 1000);
  }
  return 0;
}

// z = (2^-e A)^T (2^-e A) x. Entries of A beyond 2^+-400 are met half way: the vectors are moved by 2^-+500, so that
// neither product leaves the range of double.
template <Real T>
void scaled_gram(const LinearOperator<T>& a, int e, std::span<const T> x, std::span<T> z, Context& context) {
  if (std::abs(e) <= 400) {
    a.apply_gram(x, z, context);
    for (T& value : z) value = std::ldexp(value, -2 * e);
    return;
  }
  const int shift = e > 0 ? -500 : 500;
  auto moved = context.scratch<T>(x.size());
  auto image = context.scratch<T>(static_cast<std::size_t>(a.shape().rows));
  const std::span<T> y(image.data(), image.size());
  for (std::size_t i = 0; i < x.size(); ++i) moved[i] = std::ldexp(x[i], shift);
  a.apply(std::span<const T>(moved.data(), moved.size()), y, context);
  for (T& value : y) value = std::ldexp(value, -e);
  a.apply_adjoint(std::span<const T>(y), z, context);
  for (T& value : z) value = std::ldexp(value, -e - shift);
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
  const int exponent = exponent_of(a, options.random, context);
  result.scale = std::ldexp(1.0, -exponent);
  const auto product = [&](std::span<const T> x, std::span<T> z) { scaled_gram(a, exponent, x, z, context); };
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
