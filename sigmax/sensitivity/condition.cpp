#include "sigmax/sensitivity/condition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/arithmetic.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/bounds/enclose.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/bounds/pseudo_inverse.hpp"
#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/norms/induced.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::sensitivity {
namespace {

double value_of(const Enclosure& number, bool singular) {
  if (singular) return kInfinity;
  if (!number.upper) return number.lower.value();
  return std::sqrt(number.lower.value()) * std::sqrt(number.upper->value());
}

// The parts of a condition number. `inverse` and the exponent are as PseudoInverse has them: in the units of
// B = 2^exponent A both norms are moderate wherever the condition number is.
Condition assembled(const Enclosure& norm, const Enclosure& inverse, std::int64_t exponent, bool has_distance) {
  const Enclosure distance = bounds::scaled(bounds::reciprocal(inverse), -exponent);
  Condition result{bounds::condition(bounds::scaled(norm, exponent), inverse), norm, bounds::scaled(inverse, exponent),
                   has_distance ? distance : bounds::at_least(distance)};
  result.value = value_of(result.number, false);
  return result;
}

// Up to this order the proof of sigma_min costs less than the search that a probabilistic end rests on, and in a space
// of three dimensions that search has nothing to check its value with.
constexpr std::int64_t kSmall = 32;

// For a matrix or an operator of this shape.
CertifyOptions with_small_proofs(CertifyOptions certify, std::int64_t rows, std::int64_t columns) {
  const std::int64_t order = std::min(rows, columns);
  if (certify.method == CertifyMethod::probabilistic && order <= kSmall && order <= certify.proven_up_to) {
    certify.method = CertifyMethod::automatic;
  }
  return certify;
}

void mark_singular(Condition& result) {
  result.singular = true;
  result.distance = bounds::exactly(0);
  result.sigma_min = bounds::exactly(0);
  result.value = kInfinity;
}

// sigma_min of a matrix that is too large to be factored, or may not be: by a check of the value that svd() finds.
template <Real T>
Enclosure smallest_by_svd(const LinearOperator<T>& a, const Method& method, const CertifyOptions& options,
                          Context& context) {
  SvdOptions<T> search;
  search.method = method;
  search.which = Which::smallest;
  search.random = options.random;
  search.failure_probability = options.failure_probability;
  if (!options.admits_probable()) search.check = Check::none;
  return certified_svd(a, search, options, context).sigma.front();
}

// |X|_2 = 1 / sigma_min is at most |X|_F, sqrt(rows) |X|_1 and sqrt(columns) |X|_inf for the columns x rows matrix X.
void take_two_norm(bounds::PseudoInverse& found, std::int64_t rows, std::int64_t columns) {
  found.two = bounds::reciprocal(found.sigma_min);
  const auto divided = [&](std::int64_t count) {
    const Enclosure root = bounds::square_root(bounds::exactly(static_cast<double>(count)));
    return bounds::at_least(bounds::quotient(found.two, root));
  };
  found.frobenius = bounds::tighter(found.frobenius, bounds::at_least(found.two));
  found.one = bounds::tighter(found.one, divided(rows));
  found.inf = bounds::tighter(found.inf, divided(columns));
}

Enclosure norm_of(const Tensor& matrix, ScannedMatrix& scanned, const norms::Norm& which, const CertifyOptions& certify,
                  Context& context) {
  if (std::holds_alternative<norms::Spectral>(which)) return bounds::enclose(scanned, certify, context).sigma_max;
  norms::NormOptions options;
  options.certify = certify;
  return *norms::norm(matrix, which, options, context).enclosure;
}

const Enclosure& inverse_of(const bounds::PseudoInverse& found, const norms::Norm& which) {
  if (std::holds_alternative<norms::Spectral>(which)) return found.two;
  if (std::holds_alternative<norms::Frobenius>(which)) return found.frobenius;
  return std::holds_alternative<norms::RowSum>(which) ? found.inf : found.one;
}

// The norm of the pseudo-inverse, in a norm of entries.
const Enclosure& norm_of(const bounds::PseudoInverse& found, const norms::Norm& which) {
  if (std::holds_alternative<norms::Frobenius>(which)) return found.norm_frobenius;
  return std::holds_alternative<norms::RowSum>(which) ? found.norm_inf : found.norm_one;
}

void require_condition_norm(const norms::Norm& which) {
  const auto* const columns = std::get_if<norms::ColumnSum>(&which);
  const auto* const rows = std::get_if<norms::RowSum>(&which);
  const bool known = std::holds_alternative<norms::Spectral>(which) ||
                     std::holds_alternative<norms::Frobenius>(which) || (columns != nullptr && !columns->smallest) ||
                     (rows != nullptr && !rows->smallest);
  if (known) return;
  throw Error(
      fmt::format("[condition] the norm {} has no condition number here: pass 1, 2, inf or fro, or a pair of "
                  "exponents p and q",
                  norms::spelling_of(which)));
}

}  // namespace

