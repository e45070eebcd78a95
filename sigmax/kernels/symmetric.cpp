#include "sigmax/kernels/symmetric.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/symmetric.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "sigmax/core/floating_environment.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D8 = hn::CappedTag<double, static_cast<std::size_t>(kSymmetricGroup)>;
using V8 = hn::Vec<D8>;

HWY_INLINE std::int64_t lanes_of(D8 d) { return static_cast<std::int64_t>(hn::Lanes(d)); }

// Columns that are taken together: their sums, their weights, x and y fit the registers.
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
constexpr int kColumns = 8;
#else
constexpr int kColumns = 4;
#endif

// Adds the contribution of kColumns columns from j on to y. Rows j ... j + kColumns hold the diagonal: a_ij below it
// contributes to y_i and y_j, on it once, above it not at all.
HWY_INLINE void add_columns(const double* HWY_RESTRICT a, std::int64_t stride, std::int64_t n, std::int64_t j,
                            const double* HWY_RESTRICT x, double* HWY_RESTRICT y) {
  const D8 d;
  const std::int64_t lanes = lanes_of(d);
  const double* column[kColumns];
  V8 sum[kColumns];
  V8 weight[kColumns];
#pragma GCC unroll 8
  for (int c = 0; c < kColumns; ++c) {
    column[c] = a + (j + c) * stride;
    sum[c] = hn::Zero(d);
    weight[c] = hn::Set(d, x[j + c]);
  }
  for (std::int64_t i = j; i < j + kColumns; i += lanes) {
    const V8 xi = hn::Load(d, x + i);
    V8 yi = hn::Load(d, y + i);
#pragma GCC unroll 8
    for (int c = 0; c < kColumns; ++c) {
      const std::int64_t above = std::clamp<std::int64_t>(j + c - i + 1, 0, lanes);
      const V8 entry = hn::IfThenZeroElse(hn::FirstN(d, static_cast<std::size_t>(above)), hn::Load(d, column[c] + i));
      yi = hn::MulAdd(entry, weight[c], yi);
      sum[c] = hn::MulAdd(entry, xi, sum[c]);
    }
    hn::Store(yi, d, y + i);
  }
  for (std::int64_t i = j + kColumns; i < n; i += lanes) {
    const V8 xi = hn::Load(d, x + i);
    V8 even = hn::Load(d, y + i);
    V8 odd = hn::Zero(d);
#pragma GCC unroll 8
    for (int c = 0; c < kColumns; c += 2) {
      const V8 first = hn::Load(d, column[c] + i);
      const V8 second = hn::Load(d, column[c + 1] + i);
      even = hn::MulAdd(first, weight[c], even);
      sum[c] = hn::MulAdd(first, xi, sum[c]);
      odd = hn::MulAdd(second, weight[c + 1], odd);
      sum[c + 1] = hn::MulAdd(second, xi, sum[c + 1]);
    }
    hn::Store(hn::Add(even, odd), d, y + i);
  }
#pragma GCC unroll 8
  for (int c = 0; c < kColumns; ++c) {
    y[j + c] += hn::GetLane(hn::SumOfLanes(d, sum[c])) + column[c][j + c] * x[j + c];
  }
}

void symmetric_columns(const double* a, std::int64_t stride, std::int64_t n, std::int64_t first, std::int64_t last,
                       const double* x, double* y) {
  std::fill(y + first, y + n, 0.0);
  for (std::int64_t j = first; j < last; j += kColumns) add_columns(a, stride, n, j, x, y);
}

void panel_products(const double* p, std::int64_t stride, std::int64_t count, std::int64_t first, std::int64_t last,
                    const double* x, double* c) {
  const D8 d;
  const std::int64_t lanes = lanes_of(d);
  for (std::int64_t k = 0; k < count; k += 4) {
    const double* column = p + k * stride;
    V8 s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    for (std::int64_t i = first; i < last; i += lanes) {
      const V8 xi = hn::Load(d, x + i);
      s0 = hn::MulAdd(hn::Load(d, column + i), xi, s0);
      s1 = hn::MulAdd(hn::Load(d, column + stride + i), xi, s1);
      s2 = hn::MulAdd(hn::Load(d, column + 2 * stride + i), xi, s2);
      s3 = hn::MulAdd(hn::Load(d, column + 3 * stride + i), xi, s3);
    }
    c[k] = hn::GetLane(hn::SumOfLanes(d, s0));
    c[k + 1] = hn::GetLane(hn::SumOfLanes(d, s1));
    c[k + 2] = hn::GetLane(hn::SumOfLanes(d, s2));
    c[k + 3] = hn::GetLane(hn::SumOfLanes(d, s3));
  }
}

