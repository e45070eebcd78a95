#include "sigmax/bounds/certify_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/matrix_proof/stretches.hpp"
#include "sigmax/bounds/operator_proof/composite.hpp"
#include "sigmax/bounds/operator_proof/expression.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/convert.hpp"

namespace sigmax {
namespace {

using bounds::Expression;
using bounds::Measured;
using bounds::Proof;
constexpr double kOutward = 0x1p-1068;

// A V for the hint's vectors, or A^T U with `adjoint`, and |Y - A V| <= error; in units of 2^exponent.
struct Images {
  Matrix<double> y;
  double error = 0;
  std::int64_t exponent = 0;
};

Images images_of(const Expression& e, const Matrix<double>& v, bool adjoint, Context& context) {
  Images images{Matrix<double>(adjoint ? e.columns : e.rows, v.columns()), 0, e.exponent};
  double square = 0;
  for (std::int64_t j = 0; j < v.columns(); ++j) {
    const bounds::Image one = bounds::image(e, v.column(j), adjoint, context);
    std::ranges::copy(one.values, images.y.column(j).begin());
    square = bounds::round_up(square + one.error * one.error);
  }
  images.error = bounds::round_up(std::sqrt(square));
  return images;
}

// As the operator computes them: the rounding of its products is unknown.
template <Real T>
Images images_of(const LinearOperator<T>& a, const Matrix<T>& v, bool adjoint, Context& context) {
  Matrix<T> y(adjoint ? a.shape().columns : a.shape().rows, v.columns());
  if (adjoint) {
    a.apply_adjoint(v.view(), y.view(), context);
  } else {
    a.apply(v.view(), y.view(), context);
  }
  double largest = 0;
  for (const T value : y.values()) largest = std::max(largest, std::fabs(static_cast<double>(value)));
  Images images{converted<double>(y), 0, largest > 0 && std::isfinite(largest) ? std::ilogb(largest) : 0};
  for (double& value : images.y.values()) value = std::ldexp(value, -static_cast<int>(images.exponent));
  return images;
}

Enclosure scaled(const Enclosure& e, std::int64_t exponent) {
  return bounds::scaled(Measured{e, 0}, exponent).sigma_max;
}

// [sigma_min of the leading columns, sigma_max of the trailing ones] of A V for orthonormal V. The i-th largest value
// of A is at least the first. If there are m trailing columns, the m-th smallest value of A is at most the second.
struct OwnRange {
  double lower = 0;
  double upper = kInfinity;
};

std::vector<OwnRange> own_ranges(const Images& images, const Matrix<double>& v) {
  const double defect = bounds::defect_of(v);
  std::vector<OwnRange> ranges(static_cast<std::size_t>(v.columns()));
  if (!(defect < 0.25) || !bounds::blas_supports_proofs()) return ranges;
  const bounds::Stretches stretches = bounds::stretches_of(images.y);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const double shortest = bounds::larger_of(stretches.shortest[i] - images.error * (1 + 0x1p-40), 0.0);
    ranges[i].lower = bounds::round_down(shortest / bounds::round_up(std::sqrt(1 + defect)));
    ranges[i].upper = bounds::round_up((stretches.longest[i] + images.error) / std::sqrt(1 - defect));
  }
  return ranges;
}

// Replaces an end by the probabilistic end of a check if that is closer than the proven one.
Enclosure with_check(const Enclosure& e, Which which, double bound, double failure_probability) {
  if (which == Which::smallest) {
    const double value = bounds::widened_lower(bound).value();
    if (!(value > e.lower.value()) || (e.upper && value > e.upper->value())) return e;
    return Proof::enclosure(Proof::probabilistic_lower(value, failure_probability), e.upper);
  }
  const double value = bounds::widened_upper(bound);
  if (value < e.lower.value() || (e.upper && value >= e.upper->value())) return e;
  return Proof::enclosure(e.lower, Proof::probabilistic(value, failure_probability));
}

// Enclosures without a factorization. `total` is at least |A|_F^2 if that is known, `norm` at least |A|, both in the
// units of the images: sigma_i^2 is at most |A|_F^2 minus the squared lower ends of the values before it.
template <Real T>
CertifiedValues from_products(const Images& images, const Matrix<double>& v, const SvdResult<T>& hint, Which which,
                              double total, double norm, const CertifyOptions& options) {
  const std::vector<OwnRange> own = own_ranges(images, v);
  const bool checked = hint.checked && hint.checked->bound.size() == own.size() && options.admits_probable();
  CertifiedValues result;
  double left = total;
  for (std::size_t i = 0; i < own.size(); ++i) {
    LowerBound lower = Proof::lower(0);
    std::optional<UpperBound> upper;
    if (which == Which::largest) {
      lower = bounds::widened_lower(own[i].lower);
      const double by_entries = bounds::round_up(std::sqrt(bounds::larger_of(left, 0.0)));
      if (options.method != CertifyMethod::none) {
        upper = Proof::proven(bounds::widened_upper(bounds::smaller_of(norm, by_entries)));
      }
      left = bounds::round_up(left - bounds::round_down(own[i].lower * own[i].lower) * (1 - 0x1p-40));
    } else {
      upper = Proof::proven(bounds::widened_upper(own[i].upper));
    }
    Enclosure e = scaled(Proof::enclosure(lower, upper), images.exponent);
    if (checked && std::isfinite(hint.checked->bound[i]))
      e = with_check(e, which, hint.checked->bound[i], hint.checked->failure_probability);
    result.sigma.push_back(e);
  }
  return result;
}

// Whether the ends are as close as can be expected, in squares: poor vectors or missed values make the ends as wide as
// the residuals or the gaps. If a full check has confirmed the values, ends as wide as a check accepts are allowed, and
// so is the width that forming the operator may have added. If no check has seen the values, an estimate that is wrong
// by more than a small factor is not accepted, so that a check follows.
template <Real T>
bool agree(const CertifiedValues& values, const SvdResult<T>& found, double tolerance, bool confirmed = false) {
  constexpr bool is_float = std::same_as<T, float>;
  const double least = confirmed ? (is_float ? 1e-2 : 1e-6) : (is_float ? 1e-5 : 1e-9);
  const double formed = confirmed ? values.formed : 0;
  const double unit = std::max({found.sigma.front(), values.sigma.front().lower.value(), values.resolution});
  if (unit == 0) {
    // Only zeros were found, which also happens for a start in the null space. The operator is zero if the upper ends
    // say so.
    return std::all_of(values.sigma.begin(), values.sigma.end(),
                       [](const Enclosure& e) { return e.upper && e.upper->value() <= kOutward; });
  }
  const double root = values.resolution / unit;
  // Ends move outward by kOutward where a subnormal number may have been rounded.
  const double outward = (formed + kOutward) / unit;
  // A proof gives no information about values below its resolution; without a check, nothing else does.
  const double enough = (confirmed ? least + 4 * root * root : 0.0) + 4 * outward * (1 + outward);
  for (std::size_t i = 0; i < values.sigma.size(); ++i) {
    const Enclosure& e = values.sigma[i];
    if (!e.upper) return false;
    const double upper = std::max(e.upper->value(), found.sigma[i]) / unit;
    const double lower = std::min(e.lower.value(), found.sigma[i]) / unit;
    // A whole spectrum is known to rounding of the largest value, and no value can have been missed.
    if (values.whole && upper - lower <= std::max(8 * tolerance, least)) continue;
    const double own = std::max(found.sigma[i], e.lower.value()) / unit;
    const double of_tolerance = confirmed ? 64 * tolerance : std::max(8 * tolerance, least) * own * own;
    if (!((upper - lower) * (upper + lower) <= std::max(of_tolerance, enough))) return false;
  }
  return true;
}

template <Real T>
void check(const LinearOperator<T>& a, const SvdResult<T>& hint) {
  const Shape shape = a.shape();
  if (shape.rows < 1 || shape.columns < 1) {
    throw Error(fmt::format("[certify_values] the operator is empty, {}x{}", shape.rows, shape.columns));
  }
  const std::int64_t most = std::min(shape.rows, shape.columns);
  if (hint.v.rows() != shape.columns || hint.u.rows() != shape.rows || hint.v.columns() < 1 ||
      hint.v.columns() > most || hint.u.columns() != hint.v.columns()) {
    throw Error(
        fmt::format("[certify_values] the hint has vectors of {}x{} and {}x{} for a {}x{} operator: pass what "
                    "svd() returned",
                    hint.u.rows(), hint.u.columns(), hint.v.rows(), hint.v.columns(), shape.rows, shape.columns));
  }
}

}  // namespace

