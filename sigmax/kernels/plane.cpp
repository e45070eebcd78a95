#include "sigmax/kernels/plane.hpp"

#include <algorithm>
#include <concepts>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/plane.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/rows-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The rows of outputs that are accumulated at once.
inline constexpr int kRowsOfPlane = kManyRegisters ? 7 : 4;

template <int V, class T>
HWY_INLINE void store_rows(const hn::Vec<hn::ScalableTag<T>>* sums, T* HWY_RESTRICT to, std::int64_t to_pitch,
                           std::int64_t count) {
  const hn::ScalableTag<T> d;
  if (count == static_cast<std::int64_t>(hn::Lanes(d))) {
    repeat<V>([&](auto v) SIGMAX_INLINE_LAMBDA { hn::StoreU(sums[v], d, to + v * to_pitch); });
  } else {
    repeat<V>([&](auto v) SIGMAX_INLINE_LAMBDA { store_first(d, sums[v], to + v * to_pitch, count); });
  }
}

// One vector of V rows of outputs, for any taps.
template <int V, class T>
HWY_INLINE void plane_block(const PlaneShape& shape, const T* HWY_RESTRICT w, const T* HWY_RESTRICT from,
                            std::int64_t from_pitch, T* HWY_RESTRICT to, std::int64_t to_pitch, std::int64_t count) {
  const hn::ScalableTag<T> d;
  hn::Vec<hn::ScalableTag<T>> sums[V];
  repeat<V>([&](auto v) SIGMAX_INLINE_LAMBDA { sums[v] = hn::Zero(d); });
  for (std::int64_t p = 0; p < shape.taps_down; ++p) {
    for (std::int64_t q = 0; q < shape.taps_across; ++q, ++w) {
      const auto weight = hn::Set(d, *w);
      const T* const at = from + p * shape.step_down * from_pitch + q * shape.step_across;
      repeat<V>([&](auto v)
                    SIGMAX_INLINE_LAMBDA { sums[v] = hn::MulAdd(weight, hn::LoadU(d, at + v * from_pitch), sums[v]); });
    }
  }
  store_rows<V, T>(sums, to, to_pitch, count);
}

// K x K neighboring taps: each source row is read K times, not K^2. The sums are those of plane_block, in its order.
template <int V, int K, class T>
HWY_INLINE void plane_square(const T* HWY_RESTRICT w, const T* HWY_RESTRICT from, std::int64_t from_pitch,
                             T* HWY_RESTRICT to, std::int64_t to_pitch, std::int64_t count) {
  const hn::ScalableTag<T> d;
  using Vector = hn::Vec<hn::ScalableTag<T>>;
  Vector sums[V];
  Vector weights[K * K];
  repeat<V>([&](auto v) SIGMAX_INLINE_LAMBDA { sums[v] = hn::Zero(d); });
  repeat<K * K>([&](auto k) SIGMAX_INLINE_LAMBDA { weights[k] = hn::Set(d, w[k]); });
  repeat<V + K - 1>([&](auto row) SIGMAX_INLINE_LAMBDA {
    repeat<K>([&](auto q) SIGMAX_INLINE_LAMBDA {
      const Vector x = hn::LoadU(d, from + row * from_pitch + q);
      repeat<K>([&](auto p) SIGMAX_INLINE_LAMBDA {
        const int v = row - p;
        if (v >= 0 && v < V) sums[v] = hn::MulAdd(weights[p * K + q], x, sums[v]);
      });
    });
  });
  store_rows<V, T>(sums, to, to_pitch, count);
}

// All columns of V rows.
template <int V, class T>
HWY_NOINLINE void plane_rows(const PlaneShape& shape, const T* w, const T* from, std::int64_t from_pitch, T* to,
                             std::int64_t to_pitch) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  const bool three = shape.taps_down == 3 && shape.taps_across == 3 && shape.step_down == 1 && shape.step_across == 1;
  for (std::int64_t b = 0; b < shape.width; b += lanes) {
    const std::int64_t count = std::min(lanes, shape.width - b);
    if (three) {
      plane_square<V, 3>(w, from + b, from_pitch, to + b, to_pitch, count);
    } else {
      plane_block<V>(shape, w, from + b, from_pitch, to + b, to_pitch, count);
    }
  }
}

