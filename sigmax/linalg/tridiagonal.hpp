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

/// All eigenvalues, ascending, each wrong by a few u |T|, whatever the order: where counts of sign changes say that an
/// interval holds one alone, it is found by inverse quadratic interpolation of the characteristic polynomial.
///
/// Cost: 10 to 15 evaluations of the polynomial an eigenvalue, 3 n flops each, many points at a time; twice as many
/// where pairs are close, fewer for large clusters. The same bits for any number of threads.
std::vector<double> eigenvalues(const Tridiagonal& t, Context& context);

/// A vector of norm 1 close to the eigenvectors for eigenvalues within a few u |T| of `value`, by inverse iteration.
/// Nothing if it breaks down. Cost: some 30 n flops.
std::optional<std::vector<double>> eigenvector(const Tridiagonal& t, double value);

}  // namespace sigmax
