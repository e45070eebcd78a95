#include "sigmax/nn/weight.hpp"

#include <fmt/format.h>

#include "sigmax/core/error.hpp"
#include "sigmax/core/tensor.hpp"

namespace sigmax::nn {
namespace {

template <class Byte>
kernels::Unfolded<Byte> unfolded(DType dtype, Byte* data, std::span<const std::int64_t> shape, std::int64_t dimension) {
  const auto rank = static_cast<std::int64_t>(shape.size());
  if (!is_real(dtype)) throw Error(fmt::format("[unfold] {} does not store real numbers", name(dtype)));
  if (dimension < -rank || dimension >= rank) {
    throw Error(fmt::format("[unfold] dimension must be in [{}, {}] for the shape {}, got {}", -rank, rank - 1,
                            to_string(shape), dimension));
  }
  if (!element_count(shape)) throw Error(fmt::format("[unfold] {} is not the shape of a tensor", to_string(shape)));
  const std::int64_t front = dimension < 0 ? dimension + rank : dimension;
  kernels::Unfolded<Byte> w{dtype, data, 1, 1, 1, 1, 1};
  for (std::int64_t i = 0; i < rank; ++i) {
    (i < front ? w.segments : i == front ? w.rows : w.inner) *= shape[static_cast<std::size_t>(i)];
  }
  w.row_stride = w.inner;
  w.segment_stride = w.rows * w.inner;
  return w;
}

template <class Byte>
kernels::Unfolded<Byte> rows_of(kernels::Unfolded<Byte> w, std::int64_t first, std::int64_t count) {
  if (first < 0 || count < 0 || first > w.rows - count) {
    throw Error(fmt::format("[row_range] rows {} to {} of a weight of {} rows", first, first + count, w.rows));
  }
  w.data = w.run(first, 0);
  w.rows = count;
  return w;
}

template <class Byte>
kernels::Unfolded<Byte> columns_of(kernels::Unfolded<Byte> w, std::int64_t first, std::int64_t count) {
  if (first < 0 || count < 0 || first > w.columns() - count) {
    throw Error(
        fmt::format("[column_range] columns {} to {} of a weight of {} columns", first, first + count, w.columns()));
  }
  if (w.segments == 1) {
    w.data += first * static_cast<std::int64_t>(size_of(w.dtype));
    w.inner = count;
    return w;
  }
  if (w.inner == 0) return w;
  if (first % w.inner != 0 || count % w.inner != 0) {
    throw Error(
        fmt::format("[column_range] a weight of several segments has blocks of multiples of {} columns, got "
                    "{} to {}",
                    w.inner, first, first + count));
  }
  w.data = w.run(0, first / w.inner);
  w.segments = count / w.inner;
  return w;
}

template <class Byte>
std::vector<kernels::Unfolded<Byte>> blocks_of(const kernels::Unfolded<Byte>& w, const BlockGrid& grid) {
  if (grid.row_blocks < 1 || grid.column_blocks < 1 || w.rows % grid.row_blocks != 0 ||
      w.columns() % grid.column_blocks != 0) {
    throw Error(fmt::format("[blocks] {} by {} blocks do not divide a {}x{} weight", grid.row_blocks,
                            grid.column_blocks, w.rows, w.columns()));
  }
  const std::int64_t rows = w.rows / grid.row_blocks, columns = w.columns() / grid.column_blocks;
  std::vector<kernels::Unfolded<Byte>> result;
  result.reserve(static_cast<std::size_t>(grid.count()));
  for (std::int64_t i = 0; i < grid.row_blocks; ++i) {
    for (std::int64_t j = 0; j < grid.column_blocks; ++j) {
      result.push_back(columns_of(rows_of(w, i * rows, rows), j * columns, columns));
    }
  }
  return result;
}

}  // namespace

Weight unfold(DType dtype, const void* data, std::span<const std::int64_t> shape, std::int64_t dimension) {
  return unfolded(dtype, static_cast<const std::byte*>(data), shape, dimension);
}
WeightOutput unfold(DType dtype, void* data, std::span<const std::int64_t> shape, std::int64_t dimension) {
  return unfolded(dtype, static_cast<std::byte*>(data), shape, dimension);
}

Weight row_range(const Weight& weight, std::int64_t first, std::int64_t count) { return rows_of(weight, first, count); }
WeightOutput row_range(const WeightOutput& weight, std::int64_t first, std::int64_t count) {
  return rows_of(weight, first, count);
}

Weight column_range(const Weight& weight, std::int64_t first, std::int64_t count) {
  return columns_of(weight, first, count);
}
WeightOutput column_range(const WeightOutput& weight, std::int64_t first, std::int64_t count) {
  return columns_of(weight, first, count);
}

std::vector<Weight> blocks(const Weight& weight, const BlockGrid& grid) { return blocks_of(weight, grid); }
std::vector<WeightOutput> blocks(const WeightOutput& weight, const BlockGrid& grid) { return blocks_of(weight, grid); }

}  // namespace sigmax::nn
