// The derivatives of a loss with respect to singular triplets, and what they become.
#pragma once

#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/grad/result.hpp"
#include "sigmax/ops/cotangent.hpp"

namespace sigmax {

/// The gradient of a loss with respect to k triplets: dL = sum_i xi_i dsigma_i + phi_i^T du_i + psi_i^T dv_i. Empty
/// members are zero.
template <Real T>
struct SvdCotangent {
  std::vector<double> sigma;  ///< xi, k
  Matrix<T> u;                ///< phi, rows x k
  Matrix<T> v;                ///< psi, columns x k
};

template <Real T>
struct SvdVjp {
  /// dL/dA, at most 3 k terms: A's pull_back turns it into the gradient of the parameters.
  OuterSum<T> cotangent;
  GradientReport report;
};

}  // namespace sigmax
