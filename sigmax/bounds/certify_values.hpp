// Certificates of several singular values: an enclosure of each, with its index.
#pragma once

#include <span>
#include <vector>

#include "sigmax/bounds/certify.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {

/// An enclosure of each value.
struct CertifiedValues {
  std::vector<Enclosure> sigma;
  /// What the proof may lose to rounding however good the vectors are: values whose squares differ by less than its
  /// square are not told apart. 0 where there was no factorization.
  double resolution = 0;
  /// What forming a composite may have changed each value by; 0 of a stored matrix.
  double formed = 0;
};

/// Encloses the values that the triplets of the hint are of: [i] the (i + 1)-th largest singular value, or, of the k
/// smallest, the (k - i)-th smallest; multiple values count as often as they occur. Starts from the hint's vectors;
/// poor ones, and values that it missed, cost width, never the truth. `which`: the end of the spectrum that they are
/// of. Of the options method, proven_up_to and formed_up_to count.
///
/// - Where certify() would factor: both ends proven, by Rayleigh-Ritz and one Cholesky factorization that counts the
///   values beyond the k-th. Cost: the Gram matrix, rows x columns x order flops; order^3 / 3; a few reads for 8
///   vectors.
/// - Elsewhere, of the largest values: lower ends proven, from a read a vector; upper ends probabilistic if the hint
///   was checked (SvdOptions::check), or proven from the norms where those are smaller. Of the smallest values upper
///   ends are proven, and lower ends probabilistic if the hint was checked, 0 otherwise.
/// - Of an operator with an opaque part, which is known by its products alone, as certify() says.
///
/// The hint must be of this operator and this end of its spectrum: a check that was made of another says nothing of it.
///
/// Throws Error for a hint whose vectors do not fit the operator; InternalError as certify() does.
template <Real T>
CertifiedValues certify_values(const LinearOperator<T>& a, const SvdResult<T>& hint, Which which,
                               const CertifyOptions& options, Context& context);

/// With the default options, on every hardware thread.
template <Real T>
CertifiedValues certify_values(const LinearOperator<T>& a, const SvdResult<T>& hint, Which which);

/// Triplets and what is known of each value.
template <Real T>
struct CertifiedSvd {
  SvdResult<T> triplets;
  std::vector<Enclosure> sigma;
};

/// svd() and certify_values(). Where a factorization is possible it takes the place of the solver's own check, and
/// where it finds that a value was missed, or vectors not good enough, svd() goes on with its check and the values are
/// enclosed again. A check's failure probability is that of SvdOptions. The outcome `converged` says that the ends
/// agree with the values found, or are a little wider, by what residuals or the forming of a composite cost, and the
/// check confirms the values; `unconfirmed` that they do not, or that a value, be it of a method that makes a fixed
/// number of steps, lies outside its own ends.
template <Real T>
CertifiedSvd<T> certified_svd(const LinearOperator<T>& a, const SvdOptions<T>& options, const CertifyOptions& certify,
                              Context& context);

/// With the default CertifyOptions, on every hardware thread.
template <Real T>
CertifiedSvd<T> certified_svd(const LinearOperator<T>& a, const SvdOptions<T>& options = {});

/// Whether a value lies outside its enclosure by more than `tolerance` of it, or 1e-12 of the largest: the values are
/// no more than they are called, and what was found is not what there is. Throws Error if there is not an enclosure for
/// each value.
bool is_contradicted(std::span<const Enclosure> known, std::span<const double> sigma, double tolerance);

}  // namespace sigmax