template <Real T>
CertifiedValues certify_values(const LinearOperator<T>& a, const SvdResult<T>& hint, Which which,
                               const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  check(a, hint);
  const Matrix<double> v = converted<double>(hint.v);
  // The smallest of the min(rows, columns) values belong to the shorter side. On the longer side there are additional
  // zeros, which would be taken for the smallest values.
  const bool adjoint = which == Which::smallest && a.shape().rows < a.shape().columns;
  const Matrix<T>& hinted = adjoint ? hint.u : hint.v;
  const std::optional<Expression> e = bounds::take_apart(a, context);
  if (!e) {
    return from_products(images_of(a, hinted, adjoint, context), converted<double>(hinted), hint, which, kInfinity,
                         kInfinity, options);
  }
  const auto k = static_cast<std::size_t>(v.columns());
  if (e->is_zero()) return {std::vector<Enclosure>(k, bounds::zero_enclosure()), 0, 0};
  bounds::Limits limits;
  limits.shorter = options.proven_up_to;
  limits.entries = options.formed_up_to;
  if (!options.admits_factorization() || !bounds::is_provable(*e, limits)) {
    const double total =
        e->kind == Expression::Kind::stored ? bounds::round_up(e->frobenius * e->frobenius) : kInfinity;
    return from_products(images_of(*e, converted<double>(hinted), adjoint, context), converted<double>(hinted), hint,
                         which, total, e->norm, options);
  }
  bounds::ValuesQuestion question;
  question.which = which;
  const Matrix<double> u = converted<double>(hint.u);
  question.right = v.view();
  question.left = u.view();
  if (hint.next) question.next = std::ldexp(*hint.next, -static_cast<int>(e->exponent));
  for (const double sigma : hint.sigma) question.sigma.push_back(std::ldexp(sigma, -static_cast<int>(e->exponent)));
  bounds::ProvenValues proven = bounds::prove_values(*e, question, context);
  bounds::require_unchanged(*e, context);
  for (Enclosure& sigma : proven.sigma) sigma = scaled(sigma, e->exponent);
  // The vectors of a float operator are accurate to its rounding.
  const double of_vectors = std::same_as<T, float> ? 0x1p-18 * e->norm : 0.0;
  const double resolution = std::max(proven.resolution, of_vectors);
  const auto exponent = static_cast<int>(e->exponent);
  return {std::move(proven.sigma), std::ldexp(resolution, exponent), std::ldexp(proven.formed, exponent), proven.whole};
}

