// Eigenvalues of a symmetric tridiagonal matrix. Internal to the library.
#pragma once

#include <optional>
#include <vector>

#include "sigmax/core/context.hpp"

namespace sigmax {

/// Diagonal d_1 ... d_n, off-diagonal e_1 ... e_n-1.
struct Tridiagonal {
  std::vector<double> diagonal;
  std::vector<double> off_diagonal;
};

/// All eigenvalues, ascending, each with an error of a few u |T| for any order. Once counts of sign changes show that
/// an interval holds a single eigenvalue, inverse quadratic interpolation of the characteristic polynomial finds it.
///
/// Cost: 10 to 15 evaluations of the polynomial per eigenvalue, 3 n flops each, many points at a time; twice as many
/// where pairs are close, fewer for large clusters. The bits are the same for any number of threads.
std::vector<double> eigenvalues(const Tridiagonal& t, Context& context);

/// A vector of norm 1 close to the eigenvectors for eigenvalues within a few u |T| of `value`, by inverse iteration.
/// Nothing if it breaks down. Cost: about 30 n flops.
std::optional<std::vector<double>> eigenvector(const Tridiagonal& t, double value);

}  // namespace sigmax
