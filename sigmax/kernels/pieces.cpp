// The order of arranged vectors: into it and out of it.
#include "sigmax/kernels/pieces.hpp"

#include <algorithm>

#include "sigmax/core/floating_environment.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/pieces.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
HWY_INLINE void arrange_any(MatrixView<const T> x, MatrixView<T> arranged) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t c = 0; c < x.columns; ++c) {
    const T* from = x.data + c * x.stride;
    T* to = arranged.data + c * arranged.stride;
    std::int64_t j = 0;
    for (; j + 2 * lanes <= x.rows; j += 2 * lanes) {
      hn::Vec<hn::ScalableTag<T>> even, odd;
      hn::LoadInterleaved2(d, from + j, even, odd);
      hn::StoreU(even, d, to + j);
      hn::StoreU(odd, d, to + j + lanes);
    }
    std::fill(to + j, to + arranged.rows, T(0));
    for (std::int64_t k = 0; j + k < x.rows; ++k) to[j + k / 2 + k % 2 * lanes] = from[j + k];
  }
}

template <class T>
HWY_INLINE void combine_any(const T* parts, std::int64_t count, std::int64_t stride, std::int64_t n, bool arranged,
                            T* out) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t j = 0;
  for (; j + 2 * lanes <= n; j += 2 * lanes) {
    auto first = hn::LoadU(d, parts + j);
    auto second = hn::LoadU(d, parts + j + lanes);
    for (std::int64_t p = 1; p < count; ++p) {
      first = hn::Add(first, hn::LoadU(d, parts + p * stride + j));
      second = hn::Add(second, hn::LoadU(d, parts + p * stride + j + lanes));
    }
    if (arranged) {
      hn::StoreInterleaved2(first, second, d, out + j);
    } else {
      hn::StoreU(first, d, out + j);
      hn::StoreU(second, d, out + j + lanes);
    }
  }
  for (std::int64_t k = 0; j + k < n; ++k) {
    const T* from = parts + j + (arranged ? k / 2 + k % 2 * lanes : k);
    T sum = *from;
    for (std::int64_t p = 1; p < count; ++p) sum += from[p * stride];
    out[j + k] = sum;
  }
}

void arrange_float(MatrixView<const float> x, MatrixView<float> arranged) { arrange_any(x, arranged); }
void arrange_double(MatrixView<const double> x, MatrixView<double> arranged) { arrange_any(x, arranged); }

void combine_float(const float* parts, std::int64_t count, std::int64_t stride, std::int64_t n, bool arranged,
                   float* out) {
  combine_any(parts, count, stride, n, arranged, out);
}
void combine_double(const double* parts, std::int64_t count, std::int64_t stride, std::int64_t n, bool arranged,
                    double* out) {
  combine_any(parts, count, stride, n, arranged, out);
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sigmax::kernels {

HWY_EXPORT(arrange_float);
HWY_EXPORT(arrange_double);
HWY_EXPORT(combine_float);
HWY_EXPORT(combine_double);

void arrange(MatrixView<const float> x, MatrixView<float> arranged) {
  HWY_DYNAMIC_DISPATCH(arrange_float)(x, arranged);
}
void arrange(MatrixView<const double> x, MatrixView<double> arranged) {
  HWY_DYNAMIC_DISPATCH(arrange_double)(x, arranged);
}

void combine(const float* parts, std::int64_t count, std::int64_t stride, std::int64_t n, bool arranged, float* out) {
  HWY_DYNAMIC_DISPATCH(combine_float)(parts, count, stride, n, arranged, out);
}
void combine(const double* parts, std::int64_t count, std::int64_t stride, std::int64_t n, bool arranged, double* out) {
  HWY_DYNAMIC_DISPATCH(combine_double)(parts, count, stride, n, arranged, out);
}

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
