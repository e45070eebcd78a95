// The solvers of the gradients' linear systems by name. A new solver is a struct here and a source file of that name;
// complement.cpp does not compile until it is handled.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "sigmax/svd/method.hpp"

namespace sigmax {

/// Conjugate gradients through the Gram operator of the shorter side, all triplets together, the known triplets
/// projected away: matrix-free, one read of A per iteration for up to 8 triplets. About
/// sqrt(kappa) / 2 ln(2 / tolerance) iterations, kappa = sigma_i^2 / (sigma_i^2 - sigma_{k+1}^2), and fewer if few
/// values lie near sigma_i or SvdState::neighbors are available. Rounding: a few u kappa (sigma_1 / sigma_i)^2.
struct ConjugateGradients {};

/// sigma_i^2 - A'^T A' on the shorter side as a matrix, A' = A minus the known triplets, by Cholesky. Auto chooses it
/// for small matrices: always up to order 16, beyond that if the gap is unknown or small. One Gram product in total,
/// and n^3 / 3 flops per triplet for a shorter side n. Rounding: a few u kappa.
struct DenseCholesky {};

/// The bordered system [sigma_i, -A, u; -A^T, sigma_i, v; u^T, v^T, 0] as a matrix, by LAPACK's symmetric indefinite
/// factorization: (rows + columns)^3 / 3 flops per triplet. Condition sigma_i / (sigma_i - sigma_{k+1}), never squared.
struct DenseBordered {};

/// The sum over all singular triplets of A, from a full decomposition in double: the reference.
struct FullSvd {};

using GradientSolver = std::variant<Auto, ConjugateGradients, DenseCholesky, DenseBordered, FullSvd>;

/// "auto", "conjugate-gradients", "cholesky", "bordered", "full-svd".
std::string_view name(const GradientSolver& solver);

}  // namespace sigmax
