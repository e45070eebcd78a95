#include "sigmax/sensitivity/perturbation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/arithmetic.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/norms/norm.hpp"

namespace sigmax::sensitivity {
namespace {

using bounds::at_most;
using bounds::difference;
using bounds::exactly;
using bounds::no_more_than;
using bounds::product;
using bounds::quotient;
using bounds::square_root;
using bounds::sum;
using bounds::tighter;

Enclosure root_of(double value) { return square_root(exactly(value)); }

// The smaller of two limits of one quantity.
Enclosure either(const Enclosure& a, const Enclosure& b) { return tighter(no_more_than(a), no_more_than(b)); }

// The larger of two gaps: both are true, so the larger lower end counts.
Enclosure better_gap(const Enclosure& a, const Enclosure& b) { return a.lower.value() >= b.lower.value() ? a : b; }

// min(sqrt(k) |E|_2, factor |E|_F)
Enclosure total_size(const ChangeSize& change, std::int64_t k, double factor_squared) {
  return either(product(root_of(static_cast<double>(k)), change.spectral),
                product(root_of(factor_squared), change.frobenius));
}

void require_leading(const char* who, std::size_t values, std::int64_t k) {
  if (k < 1 || std::cmp_less(values, k)) {
    throw Error(fmt::format("[{}] k must be from 1 to the number of values, {}, got {}", who, values, k));
  }
}

// s_k - t_{k+1}: t_{k+1} is 0 if there are only k values.
Enclosure gap_between(std::span<const Enclosure> s, std::span<const Enclosure> t, std::int64_t k) {
  const auto at = static_cast<std::size_t>(k);
  return t.size() > at ? difference(s[at - 1], t[at]) : s[at - 1];
}

}  // namespace

ChangeSize change_of_at_most(double spectral, double frobenius, std::int64_t values) {
  const FloatingEnvironment environment;
  if (!(spectral >= 0) || !(frobenius >= 0) || (std::isinf(spectral) && std::isinf(frobenius))) {
    throw Error(fmt::format("[change_of_at_most] bounds must not be negative, and one of them finite, got {} and {}",
                            spectral, frobenius));
  }
  const Enclosure two = either(at_most(spectral), at_most(frobenius));
  Enclosure all = at_most(frobenius);
  if (values > 0) all = either(all, product(root_of(static_cast<double>(values)), two));
  return {two, all};
}

template <Real T>
ChangeSize size_of(const LinearOperator<T>& e, const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  norms::NormOptions wanted;
  wanted.certify = options;
  wanted.random = options.random;
  const double unknown = std::numeric_limits<double>::infinity();
  const norms::NormResult two = norms::norm(e, norms::parse_norm("2"), wanted, context);
  const Enclosure spectral = two.enclosure ? no_more_than(*two.enclosure) : at_most(unknown);
  const Shape shape = e.shape();
  const Enclosure by_rank = product(root_of(static_cast<double>(std::min(shape.rows, shape.columns))), spectral);
  const norms::NormResult all = norms::norm(e, norms::parse_norm("fro"), wanted, context);
  const Enclosure frobenius = all.enclosure ? no_more_than(*all.enclosure) : at_most(unknown);
  return {either(spectral, frobenius), either(frobenius, by_rank)};
}

std::vector<Enclosure> perturbed_values(std::span<const Enclosure> sigma, const ChangeSize& change) {
  const FloatingEnvironment environment;
  if (sigma.empty()) throw Error("[perturbed_values] there are no singular values to start from");
  std::vector<Enclosure> result = bounds::mirsky(sigma, change.frobenius);
  for (std::size_t i = 0; i < sigma.size(); ++i) {
    result[i] = tighter(bounds::moved(sigma[i], change.spectral), result[i]);
  }
  return result;
}

template <Real T>
std::vector<Enclosure> perturbed_values(const LinearOperator<T>& a, const LinearOperator<T>& e, std::int64_t k,
                                        const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  if (a.shape() != e.shape()) {
    throw Error(fmt::format("[perturbed_values] A is {}x{}, E is {}x{}", a.shape().rows, a.shape().columns,
                            e.shape().rows, e.shape().columns));
  }
  SvdOptions<T> solve;
  solve.k = k;
  solve.random = options.random;
  const CertifiedSvd<T> known = certified_svd(a, solve, options, context);
  return perturbed_values(known.sigma, size_of(e, options, context));
}

// R = (A + E) V_1 - U_1 Sigma_1 = E V_1 for A's own triplets, so |R|_2 <= |E|_2 and |R|_F <= min(sqrt(k) |E|_2, |E|_F);
// S in the same way. The gap is to the values of A + E then; with the roles of A and A + E exchanged, to those of A.
SubspaceAngles wedin(std::span<const Enclosure> sigma, std::span<const Enclosure> perturbed, const ChangeSize& change,
                     std::int64_t k) {
  const FloatingEnvironment environment;
  require_leading("wedin", std::min(sigma.size(), perturbed.size()), k);
  const Enclosure gap = better_gap(gap_between(sigma, perturbed, k), gap_between(perturbed, sigma, k));
  const Enclosure total = quotient(product(root_of(2), total_size(change, k, 1)), gap);
  return {either(quotient(change.spectral, gap), exactly(1)), either(total, root_of(2 * static_cast<double>(k))), gap};
}

// For symmetric matrices |sin Theta|_F <= 2 min(sqrt(k) |E|_2, |E|_F) / gap. The k leading eigenvectors of
// [0 A; A^T 0] are (u_i, v_i) / sqrt 2; its change has the 2-norm |E|_2 and the Frobenius norm sqrt(2) |E|_F. With
// X = U^T U~, Y = V^T V~, their sines satisfy
//
//     |sin Theta|_F^2 = k - |(X + Y) / 2|_F^2 >= k - (|X|_F^2 + |Y|_F^2) / 2
//                     = (|sin Theta_U|_F^2 + |sin Theta_V|_F^2) / 2.
SubspaceAngles yu_wang_samworth(std::span<const Enclosure> sigma, const ChangeSize& change, std::int64_t k) {
  const FloatingEnvironment environment;
  require_leading("yu_wang_samworth", sigma.size(), k);
  const Enclosure gap = gap_between(sigma, sigma, k);
  const Enclosure total = quotient(product(root_of(8), total_size(change, k, 2)), gap);
  return {either(total, exactly(1)), either(total, root_of(2 * static_cast<double>(k))), gap};
}

namespace {

// lambda - mu for numbers of any sign, 0 if that is negative.
Enclosure signed_difference(double lambda, double mu) {
  if (lambda >= 0 && mu >= 0) return difference(exactly(lambda), exactly(mu));
  if (lambda >= 0) return sum(exactly(lambda), exactly(-mu));
  if (mu >= 0) return exactly(0);
  return difference(exactly(-mu), exactly(-lambda));
}

Enclosure eigenvalue_gap(const bounds::SymmetricEigenvalues& a, const bounds::SymmetricEigenvalues& b, std::int64_t k) {
  const auto at = static_cast<std::size_t>(k);
  return difference(signed_difference(a.values[at - 1], b.values[at]),
                    sum(at_most(a.radius.value()), at_most(b.radius.value())));
}

void require_inner(const bounds::SymmetricEigenvalues& a, std::size_t other, std::int64_t k) {
  if (k < 1 || std::cmp_greater_equal(k, a.values.size()) || a.values.size() != other) {
    throw Error(fmt::format("[davis_kahan] k must be from 1 to n - 1 for two matrices of order n, got {} for {} and {}",
                            k, a.values.size(), other));
  }
}

SubspaceAngles eigenspace_angles(const ChangeSize& change, const Enclosure& gap, std::int64_t k) {
  return {either(quotient(change.spectral, gap), exactly(1)),
          either(quotient(total_size(change, k, 1), gap), root_of(static_cast<double>(k))), gap};
}

}  // namespace

Enclosure symmetric_eigenvalue_distance(const bounds::SymmetricEigenvalues& a, const ChangeSize& change) {
  const FloatingEnvironment environment;
  return no_more_than(sum(at_most(a.radius.value()), change.spectral));
}

SubspaceAngles davis_kahan(const bounds::SymmetricEigenvalues& a, const bounds::SymmetricEigenvalues& perturbed,
                           const ChangeSize& change, std::int64_t k) {
  const FloatingEnvironment environment;
  require_inner(a, perturbed.values.size(), k);
  return eigenspace_angles(change, better_gap(eigenvalue_gap(a, perturbed, k), eigenvalue_gap(perturbed, a, k)), k);
}

SubspaceAngles davis_kahan(const bounds::SymmetricEigenvalues& a, const ChangeSize& change, std::int64_t k) {
  const FloatingEnvironment environment;
  require_inner(a, a.values.size(), k);
  const Enclosure own = eigenvalue_gap(a, a, k);
  SubspaceAngles result = eigenspace_angles(change, difference(own, no_more_than(change.spectral)), k);
  const Enclosure by_own_gap = quotient(product(exactly(2), total_size(change, k, 1)), own);
  result.total = either(result.total, by_own_gap);
  result.largest = either(result.largest, by_own_gap);
  return result;
}

Enclosure eigenvalue_distance(const bounds::EigenvalueDisks& disks, const ChangeSize& change) {
  const FloatingEnvironment environment;
  return no_more_than(sum(at_most(disks.residual.value()), product(disks.condition, change.spectral)));
}

template ChangeSize size_of(const LinearOperator<float>&, const CertifyOptions&, Context&);
template ChangeSize size_of(const LinearOperator<double>&, const CertifyOptions&, Context&);
template std::vector<Enclosure> perturbed_values(const LinearOperator<float>&, const LinearOperator<float>&,
                                                 std::int64_t, const CertifyOptions&, Context&);
template std::vector<Enclosure> perturbed_values(const LinearOperator<double>&, const LinearOperator<double>&,
                                                 std::int64_t, const CertifyOptions&, Context&);

}  // namespace sigmax::sensitivity
