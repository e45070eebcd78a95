// Certificates of several singular values: an enclosure of each, with its index.
#pragma once

#include <span>
#include <vector>

#include "sigmax/bounds/certify.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {

/// An enclosure of each value.
struct CertifiedValues {
  std::vector<Enclosure> sigma;
  /// The loss of the proof to rounding, however good the vectors are: values whose squares differ by less than the
  /// square of this number are not distinguished. 0 without a factorization.
  double resolution = 0;
  /// A bound on the change of each value by forming a composite; 0 for a stored matrix.
  double formed = 0;
  /// Whether these are all values, enclosed by the residual of the whole decomposition: each to a small multiple of
  /// rounding of the largest, and none missed.
  bool whole = false;
};

/// Encloses the values of the hint's triplets: [i] is the (i + 1)-th largest singular value or, for the k smallest, the
/// (k - i)-th smallest; multiple values count as often as they occur. Starts from the hint's vectors; poor vectors and
/// missed values make the enclosures wider, never wrong. `which`: the end of the spectrum of the triplets. The options
/// that count are method, proven_up_to and formed_up_to.
///
/// - All min(rows, columns) values, where certify() would factor: both ends proven, each value by Weyl's inequality
///   around the residual of the decomposition, rounding included. Width: about k^{3/2} u |A|_F for every value, also
///   for tiny ones. Cost: 2 rows columns k + (rows + columns) k^2 flops; nothing is factored.
/// - Fewer values, where certify() would factor: both ends proven, by Rayleigh-Ritz and one Cholesky factorization that
///   counts the values beyond the k-th. Cost: the Gram matrix, rows x columns x order flops; order^3 / 3; a few reads
///   for 8 vectors.
/// - Elsewhere, for the largest values: lower ends proven, from one read per vector; upper ends probabilistic if the
///   hint was checked (SvdOptions::check), or proven from the norms if those are smaller. For the smallest values,
///   upper ends are proven, and lower ends are probabilistic if the hint was checked, 0 otherwise.
/// - For an operator with an opaque part, which is known only through its products, as certify() says.
///
/// The hint must be of this operator and this end of its spectrum: a check of another operator or end says nothing
/// about it.
///
/// Throws Error for a hint whose vectors do not fit the operator; InternalError as certify() does.
template <Real T>
CertifiedValues certify_values(const LinearOperator<T>& a, const SvdResult<T>& hint, Which which,
                               const CertifyOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
CertifiedValues certify_values(const LinearOperator<T>& a, const SvdResult<T>& hint, Which which,
                               const CertifyOptions& options) {
  Context context;
  return certify_values(a, hint, which, options, context);
}

/// With the default options, on every hardware thread.
template <Real T>
CertifiedValues certify_values(const LinearOperator<T>& a, const SvdResult<T>& hint, Which which);

/// Triplets and what is known about each value.
template <Real T>
struct CertifiedSvd {
  SvdResult<T> triplets;
  std::vector<Enclosure> sigma;
};

/// svd() and certify_values(). If a factorization is possible, it replaces the solver's own check. If it shows that a
/// value was missed or that vectors are not good enough, svd() continues with its check and the values are enclosed
/// again. A check's failure probability is that of SvdOptions. The outcome `converged` means that the ends agree with
/// the values found; or that they are a little wider, by the cost of residuals or of forming a composite, and the check
/// confirms the values. `unconfirmed` means that they do not, or that a value lies outside its own ends, also for
/// methods with a fixed number of steps.
template <Real T>
CertifiedSvd<T> certified_svd(const LinearOperator<T>& a, const SvdOptions<T>& options, const CertifyOptions& certify,
                              Context& context);

/// As above, on every hardware thread.
template <Real T>
CertifiedSvd<T> certified_svd(const LinearOperator<T>& a, const SvdOptions<T>& options, const CertifyOptions& certify) {
  Context context;
  return certified_svd(a, options, certify, context);
}

/// With the default CertifyOptions, on every hardware thread.
template <Real T>
CertifiedSvd<T> certified_svd(const LinearOperator<T>& a, const SvdOptions<T>& options = {});

/// Whether a value lies outside its enclosure by more than `tolerance` times the value, or 1e-12 of the largest if that
/// is more: then the values found are not the values of the operator. Throws Error unless there is an enclosure for
/// each value.
bool is_contradicted(std::span<const Enclosure> known, std::span<const double> sigma, double tolerance);

}  // namespace sigmax
