// sigma_max of a sparse matrix, proven without forming the matrix.
#pragma once

#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/ops/sparse.hpp"

namespace sigmax {

/// lower <= sigma_max(A) <= upper.
///
/// - The lower end is |A v| / |v| for the vector that svd() finds, rounding included: proven.
/// - The upper end is the first of these that reaches CertifyOptions::relative_width: the Frobenius norm and
///   sqrt(|A|_1 |A|_inf); a Cholesky factorization of tau I - G, G the Gram matrix on the shorter side of k rows or
///   columns, if k is at most CertifyOptions::proven_up_to; the probabilistic bound of svd()'s own random start, if k
///   is larger or the method says so.
///
/// Cost: a few dozen reads of the stored entries. The factorization takes k^2 doubles, one multiplication for each pair
/// of entries that share a row or column of the longer side, and k^3 / 3 flops: the matrix itself is never formed.
///
/// Throws Error for a matrix without rows or columns, entries that are NaN or infinite, and options out of range.
/// Derivation: docs/proofs.md.
Enclosure sigma_max(const SparseMatrix& a, const CertifyOptions& options, Context& context);

/// As above, on every hardware thread.
inline Enclosure sigma_max(const SparseMatrix& a, const CertifyOptions& options = {}) {
  Context context;
  return sigma_max(a, options, context);
}

}  // namespace sigmax