template <Real T>
CertifiedSvd<T> certified_svd(const LinearOperator<T>& a, const SvdOptions<T>& options, const CertifyOptions& certify,
                              Context& context) {
  const FloatingEnvironment environment;
  SvdOptions<T> chosen = options;
  const Shape shape = a.shape();
  const bool factors = certify.admits_factorization() && std::min(shape.rows, shape.columns) <= certify.proven_up_to &&
                       bounds::blas_supports_proofs();
  // A factorization shows everything that the check shows, and with certainty.
  if (factors && options.check == Check::full) chosen.check = options.k > 1 ? Check::brief : Check::none;
  CertifiedSvd<T> result;
  result.triplets = svd(a, chosen, context);
  CertifiedValues values = certify_values(a, result.triplets, options.which, certify, context);
  const bool checks = options.check == Check::full && result.triplets.outcome == SvdOutcome::converged;
  if (checks && factors && !agree(values, result.triplets, options.tolerance)) {
    chosen.check = Check::full;
    chosen.start = result.triplets.state.subspace;
    chosen.random = result.triplets.state.random;
    const SvdResult<T> before = std::move(result.triplets);
    result.triplets = svd(a, chosen, context);
    result.triplets.statistics.products += before.statistics.products;
    result.triplets.statistics.reads += before.statistics.reads;
    result.triplets.statistics.joined += before.statistics.joined;
    values = certify_values(a, result.triplets, options.which, certify, context);
  }
  if (checks && factors && result.triplets.outcome != SvdOutcome::out_of_products) {
    const bool confirmed = result.triplets.outcome == SvdOutcome::converged && chosen.check == Check::full;
    // For an operator known only through its products, from a state that was not drawn, the check alone decides.
    const bool has_upper =
        std::any_of(values.sigma.begin(), values.sigma.end(), [](const Enclosure& e) { return e.upper.has_value(); });
    const bool agreed = (confirmed && !has_upper) || agree(values, result.triplets, options.tolerance, confirmed);
    result.triplets.outcome = agreed ? SvdOutcome::converged : SvdOutcome::unconfirmed;
  }
  result.sigma = std::move(values.sigma);
  const bool claims =
      result.triplets.outcome == SvdOutcome::converged || result.triplets.outcome == SvdOutcome::completed;
  const double allowed = std::max(4 * options.tolerance, std::same_as<T, float> ? 1e-4 : 1e-9);
  if (claims && is_contradicted(result.sigma, result.triplets.sigma, allowed)) {
    result.triplets.outcome = SvdOutcome::unconfirmed;
  }
  return result;
}

