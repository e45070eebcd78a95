// Products of matrices by BLAS with bounds of their rounding errors, and bounds of norms. Internal to bounds/.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {

/// Upper bounds of the norms of one matrix.
struct NormBounds {
  double one = 0;  ///< largest column sum
  double inf = 0;  ///< largest row sum
  double frobenius = 0;

  /// At least the 2-norm: |A|_2 <= |A|_F and |A|_2^2 <= |A|_1 |A|_inf.
  double two() const { return smaller_of(frobenius, round_up(std::sqrt(round_up(one * inf)))); }
  NormBounds transposed() const { return {inf, one, frobenius}; }
};

/// Upper bounds of the norms of the matrix that is stored: sums of nonnegative terms, gamma_n included. n is the number
/// of rows or columns, and rows + columns twice plus 33 for the Frobenius norm. Infinite for entries that are not
/// finite.
NormBounds norm_bounds(const Matrix<double>& a, Context& context);

NormBounds operator+(const NormBounds& a, const NormBounds& b);
NormBounds operator*(double factor, const NormBounds& a);
/// Bounds of the product of two matrices: each of the three norms is submultiplicative.
NormBounds operator*(const NormBounds& a, const NormBounds& b);
NormBounds everywhere(double value);

/// More than the norm, in 1, inf and F, of any matrix of entries of at most 2^-1074 that fits into memory, also times
/// the length of an inner product.
inline constexpr double kUnderflow = 0x1p-960;

/// Upper bounds of the norms of |A|^T |B|.
NormBounds magnitude_bounds(const Matrix<double>& a, const Matrix<double>& b, Context& context);

struct Product {
  Matrix<double> value;
  NormBounds error;  ///< of value
};

/// diagonal I + alpha A^T B for A of k x m and B of k x n, alpha = 1 or -1, and a diagonal of 0 for m != n. With A = A1
/// + A2 and B = B1 + B2, A1^T B1 is exact: its terms are multiples of one unit in each inner product, and k 2^(2 bits)
/// <= 2^53 of these units are exact in any order. Then D = diagonal I + alpha A1^T B1, with u |D| on the diagonal, and
/// two products are added:
///
///     |error| <= gamma_{k+2} (2 |D| + 2 |A2|^T |B1| + |A|^T |B2|) (1 + gamma_{k+2})
///
/// where |A2|, |B2| are about 2^-bits of |A|, |B|. Nothing if units could underflow. Cost: 6 k m n flops.
std::optional<Product> split_product(const Matrix<double>& a, const Matrix<double>& b, double alpha, double diagonal,
                                     Context& context);

}  // namespace sigmax::bounds
