// Any norm of a block-diagonal matrix, from the norms of its blocks.
#pragma once

#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/result.hpp"
#include "sigmax/norms/table.hpp"

namespace sigmax::norms {

/// The norm of the block-diagonal matrix with these blocks, all of one shape: a grouped convolution, a stack of
/// experts. It costs the norm of each block. The result is the largest (smallest) norm of a block for sigma_max, sums
/// and entries and for the numerical radius; (sum n_b^p)^(1/p) for Schatten, entrywise and Frobenius norms n_b, with q
/// for a mixed (p, q) norm; for an induced (p, q)-norm the largest if p <= q and p = 1/(1/q - 1/p) otherwise; the Ky
/// Fan norm of all singular values. The zeros outside the blocks do not count as entries, and the singular values are
/// those of the blocks.
///
/// An enclosure is that of the blocks' enclosures, combined as the values are. Throws Error as norm() does, and if
/// there are no blocks or their shapes differ.
NormResult norm_of_blocks(std::span<const Tensor> blocks, const Norm& which, const NormOptions& options,
                          Context& context);

/// As above, on every hardware thread.
inline NormResult norm_of_blocks(std::span<const Tensor> blocks, const Norm& which, const NormOptions& options) {
  Context context;
  return norm_of_blocks(blocks, which, options, context);
}

/// The value alone, and for Spectral its enclosure.
NormResult norm_of_blocks(std::span<const Tensor> blocks, const Norm& which, Context& context);

inline NormResult norm_of_blocks(std::span<const Tensor> blocks, const Norm& which) {
  Context context;
  return norm_of_blocks(blocks, which, context);
}

}  // namespace sigmax::norms
