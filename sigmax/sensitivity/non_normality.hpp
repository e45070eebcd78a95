// How far a square matrix is from normal, and what that does to its powers: a recurrent weight with all eigenvalues
// inside the unit circle may still amplify a signal many times before it decays.
//
//   Henrici's departure   distance of the Schur form from diagonal, 0 for normal matrices: computed, and enclosed
//   numerical radius      norms::norm with `numerical-radius`: |A^k| <= 2 w^k
//   kappa(V)              how much eigenvalues move at most, times |E| (Bauer and Fike): both ends proven, of the
//                         computed V
//   pseudospectral radius the largest eigenvalue of A + E, |E| <= epsilon, in magnitude: computed, lower end proven
//   Kreiss constant K     K <= sup |A^k| <= e n K: lower end proven
//   power bound           |A^k| <= c rho^k for all k: proven
//
// Matrices of any real storage type, as the exact numbers that are stored. Every figure rests on a decomposition of the
// entries (Schur form, eigenvectors, Lyapunov matrix), so that other operators have to be made stored matrices first:
// materialize(). Every function throws Error for a tensor
// that is not a square matrix with entries, or has NaN or infinite ones. Costs are those of dense eigenvalue problems:
// n up to a few thousand for the departure, kappa(V) and power bounds, a few hundred for pseudospectra and K, which
// solve problems of order 2 n.
#pragma once

#include <complex>
#include <optional>
#include <vector>

#include "sigmax/bounds/eigenvalues.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"

namespace sigmax::sensitivity {

/// sqrt(|A|_F^2 - sum |lambda_i|^2): the norm of the part of the Schur form above its diagonal (blocks), which has no
/// cancellation, and the proven enclosure from the commutator, which is much wider.
struct Departure {
  double value = 0;
  Enclosure enclosure;
};
Departure departure_from_normality(const Tensor& a, Context& context);

/// As above, on every hardware thread.
inline Departure departure_from_normality(const Tensor& a) {
  Context context;
  return departure_from_normality(a, context);
}

/// Eigenvalues, max |lambda_i|, and the condition number of the eigenvectors, proven for those that were computed.
bounds::EigenvalueDisks eigenvalue_disks(const Tensor& a, Context& context);

/// As above, on every hardware thread.
inline bounds::EigenvalueDisks eigenvalue_disks(const Tensor& a) {
  Context context;
  return eigenvalue_disks(a, context);
}

/// rho_epsilon = max { |z| : sigma_min(z I - A) <= epsilon } = max { |lambda| : lambda an eigenvalue of A + E, |E| <=
/// epsilon }, E complex. By the criss-cross method (Mengi and Overton 2005): along rays from 0 and around circles, each
/// an eigenvalue problem of order 2 n; converges quadratically.
struct PseudospectralRadius {
  double value = 0;
  LowerBound lower;  ///< proven: a point of the pseudospectrum with this modulus, 0 if none was shown
  std::complex<double> point;
  /// False if a search found nothing further within rounding although the last circle crossed the pseudospectrum: then
  /// the value is a lower estimate.
  bool converged = false;
};
PseudospectralRadius pseudospectral_radius(const Tensor& a, double epsilon, Context& context);

/// As above, on every hardware thread.
inline PseudospectralRadius pseudospectral_radius(const Tensor& a, double epsilon) {
  Context context;
  return pseudospectral_radius(a, epsilon, context);
}

/// K = sup_{|z| > 1} (|z| - 1) |(z I - A)^-1|, from below: infinite exactly if an eigenvalue lies outside of the unit
/// circle, or one on it is defective.
struct Kreiss {
  LowerBound lower;            ///< at least 1. Proven by `point` and one vector; sup_k |A^k| is at least this
  std::complex<double> point;  ///< infinite for a lower end of 1, to which the quotient of every matrix tends
  double spectral_radius = 0;  ///< computed
};
/// A grid of 24 directions and 16 distances, then in turn the outermost point of a pseudospectrum and the best distance
/// on its ray, which is global in the direction. Not proven to be the supremum.
Kreiss kreiss_constant(const Tensor& a, Context& context);

/// As above, on every hardware thread.
inline Kreiss kreiss_constant(const Tensor& a) {
  Context context;
  return kreiss_constant(a, context);
}

/// |A^k|_2 <= constant rate^k for every k >= 0, proven; then every eigenvalue is at most `rate` in magnitude.
struct PowerBound {
  double rate = 0;
  /// Missing if the rate is not above the spectral radius by more than rounding.
  std::optional<UpperBound> constant;
};

/// With P = sum_k (A^T)^k A^k rate^-2k, which makes the constant sqrt(kappa(P)): within sqrt(n) or so of the least one,
/// often within a factor of 2. A smaller rate has a larger constant. `p` in the second form is a Lyapunov matrix of the
/// caller's: any symmetric matrix, of which nothing is assumed. Throws Error for a rate that is not positive and
/// finite.
PowerBound power_bound(const Tensor& a, double rate, Context& context);

/// As above, on every hardware thread.
inline PowerBound power_bound(const Tensor& a, double rate) {
  Context context;
  return power_bound(a, rate, context);
}

PowerBound power_bound(const Tensor& a, const Tensor& p, double rate, Context& context);

/// As above, on every hardware thread.
inline PowerBound power_bound(const Tensor& a, const Tensor& p, double rate) {
  Context context;
  return power_bound(a, p, rate, context);
}

/// Everything above for one matrix. `decay` has the rate sqrt(spectral radius), if that radius is below 1 and not 0;
/// 1/2 for a nilpotent one; `growth` the rate 1, which bounds sup_k |A^k|.
struct NonNormality {
  double spectral_radius = 0;
  Departure departure;
  Enclosure numerical_radius;
  Enclosure eigenvector_condition;
  Kreiss kreiss;
  std::optional<PowerBound> decay;
  PowerBound growth;
};
NonNormality non_normality(const Tensor& a, Context& context);

/// As above, on every hardware thread.
inline NonNormality non_normality(const Tensor& a) {
  Context context;
  return non_normality(a, context);
}

}  // namespace sigmax::sensitivity
