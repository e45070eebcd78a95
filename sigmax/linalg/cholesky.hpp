// Cholesky factorization as a test of positive definiteness. Internal to the library.
#pragma once

#include <cstdint>

#include "sigmax/core/context.hpp"

namespace sigmax {

/// Factors the symmetric matrix whose lower triangle (column-major, leading dimension n) is in `a` as L L^T, L
/// overwriting that triangle. Returns whether it ran to completion with every pivot positive and finite; if not, the
/// triangle holds nothing useful.
///
/// Completion proves: L L^T = B + E for the given B, |e_ij| <= gamma_{min(i,j)+4} |l_i| |l_j| (i, j from 1, l_i the
/// rows of L), as long as each l_ij comes from the textbook formula in any order of summation, the quotient taken
/// directly or by a reciprocal. The tiles below and the BLAS routines that they call satisfy this.
///
/// Cost: n^3 / 3 flops, in tiles on the context's threads, with the same bits for any number of threads.
bool cholesky(double* a, std::int64_t n, Context& context);

}  // namespace sigmax
