#include "sigmax/kernels/interleaved.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/interleaved.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/rows-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Channels are brought together by transposing squares of kSide channels and positions in the blocks of 128 bits that
// vectors consist of, two squares of each channel at a time.
template <class T>
inline constexpr int kSide = 16 / sizeof(T);

#if HWY_TARGET != HWY_SCALAR && !HWY_HAVE_SCALABLE
// The first half of the vector from one place, the second from another; a vector of two blocks from the first alone.
template <class D>
HWY_INLINE hn::Vec<D> load_halves(D d, const hn::TFromD<D>* first, const hn::TFromD<D>* second) {
  if constexpr (hn::MaxLanes(d) <= 2 * kSide<hn::TFromD<D>>) {
    return hn::LoadU(d, first);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, hn::LoadU(half, second), hn::LoadU(half, first));
  }
}

template <class D>
HWY_INLINE void store_halves(D d, hn::Vec<D> v, hn::TFromD<D>* first, hn::TFromD<D>* second) {
  if constexpr (hn::MaxLanes(d) <= 2 * kSide<hn::TFromD<D>>) {
    hn::StoreU(v, d, first);
  } else {
    const hn::Half<D> half;
    hn::StoreU(hn::LowerHalf(half, v), half, first);
    hn::StoreU(hn::UpperHalf(half, v), half, second);
  }
}

// From even = a0 b0 a2 b2 and odd = a1 b1 a3 b3 to even = a0 a1 a2 a3 and odd = b0 b1 b2 b3, where a0 ... are blocks,
// and back: its own inverse.
template <class V>
HWY_INLINE void exchange_blocks(V& even, V& odd) {
  const V first = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(odd), even);
  odd = hn::OddEvenBlocks(odd, hn::SwapAdjacentBlocks(even));
  even = first;
}

// Transposes the square in each block of kSide vectors.
template <class D>
HWY_INLINE void transpose_squares(D d, hn::Vec<D>* v) {
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    const auto low = hn::InterleaveLower(d, v[0], v[1]);
    v[1] = hn::InterleaveUpper(d, v[0], v[1]);
    v[0] = low;
  } else {
    const auto a = hn::InterleaveLower(d, v[0], v[2]);
    const auto b = hn::InterleaveLower(d, v[1], v[3]);
    const auto e = hn::InterleaveUpper(d, v[0], v[2]);
    const auto f = hn::InterleaveUpper(d, v[1], v[3]);
    v[0] = hn::InterleaveLower(d, a, b);
    v[1] = hn::InterleaveUpper(d, a, b);
    v[2] = hn::InterleaveLower(d, e, f);
    v[3] = hn::InterleaveUpper(d, e, f);
  }
}

// 2 kSide positions of as many channels as a vector has lanes. Vector i of a square holds, in block j, channel
// j kSide + i at kSide positions; transposed, it holds all channels at position i.
template <class T>
HWY_INLINE void interleave_squares(const T* from, std::int64_t stride, const std::int64_t* place, T* to) {
  const hn::ScalableTag<T> d;
  constexpr int kN = kSide<T>;
  hn::Vec<hn::ScalableTag<T>> first[kN], second[kN];
  repeat<kN>([&](auto i) SIGMAX_INLINE_LAMBDA {
    const T* const at = from + i * stride;
    if constexpr (hn::MaxLanes(d) == kN) {
      first[i] = hn::LoadU(d, at);
      second[i] = hn::LoadU(d, at + kN);
    } else {
      first[i] = load_halves(d, at, at + 2 * kN * stride);
      second[i] = load_halves(d, at + kN * stride, at + 3 * kN * stride);
      exchange_blocks(first[i], second[i]);
    }
  });
  transpose_squares(d, first);
  transpose_squares(d, second);
  repeat<kN>([&](auto i) SIGMAX_INLINE_LAMBDA {
    hn::Store(first[i], d, to + place[i]);
    hn::Store(second[i], d, to + place[kN + i]);
  });
}

template <class T>
HWY_INLINE void deinterleave_squares(const T* from, const std::int64_t* place, T* to, std::int64_t stride) {
  const hn::ScalableTag<T> d;
  constexpr int kN = kSide<T>;
  hn::Vec<hn::ScalableTag<T>> first[kN], second[kN];
  repeat<kN>([&](auto i) SIGMAX_INLINE_LAMBDA {
    first[i] = hn::Load(d, from + place[i]);
    second[i] = hn::Load(d, from + place[kN + i]);
  });
  transpose_squares(d, first);
  transpose_squares(d, second);
  repeat<kN>([&](auto i) SIGMAX_INLINE_LAMBDA {
    T* const at = to + i * stride;
    if constexpr (hn::MaxLanes(d) == kN) {
      hn::StoreU(first[i], d, at);
      hn::StoreU(second[i], d, at + kN);
    } else {
      exchange_blocks(first[i], second[i]);
      store_halves(d, first[i], at, at + 2 * kN * stride);
      store_halves(d, second[i], at + kN * stride, at + 3 * kN * stride);
    }
  });
}
#endif

