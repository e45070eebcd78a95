#include "sigmax/kernels/phases.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/phases.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/rows-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The last vectors overlap those before them: what both write is the same.
template <class T>
HWY_INLINE void split(const T* image, std::span<const PhaseRow> rows, std::int64_t length, T* phases) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t pairs = length / 2;
  for (const PhaseRow& at : rows) {
    const T* const HWY_RESTRICT row = image + at.row;
    T* const HWY_RESTRICT even = phases + at.even;
    T* const HWY_RESTRICT odd = phases + at.odd;
    if (pairs >= lanes) {
      for (std::int64_t next = 0; next < pairs; next += lanes) {
        const std::int64_t k = std::min(next, pairs - lanes);
        hn::Vec<hn::ScalableTag<T>> first, second;
        hn::LoadInterleaved2(d, row + 2 * k, first, second);
        hn::StoreU(first, d, even + k);
        hn::StoreU(second, d, odd + k);
      }
    } else {
      for (std::int64_t k = 0; k < pairs; ++k) {
        even[k] = row[2 * k];
        odd[k] = row[2 * k + 1];
      }
    }
    if (length % 2 != 0) even[pairs] = row[2 * pairs];
  }
}

template <class T>
HWY_INLINE void join(const T* phases, std::span<const PhaseRow> rows, std::int64_t length, T* image) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t pairs = length / 2;
  for (const PhaseRow& at : rows) {
    T* const HWY_RESTRICT row = image + at.row;
    const T* const HWY_RESTRICT even = phases + at.even;
    const T* const HWY_RESTRICT odd = phases + at.odd;
    if (pairs >= lanes) {
      for (std::int64_t next = 0; next < pairs; next += lanes) {
        const std::int64_t k = std::min(next, pairs - lanes);
        hn::StoreInterleaved2(hn::LoadU(d, even + k), hn::LoadU(d, odd + k), d, row + 2 * k);
      }
    } else {
      for (std::int64_t k = 0; k < pairs; ++k) {
        row[2 * k] = even[k];
        row[2 * k + 1] = odd[k];
      }
    }
    if (length % 2 != 0) row[2 * pairs] = even[pairs];
  }
}

// V vectors of a row at places[0] ... places[V - 1], whose accumulators stay in registers.
template <int V, class T>
HWY_INLINE void row_block(const T* HWY_RESTRICT w, const std::int64_t* HWY_RESTRICT offsets, std::size_t terms,
                          const std::int64_t* places, const T* HWY_RESTRICT source, T* HWY_RESTRICT destination) {
  const hn::ScalableTag<T> d;
  hn::Vec<hn::ScalableTag<T>> sums[V];
  repeat<V>([&](auto v) SIGMAX_INLINE_LAMBDA { sums[v] = hn::Zero(d); });
  for (std::size_t k = 0; k < terms; ++k) {
    const auto weight = hn::Set(d, w[k]);
    const T* const from = source + offsets[k];
    repeat<V>([&](auto v)
                  SIGMAX_INLINE_LAMBDA { sums[v] = hn::MulAdd(weight, hn::LoadU(d, from + places[v]), sums[v]); });
  }
  repeat<V>([&](auto v) SIGMAX_INLINE_LAMBDA { hn::StoreU(sums[v], d, destination + places[v]); });
}

// V vectors of every row from entry `first` on, the last one so that it ends with entry `last` - 1.
template <int V, class T>
HWY_NOINLINE void row_column(const T* w, std::span<const std::int64_t> offsets, std::span<const SumRow> rows,
                             std::int64_t first, std::int64_t last, const T* source, T* destination) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  std::int64_t places[V];
  for (int v = 0; v < V; ++v) places[v] = std::min(first + v * lanes, last - lanes);
  for (const auto& [from, to] : rows) {
    row_block<V>(w, offsets.data(), offsets.size(), places, source + from, destination + to);
  }
}

// Entry by entry, fused where vectors are, so that a row's length does not change the bits.
template <class T>
HWY_NOINLINE void row_entries(const T* w, std::span<const std::int64_t> offsets, std::span<const SumRow> rows,
                              std::int64_t length, const T* source, T* destination) {
  const hn::CappedTag<T, 1> d;
  for (const auto& [from, to] : rows) {
    for (std::int64_t n = 0; n < length; ++n) {
      auto sum = hn::Zero(d);
      for (std::size_t k = 0; k < offsets.size(); ++k) {
        sum = hn::MulAdd(hn::Set(d, w[k]), hn::LoadU(d, source + from + offsets[k] + n), sum);
      }
      hn::StoreU(sum, d, destination + to + n);
    }
  }
}

