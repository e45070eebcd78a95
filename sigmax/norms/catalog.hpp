// The whole catalog for one matrix, or for a block diagonal: every row of the table that applies, with usual numbers.
#pragma once

#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/result.hpp"
#include "sigmax/norms/table.hpp"

namespace sigmax::norms {

/// The norms that all_norms() computes for matrices of this shape: those without numbers, and of those with numbers the
/// ones in use, such as schatten:4 and mixed:2,1 of columns and of rows. The numerical radius only of square matrices.
std::vector<Norm> usual_norms(std::int64_t rows, std::int64_t columns);

struct NamedResult {
  Norm norm;
  NormResult result;
};

/// The usual norms of a block-diagonal matrix with these blocks; one block is the matrix itself. All functions of
/// singular values of one block come from one decomposition. Throws Error as norm_of_blocks() does.
std::vector<NamedResult> all_norms(std::span<const Tensor> blocks, const NormOptions& options, Context& context);

/// As above, on every hardware thread.
inline std::vector<NamedResult> all_norms(std::span<const Tensor> blocks, const NormOptions& options = {}) {
  Context context;
  return all_norms(blocks, options, context);
}

}  // namespace sigmax::norms