// The last squares overlap those before them.
template <class T>
HWY_INLINE void interleave_channels(const T* source, std::int64_t stride, std::int64_t channels,
                                    std::span<const std::int64_t> place, T* to) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  const auto count = static_cast<std::int64_t>(place.size());
  for (std::int64_t c = 0; c < interleaved_channels<T>(); c += lanes) {
#if HWY_TARGET != HWY_SCALAR && !HWY_HAVE_SCALABLE
    constexpr std::int64_t kAtOnce = 2 * kSide<T>;
    if (c + lanes <= channels && count >= kAtOnce) {
      for (std::int64_t next = 0; next < count; next += kAtOnce) {
        const std::int64_t k = std::min(next, count - kAtOnce);
        interleave_squares(source + c * stride + k, stride, place.data() + k, to + c);
      }
      continue;
    }
#endif
    for (std::int64_t k = 0; k < count; ++k) {
      for (std::int64_t l = c; l < c + lanes; ++l) {
        to[place[static_cast<std::size_t>(k)] + l] = source[std::min(l, channels - 1) * stride + k];
      }
    }
  }
}

template <class T>
HWY_INLINE void deinterleave_channels(const T* from, std::span<const std::int64_t> place, T* destination,
                                      std::int64_t stride, std::int64_t channels) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  const auto count = static_cast<std::int64_t>(place.size());
  for (std::int64_t c = 0; c < channels; c += lanes) {
#if HWY_TARGET != HWY_SCALAR && !HWY_HAVE_SCALABLE
    constexpr std::int64_t kAtOnce = 2 * kSide<T>;
    if (c + lanes <= channels && count >= kAtOnce) {
      for (std::int64_t next = 0; next < count; next += kAtOnce) {
        const std::int64_t k = std::min(next, count - kAtOnce);
        deinterleave_squares(from + c, place.data() + k, destination + c * stride + k, stride);
      }
      continue;
    }
#endif
    for (std::int64_t l = c; l < std::min(channels, c + lanes); ++l) {
      for (std::int64_t k = 0; k < count; ++k) {
        destination[l * stride + k] = from[place[static_cast<std::size_t>(k)] + l];
      }
    }
  }
}

// V neighbors of a row, whose accumulators stay in registers. Three neighboring terms read V + 2 vectors, not 3 V.
template <int V, class T>
HWY_INLINE void interleaved_block(const T* HWY_RESTRICT w, std::span<const InterleavedTerms> terms,
                                  const T* HWY_RESTRICT source, std::int64_t from_step, T* HWY_RESTRICT destination,
                                  std::int64_t to_step) {
  const hn::ScalableTag<T> d;
  using Vector = hn::Vec<hn::ScalableTag<T>>;
  constexpr std::int64_t kStep = interleaved_channels<T>();
  Vector sums[V];
  repeat<V>([&](auto v) SIGMAX_INLINE_LAMBDA { sums[v] = hn::Zero(d); });
  for (const InterleavedTerms& group : terms) {
    const T* const from = source + group.offset;
    if (group.count == 3) {
      const Vector weights[3] = {hn::LoadU(d, w), hn::LoadU(d, w + kStep), hn::LoadU(d, w + 2 * kStep)};
      repeat<V + 2>([&](auto n) SIGMAX_INLINE_LAMBDA {
        Vector x = hn::Load(d, from + n * from_step);
        keep(x);
        repeat<3>([&](auto k) SIGMAX_INLINE_LAMBDA {
          const int v = n - k;
          if (v >= 0 && v < V) sums[v] = hn::MulAdd(weights[k], x, sums[v]);
        });
      });
      w += 3 * kStep;
    } else {
      for (std::int64_t k = 0; k < group.count; ++k, w += kStep) {
        const Vector weight = hn::LoadU(d, w);
        const T* const at = from + k * from_step;
        repeat<V>([&](auto v)
                      SIGMAX_INLINE_LAMBDA { sums[v] = hn::MulAdd(weight, hn::Load(d, at + v * from_step), sums[v]); });
      }
    }
  }
  repeat<V>([&](auto v) SIGMAX_INLINE_LAMBDA { hn::Store(sums[v], d, destination + v * to_step); });
}

// V neighbors of every row.
template <int V, class T>
HWY_NOINLINE void interleaved_column(const T* w, std::span<const InterleavedTerms> terms,
                                     std::span<const InterleavedRow> rows, std::int64_t from_step, std::int64_t to_step,
                                     const T* source, T* destination) {
  for (const auto& [from, to] : rows) {
    interleaved_block<V>(w, terms, source + from, from_step, destination + to, to_step);
  }
}

