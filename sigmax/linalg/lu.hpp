// LU factorization with row exchanges, and the inverse that follows from it. Internal to the library.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax {

/// Row i of P A is row rows[i] of A, and P A = L U + E. L lies below the diagonal of `factors`, with ones on its own
/// diagonal, U on and above it; no entry of L is larger than 1.
///
/// Completion proves |e_ij| <= gamma_{n+2} (|L| |U|)_ij, if nothing underflows, as long as each l_ij and u_ij comes
/// from the textbook formula in any order of summation, the quotient taken directly or by a reciprocal. The loops, the
/// tiles and the BLAS routines that they call (dgemm, dtrsm) satisfy this. A product or quotient that underflows adds
/// at most 2^-1074 max(1, |u_jj|) for each term.
struct Lu {
  Matrix<double> factors;
  std::vector<std::int64_t> rows;
};

/// Nothing if a pivot is 0 or not finite. Throws Error unless the matrix is square. Cost: 2/3 n^3 flops on the
/// context's threads, with the same bits for any number of threads.
std::optional<Lu> lu(Matrix<double> a, Context& context);

/// X with A^T X = I, in exact arithmetic, from its factors: U^T Z = I, L^T W = Z, X = P^T W. Each column of Z and W
/// comes from the textbook substitution in any order of summation:
///
///     |U^T Z - I| <= gamma_{n+2} |U|^T |Z|,    |L^T W - Z| <= gamma_{n+2} |L|^T |W|
///
/// if nothing underflows. Cost: 4/3 n^3 flops on the context's threads.
Matrix<double> adjoint_inverse(const Lu& factored, Context& context);

/// At least the largest row sum and the largest column sum of |U|^T |L|^T |W|, W = P X, except for underflow.
struct SizeOfSolution {
  double row_sum = 0;
  double column_sum = 0;
};

/// As computed: relative errors of at most gamma_{3n}. Cost: O(n^2).
SizeOfSolution size_of_solution(const Lu& factored, const Matrix<double>& x, Context& context);

}  // namespace sigmax
