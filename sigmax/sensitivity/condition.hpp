// The condition number |A| |A^+| of a matrix as an enclosure, with sigma_min and the distance to the nearest matrix of
// lower rank.
#pragma once

#include <optional>

#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::sensitivity {

struct ConditionOptions {
  /// How the ends may be found. A matrix whose shorter side is larger than proven_up_to is not factored: its kappa_2
  /// has a probabilistic upper end, all others have none. A relative_width of 1e-3 saves most of the time: the proof of
  /// a square matrix in the 1-, infinity- or Frobenius norm then takes 2 n^3 flops.
  CertifyOptions certify{};
  bool sigma_min = false;  ///< whether Condition::sigma_min is wanted for other norms than the 2-norm
};

struct Condition {
  /// |A| |A^+|: at least 1. Without an upper end, the matrix may be singular, and then its condition number is
  /// infinite.
  Enclosure number;
  Enclosure norm;      ///< |A|
  Enclosure inverse;   ///< |A^+|, in the dual pair of norms for p -> q; an upper end beyond the range is missing
  Enclosure distance;  ///< |E| of the nearest A + E of lower rank, in the same norm: see below
  std::optional<Enclosure> sigma_min{};  ///< the min(rows, columns)-th singular value
  /// Whether rank < min(rows, columns) is known: a zero row or column on the shorter side, or two equal ones. Then the
  /// condition number is infinite and the distance 0.
  bool singular = false;
  /// A number inside the enclosure: the geometric mean of the ends; the lower end if there is no other; infinite for a
  /// matrix that is known to be singular.
  double value = 1;

  norms::Known kind() const noexcept;
};

/// How an enclosure is known, as norms::NormResult::kind() says it: proven, probabilistic, or lower_only.
norms::Known kind_of(const Enclosure& known) noexcept;

/// kappa(A) = |A| |A^+| in the 2-norm (norms::Spectral), the Frobenius norm, the 1-norm (norms::ColumnSum) or the
/// infinity-norm (norms::RowSum), of a matrix of any real storage type. A^+ is the pseudo-inverse; for a square A it is
/// the inverse. A matrix of a rank less than min(rows, columns) has the condition number infinity, because there are
/// matrices of full rank next to it whose pseudo-inverses grow beyond all bounds.
///
/// The distance to lower rank is 1 / |A^+|: in the 2- and Frobenius norm it is sigma_min for any shape (Eckart and
/// Young), in the 1- and infinity-norm it is that of square matrices (Gastinel; Kahan 1966). For rectangular matrices
/// in these norms 1 / |A^+| is a lower end and no upper end is known.
///
/// | shorter side | upper end | kind |
/// | --- | --- | --- |
/// | up to proven_up_to, kappa up to about 1e14 | a theorem | proven |
/// | up to 32 and proven_up_to, CertifyMethod::probabilistic | the theorem: it is cheaper there | proven |
/// | larger, 2-norm | a check of sigma_min over a random start | probabilistic |
/// | anything else | none: the lower end stays | lower_only |
///
/// The relative width for a square matrix is about n^2 u (n u with the 1- and infinity-norm) as long as kappa is
/// moderate, and grows to about (n u kappa)^2; docs/conditioning.md says which bound to take when. Cost:
/// bounds::enclose_pseudo_inverse(), and the norm.
/// Safe from 1e-300 to 1e300: norms and inverses beyond the range of double leave the condition number as it is.
/// Throws Error for a tensor that is not a matrix of a real type, that is empty, or that has NaN or infinite entries;
/// for any other norm, which has no condition number here; and as svd() and certify_values() do.
Condition condition(const Tensor& matrix, const norms::Norm& which, const ConditionOptions& options, Context& context);

/// On every hardware thread.
Condition condition(const Tensor& matrix, const norms::Norm& which = norms::Spectral{},
                    const ConditionOptions& options = {});

/// kappa_{p->q}(A) = |A|_{p->q} |A^-1|_{q->p} of a square matrix, for any p and q of at least 1, by the enclosures of
/// norms::induced_norm() of A and of its verified inverse. The distance is that of the nearest singular matrix in the
/// norm p -> q (Gastinel and Kahan's theorem holds for any pair). Throws Error as condition() does, for matrices that
/// are not square, and for p or q below 1.
Condition condition(const Tensor& matrix, double p, double q, const ConditionOptions& options, Context& context);

/// As above, on every hardware thread.
inline Condition condition(const Tensor& matrix, double p, double q, const ConditionOptions& options = {}) {
  Context context;
  return condition(matrix, p, q, options, context);
}

/// kappa of any operator in the norms of condition(). An operator that is made of stored matrices, and may be formed
/// (CertifyOptions::formed_up_to), has the ends of its matrix, with the rounding of forming it: where that is n u |A|,
/// the proof ends near kappa = 1 / (n u). An operator with an opaque part, or too large, has kappa_2 alone: sigma_max
/// by certify(), and a sigma_min that svd() finds and checks, so that its upper end is probabilistic. Throws Error for
/// an operator without entries, for other norms of an operator that cannot be formed, and where these functions do.
template <Real T>
Condition condition(const LinearOperator<T>& a, const norms::Norm& which, const ConditionOptions& options,
                    Context& context);

/// As above, on every hardware thread.
template <Real T>
Condition condition(const LinearOperator<T>& a, const norms::Norm& which, const ConditionOptions& options = {}) {
  Context context;
  return condition(a, which, options, context);
}

/// kappa_2.
template <Real T>
Condition condition(const LinearOperator<T>& a, const ConditionOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
Condition condition(const LinearOperator<T>& a, const ConditionOptions& options = {}) {
  Context context;
  return condition(a, options, context);
}

}  // namespace sigmax::sensitivity
