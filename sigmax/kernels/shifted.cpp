#include "sigmax/kernels/shifted.hpp"

#include <algorithm>
#include <array>
#include <concepts>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/shifted.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/rows-inl.hpp"

#ifndef SIGMAX_KERNELS_SHIFTED_ONCE
#define SIGMAX_KERNELS_SHIFTED_ONCE
namespace sigmax::kernels {
// The most vectors that share one read of a block of weights.
inline constexpr std::int64_t kVectorsAtOnce = 48;

// Up to one vector of outputs.
template <class T>
struct ShiftedVector {
  const T* from = nullptr;
  T* to = nullptr;
  std::int64_t count = 0;
};
}  // namespace sigmax::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// V vectors of R outputs: R V accumulators, which the registers hold together with their operands.
template <int R, int V, class T>
HWY_INLINE void shifted_block(const T* HWY_RESTRICT w, std::int64_t w_step, const std::int64_t* HWY_RESTRICT offsets,
                              std::int64_t terms, const ShiftedVector<T>* vectors, std::int64_t stride, bool add) {
  const hn::ScalableTag<T> d;
  using Vector = hn::Vec<hn::ScalableTag<T>>;
  Vector sums[R * V];
  const T* from[V];
  repeat<R * V>([&](auto k) SIGMAX_INLINE_LAMBDA { sums[k] = hn::Zero(d); });
  repeat<V>([&](auto v) SIGMAX_INLINE_LAMBDA { from[v] = vectors[v].from; });
  for (std::int64_t k = 0; k < terms; ++k, w += w_step) {
    const std::int64_t at = offsets[k];
    if constexpr (R >= V) {
      Vector x[V];
      repeat<V>([&](auto v) SIGMAX_INLINE_LAMBDA {
        x[v] = hn::LoadU(d, from[v] + at);
        keep(x[v]);
      });
      repeat<R>([&](auto r) SIGMAX_INLINE_LAMBDA {
        Vector weight = hn::Set(d, w[r]);
        keep(weight);
        repeat<V>([&](auto v) SIGMAX_INLINE_LAMBDA { sums[r * V + v] = hn::MulAdd(weight, x[v], sums[r * V + v]); });
      });
    } else {
      Vector weights[R];
      repeat<R>([&](auto r) SIGMAX_INLINE_LAMBDA {
        weights[r] = hn::Set(d, w[r]);
        keep(weights[r]);
      });
      repeat<V>([&](auto v) SIGMAX_INLINE_LAMBDA {
        Vector x = hn::LoadU(d, from[v] + at);
        keep(x);
        repeat<R>([&](auto r) SIGMAX_INLINE_LAMBDA { sums[r * V + v] = hn::MulAdd(weights[r], x, sums[r * V + v]); });
      });
    }
  }
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  repeat<V>([&](auto v) SIGMAX_INLINE_LAMBDA {
    const std::int64_t count = vectors[v].count;
    T* const to = vectors[v].to;
    repeat<R>([&](auto r) SIGMAX_INLINE_LAMBDA {
      T* const place = to + r * stride;
      Vector sum = sums[r * V + v];
      if (count == lanes) {
        if (add) sum = hn::Add(hn::LoadU(d, place), sum);
        hn::StoreU(sum, d, place);
      } else {
        if (add) sum = hn::Add(load_first(d, place, count), sum);
        store_first(d, sum, place, count);
      }
    });
  });
}

// Eight outputs at one position lie in one vector.
template <class T>
inline constexpr bool kOneForEight = kManyRegisters&& hn::MaxLanes(hn::CappedTag<T, 8>()) == 8;

