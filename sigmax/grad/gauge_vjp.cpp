#include "sigmax/grad/gauge_vjp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/grad/outer_update.hpp"
#include "sigmax/norms/entries/entrywise.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::grad {
namespace {

void require(const norms::Gauge& gauge, const GaugeSubgradient& subgradient, const NormVjpOptions& options) {
  if (!gauge.value) throw Error("[gauge_vjp] the gauge has no function");
  if (!subgradient) throw Error("[gauge_vjp] the gauge has no subgradient");
  if (!std::isfinite(options.scale)) {
    throw Error(fmt::format("[gauge_vjp] the scale must be finite, got {}", options.scale));
  }
}

// Euler's identity to the accuracy that both sides are promised or can be expected to have.
void require_subgradient(std::span<const double> weights, std::span<const double> sigma, double value,
                         double relative_error) {
  if (weights.size() != sigma.size()) {
    throw Error(fmt::format("[gauge_vjp] {} weights for {} singular values", weights.size(), sigma.size()));
  }
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] >= 0) || std::isinf(weights[i])) {
      throw Error(fmt::format("[gauge_vjp] weight {} is {}: weights are finite and not negative", i, weights[i]));
    }
    sum += weights[i] * (sigma[i] / sigma.front());
  }
  const double allowed = std::max(relative_error, 0x1p-40) + static_cast<double>(sigma.size()) * 0x1p-50;
  if (!(std::fabs(sum * sigma.front() - value) <= 4 * allowed * value)) {
    throw Error(fmt::format("[gauge_vjp] sum w_i sigma_i is {}, and the gauge {}: this is not its subgradient",
                            sum * sigma.front(), value));
  }
}

}  // namespace

template <Real T>
NormCotangent<T> gauge_cotangent(const LinearOperator<T>& a, const norms::Gauge& gauge,
                                 const GaugeSubgradient& subgradient, const NormVjpOptions& options, Context& context) {
  const FloatingEnvironment environment;
  require(gauge, subgradient, options);
  const Shape shape = a.shape();
  const std::int64_t all = std::min(shape.rows, shape.columns);
  if (all < 1) throw Error(fmt::format("[gauge_vjp] an operator without entries, {}x{}", shape.rows, shape.columns));
  SvdOptions<T> solver;
  solver.k = all;
  solver.method = DenseLapack{};
  solver.random = options.random;
  const SvdResult<T> found = svd(a, solver, context);
  NormCotangent<T> result{{}, OuterSum<T>(shape.rows, shape.columns, 0)};
  result.norm.value = gauge.value(found.sigma);
  result.norm.kind = GradientKind::subgradient;
  result.norm.outcome = found.outcome;
  const double largest = found.sigma.front();
  if (largest == 0) {
    result.norm.note = "the operator is 0";
    return result;
  }
  result.norm.note = "from the caller's subgradient of the gauge";
  const std::vector<double> weights = subgradient(found.sigma);
  require_subgradient(weights, found.sigma, result.norm.value, gauge.relative_error);
  // Values below this count as 0.
  const double rounding =
      4 * static_cast<double>(std::max(shape.rows, shape.columns)) * std::numeric_limits<T>::epsilon() * largest;
  std::vector<std::int64_t> used;
  for (std::int64_t i = 0; i < all; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (weights[at] > 0 && found.sigma[at] > rounding) used.push_back(i);
  }
  OuterSum<T> sum(shape.rows, shape.columns, static_cast<std::int64_t>(used.size()));
  for (std::size_t i = 0; i < used.size(); ++i) {
    std::ranges::copy(found.u.column(used[i]), sum.u.column(static_cast<std::int64_t>(i)).begin());
    std::ranges::copy(found.v.column(used[i]), sum.v.column(static_cast<std::int64_t>(i)).begin());
    sum.weights[i] = options.scale * weights[static_cast<std::size_t>(used[i])];
  }
  result.gradient = std::move(sum);
  return result;
}

template <Real T>
NormGradient gauge_vjp(const Tensor& matrix, const norms::Gauge& gauge, const GaugeSubgradient& subgradient,
                       const NormVjpOptions& options, std::span<T> grad, Context& context) {
  const FloatingEnvironment environment;
  const StoredView view = stored_view(matrix);
  static_cast<void>(norms::scanned("gauge_vjp", view.matrix, view.transposed, context));
  if (matrix.size() != static_cast<std::int64_t>(grad.size())) {
    throw Error(fmt::format("[gauge_vjp] a gradient of {} entries for a matrix of shape {}", grad.size(),
                            to_string(matrix.shape())));
  }
  NormCotangent<double> found = gauge_cotangent<double>(*dense<double>(matrix), gauge, subgradient, options, context);
  update_outer<T>(found.gradient.view(), 1, grad, context);
  return std::move(found.norm);
}

template NormCotangent<float> gauge_cotangent<float>(const LinearOperator<float>&, const norms::Gauge&,
                                                     const GaugeSubgradient&, const NormVjpOptions&, Context&);
template NormCotangent<double> gauge_cotangent<double>(const LinearOperator<double>&, const norms::Gauge&,
                                                       const GaugeSubgradient&, const NormVjpOptions&, Context&);
template NormGradient gauge_vjp<float>(const Tensor&, const norms::Gauge&, const GaugeSubgradient&,
                                       const NormVjpOptions&, std::span<float>, Context&);
template NormGradient gauge_vjp<double>(const Tensor&, const norms::Gauge&, const GaugeSubgradient&,
                                        const NormVjpOptions&, std::span<double>, Context&);

}  // namespace sigmax::grad
