// The Gram matrix of a stored matrix on its shorter side, in double.
#pragma once

#include <cstdint>

#include "sigmax/core/context.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax {

/// G = (s A)(s A)^T if A has no more rows than columns, (s A)^T (s A) otherwise, with s a power of two. Symmetric, both
/// triangles filled, column-major with leading dimension `order`.
///
/// |G_computed - G| <= gamma_terms |s A| |s A|^T + (terms + 1) 2^-1074 entrywise, whatever the order of summation, if
/// every |s a_ij| is at most 1.
struct GramMatrix {
  std::int64_t order = 0;  ///< min(rows, columns)
  std::int64_t terms = 0;  ///< max(rows, columns): the length of each sum
  double scale = 1;        ///< s
  bool of_rows = false;    ///< A A^T; otherwise A^T A
  Context::Buffer<double> values;
};

/// Cost: one read of A, rows x columns x order flops, order^2 doubles and a panel of about 1 MiB (or 128 rows, if that
/// is more). Throws Error if the storage type is not real or the matrix is empty.
GramMatrix gram_matrix(const kernels::StoredMatrix& a, double scale, Context& context);

}  // namespace sigmax
