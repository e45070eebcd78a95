// The two halves of every matrix-vector kernel, over eight rows at once: dot products of rows with a vector, and a sum
// of weighted rows. Included once a SIMD target by the sources of kernels/ and by nothing else.

#if defined(SIGMAX_KERNELS_ROWS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SIGMAX_KERNELS_ROWS_INL
#undef SIGMAX_KERNELS_ROWS_INL
#else
#define SIGMAX_KERNELS_ROWS_INL
#endif

#include "sigmax/kernels/load-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

// Eight accumulators and eight broadcast weights fit the registers of every target with x and one load beside them,
// and the vectors of doubles are read once for eight rows.
constexpr std::int64_t kRowsAtOnce = 8;

// t[r] = a_r . x for R rows of n elements.
template <int R, class T>
HWY_INLINE void dot_rows(const T* HWY_RESTRICT a, std::int64_t stride, std::int64_t n, const double* HWY_RESTRICT x,
                         double* HWY_RESTRICT t) {
  const F64 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  VecF64 s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  std::int64_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    const VecF64 v = hn::LoadU(d, x + j);
    s0 = hn::MulAdd(load(d, a + j), v, s0);
    if constexpr (R > 1) {
      s1 = hn::MulAdd(load(d, a + stride + j), v, s1);
      s2 = hn::MulAdd(load(d, a + 2 * stride + j), v, s2);
      s3 = hn::MulAdd(load(d, a + 3 * stride + j), v, s3);
      s4 = hn::MulAdd(load(d, a + 4 * stride + j), v, s4);
      s5 = hn::MulAdd(load(d, a + 5 * stride + j), v, s5);
      s6 = hn::MulAdd(load(d, a + 6 * stride + j), v, s6);
      s7 = hn::MulAdd(load(d, a + 7 * stride + j), v, s7);
    }
  }
  const VecF64 sums[8] = {s0, s1, s2, s3, s4, s5, s6, s7};
  for (int r = 0; r < R; ++r) t[r] = hn::GetLane(hn::SumOfLanes(d, sums[r]));
  for (; j < n; ++j) {
    for (int r = 0; r < R; ++r) t[r] += load_one(a + r * stride + j) * x[j];
  }
}

// w += sum_r t[r] a_r for R rows of n elements.
template <int R, class T>
HWY_INLINE void add_rows(const T* HWY_RESTRICT a, std::int64_t stride, std::int64_t n, const double* HWY_RESTRICT t,
                         double* HWY_RESTRICT w) {
  const F64 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  VecF64 t0 = hn::Set(d, t[0]), t1 = t0, t2 = t0, t3 = t0, t4 = t0, t5 = t0, t6 = t0, t7 = t0;
  if constexpr (R > 1) {
    t1 = hn::Set(d, t[1]);
    t2 = hn::Set(d, t[2]);
    t3 = hn::Set(d, t[3]);
    t4 = hn::Set(d, t[4]);
    t5 = hn::Set(d, t[5]);
    t6 = hn::Set(d, t[6]);
    t7 = hn::Set(d, t[7]);
  }
  std::int64_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    VecF64 even = hn::MulAdd(load(d, a + j), t0, hn::LoadU(d, w + j));
    if constexpr (R > 1) {
      VecF64 odd = hn::Mul(load(d, a + stride + j), t1);
      even = hn::MulAdd(load(d, a + 2 * stride + j), t2, even);
      odd = hn::MulAdd(load(d, a + 3 * stride + j), t3, odd);
      even = hn::MulAdd(load(d, a + 4 * stride + j), t4, even);
      odd = hn::MulAdd(load(d, a + 5 * stride + j), t5, odd);
      even = hn::MulAdd(load(d, a + 6 * stride + j), t6, even);
      odd = hn::MulAdd(load(d, a + 7 * stride + j), t7, odd);
      even = hn::Add(even, odd);
    }
    hn::StoreU(even, d, w + j);
  }
  for (; j < n; ++j) {
    for (int r = 0; r < R; ++r) w[j] += t[r] * load_one(a + r * stride + j);
  }
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
