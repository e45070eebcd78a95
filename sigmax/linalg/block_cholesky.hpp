// Cholesky factorization of a symmetric matrix that has few nonzero blocks. Internal to the library;
// callers hold a SerialBlas.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax {

/// The lower blocks of a symmetric matrix: block (i, k), i >= k, at lower[i][k], empty where it is zero. Of the blocks
/// on the diagonal the lower triangle counts. Block 0 may be a multiple of the identity: then it is not stored, and
/// `first` is the number.
struct BlockMatrix {
  std::vector<std::int64_t> sizes;
  std::vector<std::vector<Matrix<double>>> lower;
  bool first_is_scalar = false;
  double first = 0;

  std::size_t count() const { return sizes.size(); }
  bool has(std::size_t i, std::size_t k) const { return !lower[i][k].empty(); }

  /// Adds blocks of zeros where the factor will have entries: where two blocks below one pivot meet.
  void fill_in();
};

BlockMatrix block_matrix(std::vector<std::int64_t> sizes);

/// L L^T = A in place. Returns whether it completed: then what linalg/cholesky.hpp says of its factor holds for this
/// one, with the number of terms in an inner product in place of min(i, j): each entry is the textbook formula, summed
/// in some order. fill_in() was called.
bool cholesky(BlockMatrix& a, Context& context);

/// Y L^-T for a block row Y: Y_k = rows of block k, `rows` many; an empty block is zero. Returns the same list with the
/// blocks that the solve fills.
std::vector<Matrix<double>> solve_rows(const BlockMatrix& l, std::vector<Matrix<double>> y, std::int64_t rows,
                                       Context& context);

}  // namespace sigmax