// y -= [V_k ... V_k+3, W_k ... W_k+3] c, and likewise z -= [...] r.
template <bool kBoth>
HWY_INLINE void combine_four(const double* HWY_RESTRICT v, const double* HWY_RESTRICT w, std::int64_t stride,
                             std::int64_t first, std::int64_t last, const double* cv, const double* cw,
                             double* HWY_RESTRICT y, const double* rv, const double* rw, double* HWY_RESTRICT z) {
  const D8 d;
  const std::int64_t lanes = lanes_of(d);
  V8 c[8], r[8];
#pragma GCC unroll 8
  for (int k = 0; k < 8; ++k) {
    c[k] = hn::Set(d, k < 4 ? cv[k] : cw[k - 4]);
    r[k] = kBoth ? hn::Set(d, k < 4 ? rv[k] : rw[k - 4]) : hn::Zero(d);
  }
  for (std::int64_t i = first; i < last; i += lanes) {
    V8 yi = hn::Load(d, y + i);
    V8 zi = kBoth ? hn::Load(d, z + i) : hn::Zero(d);
    V8 yw = hn::Zero(d), zw = hn::Zero(d);
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      const V8 vk = hn::Load(d, v + k * stride + i);
      const V8 wk = hn::Load(d, w + k * stride + i);
      yi = hn::NegMulAdd(vk, c[k], yi);
      yw = hn::NegMulAdd(wk, c[k + 4], yw);
      if constexpr (kBoth) {
        zi = hn::NegMulAdd(vk, r[k], zi);
        zw = hn::NegMulAdd(wk, r[k + 4], zw);
      }
    }
    hn::Store(hn::Add(yi, yw), d, y + i);
    if constexpr (kBoth) hn::Store(hn::Add(zi, zw), d, z + i);
  }
}

// Works on pieces of rows that stay in the first-level cache along with y and z, because both are written once for
// every four columns.
void panel_combine(const double* v, const double* w, std::int64_t stride, std::int64_t count, std::int64_t first,
                   std::int64_t last, PanelWeights c, double* y, PanelWeights r, double* z) {
  constexpr std::int64_t kRows = 256;
  for (std::int64_t i = first; i < last; i += kRows) {
    const std::int64_t end = std::min(i + kRows, last);
    for (std::int64_t k = 0; k < count; k += 4) {
      if (z != nullptr) {
        combine_four<true>(v + k * stride, w + k * stride, stride, i, end, c.v + k, c.w + k, y, r.v + k, r.w + k, z);
      } else {
        combine_four<false>(v + k * stride, w + k * stride, stride, i, end, c.v + k, c.w + k, y, nullptr, nullptr, z);
      }
    }
  }
}

void sum_partial(const double* partial, std::int64_t stride, const std::int64_t* starts, std::int64_t count,
                 std::int64_t first, std::int64_t last, double* y) {
  const D8 d;
  const std::int64_t lanes = lanes_of(d);
  for (std::int64_t i = first; i < last; i += lanes) {
    V8 sum = hn::Zero(d);
    for (std::int64_t p = 0; p < count && starts[p] <= i; ++p) {
      sum = hn::Add(sum, hn::Load(d, partial + p * stride + i));
    }
    hn::Store(sum, d, y + i);
  }
}

double column_dot(const double* x, const double* y, std::int64_t first, std::int64_t last) {
  const D8 d;
  const std::int64_t lanes = lanes_of(d);
  V8 s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  std::int64_t i = first;
  for (; i + 4 * lanes <= last; i += 4 * lanes) {
    s0 = hn::MulAdd(hn::Load(d, x + i), hn::Load(d, y + i), s0);
    s1 = hn::MulAdd(hn::Load(d, x + i + lanes), hn::Load(d, y + i + lanes), s1);
    s2 = hn::MulAdd(hn::Load(d, x + i + 2 * lanes), hn::Load(d, y + i + 2 * lanes), s2);
    s3 = hn::MulAdd(hn::Load(d, x + i + 3 * lanes), hn::Load(d, y + i + 3 * lanes), s3);
  }
  for (; i < last; i += lanes) s0 = hn::MulAdd(hn::Load(d, x + i), hn::Load(d, y + i), s0);
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
}

