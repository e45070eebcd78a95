#include "sigmax/svd/checks/check_values.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include "sigmax/ops/gram_side.hpp"
#include "sigmax/ops/magnitude.hpp"
#include "sigmax/ops/range_checked.hpp"
#include "sigmax/ops/single_range.hpp"
#include "sigmax/svd/certificate_contents.hpp"
#include "sigmax/svd/checks/complement.hpp"
#include "sigmax/svd/christoffel.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {
namespace {

// e with |A| near 2^e, from the values that were found, unless all are zero; nothing for the zero operator.
template <Real T>
std::optional<int> exponent_of(const LinearOperator<T>& a, const SvdResult<T>& result, Context& context) {
  const double sigma = result.sigma.front();
  return sigma > 0 ? std::optional<int>(std::ilogb(sigma)) : exponent_by_products(a, result.state.random, context);
}

// Values beyond the range of double become its largest number, as in rescale().
double in_units(double sigma, int exponent) {
  return std::min(std::ldexp(sigma, exponent), std::numeric_limits<double>::max());
}

// The side's vectors of everything that the method has left: the triplets, the rest of its subspace, and its neighbors.
template <Real T>
Matrix<T> all_known(GramSide<T>& side, const SvdResult<T>& result) {
  Matrix<T> known = side.from_right(result.state.subspace);
  const Matrix<T>& more = result.state.neighbors;
  if (more.rows() != known.rows()) return known;
  const std::int64_t columns = std::min(known.columns() + more.columns(), known.rows());
  Matrix<T> all(known.rows(), columns);
  std::ranges::copy(known.values(), all.values().begin());
  std::copy_n(more.values().begin(), all.values().size() - known.values().size(),
              all.values().begin() + static_cast<std::ptrdiff_t>(known.values().size()));
  return all;
}

template <Real T>
ComplementOptions complement_options(const LinearOperator<T>& a, const Task<T>& task, const SvdResult<T>& result,
                                     int exponent, Context& context) {
  ComplementOptions inner;
  inner.convergence = task.convergence;
  if (task.check == Check::full) inner.failure_probability = task.failure_probability;
  inner.terms = a.shape().rows + a.shape().columns;
  inner.magnitude = std::pow(std::ldexp(uncanceled_norm(a, context), -exponent), 2);
  inner.max_products = task.max_products - result.statistics.products;
  inner.random = result.state.random;
  return inner;
}

// The bound on sigma_1 from the method's own start: if it suffices, nothing more is needed. A subsequent check has its
// own share of the failure probability.
template <Real T>
bool is_shown(ComplementOptions& options, double failure_probability, SvdResult<T>& result) {
  if (options.convergence.k != 1 || !options.failure_probability || result.certificate.empty()) return false;
  const CertificateContents& certificate = contents(std::as_const(result).certificate);
  *options.failure_probability /= 2;
  const double theta = std::pow(certificate.scale * result.sigma.front(), 2);
  const double bound = christoffel_upper_bound(certificate.recurrences, *options.failure_probability, options.terms,
                                               std::max(options.magnitude, theta));
  // A bound below theta is refuted.
  if (!(bound >= theta && bound <= theta * (1 + options.convergence.slack_of_check()))) return false;
  result.checked = CheckedValues{{std::sqrt(bound) / certificate.scale}, failure_probability};
  result.outcome = SvdOutcome::converged;
  return true;
}

// Whether the Ritz values of everything known now exceed those of the method by more than the tolerance.
template <Real T>
bool improves(const Complement<T>& rest, const SvdResult<T>& result, int exponent, const Task<T>& task) {
  for (std::size_t i = 0; i < result.sigma.size() && i < rest.theta.size(); ++i) {
    const double sigma = std::ldexp(result.sigma[i], -exponent);
    if (rest.theta[i] > sigma * sigma * (1 + task.convergence.of_theta()) + rest.noise[i]) return true;
  }
  return false;
}

// Whether a value was found twice, as far as can be told. From two start vectors a Krylov space contains two vectors of
// each eigenspace, so more can exist only if it contains two.
template <Real T>
bool has_a_pair(const SvdResult<T>& result, const Convergence& wanted) {
  const auto is_pair = [&wanted](double a, double b) { return wanted.may_be_equal(a, b); };
  return std::adjacent_find(result.sigma.begin(), result.sigma.end(), is_pair) != result.sigma.end();
}

// The check of A, |A| near 2^size, scaled if the iterations would leave the range of T. Throws NotFinite if they leave
// it even so.
template <Real T>
void check_scaled(const LinearOperator<T>& a, int size, const Task<T>& task, SvdResult<T>& result, Context& context) {
  const int exponent = std::abs(size) > kInRange<T> ? size : 0;
  ComplementOptions inner = complement_options(a, task, result, exponent, context);
  if (result.sigma.front() == 0) inner.magnitude = std::max(inner.magnitude, std::ldexp(1.0, 2 * (size - exponent)));
  if (!std::isfinite(inner.magnitude) || is_shown(inner, task.failure_probability, result)) return;
  if (inner.max_products < 1) return;
  const Guarded<T> guarded(a, exponent);
  GramSide<T> side(guarded, context);
  const SymmetricProduct<T> product = [&side](MatrixView<const T> x, MatrixView<T> z) { side.multiply(x, z); };
  Complement<T> rest = check_complement<T>(side.order(), product, all_known(side, result), inner, context);
  if (rest.joined > 0 || improves(rest, result, exponent, task)) {
    Triplets<T> triplets = triplets_from(side, rest.vectors);
    if (triplets.sigma.size() > static_cast<std::size_t>(task.k())) {
      result.next = in_units(triplets.sigma[static_cast<std::size_t>(task.k())], exponent);
    }
    take(result, std::move(triplets), task.k());
    for (double& sigma : result.sigma) sigma = in_units(sigma, exponent);
    result.statistics.joined = rest.joined;
  }
  result.statistics.products += side.products();
  result.statistics.reads += side.reads();
  result.state.random = rest.random;
  if (task.check != Check::full || rest.upper.empty()) return;
  if (rest.confirmed) result.outcome = SvdOutcome::converged;
  if (!rest.random.drawn) return;
  result.checked = CheckedValues{{}, task.failure_probability};
  for (const double upper : rest.upper) {
    result.checked->bound.push_back(in_units(std::sqrt(std::max(upper, 0.0)), exponent));
  }
}

}  // namespace

