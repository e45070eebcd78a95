// The inner loops of the reduction of a symmetric matrix to tridiagonal form (linalg/householder.hpp), in double.
// Internal to the library.
//
// Everything is cut into groups of kSymmetricGroup rows or columns: pointers to columns are aligned to 64 bytes;
// strides, first and last indices are multiples of the group. A matrix of another order is padded with zeros. Sums are
// formed in an order that the arguments alone determine. Single-threaded: callers cut the work.
#pragma once

#include <cstdint>

namespace sigmax::kernels {

inline constexpr std::int64_t kSymmetricGroup = 8;

/// The contribution of columns [first, last) to y = A x for a symmetric A of order n whose lower triangle is stored by
/// columns:
///   y_i = sum_{first <= j < last, j <= i} a_ij x_j + [i < last] sum_{k > i} a_ki x_k for i >= first.
/// Rows [first, n) of y are overwritten. Entries above the diagonal are not used. One read of the columns.
void symmetric_columns(const double* a, std::int64_t stride, std::int64_t n, std::int64_t first, std::int64_t last,
                       const double* x, double* y);

/// c_j = sum of p_ij x_i over rows [first, last), j < count. The entries c_j up to the next multiple of 4 are written
/// too: the columns of p must exist that far.
void panel_products(const double* p, std::int64_t stride, std::int64_t count, std::int64_t first, std::int64_t last,
                    const double* x, double* c);

/// Coefficients of a linear combination of the columns of V and of W.
struct PanelWeights {
  const double* v = nullptr;
  const double* w = nullptr;
};

/// y -= V c.v + W c.w and, if z is not null, z -= V r.v + W r.w in the same read, on rows [first, last). From `count`
/// to the next multiple of 4 the weights must be zeros and the columns finite.
void panel_combine(const double* v, const double* w, std::int64_t stride, std::int64_t count, std::int64_t first,
                   std::int64_t last, PanelWeights c, double* y, PanelWeights r, double* z);

/// y = sum of `count` vectors, partial[i + p * stride], on rows [first, last); vector p counts only from row starts[p]
/// on. `starts` must ascend: the sum of a row ends at the first vector that starts below it.
void sum_partial(const double* partial, std::int64_t stride, const std::int64_t* starts, std::int64_t count,
                 std::int64_t first, std::int64_t last, double* y);

/// x . y over [first, last).
double column_dot(const double* x, const double* y, std::int64_t first, std::int64_t last);

/// w = s w + t v and, if a is not null, a -= p v + q w with the new w, on rows [first, last).
void finish_reflection(const double* v, double* w, double s, double t, double* a, double p, double q,
                       std::int64_t first, std::int64_t last);

/// x -= tau v (v . x) over [first, last).
void reflect(const double* v, double tau, double* x, std::int64_t first, std::int64_t last);

/// y = s x over [first, last).
void scaled_copy(const double* x, double s, double* y, std::int64_t first, std::int64_t last);

}  // namespace sigmax::kernels
