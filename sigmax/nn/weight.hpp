// The memory of a weight, a tensor of any number of dimensions, viewed as the matrix of spectral normalization.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/core/dtype.hpp"
#include "sigmax/kernels/unfolded_matrix.hpp"

namespace sigmax::nn {

/// rows x columns() entries of f64, f32, f16 or bf16 in foreign memory, which must outlive the view.
using Weight = kernels::UnfoldedMatrix;
/// The same view for memory that is written.
using WeightOutput = kernels::UnfoldedOutput;

/// A row-major tensor unfolded along `dimension`, which is moved to the front while the others are flattened in order:
/// W of shape[dimension] rows. Negative dimensions count from the end. A tensor of one dimension is a column. Nothing
/// is copied, whatever the dimension: torch's transposed convolutions use dimension 1.
/// Throws Error if the dimension is out of range, a length is negative, or the type is not real.
Weight unfold(DType dtype, const void* data, std::span<const std::int64_t> shape, std::int64_t dimension = 0);
WeightOutput unfold(DType dtype, void* data, std::span<const std::int64_t> shape, std::int64_t dimension = 0);

/// Rows [first, first + count): a gate of an LSTM, a head, an expert. Throws Error if out of range.
Weight row_range(const Weight& weight, std::int64_t first, std::int64_t count);
WeightOutput row_range(const WeightOutput& weight, std::int64_t first, std::int64_t count);

/// Columns [first, first + count). For a weight with several segments, only whole segments. Throws Error for anything
/// else or if out of range.
Weight column_range(const Weight& weight, std::int64_t first, std::int64_t count);
WeightOutput column_range(const WeightOutput& weight, std::int64_t first, std::int64_t count);

/// How a weight is split into blocks of equal size that are normalized separately: block (i, j), at place
/// i column_blocks + j, has rows / row_blocks rows and columns / column_blocks columns.
struct BlockGrid {
  std::int64_t row_blocks = 1;
  std::int64_t column_blocks = 1;

  std::int64_t count() const noexcept { return row_blocks * column_blocks; }
};

/// The blocks in order. Throws Error if a number is not positive or does not divide the weight's.
std::vector<Weight> blocks(const Weight& weight, const BlockGrid& grid);
std::vector<WeightOutput> blocks(const WeightOutput& weight, const BlockGrid& grid);

}  // namespace sigmax::nn