// Three vectors of eight outputs, and one position behind them, as images of 7x7 leave it: 25 multiplications for each
// term, where a fourth vector would take 32.
template <class T>
HWY_INLINE void shifted_block_and_one(const T* HWY_RESTRICT w, const std::int64_t* HWY_RESTRICT offsets,
                                      std::int64_t terms, const ShiftedVector<T>* vectors, std::int64_t stride,
                                      bool add) {
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 8> eight;
  using Vector = hn::Vec<hn::ScalableTag<T>>;
  Vector sums[24];
  repeat<24>([&](auto k) SIGMAX_INLINE_LAMBDA { sums[k] = hn::Zero(d); });
  auto one = hn::Zero(eight);
  const T* const from[4] = {vectors[0].from, vectors[1].from, vectors[2].from, vectors[3].from};
  for (std::int64_t k = 0; k < terms; ++k, w += 8) {
    const std::int64_t at = offsets[k];
    Vector x[3];
    repeat<3>([&](auto v) SIGMAX_INLINE_LAMBDA {
      x[v] = hn::LoadU(d, from[v] + at);
      keep(x[v]);
    });
    one = hn::MulAdd(hn::LoadU(eight, w), hn::Set(eight, from[3][at]), one);
    repeat<8>([&](auto r) SIGMAX_INLINE_LAMBDA {
      Vector weight = hn::Set(d, w[r]);
      keep(weight);
      repeat<3>([&](auto v) SIGMAX_INLINE_LAMBDA { sums[r * 3 + v] = hn::MulAdd(weight, x[v], sums[r * 3 + v]); });
    });
  }
  HWY_ALIGN T last[8];
  hn::Store(one, eight, last);
  repeat<8>([&](auto r) SIGMAX_INLINE_LAMBDA {
    repeat<3>([&](auto v) SIGMAX_INLINE_LAMBDA {
      T* const place = vectors[v].to + r * stride;
      Vector sum = sums[r * 3 + v];
      if (add) sum = hn::Add(hn::LoadU(d, place), sum);
      hn::StoreU(sum, d, place);
    });
    T& place = vectors[3].to[r * stride];
    place = add ? place + last[r] : last[r];
  });
}

// All `count` vectors with R outputs, in groups for which accumulators suffice. Four are two and two: one vector alone
// would not use the registers.
template <int R, class T>
HWY_INLINE void shifted_rows(const T* w, std::int64_t w_step, const std::int64_t* offsets, std::int64_t terms,
                             const ShiftedVector<T>* vectors, std::int64_t count, std::int64_t stride, bool add) {
  constexpr int kMost = R <= 2 ? 6 : 3;
  std::int64_t v = 0;
  if constexpr (kMost == 6) {
    for (; v + 6 <= count; v += 6) shifted_block<R, 6>(w, w_step, offsets, terms, vectors + v, stride, add);
  }
  for (; count - v == 3 || count - v > 4; v += 3) {
    shifted_block<R, 3>(w, w_step, offsets, terms, vectors + v, stride, add);
  }
  if constexpr (R == 8 && kOneForEight<T>) {
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>()));
    if (count - v == 4 && vectors[v + 3].count == 1 && vectors[v].count == lanes && vectors[v + 1].count == lanes &&
        vectors[v + 2].count == lanes) {
      return shifted_block_and_one<T>(w, offsets, terms, vectors + v, stride, add);
    }
  }
  for (; count - v >= 2; v += 2) shifted_block<R, 2>(w, w_step, offsets, terms, vectors + v, stride, add);
  if (count - v == 1) shifted_block<R, 1>(w, w_step, offsets, terms, vectors + v, stride, add);
}

// A panel of 1 to 8 outputs. Targets with 16 registers take it in halves.
template <class T>
HWY_NOINLINE void shifted_panel(std::int64_t rows, const T* w, std::int64_t w_step, const std::int64_t* offsets,
                                std::int64_t terms, const ShiftedVector<T>* vectors, std::int64_t count,
                                std::int64_t stride, bool add) {
  if constexpr (kManyRegisters) {
    switch (rows) {
      case 8: return shifted_rows<8>(w, w_step, offsets, terms, vectors, count, stride, add);
      case 7: return shifted_rows<7>(w, w_step, offsets, terms, vectors, count, stride, add);
      case 6: return shifted_rows<6>(w, w_step, offsets, terms, vectors, count, stride, add);
      case 5: return shifted_rows<5>(w, w_step, offsets, terms, vectors, count, stride, add);
      default: break;
    }
  } else if (rows > 4) {
    const std::int64_t half = rows / 2;
    shifted_panel(half, w, w_step, offsets, terms, vectors, count, stride, add);
    std::array<ShiftedVector<T>, kVectorsAtOnce> lower;
    for (std::int64_t v = 0; v < count; ++v) {
      lower[static_cast<std::size_t>(v)] = vectors[v];
      lower[static_cast<std::size_t>(v)].to += half * stride;
    }
    return shifted_panel(rows - half, w + half, w_step, offsets, terms, lower.data(), count, stride, add);
  }
  switch (rows) {
    case 4: return shifted_rows<4>(w, w_step, offsets, terms, vectors, count, stride, add);
    case 3: return shifted_rows<3>(w, w_step, offsets, terms, vectors, count, stride, add);
    case 2: return shifted_rows<2>(w, w_step, offsets, terms, vectors, count, stride, add);
    default: return shifted_rows<1>(w, w_step, offsets, terms, vectors, count, stride, add);
  }
}

