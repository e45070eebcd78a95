// Rows of images split into their two phases, entries at even and at odd places, and sums over shifted rows: the memory
// and the hot loop of strided depthwise convolutions. Internal to the library.
#pragma once

#include <cstdint>
#include <span>

#include "sigmax/core/view.hpp"

namespace sigmax::kernels {

/// Rows with fewer entries in a phase are computed entry by entry: a line of the cache.
template <Real T>
constexpr std::int64_t shortest_phase() {
  return 64 / static_cast<std::int64_t>(sizeof(T));
}

/// A row of an image from element `row` on, entries 0, 2, ... of it from `even` on, and entries 1, 3, ... from `odd`
/// on.
struct PhaseRow {
  std::int64_t row = 0;
  std::int64_t even = 0;
  std::int64_t odd = 0;
};

/// phases[even + k] = image[row + 2 k] and phases[odd + k] = image[row + 2 k + 1] for each row of `length` entries.
template <Real T>
void split_phases(const T* image, std::span<const PhaseRow> rows, std::int64_t length, T* phases);

/// The inverse: image[row + 2 k] = phases[even + k] and image[row + 2 k + 1] = phases[odd + k].
template <Real T>
void join_phases(const T* phases, std::span<const PhaseRow> rows, std::int64_t length, T* image);

/// A row of sums from element `to` on, of a source that is read from element `from` on.
struct SumRow {
  std::int64_t from = 0;
  std::int64_t to = 0;
};

/// For each row and n < length, over all terms,
///
///     destination[to + n] = sum_k w[k] source[from + offsets[k] + n].
///
/// Sums are formed in T with the terms in order, by fused multiplications where the machine has them: |computed -
/// exact| <= gamma_terms sum |w| |source|. A result depends on its own terms and on whether they are fused. Nothing but
/// these entries is read or written. The destination does not overlap the source.
///
/// On the calling thread, in its floating-point mode. Cost: 2 terms flops for each result.
template <Real T>
void row_sums(std::span<const T> w, std::span<const std::int64_t> offsets, std::span<const SumRow> rows,
              std::int64_t length, const T* source, T* destination);

}  // namespace sigmax::kernels