// At most 8 neighbors at a time, in groups of nearly equal size: 14 are 7 and 7.
template <class T>
HWY_INLINE void interleaved(const T* w, std::span<const InterleavedTerms> terms, std::span<const InterleavedRow> rows,
                            std::int64_t length, std::int64_t from_step, std::int64_t to_step, const T* source,
                            T* destination) {
  for (std::int64_t groups = (length + 7) / 8; groups > 0; --groups) {
    const std::int64_t count = length / groups;
    const auto column = [&](auto sums)
                            SIGMAX_INLINE_LAMBDA { sums(w, terms, rows, from_step, to_step, source, destination); };
    switch (count) {
      case 8: column(interleaved_column<8, T>); break;
      case 7: column(interleaved_column<7, T>); break;
      case 6: column(interleaved_column<6, T>); break;
      case 5: column(interleaved_column<5, T>); break;
      case 4: column(interleaved_column<4, T>); break;
      case 3: column(interleaved_column<3, T>); break;
      case 2: column(interleaved_column<2, T>); break;
      default: column(interleaved_column<1, T>); break;
    }
    length -= count;
    source += count * from_step;
    destination += count * to_step;
  }
}

// Vectors shorter than a line of the cache take it in parts.
template <class T>
HWY_INLINE void interleaved_parts(const T* w, std::span<const InterleavedTerms> terms,
                                  std::span<const InterleavedRow> rows, std::int64_t length, std::int64_t from_step,
                                  std::int64_t to_step, const T* source, T* destination) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  for (std::int64_t l = 0; l < interleaved_channels<T>(); l += lanes) {
    const T* const weights = terms.empty() ? w : w + l;  // without terms w may be null
    interleaved(weights, terms, rows, length, from_step, to_step, source + l, destination + l);
  }
}

void interleave_float(const float* source, std::int64_t stride, std::int64_t channels,
                      std::span<const std::int64_t> place, float* to) {
  interleave_channels(source, stride, channels, place, to);
}

void interleave_double(const double* source, std::int64_t stride, std::int64_t channels,
                       std::span<const std::int64_t> place, double* to) {
  interleave_channels(source, stride, channels, place, to);
}

void deinterleave_float(const float* from, std::span<const std::int64_t> place, float* destination, std::int64_t stride,
                        std::int64_t channels) {
  deinterleave_channels(from, place, destination, stride, channels);
}

void deinterleave_double(const double* from, std::span<const std::int64_t> place, double* destination,
                         std::int64_t stride, std::int64_t channels) {
  deinterleave_channels(from, place, destination, stride, channels);
}

void sums_float(const float* w, std::span<const InterleavedTerms> terms, std::span<const InterleavedRow> rows,
                std::int64_t length, std::int64_t from_step, std::int64_t to_step, const float* source,
                float* destination) {
  interleaved_parts(w, terms, rows, length, from_step, to_step, source, destination);
}

void sums_double(const double* w, std::span<const InterleavedTerms> terms, std::span<const InterleavedRow> rows,
                 std::int64_t length, std::int64_t from_step, std::int64_t to_step, const double* source,
                 double* destination) {
  interleaved_parts(w, terms, rows, length, from_step, to_step, source, destination);
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace sigmax::kernels {

HWY_EXPORT(interleave_float);
HWY_EXPORT(interleave_double);
HWY_EXPORT(deinterleave_float);
HWY_EXPORT(deinterleave_double);
HWY_EXPORT(sums_float);
HWY_EXPORT(sums_double);

template <Real T>
void interleave(const T* source, std::int64_t stride, std::int64_t channels, std::span<const std::int64_t> place,
                T* interleaved) {
  if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(interleave_float)(source, stride, channels, place, interleaved);
  } else {
    HWY_DYNAMIC_DISPATCH(interleave_double)(source, stride, channels, place, interleaved);
  }
}

template <Real T>
void deinterleave(const T* interleaved, std::span<const std::int64_t> place, T* destination, std::int64_t stride,
                  std::int64_t channels) {
  if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(deinterleave_float)(interleaved, place, destination, stride, channels);
  } else {
    HWY_DYNAMIC_DISPATCH(deinterleave_double)(interleaved, place, destination, stride, channels);
  }
}

template <Real T>
void interleaved_sums(const T* w, std::span<const InterleavedTerms> terms, std::span<const InterleavedRow> rows,
                      std::int64_t length, std::int64_t from_step, std::int64_t to_step, const T* source,
                      T* destination) {
  if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(sums_float)(w, terms, rows, length, from_step, to_step, source, destination);
  } else {
    HWY_DYNAMIC_DISPATCH(sums_double)(w, terms, rows, length, from_step, to_step, source, destination);
  }
}

template void interleave<float>(const float*, std::int64_t, std::int64_t, std::span<const std::int64_t>, float*);
template void interleave<double>(const double*, std::int64_t, std::int64_t, std::span<const std::int64_t>, double*);
template void deinterleave<float>(const float*, std::span<const std::int64_t>, float*, std::int64_t, std::int64_t);
template void deinterleave<double>(const double*, std::span<const std::int64_t>, double*, std::int64_t, std::int64_t);
template void interleaved_sums<float>(const float*, std::span<const InterleavedTerms>, std::span<const InterleavedRow>,
                                      std::int64_t, std::int64_t, std::int64_t, const float*, float*);
template void interleaved_sums<double>(const double*, std::span<const InterleavedTerms>,
                                       std::span<const InterleavedRow>, std::int64_t, std::int64_t, std::int64_t,
                                       const double*, double*);

}  // namespace sigmax::kernels

#endif  // HWY_ONCE