// The next vectors that every panel serves. With the last four, weights are read once, not twice.
inline std::int64_t vectors_in_group(std::int64_t rows, std::int64_t left) {
  if (rows <= 2) return std::min<std::int64_t>(6, left);
  return left == 4 ? 4 : std::min<std::int64_t>(3, left);
}

// For each batch of vectors, for each block of terms: for each group of vectors that is served at once, every panel, so
// that the group's source elements are read from the first-level cache.
template <class T>
HWY_INLINE void shifted(const ShiftedWeights<T>& w, std::int64_t first_panel, std::int64_t last_panel,
                        std::span<const std::int64_t> offsets, const ShiftedVector<T>* vectors, std::int64_t count,
                        std::int64_t stride) {
  const std::int64_t terms = w.terms();
  constexpr std::int64_t kBlock = ShiftedWeights<T>::kBlockTerms;
  std::array<ShiftedVector<T>, kVectorsAtOnce> moved;
  for (std::int64_t k = 0; k < std::max<std::int64_t>(terms, 1); k += kBlock) {
    const std::int64_t block = std::min(kBlock, terms - k);
    for (std::int64_t v = 0, group = 0; v < count; v += group) {
      group = vectors_in_group(w.first_row(1), count - v);
      for (std::int64_t p = first_panel; p < last_panel; ++p) {
        const std::int64_t row = w.first_row(p);
        const std::int64_t rows = w.first_row(p + 1) - row;
        if (v == 0 && p + 1 < last_panel) {
          const T* const next = w.block(p + 1, k);
          for (std::int64_t i = 0; i < rows * block; i += static_cast<std::int64_t>(64 / sizeof(T)))
            hwy::Prefetch(next + i);
        }
        for (std::int64_t i = 0; i < group; ++i) {
          moved[static_cast<std::size_t>(i)] = vectors[v + i];
          moved[static_cast<std::size_t>(i)].to += row * stride;
        }
        shifted_panel(rows, w.block(p, k), rows, offsets.data() + k, block, moved.data(), group, stride, k > 0);
      }
    }
  }
}

template <class T>
HWY_INLINE void shifted_runs(const ShiftedWeights<T>& w, std::int64_t first_panel, std::int64_t last_panel,
                             std::span<const std::int64_t> offsets, std::span<const ShiftedRun> runs, const T* source,
                             T* destination, std::int64_t stride) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  std::array<ShiftedVector<T>, kVectorsAtOnce> vectors;
  std::int64_t total = 0;
  for (const ShiftedRun& run : runs) total += (run.length + lanes - 1) / lanes;
  // Batches of nearly equal size, in whole groups of six.
  const std::int64_t batches = std::max<std::int64_t>(1, (total + kVectorsAtOnce - 1) / kVectorsAtOnce);
  const std::int64_t batch = std::min(kVectorsAtOnce, ((total + batches - 1) / batches + 5) / 6 * 6);
  std::int64_t count = 0;
  for (const ShiftedRun& run : runs) {
    for (std::int64_t n = 0; n < run.length; n += lanes) {
      vectors[static_cast<std::size_t>(count++)] = {source + run.from + n, destination + run.to + n,
                                                    std::min(lanes, run.length - n)};
      if (count < batch) continue;
      shifted<T>(w, first_panel, last_panel, offsets, vectors.data(), count, stride);
      count = 0;
    }
  }
  if (count > 0) shifted<T>(w, first_panel, last_panel, offsets, vectors.data(), count, stride);
}

