// Eigenvalues of a symmetric tridiagonal matrix.
#pragma once

#include <vector>

#include "sigmax/core/context.hpp"

namespace sigmax {

/// Diagonal d_1 ... d_n, off-diagonal e_1 ... e_n-1.
struct Tridiagonal {
  std::vector<double> diagonal;
  std::vector<double> off_diagonal;
};

/// All eigenvalues, ascending.
std::vector<double> eigenvalues(const Tridiagonal& t, Context& context);

}  // namespace sigmax
