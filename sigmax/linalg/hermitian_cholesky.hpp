// Cholesky factorization of a complex Hermitian matrix as a test of positive definiteness. Internal to the library.
#pragma once

#include <cstdint>

#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"

namespace sigmax {

/// The columns that are eliminated together: sums are cut into pieces of that many complex terms.
inline constexpr std::int64_t kHermitianPanel = 32;

/// Factors the Hermitian matrix B of order n as L L^*, L overwriting B, in the panels of kernels/hermitian.hpp. The
/// imaginary parts of the diagonal must be 0; padded rows need positive numbers on the diagonal, zeros elsewhere.
/// Returns whether it ran to completion with every pivot positive and finite.
///
/// Completion proves: L L^* = B + E for the given B,
///
///     |e_ij| <= sqrt(2) (gamma_{min(2 k, 64) + 4} + (k / 32 + 1) u) (1 + 2^-10) sum_m |l_im| |l_jm|,   k = min(i, j),
///
/// counted from 1, u the unit roundoff of T; the sum is at most the product of the lengths of the rows i and j. It
/// holds as long as real inner products are summed in any order; the pieces of 32 complex terms are subtracted one
/// after another. The derivation stands above the code.
///
/// Cost: 4/3 n^3 flops on the calling thread, in sigmax's own kernel: no BLAS. Throws Canceled on request, between
/// panels.
template <Real T>
bool hermitian_cholesky(T* b, std::int64_t n, const Context& context);

/// A block band: in column j the rows from rows_of(j) on are zero. Element (i, j) has its real part at
/// b[i + 2 j stride] and its imaginary part at b[i + (2 j + 1) stride], so that `size()` numbers are enough; rows
/// rows_of(j) ... j + stride - 1 of column j must be zeros.
struct HermitianBand {
  std::int64_t block = 1;  ///< rows and columns of a block
  std::int64_t below = 0;  ///< blocks below the diagonal one
  std::int64_t stride = 0;

  /// The least stride: panels that cross a block take the rows of their last column.
  static HermitianBand compact(std::int64_t block, std::int64_t below) {
    return {block, below, (1 + below) * block + kHermitianPanel};
  }
  std::int64_t rows_of(std::int64_t column) const noexcept { return (column / block + 1 + below) * block; }
  std::int64_t size(std::int64_t order) const noexcept { return 2 * order * stride + order; }
};

/// The same for such a matrix, by BLAS; the factor has the same band, and the bound holds as it stands. Callers hold a
/// SerialBlas. Cost: about 4 h^2 flops for a column of h rows, and 4 h 32 + 2 h 64 numbers of scratch memory.
bool hermitian_cholesky(double* b, std::int64_t n, const HermitianBand& band, Context& context);

extern template bool hermitian_cholesky<float>(float*, std::int64_t, const Context&);
extern template bool hermitian_cholesky<double>(double*, std::int64_t, const Context&);

}  // namespace sigmax