// Groups of nearly equal height: 14 rows are 7 and 7.
template <class T>
HWY_INLINE void plane(const PlaneShape& shape, const T* w, const T* from, std::int64_t from_pitch, T* to,
                      std::int64_t to_pitch) {
  const std::int64_t groups = (shape.rows + kRowsOfPlane - 1) / kRowsOfPlane;
  std::int64_t row = 0;
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t height = (shape.rows - row) / (groups - g);
    const T* const source = from + row * from_pitch;
    T* const destination = to + row * to_pitch;
    row += height;
    if constexpr (kManyRegisters) {
      switch (height) {
        case 7: plane_rows<7>(shape, w, source, from_pitch, destination, to_pitch); continue;
        case 6: plane_rows<6>(shape, w, source, from_pitch, destination, to_pitch); continue;
        case 5: plane_rows<5>(shape, w, source, from_pitch, destination, to_pitch); continue;
        default: break;
      }
    }
    switch (height) {
      case 4: plane_rows<4>(shape, w, source, from_pitch, destination, to_pitch); break;
      case 3: plane_rows<3>(shape, w, source, from_pitch, destination, to_pitch); break;
      case 2: plane_rows<2>(shape, w, source, from_pitch, destination, to_pitch); break;
      default: plane_rows<1>(shape, w, source, from_pitch, destination, to_pitch); break;
    }
  }
}

template <class T>
HWY_INLINE void copy(std::int64_t rows, std::int64_t width, const T* HWY_RESTRICT from, std::int64_t from_pitch,
                     T* HWY_RESTRICT to, std::int64_t to_pitch) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t a = 0; a < rows; ++a, from += from_pitch, to += to_pitch) {
    std::int64_t b = 0;
    for (; b + lanes <= width; b += lanes) hn::StoreU(hn::LoadU(d, from + b), d, to + b);
    if (b < width) store_first(d, load_first(d, from + b, width - b), to + b, width - b);
  }
}

void plane_float(const PlaneShape& shape, const float* w, const float* from, std::int64_t from_pitch, float* to,
                 std::int64_t to_pitch) {
  plane(shape, w, from, from_pitch, to, to_pitch);
}

void plane_double(const PlaneShape& shape, const double* w, const double* from, std::int64_t from_pitch, double* to,
                  std::int64_t to_pitch) {
  plane(shape, w, from, from_pitch, to, to_pitch);
}

void copy_float(std::int64_t rows, std::int64_t width, const float* from, std::int64_t from_pitch, float* to,
                std::int64_t to_pitch) {
  copy(rows, width, from, from_pitch, to, to_pitch);
}

void copy_double(std::int64_t rows, std::int64_t width, const double* from, std::int64_t from_pitch, double* to,
                 std::int64_t to_pitch) {
  copy(rows, width, from, from_pitch, to, to_pitch);
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace sigmax::kernels {

HWY_EXPORT(plane_float);
HWY_EXPORT(plane_double);
HWY_EXPORT(copy_float);
HWY_EXPORT(copy_double);

template <Real T>
void plane_sums(const PlaneShape& shape, const T* w, const T* source, std::int64_t from_pitch, T* destination,
                std::int64_t to_pitch) {
  if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(plane_float)(shape, w, source, from_pitch, destination, to_pitch);
  } else {
    HWY_DYNAMIC_DISPATCH(plane_double)(shape, w, source, from_pitch, destination, to_pitch);
  }
}

template <Real T>
void plane_copy(std::int64_t rows, std::int64_t width, const T* source, std::int64_t from_pitch, T* destination,
                std::int64_t to_pitch) {
  if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(copy_float)(rows, width, source, from_pitch, destination, to_pitch);
  } else {
    HWY_DYNAMIC_DISPATCH(copy_double)(rows, width, source, from_pitch, destination, to_pitch);
  }
}

template void plane_sums<float>(const PlaneShape&, const float*, const float*, std::int64_t, float*, std::int64_t);
template void plane_sums<double>(const PlaneShape&, const double*, const double*, std::int64_t, double*, std::int64_t);
template void plane_copy<float>(std::int64_t, std::int64_t, const float*, std::int64_t, float*, std::int64_t);
template void plane_copy<double>(std::int64_t, std::int64_t, const double*, std::int64_t, double*, std::int64_t);

}  // namespace sigmax::kernels

#endif  // HWY_ONCE
