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

/// The gradient of a loss with respect to what batched_svd() found, in its layout. What is empty is zero.
struct BatchCotangent {
  std::vector<double> sigma;      ///< as BatchResult::sigma
  std::vector<Matrix<double>> u;  ///< of each matrix rows x values
  std::vector<Matrix<double>> v;  ///< columns x values
};

/// svd_vjp on each matrix of a tensor [batch, rows, columns], pulled back: grad += dL/dA, row-major like the tensor's
/// shape whatever its strides. `triplets` are those of batched_svd() with vectors. Returns a report a matrix; one that
/// is not finite adds nothing and counts as no_gap.
///
/// Matrices are worked on side by side, one thread each, in T: the same bits for any number of threads, and for a
/// matrix on its own.
/// Throws Error if a shape does not fit, or the triplets have no vectors; Canceled on request.
template <Real T>
std::vector<GradientReport> batched_svd_vjp(const Tensor& matrices, const BatchResult& triplets,
                                            const BatchCotangent& cotangent, const GradientOptions& options,
                                            std::span<T> grad, Context& context);

}  // namespace sigmax
