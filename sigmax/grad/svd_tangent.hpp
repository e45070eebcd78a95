// A direction in which an operator moves, and the motion of its singular triplets.
#pragma once

#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/grad/result.hpp"

namespace sigmax {

/// A direction dA in which A moves, as far as it affects k triplets.
template <Real T>
struct SvdTangent {
  Matrix<T> image;          ///< dA V, rows x k
  Matrix<T> adjoint_image;  ///< dA^T U, columns x k
};

template <Real T>
struct SvdJvp {
  std::vector<double> sigma;  ///< dsigma_i = u_i^T dA v_i
  Matrix<T> u;                ///< du, rows x k, u_i^T du_i = 0
  Matrix<T> v;                ///< dv, columns x k, v_i^T dv_i = 0
  GradientReport report;
};

}  // namespace sigmax
