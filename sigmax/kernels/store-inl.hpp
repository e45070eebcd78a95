// Highway stores that round vectors of float or double to every storage type: to nearest, ties to even, NaN to NaN.
// Included once per SIMD target. Internal to kernels/.

#if defined(SIGMAX_KERNELS_STORE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SIGMAX_KERNELS_STORE_INL
#undef SIGMAX_KERNELS_STORE_INL
#else
#define SIGMAX_KERNELS_STORE_INL
#endif

#include <hwy/cache_control.h>

#include "sigmax/kernels/load-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

HWY_INLINE double store_one(double value, double*) { return value; }
HWY_INLINE float store_one(double value, float*) { return static_cast<float>(value); }
HWY_INLINE std::uint16_t store_one(double value, hwy::float16_t*) { return double_to_f16(value); }
HWY_INLINE std::uint16_t store_one(double value, hwy::bfloat16_t*) { return double_to_bf16(value); }

#if HWY_TARGET != HWY_SCALAR
HWY_INLINE hn::Vec<hn::Rebind<std::uint16_t, F32>> float_to_bfloat(F32 d, hn::Vec<F32> v) {
  const hn::Rebind<std::uint32_t, F32> du;
  const auto bits = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7FFFu))));
  const auto quiet = hn::Or(hn::ShiftRight<16>(bits), hn::Set(du, 0x40u));
  const auto is_nan = hn::RebindMask(du, hn::IsNaN(v));
  (void)d;
  return hn::DemoteTo(hn::Rebind<std::uint16_t, F32>(),
                      hn::BitCast(hn::Rebind<std::int32_t, F32>(), hn::IfThenElse(is_nan, quiet, rounded)));
}
#endif

// Lanes(d) consecutive elements.
template <class D, class S>
HWY_INLINE void store(D d, hn::Vec<D> v, S* p) {
  using T = hn::TFromD<D>;
  if constexpr (std::is_same_v<S, T>) {
    hn::StoreU(v, d, p);
    return;
  }
#if HWY_TARGET != HWY_SCALAR
  if constexpr (std::is_same_v<S, float> && std::is_same_v<T, double>) {
    const hn::Rebind<float, D> df;
    hn::StoreU(hn::DemoteTo(df, v), df, p);
    return;
  }
  if constexpr (std::is_same_v<S, hwy::bfloat16_t> && std::is_same_v<T, float>) {
    hn::StoreU(float_to_bfloat(d, v), hn::Rebind<std::uint16_t, D>(), reinterpret_cast<std::uint16_t*>(p));
    return;
  }
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2 && !defined(HWY_DISABLE_F16C))
  if constexpr (std::is_same_v<S, hwy::float16_t> && std::is_same_v<T, float>) {
    const hn::Rebind<hwy::float16_t, D> dh;
    hn::StoreU(hn::BitCast(hn::Rebind<std::uint16_t, D>(), hn::DemoteTo(dh, v)), hn::Rebind<std::uint16_t, D>(),
               reinterpret_cast<std::uint16_t*>(p));
    return;
  }
#endif
#endif
  if constexpr (!std::is_same_v<S, T>) {
    HWY_ALIGN T values[hn::MaxLanes(d)];
    hn::Store(v, d, values);
    for (std::size_t i = 0; i < hn::Lanes(d); ++i) {
      const auto element = store_one(static_cast<double>(values[i]), p);
      std::memcpy(p + i, &element, sizeof element);
    }
  }
}

// store() past the caches where there is an instruction for it; p is aligned to the vector's bytes in storage. The last
// call must be followed by hwy::FlushStream().
template <class D, class S>
HWY_INLINE void store_past_caches(D d, hn::Vec<D> v, S* p) {
  if constexpr (std::is_same_v<S, hn::TFromD<D>>) {
    hn::Stream(v, d, p);
  } else {
    store(d, v, p);
  }
}

// The first `count` < Lanes(d) elements; nothing beyond them is touched.
template <class D, class S>
HWY_INLINE void store_some(D d, hn::Vec<D> v, S* p, std::int64_t count) {
  if constexpr (std::is_same_v<S, hn::TFromD<D>>) {
    store_first(d, v, p, count);
  } else {
    HWY_ALIGN Raw<S> copy[hn::MaxLanes(d)];
    store(d, v, reinterpret_cast<S*>(copy));
    std::memcpy(p, copy, static_cast<std::size_t>(count) * sizeof(S));
  }
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