norms::Known kind_of(const Enclosure& known) noexcept {
  if (!known.upper) return norms::Known::lower_only;
  return known.is_proven() ? norms::Known::proven : norms::Known::probabilistic;
}

norms::Known Condition::kind() const noexcept { return singular ? norms::Known::proven : kind_of(number); }

Condition condition(const Tensor& matrix, const norms::Norm& which, const ConditionOptions& options, Context& context) {
  const FloatingEnvironment environment;
  require_condition_norm(which);
  ScannedMatrix scanned = scanned_finite(matrix, "condition", "matrix", context);
  const CertifyOptions certify = with_small_proofs(options.certify, matrix.shape()[0], matrix.shape()[1]);
  const bool spectral = std::holds_alternative<norms::Spectral>(which);
  const bool frobenius = std::holds_alternative<norms::Frobenius>(which);
  const Enclosure norm = norm_of(matrix, scanned, which, certify, context);
  bounds::PseudoInverse found = bounds::enclose_pseudo_inverse(
      scanned, {.two = spectral || frobenius || options.sigma_min, .entries = !spectral}, certify, context);
  const bool factored =
      certify.admits_factorization() && std::min(matrix.shape()[0], matrix.shape()[1]) <= certify.proven_up_to;
  if (!found.singular && !factored && (spectral || options.sigma_min)) {
    // A full decomposition, which Auto would take for a small matrix, comes without a check.
    const Enclosure checked = smallest_by_svd(*dense<double>(matrix), InverseLanczos{}, certify, context);
    found.sigma_min = bounds::tighter(found.sigma_min, bounds::scaled(checked, found.exponent));
    take_two_norm(found, matrix.shape()[0], matrix.shape()[1]);
  }
  const Enclosure& inverse = inverse_of(found, which);
  const bool square = matrix.shape()[0] == matrix.shape()[1];
  Condition result = assembled(norm, inverse, found.exponent, square || spectral);
  if (spectral || frobenius || options.sigma_min) {
    result.sigma_min = bounds::scaled(found.sigma_min, -found.exponent);
  }
  // Eckart and Young: the nearest matrix of lower rank is as near in the Frobenius norm as in the 2-norm.
  if (frobenius) result.distance = *result.sigma_min;
  if (found.singular) mark_singular(result);
  return result;
}

Condition condition(const Tensor& matrix, const norms::Norm& which, const ConditionOptions& options) {
  const FloatingEnvironment environment;
  Context context;
  return condition(matrix, which, options, context);
}

