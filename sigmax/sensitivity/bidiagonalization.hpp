// Golub-Kahan bidiagonalization of an operator from a given left vector. Internal to sensitivity/.
//
// svd/krylov/ has a process that starts on the right and restarts: systems A x = b need this one, which starts with b.
#pragma once

#include <cstdint>
#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::sensitivity {

/// A V = U B with orthonormal U (k + 1 columns, the first of them b / |b|) and V (k columns), B lower bidiagonal, and
/// A^T U = V B^T + next v e_{k+1}^T. All but U, in double.
template <Real T>
struct Bidiagonalization {
  Matrix<double> bidiagonal;  ///< B 2^-exponent: (k + 1) x k, or k x k if b lies in the range of A V
  Matrix<double> v;
  double next = 0;  ///< alpha_{k+1} 2^-exponent; 0 if the spaces are invariant
  double norm_of_b = 0;
  std::int64_t exponent = 0;
};

/// At most `steps` steps, fewer if alpha or beta falls to rounding. Throws Error as Tikhonov's constructor.
template <Real T>
Bidiagonalization<T> bidiagonalize(const LinearOperator<T>& a, std::span<const T> b, std::int64_t steps,
                                   Context& context);

}  // namespace sigmax::sensitivity
