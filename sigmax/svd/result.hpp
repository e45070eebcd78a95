// What svd() is asked and what it answers: options, outcome, result.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/svd/method.hpp"
#include "sigmax/svd/recurrence.hpp"

namespace sigmax {

/// Which end of the spectrum.
enum class Which { largest, smallest };

/// What svd() does about values that its method may have missed: a Krylov space from one vector holds one vector of a
/// multiple value, and may have nothing of a close neighbor yet, however small its residuals are.
enum class Check {
  none,   ///< nothing
  brief,  ///< where a value was found twice, a few steps from fresh random vectors on what the triplets leave of A:
          ///< finds most further copies, and shows nothing
  full,   ///< until it is shown that no value above the k-th is left, except with SvdOptions::failure_probability
};

/// What the tolerance means.
enum class Accuracy {
  values,  ///< the estimated error of each sigma_i is at most tolerance sigma_i: r^2 / gap, quadratic in the residual r
  vectors,  ///< |A^T u_i - sigma_i v_i| is at most tolerance sigma_1: a backward error; an angle, times sigma_1 / gap
};

template <Real T>
struct SvdOptions {
  std::int64_t k = 1;  ///< triplets wanted; min(rows, columns) at most
  Which which = Which::largest;
  Accuracy accuracy = Accuracy::values;
  double tolerance = 1e-10;  ///< with double, 1e-14 is reachable whatever the storage
  /// Products of A^T A, A A^T or a pair of A and A^T with one vector each; a block of b counts b. A method makes no
  /// fewer than it needs for a result at all: one a triplet, and as many as an opaque operator has rows or columns
  /// where it has to be formed; and the last block is not cut.
  std::int64_t max_products = 10000;
  Method method = Auto{};
  /// Of the values of a method that has converged. What a check finds joins the triplets, and it begins again. From a
  /// random state that was not drawn a check is made just the same and shows nothing.
  Check check = Check::full;
  double failure_probability = 1e-9;  ///< of a full check, over its own random start
  /// Right singular vectors to start from, `columns` x any number, such as the state of an earlier result. Random where
  /// empty; what a probabilistic certificate needs is a random start.
  Matrix<T> start;
  /// Random numbers are taken from it, and the same state gives the same bits. Empty: drawn anew for each call. A
  /// probabilistic certificate needs a state that was drawn (core/rng.hpp), by this call or by the caller.
  std::optional<RandomState> random{};
};

enum class SvdOutcome {
  converged,    ///< the tolerance is met by the estimate (or the Krylov space exhausted: exact but for rounding)
  completed,    ///< a method with a fixed number of steps has made them
  unconfirmed,  ///< as converged, but the check, or a proof, left room for a value that was missed: see what they say
  out_of_products,  ///< max_products first: the values are still lower bounds, the vectors the best so far
};

/// What a full check has shown, for all i together: except with the failure probability over its own random start, the
/// i-th singular value (for Which::smallest: the i-th of the smallest) is no larger than `bound[i]` (no smaller).
/// Rounding is allowed for to first order. Numbers, no bounds: certify_values() makes those.
struct CheckedValues {
  std::vector<double> bound;
  double failure_probability = 0;
};

/// What to try, in words.
std::string_view message(SvdOutcome outcome);

/// k singular triplets, A v_i = sigma_i u_i, by descending sigma.
template <Real T>
struct SvdResult {
  /// Each at most the true i-th value but for rounding (largest); certify() makes bounds. One beyond the range of
  /// double is the largest double.
  std::vector<double> sigma;
  Matrix<T> u;                   ///< rows x k, orthonormal columns
  Matrix<T> v;                   ///< columns x k, orthonormal columns
  std::vector<double> residual;  ///< |A^T u_i - sigma_i v_i| / sigma_1; A v_i = sigma_i u_i holds to rounding
  /// Without it, that none was missed is an estimate. It holds where the outcome is `unconfirmed`, too, and says how
  /// much room is left. It is empty where no full check was asked for or the method has not converged; where a check
  /// showed nothing; where the random state was not drawn; for DenseLapack in float, or with all values, where LAPACK's
  /// own backward error is what the values are known to; and where values leave the range of double.
  std::optional<CheckedValues> checked;
  std::int64_t joined = 0;  ///< triplets that the method had missed and the check found
  double next = 0;          ///< an estimate of sigma_{k+1}, from below, where the method has one: gaps; otherwise 0
  SvdOutcome outcome = SvdOutcome::converged;
  Method method;              ///< the one that was used, its choices filled in
  std::int64_t products = 0;  ///< as max_products counts them
  std::int64_t reads = 0;     ///< of the parameters of A, as many times as they were all read
  /// What a probabilistic certificate is made of, where the start was random: the recurrence of each start vector,
  /// which are independent, for (scale A)^T (scale A) or its counterpart on the rows.
  std::vector<LanczosRecurrence> recurrences;
  double scale = 1;
  /// For the next call on a nearby operator: right singular vectors, v first, and the next random numbers.
  Matrix<T> subspace;
  RandomState random{};
  /// Of a Krylov process that was asked for vectors and took long: approximate singular vectors behind the k-th, on the
  /// side that it ran on, `columns` or `rows` x a few. The gradient of the vectors is solved for with their help.
  Matrix<T> neighbors;
};

}  // namespace sigmax
