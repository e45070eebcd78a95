// A stored matrix after its first read: its sums, the matrix in a safe range, and its Gram matrix.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "sigmax/core/context.hpp"
#include "sigmax/kernels/scan.hpp"
#include "sigmax/linalg/gram_matrix.hpp"
#include "sigmax/linalg/stored_view.hpp"

namespace sigmax {

/// A matrix multiplied by a power of two, so that no square of an entry overflows or vanishes: facts.scale is 1. It is
/// the stored matrix itself, with factor 1, unless f64 entries lie beyond 2^+-400; then it is a copy. Entries that fall
/// below 2^-1022 in the copy lose at most 2^-1075 each, which the bounds allow for.
struct InRange {
  kernels::StoredMatrix matrix;
  kernels::Scan facts;                ///< of `matrix`
  double factor = 1;                  ///< factor times `matrix` is the stored matrix; a power of two
  std::shared_ptr<const void> owner;  ///< of the copy; null if there is none
};

/// The scale that gram_matrix() takes: the power of two that brings the largest entry into [1/2, 1).
double gram_scale(const kernels::Scan& facts);

/// The Gram matrix of `a` at gram_scale(): the upper triangle.
GramMatrix gram_matrix(const InRange& a, Context& context);

/// Throws InternalError if the matrix no longer has the sums that were scanned. One read; a copy is not read, because
/// it cannot have changed.
void require_unchanged(const InRange& a, Context& context);

/// Throws Error, `[who] the matrix has 2 NaN and 1 infinite entries`, if there are any; `what` names the subject of the
/// message.
void require_finite(const kernels::Scan& facts, std::string_view who, std::string_view what = "matrix");

/// The starting point of the audit, the norms and the proofs. Each part is computed once, on its first use.
class ScannedMatrix {
 public:
  /// Cost: one read of the matrix; two for f64 entries beyond 2^+-400.
  ScannedMatrix(StoredView view, Context& context);

  /// The caller keeps the bytes alive.
  ScannedMatrix(const kernels::StoredMatrix& a, Context& context);

  const StoredView& view() const noexcept { return view_; }

  /// Row and column sums are those of view().matrix, which may be the transpose. The sums are meaningful only if the
  /// entries are finite.
  const kernels::Scan& facts() const noexcept { return facts_; }

  /// Norms of the tensor's matrix. Infinite where they exceed the range of double.
  double frobenius() const;
  double norm_1() const noexcept { return view_.transposed ? facts_.largest_row_sum : facts_.largest_column_sum; }
  double norm_inf() const noexcept { return view_.transposed ? facts_.largest_column_sum : facts_.largest_row_sum; }

  bool is_finite() const noexcept { return facts_.finite(); }

  /// row * columns + column, in the tensor's matrix, of a NaN or infinite entry, if there is one.
  std::optional<std::int64_t> first_non_finite() const noexcept;

  /// For finite entries. Cost: nothing, or a copy in double and a read of it. Throws InternalError if the entries of
  /// the copy do not match the scan.
  const InRange& in_range(Context& context);

  /// gram_matrix(in_range()). Callers that write to it must leave the upper triangle as they found it.
  /// Cost: one read, rows x columns x order flops, order^2 doubles. Throws Error if the matrix is empty.
  GramMatrix& gram(Context& context);

 private:
  StoredView view_;
  kernels::Scan facts_;
  std::optional<InRange> in_range_;
  std::optional<GramMatrix> gram_;
};

/// The tensor's matrix, by one read. Throws Error, `[who] ...`, if it is empty or has entries that are not finite, and
/// where stored_view() does; `what` names the subject of the message.
ScannedMatrix scanned_finite(const Tensor& matrix, std::string_view who, std::string_view what, Context& context);

}  // namespace sigmax
