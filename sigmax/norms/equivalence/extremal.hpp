// Matrices at which two norms of matrices differ the most.
#pragma once

#include <cstdint>

#include "sigmax/core/tensor.hpp"

namespace sigmax::norms {

/// Matrices that attain constants, each with one number k.
enum class ExtremalKind {
  entry,             ///< 1 at the place (1, 1)
  beside_diagonal,   ///< 1 at the place (1, 2): nilpotent
  column,            ///< the first column 1, the rest 0
  row,               ///< the first row 1
  ones,              ///< every entry 1
  identity,          ///< k ones on the diagonal
  balanced_rows,     ///< one 1 in each row, spread evenly over the first k columns
  balanced_columns,  ///< one 1 in each column, spread evenly over the first k rows
  hadamard,          ///< +1 and -1, with min(rows, columns) equal singular values
  hadamard_blocks,   ///< a Hadamard matrix of order k, each entry repeated in a block: k equal singular values
  frame_of_columns,  ///< columns of length 1 in the first k rows, and k equal singular values
  frame_of_rows,     ///< rows of length 1 in the first k columns, and k equal singular values
};

struct Extremal {
  ExtremalKind kind = ExtremalKind::entry;
  std::int64_t k = 1;
  std::int64_t rows = 1;
  std::int64_t columns = 1;

  /// The matrix in double.
  Tensor matrix() const;
};

}  // namespace sigmax::norms
