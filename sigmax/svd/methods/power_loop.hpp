// Power iteration until it has converged, on the complement of known triplets; shared by PowerIteration and Deflation.
// Internal to svd/.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/convergence.hpp"

namespace sigmax {

struct PowerLoopOptions {
  /// Exactly this many, and one product for the evaluation. Empty: until it has converged.
  std::optional<std::int64_t> steps{};
  std::int64_t max_products = 1;  ///< at least one is made
  double largest = 0;             ///< sigma_1 if known: rounding errors are relative to it
};

struct PowerLoopResult {
  double sigma = 0;
  bool met = false;  ///< the tolerance, or rounding
  std::int64_t products = 0;
};

/// Triplets found before: U and V with orthonormal columns, and A^T U.
template <Real T>
struct KnownTriplets {
  MatrixView<const T> left;
  MatrixView<const T> right;
  MatrixView<const T> back;
};

/// The largest triplet of B = (I - U U^T) A (I - V V^T), U and V of the known triplets (if there are none, B = A). `v`
/// is the start and becomes the right vector, `u` the left one, with A v = sigma u within the complement of U; both
/// have unit length and are orthogonal to the columns before them, up to rounding. A start within span(V), or zero, is
/// replaced by unit vectors.
///
/// Let theta = |B v|^2, r = |B^T B v - theta v|. A step ends the iteration if, for Accuracy::vectors,
/// r <= tolerance sigma_1 sigma; for Accuracy::values e / (2 theta) <= tolerance with the larger e of two estimates of
/// lambda_1 - theta,
///     r^2 / (theta (1 - sqrt q)),   sqrt q = lambda_2 / lambda_1 as the fall of r shows it
///     d q' / (1 - q'),              the geometric series of theta's remaining growth, after it grew by d
/// (at most r), for the larger of the last two rates. Both extrapolate what was observed: they fail if a component
/// along v_1 is still hidden, or if a second value is so close that its rate does not show yet. A step also ends the
/// iteration if r is down to the rounding errors of a product, 8 sqrt(max(m, n)) eps sigma_1 sigma.
template <Real T>
PowerLoopResult power_loop(const LinearOperator<T>& a, const KnownTriplets<T>& known, const Convergence& wanted,
                           const PowerLoopOptions& options, std::span<T> u, std::span<T> v, Context& context);

/// x <- x / |x|; nothing for x = 0. Returns |x|.
template <Real T>
double normalize(std::span<T> x);

/// |y - factor x|, in double.
template <Real T>
double distance(std::span<const T> y, double factor, std::span<const T> x);

}  // namespace sigmax
