// Complex Hermitian matrices in panels of 16 rows: weighted sums of them, products, the Cholesky factorization.
// Internal to the library.
//
// Panel p has the rows 16 p ... 16 p + 15 of the lower triangle, column after column up to 16 p + 15; a column is 16
// real parts, then 16 imaginary parts. An order that is no multiple of 16 is padded: its last rows are the caller's to
// fill. Places above the diagonal are never used, but they are read and overwritten, so they must be initialized.
// All pointers to matrices and vectors are aligned to 64 bytes. Single-threaded: callers cut the work. Sums are formed
// in an order that the shape and the instruction set determine.
#pragma once

#include <cstdint>

#include "sigmax/core/view.hpp"

namespace sigmax::kernels {

inline constexpr std::int64_t kHermitianRows = 16;   ///< of a panel
inline constexpr std::int64_t kHermitianPiece = 32;  ///< complex terms that the factorization sums at a time

/// The order rounded up to whole panels.
constexpr std::int64_t hermitian_order(std::int64_t n) noexcept { return (n + 15) / 16 * 16; }

/// The columns of all panels, which is how many groups of 16 entries there are.
constexpr std::int64_t hermitian_groups(std::int64_t n) noexcept {
  const std::int64_t panels = hermitian_order(n) / 16;
  return 8 * panels * (panels + 1);
}

/// The numbers of a matrix: two for each entry of its groups.
constexpr std::int64_t hermitian_size(std::int64_t n) noexcept { return 32 * hermitian_groups(n); }

/// The group of element (i, j), i >= j: its real part is at [32 group + i % 16], its imaginary part 16 places later.
constexpr std::int64_t hermitian_group(std::int64_t i, std::int64_t j) noexcept {
  const std::int64_t panel = i / 16;
  return 8 * panel * (panel + 1) + j;
}
constexpr std::int64_t hermitian_place(std::int64_t i, std::int64_t j) noexcept {
  return 32 * hermitian_group(i, j) + i % 16;
}

/// out[point] = sum_q even[q][point] E_q + i sum_q odd[q][point] O_q for real matrices E_q, O_q: `coefficients` has for
/// each group 16 entries of every E_q, then of every O_q. `weights` has `points` numbers for each of the evens + odds
/// matrices. Each entry is a sum of `evens` or `odds` products. Results are `out_stride` numbers apart, a multiple of
/// 16; the coefficients need not be aligned.
template <Real T>
void hermitian_sums(const T* coefficients, std::int64_t groups, std::int64_t evens, std::int64_t odds, const T* weights,
                    std::int64_t points, T* out, std::int64_t out_stride);

/// L L^* = B in place, the columns of panels [first, last), after all those before `first`. Returns whether every pivot
/// was positive and finite; linalg/hermitian_cholesky.hpp has what that proves. 4/3 n^3 flops for all of them.
template <Real T>
bool hermitian_factor(T* b, std::int64_t n, std::int64_t first, std::int64_t last);

/// max (M x)_i / x_i over the first n rows, M = |L| |L|^T and x its row sums, which is at least |M|_2 except for the
/// rounding of 4 n nonnegative terms and n square roots in float (Collatz). Overwrites the factor. `work` has
/// 18 hermitian_order(n) numbers. An n^2 cost.
double hermitian_absolute_square(float* l, std::int64_t n, float* work);

/// y = B x; x and y have hermitian_order(n) real parts, then as many imaginary parts; what x has from n on must be
/// zeros. `work` has 32 hermitian_order(n) numbers. One read of the panels, 8 n^2 flops.
template <Real T>
void hermitian_multiply(const T* b, std::int64_t n, const T* x, T* y, T* work);

}  // namespace sigmax::kernels