template <Real T>
CertifiedValues certify_values(const LinearOperator<T>& a, const SvdResult<T>& hint, Which which) {
  const FloatingEnvironment environment;
  Context context;
  return certify_values(a, hint, which, CertifyOptions{}, context);
}

template <Real T>
CertifiedSvd<T> certified_svd(const LinearOperator<T>& a, const SvdOptions<T>& options) {
  const FloatingEnvironment environment;
  Context context;
  return certified_svd(a, options, CertifyOptions{}, context);
}

bool is_contradicted(std::span<const Enclosure> known, std::span<const double> sigma, double tolerance) {
  if (known.size() != sigma.size()) {
    throw Error(fmt::format("[is_contradicted] {} enclosures of {} values", known.size(), sigma.size()));
  }
  double largest = 0;
  for (const double value : sigma) largest = std::max(largest, value);
  for (std::size_t i = 0; i < sigma.size(); ++i) {
    const double slack = std::max(tolerance * sigma[i], 1e-12 * largest);
    if (known[i].lower.value() > sigma[i] + slack) return true;
    if (known[i].upper && known[i].upper->value() < sigma[i] - slack) return true;
  }
  return false;
}

template CertifiedValues certify_values<float>(const LinearOperator<float>&, const SvdResult<float>&, Which,
                                               const CertifyOptions&, Context&);
template CertifiedValues certify_values<double>(const LinearOperator<double>&, const SvdResult<double>&, Which,
                                                const CertifyOptions&, Context&);
template CertifiedValues certify_values<float>(const LinearOperator<float>&, const SvdResult<float>&, Which);
template CertifiedValues certify_values<double>(const LinearOperator<double>&, const SvdResult<double>&, Which);
template CertifiedSvd<float> certified_svd<float>(const LinearOperator<float>&, const SvdOptions<float>&);
template CertifiedSvd<double> certified_svd<double>(const LinearOperator<double>&, const SvdOptions<double>&);
template CertifiedSvd<float> certified_svd<float>(const LinearOperator<float>&, const SvdOptions<float>&,
                                                  const CertifyOptions&, Context&);
template CertifiedSvd<double> certified_svd<double>(const LinearOperator<double>&, const SvdOptions<double>&,
                                                    const CertifyOptions&, Context&);

}  // namespace sigmax
