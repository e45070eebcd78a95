#include "sigmax/bounds/enclose.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/gram_proof.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/matrix_proof/stored_bounds.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/svd/christoffel.hpp"

namespace sigmax::bounds {
namespace {

// Both costs are about c rows columns: the Gram matrix and its factorization take k + k^2 / l multiply-adds per entry,
// in fast block products; Lanczos takes about thirty steps of two each, at the speed of memory and of conversions to
// double. Measured to break even near 400.
bool is_cheap_to_prove(const kernels::StoredMatrix& a) {
  const auto shorter = static_cast<double>(std::min(a.rows, a.columns));
  const auto longer = static_cast<double>(std::max(a.rows, a.columns));
  return shorter + shorter * shorter / longer <= 400;
}

bool is_factored(const kernels::StoredMatrix& a, const CertifyOptions& options) {
  if (!options.admits_factorization()) return false;
  return std::min(a.rows, a.columns) <= options.proven_up_to || (options.proven_if_cheap && is_cheap_to_prove(a));
}

Measured by_factorization(ScannedMatrix& a, const CertifyOptions& options, Context& context) {
  ProofOptions proof;
  proof.relative_width = options.relative_width;
  proof.random = options.random;
  return prove(a.in_range(context), a.gram(context), proof, context);
}

// A probabilistic end is far wider than 5e-9 of sigma_1, so a closer estimate would cost reads and not narrow the
// enclosure.
Measured by_lanczos(const InRange& a, const CertifyOptions& options, Context& context) {
  SvdOptions<double> steps;
  steps.random = options.random;
  steps.tolerance = 5e-9;
  steps.max_products = 2000;
  std::optional<double> failure;
  if (options.admits_probable()) failure = options.failure_probability;
  const Measured found = estimate(a, failure, steps, context);
  if (options.method != CertifyMethod::proven && options.method != CertifyMethod::cheapest) return found;
  return {Proof::enclosure(found.sigma_max.lower, norm_upper_bound(a)), found.estimate};
}

Enclosed enclosed(ScannedMatrix& a, const std::optional<Computed>& computed, const CertifyOptions& options,
                  Context& context) {
  check_failure_probability("enclose", options.failure_probability);
  const kernels::StoredMatrix& matrix = a.view().matrix;
  if (matrix.size() == 0)
    throw Error(fmt::format("[enclose] the matrix must have entries, got {}x{}", matrix.rows, matrix.columns));
  require_finite(a.facts(), "enclose");
  const InRange& range = a.in_range(context);
  Measured found =
      is_factored(matrix, options) ? by_factorization(a, options, context) : by_lanczos(range, options, context);
  if (computed) found = reconciled(found, computed->value, computed->relative_error, norm_upper_bound(range));
  require_unchanged(range, context);
  return {scaled(found, range.factor), found.estimate};
}

}  // namespace

Enclosed enclose(ScannedMatrix& a, const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  return enclosed(a, std::nullopt, options, context);
}

Enclosed enclose(ScannedMatrix& a, const Computed& computed, const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  return enclosed(a, computed, options, context);
}

Measured larger(const Measured& a, const Measured& b) {
  const auto& upper_a = a.sigma_max.upper;
  const auto& upper_b = b.sigma_max.upper;
  const LowerBound lower =
      a.sigma_max.lower.value() >= b.sigma_max.lower.value() ? a.sigma_max.lower : b.sigma_max.lower;
  const double estimate = larger_of(a.estimate, b.estimate);
  if (!upper_a || !upper_b) return {Proof::enclosure(lower, std::nullopt), estimate};
  const double value = larger_of(upper_a->value(), upper_b->value());
  const double failure = upper_a->failure_probability() + upper_b->failure_probability();
  if (failure >= 1) return {Proof::enclosure(lower, std::nullopt), estimate};  // no information
  return {Proof::enclosure(lower, failure == 0 ? Proof::proven(value) : Proof::probabilistic(value, failure)),
          estimate};
}

}  // namespace sigmax::bounds
