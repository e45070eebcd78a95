// The Gram matrix of a stored matrix on its shorter side, in double.
#pragma once

#include <cstdint>

#include "sigmax/core/context.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax {

/// The entries of a symmetric matrix that are stored.
enum class Triangles {
  both,
  upper,  ///< element (i, j), i <= j, at [i + j * order]; the other places are undefined
};

/// G = (s A)(s A)^T if A has no more rows than columns, (s A)^T (s A) otherwise, with s a power of two. Symmetric,
/// column-major with leading dimension `order`.
///
/// |G_computed - G| <= gamma_terms |s A| |s A|^T + (terms + 1) 2^-1074 entrywise, for any order of summation, if every
/// |s a_ij| is at most 1.
struct GramMatrix {
  std::int64_t order = 0;  ///< min(rows, columns)
  std::int64_t terms = 0;  ///< max(rows, columns): the length of each sum
  double scale = 1;        ///< s
  bool of_rows = false;    ///< A A^T; otherwise A^T A
  Context::Buffer<double> values;
  Triangles triangles = Triangles::both;
};

/// Cost: one read of A, rows x columns x order flops, order^2 doubles and a panel of about 1 MiB (or 256 rows, if that
/// is more). Throws Error if the storage type is not real or the matrix is empty.
GramMatrix gram_matrix(const kernels::StoredMatrix& a, double scale, Triangles triangles, Context& context);

/// Copies the upper triangle of a column-major matrix of order n, without its diagonal, into the lower triangle.
void mirror_upper(double* a, std::int64_t n, Context& context);

}  // namespace sigmax
