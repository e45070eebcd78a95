#include "sigmax/grad/svd_jvp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/grad/triplets/coupling.hpp"
#include "sigmax/grad/triplets/frame.hpp"
#include "sigmax/grad/triplets/tangent.hpp"
#include "sigmax/kernels/vector.hpp"

namespace sigmax {

template <Real T>
SvdTangent<T> tangent_of(std::string_view who, const LinearOperator<T>& direction, const Shape& shape,
                         const SvdResult<T>& triplets, Context& context) {
  if (direction.shape() != shape) {
    throw Error(fmt::format("[{}] a direction of {}x{} for an operator of {}x{}", who, direction.shape().rows,
                            direction.shape().columns, shape.rows, shape.columns));
  }
  SvdTangent<T> tangent{Matrix<T>(shape.rows, triplets.v.columns()), Matrix<T>(shape.columns, triplets.u.columns())};
  direction.apply(triplets.v.view(), tangent.image.view(), context);
  direction.apply_adjoint(triplets.u.view(), tangent.adjoint_image.view(), context);
  return tangent;
}

template <Real T>
SvdJvp<T> derivative_in(Frame<T>& frame, const Shape& shape, SvdTangent<T> tangent) {
  const std::int64_t k = frame.count();
  Matrix<T>& f = tangent.image;
  Matrix<T>& h = tangent.adjoint_image;
  if (f.rows() != shape.rows || h.rows() != shape.columns || f.columns() != k || h.columns() != k) {
    throw Error(fmt::format(
        "[svd_jvp] {} triplets of a {}x{} operator take an image of {}x{} and an adjoint image of {}x{}, got {}x{} and "
        "{}x{}",
        k, shape.rows, shape.columns, shape.rows, k, shape.columns, k, f.rows(), f.columns(), h.rows(), h.columns()));
  }
  const int unit = exponent_of(f, h);
  scale_by(f, -unit);
  scale_by(h, -unit);
  const Matrix<double> p = inner_products<T>(frame.u(), std::as_const(f).view());
  double size = 0;
  for (std::int64_t i = 0; i < k; ++i) size = std::max(size, kernels::norm2(std::as_const(f).column(i)));
  const Rotation turned = rotation(frame, p, 64 * static_cast<double>(std::numeric_limits<T>::epsilon()) * size);
  const double known = std::hypot(kernels::norm2(turned.alpha.values()), kernels::norm2(turned.beta.values()));
  std::vector<std::int64_t> all(static_cast<std::size_t>(k));
  std::iota(all.begin(), all.end(), 0);
  auto [du, dv] = frame.solve(std::move(all), std::move(f), std::move(h), known);
  add_product(frame.u(), turned.alpha, du.view());
  add_product(frame.v(), turned.beta, dv.view());
  scale_by(du, unit - frame.exponent());
  scale_by(dv, unit - frame.exponent());
  SvdJvp<T> result;
  for (std::int64_t i = 0; i < k; ++i) result.sigma.push_back(std::ldexp(p(i, i), unit - frame.exponent()));
  result.u = std::move(du);
  result.v = std::move(dv);
  return result;
}

template <Real T>
SvdJvp<T> svd_jvp(const LinearOperator<T>& a, const SvdResult<T>& triplets, const SvdTangent<T>& tangent,
                  const GradientOptions& options, Context& context) {
  const FloatingEnvironment environment;
  Frame<T> frame("svd_jvp", a, triplets, options, context);
  SvdJvp<T> result = derivative_in(frame, a.shape(), tangent);
  for (double& value : result.sigma) value = std::ldexp(value, frame.exponent());
  frame.judge_values(result.sigma);
  result.report = frame.report();
  return result;
}

template <Real T>
SvdJvp<T> svd_jvp(const LinearOperator<T>& a, const SvdResult<T>& triplets, const LinearOperator<T>& direction,
                  const GradientOptions& options, Context& context) {
  const FloatingEnvironment environment;
  return svd_jvp(a, triplets, tangent_of("svd_jvp", direction, a.shape(), triplets, context), options, context);
}

template SvdTangent<float> tangent_of<float>(std::string_view, const LinearOperator<float>&, const Shape&,
                                             const SvdResult<float>&, Context&);
template SvdTangent<double> tangent_of<double>(std::string_view, const LinearOperator<double>&, const Shape&,
                                               const SvdResult<double>&, Context&);
template SvdJvp<float> derivative_in<float>(Frame<float>&, const Shape&, SvdTangent<float>);
template SvdJvp<double> derivative_in<double>(Frame<double>&, const Shape&, SvdTangent<double>);
template SvdJvp<float> svd_jvp<float>(const LinearOperator<float>&, const SvdResult<float>&, const SvdTangent<float>&,
                                      const GradientOptions&, Context&);
template SvdJvp<double> svd_jvp<double>(const LinearOperator<double>&, const SvdResult<double>&,
                                        const SvdTangent<double>&, const GradientOptions&, Context&);
template SvdJvp<float> svd_jvp<float>(const LinearOperator<float>&, const SvdResult<float>&,
                                      const LinearOperator<float>&, const GradientOptions&, Context&);
template SvdJvp<double> svd_jvp<double>(const LinearOperator<double>&, const SvdResult<double>&,
                                        const LinearOperator<double>&, const GradientOptions&, Context&);

}  // namespace sigmax
