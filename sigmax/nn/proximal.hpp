// Proximal maps of the convex regularizers, and projections onto balls of singular values: a training step applies them
// to a weight after its gradient step. docs/regularizers.md derives them.
//
//     prox_{lambda f}(W) = argmin_X 1/2 |X - W|_F^2 + lambda f(X)
//
// With W = sum sigma_i u_i v_i^T and f a function of singular values, X = sum s_i u_i v_i^T:
//
//   |W|_F^2        X = W / (1 + 2 lambda)
//   |W|_F          X = max(0, 1 - lambda / |W|_F) W
//   nuclear        s_i = max(0, sigma_i - lambda)
//   spectral       s_i = min(sigma_i, theta), sum (sigma_i - theta)_+ = lambda; 0 where |W|_* <= lambda
//   Ky Fan k       s_i = sigma_i - clip(sigma_i - theta, 0, lambda), sum clip(sigma_i - theta, 0, lambda) = k lambda;
//                  theta = 0 where sum min(sigma_i, lambda) <= k lambda
//   |X|_2 <= r     s_i = min(sigma_i, r)
//   |X|_* <= r     s_i = (sigma_i - theta)_+, sum s_i = r; W itself where |W|_* <= r
//
// The spectral and Ky Fan lines are Moreau's X = W - P(W), where P is the projection onto lambda times the dual norm's
// unit ball: the nuclear ball, and {|Y|_2 <= lambda, |Y|_* <= k lambda}. All maps are firmly nonexpansive. (Moreau,
// Bull. SMF 93, 1965; Cai, Candes, Shen, SIAM J. Optim. 20, 2010; Parikh and Boyd, Proximal Algorithms, 2014, sections
// 6.5 and 6.7.)
#pragma once

#include <cstdint>
#include <span>
#include <variant>

#include "sigmax/core/context.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/nn/penalty.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::nn {

namespace ball {
struct Spectral {
  double radius = 1;
};  ///< |X|_2 <= radius
struct Nuclear {
  double radius = 1;
};  ///< |X|_* <= radius
}  // namespace ball

using Ball = std::variant<ball::Spectral, ball::Nuclear>;

struct ProximalOptions {
  /// The initial number of triplets: the number found in the previous step is a good guess. Doubled until it is enough.
  std::int64_t triplets = 4;
  double tolerance = 1e-13;  ///< of the triplets, as in Accuracy::vectors
  std::int64_t max_products = 10000;
  /// The solver's random state. Empty: drawn for this call. Pass the same state to processes whose results must agree
  /// bit for bit.
  std::optional<RandomState> random{};
};

struct ProximalResult {
  bool unchanged = false;     ///< X = W: within the ball
  bool zero = false;          ///< X = 0
  double threshold = 0;       ///< lambda, the radius or theta: the singular value at which the map changes
  std::int64_t triplets = 0;  ///< singular values above it; 0 for maps without singular values
  bool dense = false;         ///< a full decomposition was used because it was cheaper
  SvdOutcome outcome = SvdOutcome::converged;
};

/// `result` = prox_{lambda f}(weight), row-major as the weight's shape (a matrix of any real storage type); it must not
/// overlap the weight's own bytes. Computed in double and rounded to T; for T = float, f64 entries are rounded to float
/// before the triplets' part is subtracted.
///
/// Only the triplets above the threshold are found, a few at a time, and one more solve shows that none was missed; a
/// full decomposition takes over if they are more than a fifth of all. Norms that decide without singular values (|W|_F
/// <= |W|_* <= sqrt(n) |W|_F) are checked first. The same random state gives the same bits for any number of threads.
/// Throws Error if lambda is negative or not finite, if result does not fit, if the weight is empty, not a matrix of a
/// real type or not finite, or for k out of range.
template <Real T>
ProximalResult proximal(const Tensor& weight, const ProximalPenalty& penalty, double lambda,
                        const ProximalOptions& options, std::span<T> result, Context& context);

/// `result` = the matrix in the ball that is nearest to the weight in the Frobenius norm. Otherwise as proximal().
template <Real T>
ProximalResult project(const Tensor& weight, const Ball& onto, const ProximalOptions& options, std::span<T> result,
                       Context& context);

/// As above, on all hardware threads.
template <Real T>
ProximalResult proximal(const Tensor& weight, const ProximalPenalty& penalty, double lambda,
                        const ProximalOptions& options, std::span<T> result) {
  Context context;
  return proximal<T>(weight, penalty, lambda, options, result, context);
}
template <Real T>
ProximalResult project(const Tensor& weight, const Ball& onto, const ProximalOptions& options, std::span<T> result) {
  Context context;
  return project<T>(weight, onto, options, result, context);
}

}  // namespace sigmax::nn