Condition condition(const Tensor& matrix, double p, double q, const ConditionOptions& options, Context& context) {
  const FloatingEnvironment environment;
  ScannedMatrix scanned = scanned_finite(matrix, "condition", "matrix", context);
  if (matrix.shape()[0] != matrix.shape()[1]) {
    throw Error(
        fmt::format("[condition] a {} matrix has no inverse for the norms {} -> {}: pass 1, 2, inf or fro, which "
                    "take the pseudo-inverse",
                    to_string(matrix.shape()), p, q));
  }
  const CertifyOptions certify = with_small_proofs(options.certify, matrix.shape()[0], matrix.shape()[1]);
  norms::InducedOptions induced;
  induced.certify = certify;
  induced.random = certify.random;
  const Enclosure norm = norms::induced_norm(matrix, p, q, induced, context).enclosure;
  const bounds::PseudoInverse found =
      bounds::enclose_pseudo_inverse(scanned, {.two = options.sigma_min, .entries = true}, certify, context);
  Enclosure inverse = bounds::at_least(bounds::exactly(0));
  if (!found.inverse.empty()) {
    const Tensor approximation = Tensor::view_of(found.inverse.values(), matrix.shape(), {1, found.inverse.rows()});
    inverse = bounds::inverse_norm(found, norms::induced_norm(approximation, q, p, induced, context).enclosure);
  }
  Condition result = assembled(norm, inverse, found.exponent, true);
  if (options.sigma_min) result.sigma_min = bounds::scaled(found.sigma_min, -found.exponent);
  if (found.singular) mark_singular(result);
  return result;
}

template <Real T>
Condition condition(const LinearOperator<T>& a, const norms::Norm& which, const ConditionOptions& options,
                    Context& context) {
  const FloatingEnvironment environment;
  require_condition_norm(which);
  const Shape shape = a.shape();
  if (shape.rows < 1 || shape.columns < 1) {
    throw Error(fmt::format("[condition] an operator without entries, {}x{}: it has no condition number", shape.rows,
                            shape.columns));
  }
  const CertifyOptions certify = with_small_proofs(options.certify, shape.rows, shape.columns);
  const bool spectral = std::holds_alternative<norms::Spectral>(which);
  const bool frobenius = std::holds_alternative<norms::Frobenius>(which);
  const bounds::PseudoInverseRequest request{.two = spectral || frobenius || options.sigma_min, .entries = !spectral};
  std::optional<bounds::PseudoInverse> found = bounds::enclose_pseudo_inverse(a, request, certify, context);
  if (!spectral && (!found || !(found->norm_frobenius.upper))) {
    throw Error(
        fmt::format("[condition] the {}x{} operator cannot be formed as a matrix, and has no norm {}: pass 2, or "
                    "a larger CertifyOptions::proven_up_to or formed_up_to",
                    shape.rows, shape.columns, norms::spelling_of(which)));
  }
  const std::int64_t exponent = found ? found->exponent : 0;
  Enclosure sigma_min = found ? bounds::scaled(found->sigma_min, -exponent) : bounds::at_least(bounds::exactly(0));
  if (spectral && !(sigma_min.lower.value() > 0) && !(found && found->singular)) {
    sigma_min = bounds::tighter(sigma_min, smallest_by_svd(a, Auto{}, certify, context));
  }
  Condition result = spectral ? assembled(sigma_max(a, certify, context), bounds::reciprocal(sigma_min), 0, true)
                              : assembled(bounds::scaled(norm_of(*found, which), -exponent), inverse_of(*found, which),
                                          exponent, shape.rows == shape.columns);
  if (request.two) result.sigma_min = sigma_min;
  if (frobenius) result.distance = sigma_min;
  if (found && found->singular) mark_singular(result);
  return result;
}

template <Real T>
Condition condition(const LinearOperator<T>& a, const ConditionOptions& options, Context& context) {
  return condition(a, norms::Spectral{}, options, context);
}

template Condition condition<float>(const LinearOperator<float>&, const norms::Norm&, const ConditionOptions&,
                                    Context&);
template Condition condition<double>(const LinearOperator<double>&, const norms::Norm&, const ConditionOptions&,
                                     Context&);
template Condition condition<float>(const LinearOperator<float>&, const ConditionOptions&, Context&);
template Condition condition<double>(const LinearOperator<double>&, const ConditionOptions&, Context&);

}  // namespace sigmax::sensitivity
