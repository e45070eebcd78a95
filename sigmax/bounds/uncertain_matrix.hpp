// Matrices whose entries are known up to a bound each: products and sums of weights in double, with what was rounded.
// Internal to the library.
#pragma once

#include <cstdint>
#include <optional>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {

/// Every matrix A with |A_ij - value_ij| <= error_ij. An empty `error` stands for zeros: A is `value`.
struct UncertainMatrix {
  Matrix<double> value;
  Matrix<double> error{};

  bool is_exact() const { return error.empty(); }
};

/// Holds A B for all A of a and B of b. Where a row of A or a column of B has one entry other than 0 at most
/// (diagonals, selections), an entry's error is that of one product, 0 if the product is a double. Otherwise, by Cauchy
/// and Schwarz,
///
///     gamma_k |a_i| |b_j| + |a_i| |e_j| + |d_i| (|b_j| + |e_j|),
///
/// k the inner dimension, a_i, d_i rows of value and error of a, b_j, e_j columns of b. Nothing if a number leaves the
/// range of double or the BLAS may not be trusted with inner products (blas_support.hpp). Cost: one product.
std::optional<UncertainMatrix> product(const UncertainMatrix& a, const UncertainMatrix& b, Context& context);

/// Holds A + B, with the rounding that each sum really has. Nothing if a sum leaves the range of double.
std::optional<UncertainMatrix> sum(UncertainMatrix a, const UncertainMatrix& b);

/// Holds (I + D) A for all diagonal D with |D_ii| <= relative.
UncertainMatrix with_relative_error(UncertainMatrix a, double relative);

/// Whether all errors together, as a Frobenius norm, are at most `relative` times the value's.
bool is_within(const UncertainMatrix& a, double relative);

}  // namespace sigmax::bounds
