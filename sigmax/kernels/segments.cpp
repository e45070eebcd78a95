#include "sigmax/kernels/segments.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/segments.cpp"
#include <hwy/foreach_target.h>
//
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/segments-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

// Segments that are read together: y and u are then read once for all of them.
constexpr int kTogether = 4;

// for each period of the stretch, for each vector in it:
//   y += sum of the segments' elements times their repeated v
template <int G, class S, class T>
HWY_NOINLINE void multiply_some(const S* first, std::int64_t stride, std::int64_t n, const T* repeated,
                                std::int64_t period, T* y, bool add) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t k = 0; k < n; k += period) {
    const std::int64_t here = std::min(period, n - k);
    std::int64_t j = 0;
    for (; j + lanes <= here; j += lanes) {
      auto sum = add ? hn::LoadU(d, y + k + j) : hn::Zero(d);
      for (int g = 0; g < G; ++g) {
        sum = hn::MulAdd(load(d, first + g * stride + k + j), hn::LoadU(d, repeated + g * period + j), sum);
      }
      hn::StoreU(sum, d, y + k + j);
    }
    if (j == here) continue;
    const std::int64_t left = here - j;
    auto sum = add ? load_first(d, y + k + j, left) : hn::Zero(d);
    for (int g = 0; g < G; ++g) {
      sum = hn::MulAdd(load_some(d, first + g * stride + k + j, left), hn::LoadU(d, repeated + g * period + j), sum);
    }
    store_first(d, sum, y + k + j, left);
  }
}

// for each period of the stretch, for each vector in it:
//   sums += elements times u
template <int G, class S, class T>
HWY_NOINLINE void transposed_some(const S* first, std::int64_t stride, std::int64_t n, const T* u, std::int64_t period,
                                  T* sums) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::fill(sums, sums + G * period, T(0));
  for (std::int64_t k = 0; k < n; k += period) {
    const std::int64_t here = std::min(period, n - k);
    std::int64_t j = 0;
    for (; j + lanes <= here; j += lanes) {
      const auto weight = hn::LoadU(d, u + k + j);
      for (int g = 0; g < G; ++g) {
        T* to = sums + g * period + j;
        hn::StoreU(hn::MulAdd(load(d, first + g * stride + k + j), weight, hn::LoadU(d, to)), d, to);
      }
    }
    if (j == here) continue;
    const std::int64_t left = here - j;
    const auto weight = load_first(d, u + k + j, left);
    for (int g = 0; g < G; ++g) {
      T* to = sums + g * period + j;
      hn::StoreU(hn::MulAdd(load_some(d, first + g * stride + k + j, left), weight, hn::LoadU(d, to)), d, to);
    }
  }
}

template <class T>
HWY_INLINE void multiply_any(const UnfoldedMatrix& w, std::int64_t first, std::int64_t count, const T* v, T* y) {
  const std::int64_t n = w.rows * w.inner, period = period_of<T>(w.inner);
  HWY_ALIGN T repeated[kTogether * kLongestPeriod<T>];
  with_type(StoredMatrix{w.dtype, w.run(0, first), 1, 1, 1}, [&](const auto* elements) {
    for (std::int64_t s = 0; s < count;) {
      const int together = count - s >= kTogether ? kTogether : 1;
      for (int g = 0; g < together; ++g) {
        repeat_run(v + (first + s + g) * w.inner, w.inner, period, repeated + g * period);
      }
      const auto* from = elements + s * w.segment_stride;
      if (together == kTogether) {
        multiply_some<kTogether>(from, w.segment_stride, n, repeated, period, y, s > 0);
      } else {
        multiply_some<1>(from, w.segment_stride, n, repeated, period, y, s > 0);
      }
      s += together;
    }
  });
}

template <class T>
HWY_INLINE void transposed_any(const UnfoldedMatrix& w, std::int64_t first, std::int64_t count, const T* u, T* x) {
  const std::int64_t n = w.rows * w.inner, period = period_of<T>(w.inner);
  HWY_ALIGN T sums[kTogether * kLongestPeriod<T>];
  with_type(StoredMatrix{w.dtype, w.run(0, first), 1, 1, 1}, [&](const auto* elements) {
    for (std::int64_t s = 0; s < count;) {
      const int together = count - s >= kTogether ? kTogether : 1;
      const auto* from = elements + s * w.segment_stride;
      if (together == kTogether) {
        transposed_some<kTogether>(from, w.segment_stride, n, u, period, sums);
      } else {
        transposed_some<1>(from, w.segment_stride, n, u, period, sums);
      }
      for (int g = 0; g < together; ++g) {
        T* to = x + (first + s + g) * w.inner;
        const T* parts = sums + g * period;
        std::copy(parts, parts + w.inner, to);
        for (std::int64_t j = w.inner; j < period; j += w.inner) {
          for (std::int64_t i = 0; i < w.inner; ++i) to[i] += parts[j + i];
        }
      }
      s += together;
    }
  });
}

void multiply_float(const UnfoldedMatrix& w, std::int64_t first, std::int64_t count, const float* v, float* y) {
  multiply_any(w, first, count, v, y);
}
void multiply_double(const UnfoldedMatrix& w, std::int64_t first, std::int64_t count, const double* v, double* y) {
  multiply_any(w, first, count, v, y);
}
void transposed_float(const UnfoldedMatrix& w, std::int64_t first, std::int64_t count, const float* u, float* x) {
  transposed_any(w, first, count, u, x);
}
void transposed_double(const UnfoldedMatrix& w, std::int64_t first, std::int64_t count, const double* u, double* x) {
  transposed_any(w, first, count, u, x);
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sigmax::kernels {

HWY_EXPORT(multiply_float);
HWY_EXPORT(multiply_double);
HWY_EXPORT(transposed_float);
HWY_EXPORT(transposed_double);

template <Real T>
void stretch(std::span<const T> u, std::int64_t inner, double scale, T* out) {
  for (const T value : u) {
    out = std::fill_n(out, inner, static_cast<T>(scale * static_cast<double>(value)));
  }
}

void multiply_segments(const UnfoldedMatrix& w, std::int64_t first, std::int64_t count, const float* v, float* y) {
  HWY_DYNAMIC_DISPATCH(multiply_float)(w, first, count, v, y);
}
void multiply_segments(const UnfoldedMatrix& w, std::int64_t first, std::int64_t count, const double* v, double* y) {
  HWY_DYNAMIC_DISPATCH(multiply_double)(w, first, count, v, y);
}
void transposed_segments(const UnfoldedMatrix& w, std::int64_t first, std::int64_t count, const float* u, float* x) {
  HWY_DYNAMIC_DISPATCH(transposed_float)(w, first, count, u, x);
}
void transposed_segments(const UnfoldedMatrix& w, std::int64_t first, std::int64_t count, const double* u, double* x) {
  HWY_DYNAMIC_DISPATCH(transposed_double)(w, first, count, u, x);
}

template void stretch<float>(std::span<const float>, std::int64_t, double, float*);
template void stretch<double>(std::span<const double>, std::int64_t, double, double*);

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
