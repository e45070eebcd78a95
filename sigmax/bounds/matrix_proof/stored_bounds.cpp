#include "sigmax/bounds/matrix_proof/stored_bounds.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/probabilistic.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/matvec.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/certificate_contents.hpp"
#include "sigmax/svd/christoffel.hpp"

namespace sigmax::bounds {

double frobenius_upper_bound(const InRange& a) {
  const FloatingEnvironment environment;
  return round_up(std::sqrt(round_up(a.facts.sum_squares * (1 + gamma(a.matrix.size() + 2)))) / a.facts.scale);
}

double schur_upper_bound(const InRange& a) {
  const FloatingEnvironment environment;
  return round_up(a.facts.largest_row_sum * (1 + gamma(a.matrix.columns)) * a.facts.largest_column_sum *
                  (1 + gamma(a.matrix.rows)));
}

UpperBound norm_upper_bound(const InRange& a) {
  const FloatingEnvironment environment;
  if (a.facts.max_abs == 0) return Proof::proven(0);
  const double schur = round_up(std::sqrt(schur_upper_bound(a)));
  return Proof::proven(widened_upper(smaller_of(frobenius_upper_bound(a), schur)));
}

// Products that underflow add n 2^-1075 to an entry of the image, which matters only for a vector of tiny entries.
LowerResult lower_bound(const InRange& a, std::span<const double> x, bool transposed, std::span<double> image,
                        Context& context) {
  const FloatingEnvironment environment;
  const auto terms = static_cast<std::int64_t>(x.size());
  if (transposed) {
    kernels::multiply_transposed<double>(a.matrix, x, image, context);
  } else {
    kernels::multiply<double>(a.matrix, x, image, context);
  }
  const NormRange image_norm = norm_range(image);
  const NormRange norm = norm_range(x);
  if (!(norm.lower > 0) || !std::isfinite(image_norm.upper)) return {Proof::lower(0), 0};
  const int exponent = image_norm.exponent - norm.exponent;
  const double quotient = round_down(std::ldexp(round_down(image_norm.lower / norm.upper), exponent));
  const double underflow = round_up(static_cast<double>(terms) * std::sqrt(static_cast<double>(image.size())) *
                                    std::ldexp(0x1p-1074 / norm.lower, -norm.exponent));
  const double rounding = round_up(gamma(terms) * frobenius_upper_bound(a) + underflow);
  const double estimate = std::ldexp(image_norm.computed / norm.computed, exponent);
  return {widened_lower(larger_of(quotient - rounding, 0.0)), std::isfinite(estimate) ? estimate : 0};
}

Measured estimate(const InRange& a, std::optional<double> failure_probability, const SvdOptions<double>& options,
                  Context& context) {
  const FloatingEnvironment environment;
  if (failure_probability) check_failure_probability("estimate", *failure_probability);
  if (a.facts.max_abs == 0) return {zero_enclosure(), 0};
  SvdOptions<double> chosen = options;
  chosen.method = Lanczos{Lanczos::Form::gram};
  chosen.check = Check::none;
  const SvdResult<double> top = svd(*dense<double>(a.matrix), chosen, context);
  std::vector<double> image(static_cast<std::size_t>(a.matrix.rows));
  const LowerResult lower = lower_bound(a, top.v.column(0), false, image, context);
  if (!failure_probability) return {Proof::enclosure(lower.bound, std::nullopt), lower.estimate};
  const UpperBound proven = norm_upper_bound(a);
  const Measured result{Proof::enclosure(lower.bound, proven), lower.estimate};
  if (top.certificate.empty()) return result;
  const CertificateContents& certificate = contents(top.certificate);
  const UpperBound probable = probabilistic_upper_bound(certificate.recurrences, certificate.scale,
                                                        *failure_probability, a.matrix.rows + a.matrix.columns);
  // A bound below the value of the vector itself has failed: the proven bound stays.
  const bool refuted = probable.value() < lower.bound.value();
  if (refuted || !(probable.value() < proven.value())) return result;
  return {Proof::enclosure(lower.bound, probable), lower.estimate};
}

}  // namespace sigmax::bounds
