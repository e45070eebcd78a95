// Singular values of thousands of small matrices.
//
// Matrices are processed side by side, one thread each; matrices too large for a cache are processed one after another,
// on all threads. The result for a matrix depends only on that matrix and its index: not on the other matrices, not on
// the number of threads.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/svd/methods/power.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {

struct BatchOptions {
  /// Values wanted per matrix; at most min(rows, columns) are given. Empty: all.
  std::optional<std::int64_t> k = 1;
  Accuracy accuracy = Accuracy::values;  ///< what the tolerance means for k = 1; for all values see BatchResult
  double tolerance = 1e-10;
  bool vectors = false;  ///< u and v wanted
  /// For the matrices that are passed to svd(): each has its own part of the sequence. Empty: drawn for this call.
  std::optional<RandomState> random{};
};

enum class BatchOutcome {
  converged,      ///< the tolerance, or the limit of double precision if that is larger, is met
  not_converged,  ///< the best result found; the residual says how good it is
  not_finite,     ///< NaN or infinity among the entries: values and vectors are NaN
};

/// What to try, in words.
std::string_view message(BatchOutcome outcome);

/// Singular values, descending, of each matrix.
///
/// For k = 1 and a shorter side of up to 128, sigma_max comes from a direct method, without a start vector that could
/// be unlucky: its error is at most the tolerance by an a posteriori bound (ADR 21), the vectors are those of a simple
/// value. More values are LAPACK's in double, through the Gram matrix if that loses no accuracy (linalg/spectrum.hpp);
/// larger matrices go to svd().
struct BatchResult {
  std::vector<std::int64_t> first;  ///< sigma[first[i]] ... sigma[first[i + 1] - 1] belong to matrix i
  std::vector<double> sigma;
  /// For each matrix, the largest of |A^T u_j - sigma_j v_j| and |A v_j - sigma_j u_j|, relative to sigma_1. Empty if
  /// k != 1 and vectors are not wanted: residuals need vectors.
  std::vector<double> residual;
  std::vector<Matrix<double>> u;      ///< for each matrix rows x values, orthonormal; empty unless wanted
  std::vector<Matrix<double>> v;      ///< columns x values
  std::vector<BatchOutcome> outcome;  ///< of each matrix

  std::int64_t size() const noexcept { return static_cast<std::int64_t>(outcome.size()); }
  std::span<const double> values(std::int64_t matrix) const {
    const auto i = static_cast<std::size_t>(matrix);
    return {sigma.data() + first[i], static_cast<std::size_t>(first[i + 1] - first[i])};
  }
};

/// For a tensor [batch, rows, columns] of a real type with any strides (including zero). Throws Error for another rank
/// or type, a negative k, or a tolerance that is not positive; Canceled on request.
BatchResult batched_svd(const Tensor& matrices, const BatchOptions& options, Context& context);

/// For matrices of any shapes, types and strides.
BatchResult batched_svd(std::span<const Tensor> matrices, const BatchOptions& options, Context& context);

/// As above, on all hardware threads.
inline BatchResult batched_svd(const Tensor& matrices, const BatchOptions& options = {}) {
  Context context;
  return batched_svd(matrices, options, context);
}
inline BatchResult batched_svd(std::span<const Tensor> matrices, const BatchOptions& options = {}) {
  Context context;
  return batched_svd(matrices, options, context);
}

/// power_steps() (svd/methods/power.hpp) on each matrix of a tensor [batch, rows, columns], with column i of u (rows x
/// batch) and of v (columns x batch), in and out, and sigma[i] = u^T A v after the last step. Sums are in T, norms in
/// double. One read of a matrix into a working copy, whatever the number of steps. Throws Error if a shape does not
/// fit, the type is not real, steps < 1 or epsilon <= 0; Canceled on request.
template <Real T>
void batched_power_iteration(const Tensor& matrices, const PowerOptions& options, MatrixView<T> u, MatrixView<T> v,
                             std::span<T> sigma, Context& context);

}  // namespace sigmax