void finish_reflection(const double* HWY_RESTRICT v, double* HWY_RESTRICT w, double s, double t, double* HWY_RESTRICT a,
                       double p, double q, std::int64_t first, std::int64_t last) {
  const D8 d;
  const std::int64_t lanes = lanes_of(d);
  const V8 s8 = hn::Set(d, s), t8 = hn::Set(d, t), p8 = hn::Set(d, p), q8 = hn::Set(d, q);
  for (std::int64_t i = first; i < last; i += lanes) {
    const V8 vi = hn::Load(d, v + i);
    const V8 wi = hn::MulAdd(s8, hn::Load(d, w + i), hn::Mul(t8, vi));
    hn::Store(wi, d, w + i);
    if (a == nullptr) continue;
    const V8 ai = hn::NegMulAdd(wi, q8, hn::NegMulAdd(vi, p8, hn::Load(d, a + i)));
    hn::Store(ai, d, a + i);
  }
}

void reflect(const double* HWY_RESTRICT v, double tau, double* HWY_RESTRICT x, std::int64_t first, std::int64_t last) {
  const D8 d;
  const V8 weight = hn::Set(d, tau * column_dot(v, x, first, last));
  for (std::int64_t i = first; i < last; i += lanes_of(d)) {
    hn::Store(hn::NegMulAdd(hn::Load(d, v + i), weight, hn::Load(d, x + i)), d, x + i);
  }
}

void scaled_copy(const double* x, double s, double* y, std::int64_t first, std::int64_t last) {
  const D8 d;
  const V8 factor = hn::Set(d, s);
  for (std::int64_t i = first; i < last; i += lanes_of(d)) hn::Store(hn::Mul(hn::Load(d, x + i), factor), d, y + i);
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sigmax::kernels {

HWY_EXPORT(symmetric_columns);
HWY_EXPORT(panel_products);
HWY_EXPORT(panel_combine);
HWY_EXPORT(sum_partial);
HWY_EXPORT(column_dot);
HWY_EXPORT(finish_reflection);
HWY_EXPORT(reflect);
HWY_EXPORT(scaled_copy);

void symmetric_columns(const double* a, std::int64_t stride, std::int64_t n, std::int64_t first, std::int64_t last,
                       const double* x, double* y) {
  HWY_DYNAMIC_DISPATCH(symmetric_columns)(a, stride, n, first, last, x, y);
}

void panel_products(const double* p, std::int64_t stride, std::int64_t count, std::int64_t first, std::int64_t last,
                    const double* x, double* c) {
  HWY_DYNAMIC_DISPATCH(panel_products)(p, stride, count, first, last, x, c);
}

void panel_combine(const double* v, const double* w, std::int64_t stride, std::int64_t count, std::int64_t first,
                   std::int64_t last, PanelWeights c, double* y, PanelWeights r, double* z) {
  HWY_DYNAMIC_DISPATCH(panel_combine)(v, w, stride, count, first, last, c, y, r, z);
}

void sum_partial(const double* partial, std::int64_t stride, const std::int64_t* starts, std::int64_t count,
                 std::int64_t first, std::int64_t last, double* y) {
  HWY_DYNAMIC_DISPATCH(sum_partial)(partial, stride, starts, count, first, last, y);
}

double column_dot(const double* x, const double* y, std::int64_t first, std::int64_t last) {
  return HWY_DYNAMIC_DISPATCH(column_dot)(x, y, first, last);
}

void finish_reflection(const double* v, double* w, double s, double t, double* a, double p, double q,
                       std::int64_t first, std::int64_t last) {
  HWY_DYNAMIC_DISPATCH(finish_reflection)(v, w, s, t, a, p, q, first, last);
}

void reflect(const double* v, double tau, double* x, std::int64_t first, std::int64_t last) {
  HWY_DYNAMIC_DISPATCH(reflect)(v, tau, x, first, last);
}

void scaled_copy(const double* x, double s, double* y, std::int64_t first, std::int64_t last) {
  HWY_DYNAMIC_DISPATCH(scaled_copy)(x, s, y, first, last);
}

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
