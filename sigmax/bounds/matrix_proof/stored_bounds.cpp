#include "sigmax/bounds/matrix_proof/stored_bounds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "sigmax/bounds/matrix_proof/probabilistic.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/stored_operator.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/kernels/matvec.hpp"
#include "sigmax/svd/christoffel.hpp"

namespace sigmax::bounds {

double frobenius_upper_bound(const kernels::StoredMatrix& a, const kernels::Scan& facts) {
  const FloatingEnvironment environment;
  return round_up(std::sqrt(round_up(facts.sum_squares * (1 + gamma(a.size() + 2)))) / facts.scale);
}

double schur_upper_bound(const kernels::StoredMatrix& a, const kernels::Scan& facts) {
  const FloatingEnvironment environment;
  return round_up(facts.largest_row_sum * (1 + gamma(a.columns)) * facts.largest_column_sum * (1 + gamma(a.rows)));
}

UpperBound norm_upper_bound(const kernels::StoredMatrix& a, const kernels::Scan& facts) {
  const FloatingEnvironment environment;
  if (facts.max_abs == 0) return Proof::proven(0);
  const double schur = round_up(std::sqrt(schur_upper_bound(a, facts)));
  return Proof::proven(widened_upper(smaller_of(frobenius_upper_bound(a, facts), schur)));
}

// Products that underflow add n 2^-1075 to an entry of the image, which matters for a vector of tiny entries only.
LowerResult lower_bound(const kernels::StoredMatrix& a, const kernels::Scan& facts, std::span<const double> x,
                        bool transposed, std::span<double> image, Context& context) {
  const FloatingEnvironment environment;
  const auto terms = static_cast<std::int64_t>(x.size());
  if (transposed) {
    kernels::multiply_transposed<double>(a, x, image, context);
  } else {
    kernels::multiply<double>(a, x, image, context);
  }
  const NormRange image_norm = norm_range(image);
  const NormRange norm = norm_range(x);
  if (!(norm.lower > 0) || !std::isfinite(image_norm.upper)) return {Proof::lower(0), 0};
  const int exponent = image_norm.exponent - norm.exponent;
  const double quotient = round_down(std::ldexp(round_down(image_norm.lower / norm.upper), exponent));
  const double underflow = round_up(static_cast<double>(terms) * std::sqrt(static_cast<double>(image.size())) *
                                    std::ldexp(0x1p-1074 / norm.lower, -norm.exponent));
  const double rounding = round_up(gamma(terms) * frobenius_upper_bound(a, facts) + underflow);
  const double estimate = std::ldexp(image_norm.computed / norm.computed, exponent);
  return {widened_lower(larger_of(quotient - rounding, 0.0)), std::isfinite(estimate) ? estimate : 0};
}

Measured estimate(const kernels::StoredMatrix& a, const kernels::Scan& facts, std::optional<double> failure_probability,
                  const SvdOptions<double>& options, Context& context) {
  const FloatingEnvironment environment;
  if (failure_probability) check_failure_probability("estimate", *failure_probability);
  if (facts.max_abs == 0) return {zero_enclosure(), 0};
  SvdOptions<double> chosen = options;
  chosen.method = Lanczos{Lanczos::Form::gram};
  chosen.check = Check::none;
  const SvdResult<double> top = svd(StoredOperator(a), chosen, context);
  std::vector<double> image(static_cast<std::size_t>(a.rows));
  const LowerResult lower = lower_bound(a, facts, top.v.column(0), false, image, context);
  if (!failure_probability) return {Proof::enclosure(lower.bound, std::nullopt), lower.estimate};
  const UpperBound proven = norm_upper_bound(a, facts);
  const Measured result{Proof::enclosure(lower.bound, proven), lower.estimate};
  if (top.recurrences.empty()) return result;
  const UpperBound probable =
      probabilistic_upper_bound(top.recurrences, top.scale, *failure_probability, a.rows + a.columns);
  // One that the vector itself exceeds has failed: what is proven stays.
  const bool refuted = probable.value() < lower.bound.value();
  if (refuted || !(probable.value() < proven.value())) return result;
  return {Proof::enclosure(lower.bound, probable), lower.estimate};
}

InRange in_range(const kernels::StoredMatrix& a, const kernels::Scan& facts, Context& context) {
  const FloatingEnvironment environment;
  if (facts.scale == 1 || facts.max_abs == 0) return {a, facts, 1.0, nullptr};
  auto values = std::make_shared<std::vector<double>>(static_cast<std::size_t>(a.size()));
  kernels::convert(a, facts.scale, values->data(), a.columns);
  const kernels::StoredMatrix copy{DType::f64, reinterpret_cast<const std::byte*>(values->data()), a.rows, a.columns,
                                   a.columns};
  const kernels::Scan moved = kernels::scan(copy, context);
  const bool fits = moved.finite() && moved.scale == 1 && moved.max_abs > 0;
  if (!fits) throw_contradiction(fmt::format("entries of up to {} after scaling by {}", moved.max_abs, facts.scale));
  return {copy, moved, 1 / facts.scale, std::move(values)};
}

void require_unchanged(const InRange& range, Context& context) {
  if (range.owner) return;
  const kernels::Scan now = kernels::scan(range.matrix, context);
  const kernels::Scan& then = range.facts;
  const bool same = now.max_abs == then.max_abs && now.sum_squares == then.sum_squares && now.scale == then.scale &&
                    now.largest_row_sum == then.largest_row_sum && now.largest_column_sum == then.largest_column_sum;
  if (!same) throw_contradiction("a stored matrix has other entries at the end of its proof than at the beginning");
}

}  // namespace sigmax::bounds
