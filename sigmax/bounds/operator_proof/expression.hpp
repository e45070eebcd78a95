// An operator taken apart: the tree of its structure, down to stored matrices, as the proofs use it. Internal to
// bounds/.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/ops/convolution/geometry.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::bounds {

/// A node stands for 2^exponent N, with N of moderate size for any size of the operator: a stored matrix is scaled by a
/// power of two so that its largest entry is in [1/2, 1), a diagonal likewise, a convolution so that its kernel's is,
/// and a composite node so that its bound `norm` is in that interval. A selection and an identity are what they are. No
/// chain of factors, products or sums is long enough for N to leave the range. Transposes are pushed down to the
/// leaves. A Kronecker product of several factors is one of two halves.
///
/// A node that is zero by its structure has the kind `zero` and no parts: a matrix of zeros, a factor 0, a product with
/// a zero part, a sum or stack of zero parts. Every other node has a bound `norm` in [1/4, 2^40], and take_apart()
/// checks this for each. N itself may still be zero, by cancellation.
///
/// Everything below refers to N. Every number in the tree is exact: rounding begins with the functions below.
struct Expression {
  enum class Kind {
    zero,  ///< the matrix of zeros
    stored,
    convolution,
    diagonal,
    selection,
    kronecker,  ///< unit parts[0] (x) parts[1], with `unit` as for a product
    sum,        ///< of the parts
    product,    ///< unit parts[0] parts[1], `unit` a power of two that brings `norm` into [1/2, 1)
    scaled,     ///< factor parts[0], `factor` of a magnitude that brings `norm` into [1/2, 1)
    below,      ///< the parts below each other
    beside,     ///< the parts side by side
  };
  Kind kind = Kind::zero;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t exponent = 0;
  std::vector<Expression> parts;
  double factor = 1;
  double unit = 1;
  /// At least |N|_2, also with the entries of the stored matrices replaced by their absolute values: from their
  /// entrywise norms, by the algebra of norms.
  double norm = 0;

  // A stored matrix: N = unit leaf.matrix, or its transpose, unit a power of two.
  InRange leaf;
  bool transposed = false;
  double frobenius = 0;  ///< |N|_F at most

  // A convolution: the matrix of `correlation` with the kernel unit leaf.matrix, or its transpose. `norm` and
  // `frobenius` are those of the correlation with the kernel's absolute values, so that taps that meet in one entry of
  // x are not canceled.
  std::shared_ptr<const Correlation> correlation{};  // by pointer: expressions lie on the stack at every level

  // A diagonal: scaled so that its largest entry is in [1/2, 1), which is `norm` exactly; the identity if it has no
  // entries. Entries below 2^-1022 may have lost 2^-1075 each: `underflowed`.
  std::shared_ptr<const std::vector<double>> diagonal{};
  bool underflowed = false;

  // A selection, or its transpose (`transposed`).
  std::shared_ptr<const SelectedEntries> selected{};

  bool is_identity() const { return kind == Kind::diagonal && diagonal == nullptr; }
  bool is_zero() const { return kind == Kind::zero; }

  /// Whether a factor is a power of two, so that it loses nothing.
  bool is_power_of_two() const;

  /// The exponent of the power of two that weights a part of a sum or stack: 0 or negative.
  std::int64_t shift(const Expression& part) const { return part.exponent - exponent; }
};

/// Nothing if a part of the operator is opaque. Reads each stored matrix once. Throws Error for non-finite entries and
/// factors, an empty operator, parts whose shapes do not fit, more than kMostDepth levels, and scales beyond 2^(2^40).
template <Real T>
std::optional<Expression> take_apart(const LinearOperator<T>& a, Context& context);

/// The tensor's matrix: a tree of one node. Throws Error for non-finite entries.
Expression stored(ScannedMatrix& a, Context& context);

/// How far the products of a tree move away from 1, as an exponent e: every intermediate vector of a product with A^T A
/// is at most 2^(2e) times the input vector, and losses on the way grow by at most that factor in the output. The
/// exponents of parts that follow each other add up.
std::int64_t reach(const Expression& e);

/// Throws InternalError if the sums of the entries show that a stored matrix of the tree has changed since take_apart()
/// read it. One read of each.
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
