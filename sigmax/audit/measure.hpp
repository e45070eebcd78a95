// The figures of one matrix. Internal to audit/.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "sigmax/audit/options.hpp"
#include "sigmax/audit/result.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"

namespace sigmax::audit {

/// Figures with their ingredients, so that the figures of a stack can be computed from those of its blocks.
struct Measurement {
  std::optional<Figures> figures;       ///< nothing if there are non-finite entries
  std::vector<double> singular_values;  ///< descending, in units; empty unless the full spectrum was requested
  double unit = 1;                      ///< a power of two: 1 unless squares would leave double's range
  double frobenius = 0;                 ///< in units
  double sigma_max = 0;                 ///< the estimate, in units
  std::int64_t nan = 0;
  std::int64_t infinite = 0;
  std::optional<std::int64_t> first_non_finite{};  ///< row * columns + column in the matrix
};

/// Measures a 2-dimensional, non-empty tensor of a real type.
///
/// Cost: one read for the entrywise norms; the Gram matrix on the shorter side k (rows columns k flops) and k^3/3 flops
/// for the proof; 4/3 k^3 for the spectrum; about 2 k^2 doubles. Without proof and spectrum, some tens of reads for
/// Lanczos.
Measurement measure(const Tensor& matrix, const Options& options, Context& context);

/// The figures of the block-diagonal matrix with these blocks, each rows x columns: largest sigma_max, pooled spectrum,
/// summed squares.
Measurement block_diagonal(std::span<const Measurement> blocks, std::int64_t rows, std::int64_t columns, DType dtype);

}  // namespace sigmax::audit
