// An operator taken apart: the tree of its structure, down to stored matrices, as the proofs look at it. Internal to
// bounds/.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::bounds {

/// A node stands for 2^exponent N, with N of moderate size whatever the operator's: a stored matrix is scaled by a
/// power of two so that its largest entry is in [1/2, 1), everything made of parts so that its norm is: no chain of
/// factors, products or sums is so long that N leaves the range. Transposes are pushed down to the stored matrices.
///
/// What is zero by its structure is of the kind `zero` and has no parts: a matrix of zeros, a factor 0, a product with
/// a part that is zero, a sum or stack of such parts. Every other node has a norm in [1/4, 2^40], which take_apart()
/// checks of each. N may be zero all the same, by cancellation.
///
/// Everything below speaks of N. Every number in it is exact: rounding begins with the functions below.
struct Expression {
  enum class Kind {
    zero,  ///< the matrix of zeros
    stored,
    sum,      ///< of the parts
    product,  ///< unit parts[0] parts[1], `unit` a power of two that brings the norm near 1
    scaled,   ///< factor parts[0], `factor` of a magnitude that brings the norm near 1
    below,    ///< the parts below each other
    beside,   ///< the parts beside each other
  };
  Kind kind = Kind::zero;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t exponent = 0;
  std::vector<Expression> parts;
  double factor = 1;
  double unit = 1;
  /// |N|_2 at most, also with absolute values in place of the entries of the stored matrices: from their entrywise
  /// norms, and by the algebra of norms.
  double norm = 0;

  // A stored matrix: N = unit leaf.matrix, or its transpose, unit a power of two.
  InRange leaf;
  bool transposed = false;
  double frobenius = 0;  ///< |N|_F at most

  bool is_zero() const { return kind == Kind::zero; }

  /// Of a factor: it loses nothing.
  bool is_power_of_two() const;

  /// The power of two that a part of a sum or stack is weighted with, as an exponent: 0 or negative.
  std::int64_t shift(const Expression& part) const { return part.exponent - exponent; }
};

/// Nothing if a part of the operator is opaque. Reads each stored matrix once. Throws Error for non-finite entries and
/// factors, an empty operator, parts whose shapes do not fit, more than kMostDepth levels, and scales beyond 2^(2^40).
template <Real T>
std::optional<Expression> take_apart(const LinearOperator<T>& a, Context& context);

/// The tensor's matrix: a tree of one node. Throws Error for non-finite entries.
Expression stored(ScannedMatrix& a, Context& context);

/// How far the products of a tree leave 1, as an exponent e: every vector that they come across on the way of a product
/// with A^T A is at most 2^(2e) times the one that goes in, and what is lost on the way comes out at most as many times
/// larger. The exponents of parts that follow each other add up.
std::int64_t reach(const Expression& e);

/// Throws InternalError if a stored matrix of the tree is no longer what take_apart() read, by the sums of its entries.
/// One read of each.
void require_unchanged(const Expression& e, Context& context);

/// |values - N x|_2 <= error (N^T x with `adjoint`), for x with entries up to 2^200. One read of each stored matrix.
struct Image {
  std::vector<double> values;
  double error = 0;
};
Image image(const Expression& e, std::span<const double> x, bool adjoint, Context& context);

/// A vector that is entrywise at least |N| x (|N|^T x with `adjoint`), for nonnegative x with entries up to 2^200; |N|
/// stands for any matrix of the tree's upper bounds: |A + B| <= |A| + |B|, |B A| <= |B| |A|. One read of each stored
/// matrix.
std::vector<double> absolute_image(const Expression& e, std::span<const double> x, bool adjoint, Context& context);

/// Entrywise at least |N|^T |N| x, in one read where N is a stored matrix.
std::vector<double> absolute_gram_image(const Expression& e, std::span<const double> x, Context& context);

}  // namespace sigmax::bounds