template <class T>
HWY_INLINE void sum_rows(const T* w, std::span<const std::int64_t> offsets, std::span<const SumRow> rows,
                         std::int64_t length, const T* source, T* destination) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  if (length < lanes) return row_entries(w, offsets, rows, length, source, destination);
  std::int64_t vectors = (length + lanes - 1) / lanes;
  // At most 8 vectors at a time, in groups of nearly equal size: 9 are 5 and 4.
  std::int64_t first = 0;
  for (std::int64_t groups = (vectors + 7) / 8; groups > 0; --groups) {
    const std::int64_t count = vectors / groups;
    const std::int64_t last = std::min(length, first + count * lanes);
    const auto column = [&](auto sums)
                            SIGMAX_INLINE_LAMBDA { sums(w, offsets, rows, first, last, source, destination); };
    switch (count) {
      case 8: column(row_column<8, T>); break;
      case 7: column(row_column<7, T>); break;
      case 6: column(row_column<6, T>); break;
      case 5: column(row_column<5, T>); break;
      case 4: column(row_column<4, T>); break;
      case 3: column(row_column<3, T>); break;
      case 2: column(row_column<2, T>); break;
      default: column(row_column<1, T>); break;
    }
    vectors -= count;
    first += count * lanes;
  }
}

void split_float(const float* image, std::span<const PhaseRow> rows, std::int64_t length, float* phases) {
  split(image, rows, length, phases);
}

void split_double(const double* image, std::span<const PhaseRow> rows, std::int64_t length, double* phases) {
  split(image, rows, length, phases);
}

void join_float(const float* phases, std::span<const PhaseRow> rows, std::int64_t length, float* image) {
  join(phases, rows, length, image);
}

void join_double(const double* phases, std::span<const PhaseRow> rows, std::int64_t length, double* image) {
  join(phases, rows, length, image);
}

void rows_float(const float* w, std::span<const std::int64_t> offsets, std::span<const SumRow> rows,
                std::int64_t length, const float* source, float* destination) {
  sum_rows(w, offsets, rows, length, source, destination);
}

void rows_double(const double* w, std::span<const std::int64_t> offsets, std::span<const SumRow> rows,
                 std::int64_t length, const double* source, double* destination) {
  sum_rows(w, offsets, rows, length, source, destination);
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace sigmax::kernels {

HWY_EXPORT(split_float);
HWY_EXPORT(split_double);
HWY_EXPORT(join_float);
HWY_EXPORT(join_double);
HWY_EXPORT(rows_float);
HWY_EXPORT(rows_double);

template <Real T>
void split_phases(const T* image, std::span<const PhaseRow> rows, std::int64_t length, T* phases) {
  if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(split_float)(image, rows, length, phases);
  } else {
    HWY_DYNAMIC_DISPATCH(split_double)(image, rows, length, phases);
  }
}

template <Real T>
void join_phases(const T* phases, std::span<const PhaseRow> rows, std::int64_t length, T* image) {
  if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(join_float)(phases, rows, length, image);
  } else {
    HWY_DYNAMIC_DISPATCH(join_double)(phases, rows, length, image);
  }
}

template <Real T>
void row_sums(std::span<const T> w, std::span<const std::int64_t> offsets, std::span<const SumRow> rows,
              std::int64_t length, const T* source, T* destination) {
  if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(rows_float)(w.data(), offsets, rows, length, source, destination);
  } else {
    HWY_DYNAMIC_DISPATCH(rows_double)(w.data(), offsets, rows, length, source, destination);
  }
}

template void split_phases<float>(const float*, std::span<const PhaseRow>, std::int64_t, float*);
template void split_phases<double>(const double*, std::span<const PhaseRow>, std::int64_t, double*);
template void join_phases<float>(const float*, std::span<const PhaseRow>, std::int64_t, float*);
template void join_phases<double>(const double*, std::span<const PhaseRow>, std::int64_t, double*);
template void row_sums<float>(std::span<const float>, std::span<const std::int64_t>, std::span<const SumRow>,
                              std::int64_t, const float*, float*);
template void row_sums<double>(std::span<const double>, std::span<const std::int64_t>, std::span<const SumRow>,
                               std::int64_t, const double*, double*);

}  // namespace sigmax::kernels

#endif  // HWY_ONCE