template <Real T>
void check_values(const LinearOperator<T>& a, const Task<T>& task, SvdResult<T>& result, Context& context) {
  if (result.outcome != SvdOutcome::converged) return;
  const bool full = task.check == Check::full;
  if (full && !holds_products(a, context)) {
    result.outcome = SvdOutcome::unconfirmed;
    result.checked.reset();
    return;
  }
  if (task.which != Which::largest) return;  // those have been checked with the factor that they were found from
  // LAPACK's result, in double: products in float cannot check it; and if all values were computed, none can be
  // missing.
  const bool all = task.k() == std::min(a.shape().rows, a.shape().columns);
  if ((std::same_as<T, float> || all) && std::holds_alternative<DenseLapack>(task.method)) return;
  // A value beyond the range of double.
  if (result.sigma.front() == std::numeric_limits<double>::max()) return;
  if (!full && !has_a_pair(result, task.convergence)) return;
  const std::optional<int> exponent = exponent_of(a, result, context);
  if (!exponent) return;                               // zero
  if (full) result.outcome = SvdOutcome::unconfirmed;  // until it is
  try {
    return check_scaled(a, *exponent, task, result, context);
  } catch (const NotFinite&) {
    // The values found are far below the true ones.
  }
  try {
    const std::optional<int> other = exponent_by_products(a, result.state.random, context);
    if (other && *other != *exponent) check_scaled(a, *other, task, result, context);
  } catch (const NotFinite&) {
    return;
  }
}

template void check_values<float>(const LinearOperator<float>&, const Task<float>&, SvdResult<float>&, Context&);
template void check_values<double>(const LinearOperator<double>&, const Task<double>&, SvdResult<double>&, Context&);

}  // namespace sigmax
