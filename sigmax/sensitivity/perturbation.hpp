// What a change E of a matrix A does to singular values, eigenvalues and leading subspaces.
//
// | question | bound | assumes | proven |
// | --- | --- | --- | --- |
// | sigma_i(A + E) | Weyl: within |E|_2 of sigma_i(A); Mirsky: all together within |E|_F | nothing | both ends |
// | leading singular subspaces | Wedin | a gap from sigma_k of one to sigma_{k+1} of the other | upper end |
// | the same | Yu, Wang and Samworth | a gap of A alone; up to twice as large | upper end |
// | eigenvalues of a symmetric A | Weyl, the i-th to the i-th | E symmetric as well | upper end |
// | leading eigenspaces | Davis and Kahan | A and E symmetric, a gap | upper end |
// | eigenvalues of any A | Bauer and Fike | a basis of eigenvectors; one-sided | upper end |
//
// docs/conditioning.md says which to take when.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/bounds/eigenvalues.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::sensitivity {

/// What is known of the size of E. The lower ends are not used.
struct ChangeSize {
  Enclosure spectral;   ///< |E|_2
  Enclosure frobenius;  ///< |E|_F
};

/// The caller states |E|_2 <= spectral and |E|_F <= frobenius; infinite: not known. Each also bounds the other:
/// |E|_2 <= |E|_F <= sqrt(values) |E|_2, `values` = min(rows, columns) of E (or its rank, if that is known; 0: not
/// known). Throws Error for a negative or NaN bound, and if both are infinite.
ChangeSize change_of_at_most(double spectral, double frobenius = std::numeric_limits<double>::infinity(),
                             std::int64_t values = 0);

/// The size of a given E: certify() for the 2-norm; the entries for the Frobenius norm of a stored matrix, all
/// triplets for anything else. Throws Error as norms::norm() does.
template <Real T>
ChangeSize size_of(const LinearOperator<T>& e, const CertifyOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
ChangeSize size_of(const LinearOperator<T>& e, const CertifyOptions& options = {}) {
  Context context;
  return size_of(e, options, context);
}

/// Enclosures of the largest singular values of A + E, from those of A (sigma_1, sigma_2, ..., as many as are known)
/// and the size of E: Weyl's interval, sigma_i -+ |E|_2, intersected with Mirsky's, from sum (t_i - s_i)^2 <= |E|_F^2
/// and the order of the values (bounds/interval.hpp). Both are attained by some E of that size. Ends that are
/// probabilistic make probabilistic ends. Throws Error if there are no values.
std::vector<Enclosure> perturbed_values(std::span<const Enclosure> sigma, const ChangeSize& change);

/// As above for the k largest values of given operators: certified_svd() of A, the size of E, and no decomposition of
/// A + E. Throws Error if the shapes differ or k is out of range.
template <Real T>
std::vector<Enclosure> perturbed_values(const LinearOperator<T>& a, const LinearOperator<T>& e, std::int64_t k,
                                        const CertifyOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
std::vector<Enclosure> perturbed_values(const LinearOperator<T>& a, const LinearOperator<T>& e, std::int64_t k,
                                        const CertifyOptions& options = {}) {
  Context context;
  return perturbed_values(a, e, k, options, context);
}

/// Sines of the angles between the spaces of the k leading singular vectors of A and those of A + E. Lower ends are 0;
/// the upper ends are never more than the trivial 1, sqrt(k) or sqrt(2 k), which they are where the gap is not shown to
/// be positive.
struct SubspaceAngles {
  Enclosure largest;  ///< the largest sine, on either side
  Enclosure total;    ///< sqrt(|sin Theta_U|_F^2 + |sin Theta_V|_F^2); for eigenspaces |sin Theta|_F
  Enclosure gap;      ///< the gap that the bound divides by
};

/// Wedin 1972, for the leading subspaces:
///
///     largest <= |E|_2 / gap,    total <= sqrt(2) min(sqrt(k) |E|_2, |E|_F) / gap,
///
/// gap = max(sigma_k(A) - sigma_{k+1}(A + E), sigma_k(A + E) - sigma_{k+1}(A)). Each span holds the leading values of
/// one matrix, k + 1 of them, or k if that is all it has. If no decomposition of A + E is at hand, pass
/// perturbed_values(). Throws Error unless there are at least k values in both.
SubspaceAngles wedin(std::span<const Enclosure> sigma, std::span<const Enclosure> perturbed, const ChangeSize& change,
                     std::int64_t k);

/// Yu, Wang and Samworth (Biometrika 102, 2015, theorem 2, for the matrix [0 A; A^T 0]): the gap is A's own,
/// sigma_k - sigma_{k+1}, and may be smaller than |E|:
///
///     total <= 2 sqrt(2) min(sqrt(k) |E|_2, sqrt(2) |E|_F) / gap,    largest <= total.
///
/// Throws Error as above.
SubspaceAngles yu_wang_samworth(std::span<const Enclosure> sigma, const ChangeSize& change, std::int64_t k);

/// |lambda_i(A + E) - values[i]| <= radius + |E|_2 for every i, both in descending order, A and E symmetric: the
/// enclosure of that distance. For an E that is not symmetric, no pairing by order holds; see eigenvalue_distance().
Enclosure symmetric_eigenvalue_distance(const bounds::SymmetricEigenvalues& a, const ChangeSize& change);

/// Davis and Kahan 1970, for the spaces of the k largest eigenvalues of symmetric matrices A and A + E:
///
///     largest <= |E|_2 / gap,    total <= min(sqrt(k) |E|_2, |E|_F) / gap,
///
/// gap = max(lambda_k(A) - lambda_{k+1}(A + E), lambda_k(A + E) - lambda_{k+1}(A)). Throws Error unless 1 <= k < n.
SubspaceAngles davis_kahan(const bounds::SymmetricEigenvalues& a, const bounds::SymmetricEigenvalues& perturbed,
                           const ChangeSize& change, std::int64_t k);

/// As above, from A alone: lambda_{k+1}(A + E) <= lambda_{k+1}(A) + |E|_2 by Weyl; or Yu, Wang and Samworth's
/// total <= 2 min(sqrt(k) |E|_2, |E|_F) / (lambda_k - lambda_{k+1}) if that is smaller.
SubspaceAngles davis_kahan(const bounds::SymmetricEigenvalues& a, const ChangeSize& change, std::int64_t k);

/// Bauer and Fike: every eigenvalue of A + E lies within this distance of one of `disks.values`: residual + condition
/// |E|_2. No upper end if the condition has none. One-sided, see EigenvalueDisks.
Enclosure eigenvalue_distance(const bounds::EigenvalueDisks& disks, const ChangeSize& change);

}  // namespace sigmax::sensitivity
