// The options, the outcome and the result of svd().
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/svd/certificate.hpp"
#include "sigmax/svd/method.hpp"

namespace sigmax {

/// Which end of the spectrum.
enum class Which { largest, smallest };

/// What svd() does about values that its method may have missed: a Krylov space from one vector contains only one
/// vector of a multiple value, and may lack a close neighbor, however small its residuals are.
enum class Check {
  none,   ///< nothing
  brief,  ///< if a value was found twice, a few steps from fresh random vectors on A minus the triplets:
          ///< finds most further copies, and shows nothing
  full,   ///< until it is shown that no value above the k-th was missed, except with SvdOptions::failure_probability
};

/// The meaning of the tolerance.
enum class Accuracy {
  values,  ///< the estimated error of each sigma_i is at most tolerance sigma_i: r^2 / gap, quadratic in the residual r
  vectors,  ///< |A^T u_i - sigma_i v_i| is at most tolerance sigma_1: a backward error; times sigma_1 / gap, an angle
};

template <Real T>
struct SvdOptions {
  std::int64_t k = 1;  ///< triplets wanted; at most min(rows, columns)
  Which which = Which::largest;
  Accuracy accuracy = Accuracy::values;
  double tolerance = 1e-10;  ///< with double, 1e-14 is reachable whatever the storage
  /// Products of A^T A, A A^T or a pair of A and A^T with one vector each; a block of b counts b. A method always makes
  /// the products that it needs for any result: one per triplet, and one per row or column of an opaque operator that
  /// has to be formed; and the last block is never cut.
  std::int64_t max_products = 10000;
  Method method = Auto{};
  /// The check on the values of a method that has converged. Triplets that a check finds join the others, and the check
  /// begins again. With a random state that was not drawn, the check is still made but shows nothing.
  Check check = Check::full;
  double failure_probability = 1e-9;  ///< of a full check, over its own random start
  /// Right singular vectors to start from, `columns` x any number, such as the state of an earlier result. Random if
  /// empty; a probabilistic certificate needs a random start.
  Matrix<T> start;
  /// The source of random numbers; the same state gives the same bits. Empty: drawn anew for each call. A probabilistic
  /// certificate needs a state that was drawn (core/rng.hpp), by this call or by the caller.
  std::optional<RandomState> random{};
};

enum class SvdOutcome {
  converged,        ///< the tolerance is met by the estimate (or the Krylov space exhausted: exact except for rounding)
  completed,        ///< a method with a fixed number of steps has made them
  unconfirmed,      ///< as converged, but the check, or a proof, could not exclude a missed value: see what they say
  out_of_products,  ///< max_products reached first: the values are still lower bounds, the vectors the best so far
};

/// What a full check has shown, for all i together: except with the failure probability over its own random start, the
/// i-th singular value is at most `bound[i]` (for Which::smallest: the i-th of the smallest is at least `bound[i]`).
/// Rounding is accounted for to first order. These are plain numbers, not bounds: certify_values() makes bounds of
/// them.
struct CheckedValues {
  std::vector<double> bound;
  double failure_probability = 0;
};

/// What to try, in words.
std::string_view message(SvdOutcome outcome);

/// What a call has done.
struct SvdStatistics {
  Method method;              ///< the method that was used, its choices filled in
  std::int64_t products = 0;  ///< as max_products counts them
  std::int64_t reads = 0;     ///< how many times all parameters of A were read
  std::int64_t joined = 0;    ///< triplets that the method had missed and the check found
};

/// What another computation can take up.
template <Real T>
struct SvdState {
  /// For the next call on a nearby operator: right singular vectors, v first, and the next random numbers.
  Matrix<T> subspace;
  RandomState random{};
  /// From a Krylov process that was asked for vectors and took long: approximate singular vectors after the k-th, on
  /// the side that it ran on, `columns` or `rows` x a few. They speed up the solve for the gradient of the vectors.
  Matrix<T> neighbors;
};

/// k singular triplets, A v_i = sigma_i u_i, by descending sigma.
template <Real T>
struct SvdResult {
  /// Each is at most the true i-th value except for rounding (largest); certify() makes bounds. A value beyond the
  /// range of double is given as the largest double.
  std::vector<double> sigma;
  Matrix<T> u;                   ///< rows x k, orthonormal columns
  Matrix<T> v;                   ///< columns x k, orthonormal columns
  std::vector<double> residual;  ///< |A^T u_i - sigma_i v_i| / sigma_1; A v_i = sigma_i u_i holds to rounding
  /// Without it, the claim that no value was missed is only an estimate. It also holds if the outcome is `unconfirmed`,
  /// and then says how much room is left. It is empty if no full check was asked for or the method has not converged;
  /// if a check showed nothing; if the random state was not drawn; for DenseLapack in float, or with all values, where
  /// the values are known to LAPACK's own backward error; and if values leave the range of double.
  std::optional<CheckedValues> checked;
  std::optional<double> next;  ///< an estimate of sigma_{k+1} from below, for gaps, if the method has one
  SvdOutcome outcome = SvdOutcome::converged;
  SvdStatistics statistics;
  SvdState<T> state;
  SvdCertificate certificate;  ///< for certify(): hand the result on unchanged
};

}  // namespace sigmax