void shifted_float(const ShiftedWeights<float>& w, std::int64_t first_panel, std::int64_t last_panel,
                   std::span<const std::int64_t> offsets, std::span<const ShiftedRun> runs, const float* source,
                   float* destination, std::int64_t stride) {
  shifted_runs(w, first_panel, last_panel, offsets, runs, source, destination, stride);
}

void shifted_double(const ShiftedWeights<double>& w, std::int64_t first_panel, std::int64_t last_panel,
                    std::span<const std::int64_t> offsets, std::span<const ShiftedRun> runs, const double* source,
                    double* destination, std::int64_t stride) {
  shifted_runs(w, first_panel, last_panel, offsets, runs, source, destination, stride);
}

std::int64_t lanes_float() { return static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<float>())); }
std::int64_t lanes_double() { return static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<double>())); }

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace sigmax::kernels {

HWY_EXPORT(shifted_float);
HWY_EXPORT(shifted_double);
HWY_EXPORT(lanes_float);
HWY_EXPORT(lanes_double);

template <Real T>
ShiftedWeights<T>::ShiftedWeights(std::int64_t rows, std::int64_t terms)
    : rows_(rows),
      terms_(terms),
      panels_((rows + kPanelRows - 1) / kPanelRows),
      values_(static_cast<std::size_t>(rows * terms)) {}

// Panels of nearly equal height: 10 rows are 5 and 5 rather than 8 and 2.
template <Real T>
std::int64_t ShiftedWeights<T>::first_row(std::int64_t panel) const noexcept {
  const std::int64_t each = rows_ / panels_;
  return panel * each + std::min(panel, rows_ % panels_);
}

template <Real T>
T& ShiftedWeights<T>::at(std::int64_t row, std::int64_t term) noexcept {
  const std::int64_t each = rows_ / panels_;
  const std::int64_t longer = rows_ % panels_;
  const std::int64_t panel = row < longer * (each + 1) ? row / (each + 1) : longer + (row - longer * (each + 1)) / each;
  const std::int64_t first = first_row(panel);
  const std::int64_t height = first_row(panel + 1) - first;
  const std::int64_t block = term - term % kBlockTerms;
  const std::int64_t start = rows_ * block + first * length_of_block(block);
  return values_[static_cast<std::size_t>(start + (term - block) * height + row - first)];
}

template <Real T>
void shifted_sums(const ShiftedWeights<T>& w, std::int64_t first_panel, std::int64_t last_panel,
                  std::span<const std::int64_t> offsets, std::span<const ShiftedRun> runs, const T* source,
                  T* destination, std::int64_t destination_stride) {
  if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(shifted_float)
    (w, first_panel, last_panel, offsets, runs, source, destination, destination_stride);
  } else {
    HWY_DYNAMIC_DISPATCH(shifted_double)
    (w, first_panel, last_panel, offsets, runs, source, destination, destination_stride);
  }
}

template <Real T>
std::int64_t shifted_lanes() {
  if constexpr (std::same_as<T, float>) {
    return HWY_DYNAMIC_DISPATCH(lanes_float)();
  } else {
    return HWY_DYNAMIC_DISPATCH(lanes_double)();
  }
}

template class ShiftedWeights<float>;
template class ShiftedWeights<double>;
template void shifted_sums<float>(const ShiftedWeights<float>&, std::int64_t, std::int64_t,
                                  std::span<const std::int64_t>, std::span<const ShiftedRun>, const float*, float*,
                                  std::int64_t);
template void shifted_sums<double>(const ShiftedWeights<double>&, std::int64_t, std::int64_t,
                                   std::span<const std::int64_t>, std::span<const ShiftedRun>, const double*, double*,
                                   std::int64_t);
template std::int64_t shifted_lanes<float>();
template std::int64_t shifted_lanes<double>();

}  // namespace sigmax::kernels

#endif  // HWY_ONCE
