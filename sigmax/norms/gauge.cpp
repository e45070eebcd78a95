#include "sigmax/norms/gauge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/bounds/promised.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/stored_view.hpp"
#include "sigmax/norms/entries/entrywise.hpp"
#include "sigmax/norms/spectral.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::norms {

template <Real T>
WholeSpectrum whole_spectrum(const LinearOperator<T>& a, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const std::int64_t all = std::min(a.shape().rows, a.shape().columns);
  if (all < 1) {
    throw Error(fmt::format("[whole_spectrum] an operator without entries, {}x{}", a.shape().rows, a.shape().columns));
  }
  SvdOptions<T> solver;
  solver.k = all;
  solver.method = DenseLapack{};
  solver.random = options.random;
  if (options.tolerance) solver.tolerance = *options.tolerance;
  CertifiedSvd<T> found = certified_svd(a, solver, options.certify, context);
  return {std::move(found.triplets.sigma), std::move(found.sigma), found.triplets.outcome};
}

WholeSpectrum whole_spectrum(const Tensor& matrix, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  static_cast<void>(scanned_finite(matrix, "whole_spectrum", "matrix", context));
  return whole_spectrum<double>(*dense<double>(matrix), options, context);
}

namespace {

NormResult of_gauge(const WholeSpectrum& spectrum, const Gauge& gauge, bool enclose) {
  NormResult result;
  result.value = gauge.value(spectrum.sigma);
  result.meaning = gauge.name;
  result.outcome = spectrum.outcome;
  if (!enclose) return result;
  const Enclosure known = bounds::monotone(spectrum.known, gauge.value, gauge.relative_error);
  result.enclose(known);
  result.method = "each value by its residual, and the gauge is monotone";
  return result;
}

void require_gauge(const Gauge& gauge) {
  if (!gauge.value) throw Error("[gauge_norm] the gauge has no function");
}

}  // namespace

template <Real T>
NormResult gauge_norm(const LinearOperator<T>& a, const Gauge& gauge, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  require_gauge(gauge);
  return of_gauge(whole_spectrum(a, options, context), gauge, options.enclose);
}

NormResult gauge_norm(const Tensor& matrix, const Gauge& gauge, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  require_gauge(gauge);
  return of_gauge(whole_spectrum(matrix, options, context), gauge, options.enclose);
}

// sum (sigma_i / sigma_1)^2, which no square takes out of range, and which is 1 at least.
Enclosure stable_rank(std::span<const Enclosure> sigma) {
  const FloatingEnvironment environment;
  if (sigma.empty()) throw Error("[stable_rank] there are no singular values");
  if (sigma.front().upper && sigma.front().upper->value() == 0) return bounds::exactly(0);
  // The matrix may be 0.
  if (sigma.front().lower.value() == 0) return bounds::quotient(bounds::exactly(0), sigma.front());
  std::vector<Enclosure> parts;
  for (std::size_t i = 0; i < sigma.size(); ++i) {
    parts.push_back(i == 0 ? bounds::exactly(1) : bounds::quotient(sigma[i], sigma.front()));
  }
  return bounds::square(bounds::p_norm(parts, 2));
}

Enclosure condition_number(std::span<const Enclosure> sigma) {
  const FloatingEnvironment environment;
  if (sigma.empty()) throw Error("[condition_number] there are no singular values");
  if (sigma.size() == 1 && sigma.front().lower.value() > 0) return bounds::exactly(1);
  return bounds::quotient(sigma.front(), sigma.back());
}

template WholeSpectrum whole_spectrum<float>(const LinearOperator<float>&, const NormOptions&, Context&);
template WholeSpectrum whole_spectrum<double>(const LinearOperator<double>&, const NormOptions&, Context&);
template NormResult gauge_norm<float>(const LinearOperator<float>&, const Gauge&, const NormOptions&, Context&);
template NormResult gauge_norm<double>(const LinearOperator<double>&, const Gauge&, const NormOptions&, Context&);

}  // namespace sigmax::norms
