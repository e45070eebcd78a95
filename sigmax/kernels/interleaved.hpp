// Images whose channels are interleaved: the memory and the hot loop of depthwise convolutions with vectors along
// channels. Internal to the library.
#pragma once

#include <cstdint>
#include <span>

#include "sigmax/core/view.hpp"

namespace sigmax::kernels {

/// L: the channels that lie next to each other at a position, a line of the cache, whatever the machine's vectors are.
template <Real T>
constexpr std::int64_t interleaved_channels() {
  return 64 / static_cast<std::int64_t>(sizeof(T));
}

/// interleaved[place[k] + c] = source[c stride + k] for k < place.size() and c < channels, 1 <= channels <= L. With
/// fewer than L channels, the others repeat one of them.
template <Real T>
void interleave(const T* source, std::int64_t stride, std::int64_t channels, std::span<const std::int64_t> place,
                T* interleaved);

/// destination[c stride + k] = interleaved[place[k] + c], for c < channels only.
template <Real T>
void deinterleave(const T* interleaved, std::span<const std::int64_t> place, T* destination, std::int64_t stride,
                  std::int64_t channels);

/// `count` <= 3 neighboring terms: the first one reads at `offset`, the others one step of the source further each.
struct InterleavedTerms {
  std::int64_t offset = 0;
  std::int64_t count = 0;
};

/// A row of results from element `to` on, of a source that is read from element `from` on.
struct InterleavedRow {
  std::int64_t from = 0;
  std::int64_t to = 0;
};

/// For each row, n < length and l < L, over all terms,
///
///     destination[to + n to_step + l] = sum_k w[k L + l] source[from + n from_step + at_k + l],
///
/// where at_k is offset + j from_step for term j of its group.
///
/// Sums are formed in T with the terms in order, by fused multiplications where the machine has them: |computed -
/// exact| <= gamma_terms sum |w| |source|. A result depends on its own terms and on whether they are fused. All places
/// are multiples of L, and both arrays begin at a line of the cache. The destination does not overlap the source.
///
/// On the calling thread, in its floating-point mode. Cost: 2 L terms flops for each result.
template <Real T>
void interleaved_sums(const T* w, std::span<const InterleavedTerms> terms, std::span<const InterleavedRow> rows,
                      std::int64_t length, std::int64_t from_step, std::int64_t to_step, const T* source,
                      T* destination);

}  // namespace sigmax::kernels
