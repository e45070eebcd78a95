// Reverse-mode derivatives of the triplets of thousands of small matrices.
#pragma once

#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/grad/result.hpp"
#include "sigmax/svd/batched/batched.hpp"

namespace sigmax {

/// The gradient of a loss with respect to the results of batched_svd(), in its layout. Empty members are zero.
struct BatchCotangent {
  std::vector<double> sigma;      ///< as BatchResult::sigma
  std::vector<Matrix<double>> u;  ///< for each matrix rows x values
  std::vector<Matrix<double>> v;  ///< columns x values
};

/// svd_vjp on each matrix of a tensor [batch, rows, columns], pulled back: grad += dL/dA, row-major like the tensor's
/// shape whatever its strides. `triplets` are those of batched_svd() with vectors. Returns one report per matrix; a
/// matrix that is not finite adds nothing and counts as no_gap.
///
/// Matrices are processed side by side, one thread each, in T. The bits are the same for any number of threads, and for
/// a single matrix.
/// Throws Error if a shape does not fit, or the triplets have no vectors; Canceled on request.
template <Real T>
std::vector<GradientReport> batched_svd_vjp(const Tensor& matrices, const BatchResult& triplets,
                                            const BatchCotangent& cotangent, const GradientOptions& options,
                                            std::span<T> grad, Context& context);

/// As above, on every hardware thread.
template <Real T>
std::vector<GradientReport> batched_svd_vjp(const Tensor& matrices, const BatchResult& triplets,
                                            const BatchCotangent& cotangent, const GradientOptions& options,
                                            std::span<T> grad) {
  Context context;
  return batched_svd_vjp(matrices, triplets, cotangent, options, grad, context);
}

}  // namespace sigmax
