// Highway loads that turn every storage type into vectors of float or double. Included once per SIMD
// target. Internal to kernels/.

#if defined(SIGMAX_KERNELS_LOAD_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SIGMAX_KERNELS_LOAD_INL
#undef SIGMAX_KERNELS_LOAD_INL
#else
#define SIGMAX_KERNELS_LOAD_INL
#endif

#include <hwy/highway.h>

#include <cstring>
#include <type_traits>

#include "sigmax/kernels/stored_matrix.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using F64 = hn::ScalableTag<double>;
using VecF64 = hn::Vec<F64>;

// The type in memory: 16-bit floats are loaded as bit patterns.
template <class S>
using Raw = std::conditional_t<sizeof(S) == 2, std::uint16_t, S>;

// The first `count` of a vector's elements, zeros in the others; nothing beyond them is touched.
template <class D>
HWY_INLINE hn::Vec<D> load_first(D d, const hn::TFromD<D>* p, std::int64_t count) {
  using T = hn::TFromD<D>;
#if HWY_ARCH_X86
  // On other targets Highway's masked load reads the whole vector.
  if constexpr (HWY_TARGET <= HWY_AVX3 || (HWY_TARGET <= HWY_AVX2 && sizeof(T) >= 4)) {
    return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
  }
#endif
  HWY_ALIGN T copy[hn::MaxLanes(d)] = {};
  std::memcpy(copy, p, static_cast<std::size_t>(count) * sizeof(T));
  return hn::Load(d, copy);
}

template <class D>
HWY_INLINE void store_first(D d, hn::Vec<D> v, hn::TFromD<D>* p, std::int64_t count) {
  using T = hn::TFromD<D>;
#if HWY_ARCH_X86
  if constexpr (HWY_TARGET <= HWY_AVX2) {
    hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
    return;
  }
#endif
  HWY_ALIGN T copy[hn::MaxLanes(d)];
  hn::Store(v, d, copy);
  std::memcpy(p, copy, static_cast<std::size_t>(count) * sizeof(T));
}

// binary16 patterns to float, exact.
template <class DF>
HWY_INLINE hn::Vec<DF> half_to_float(DF df, hn::Vec<hn::Rebind<std::uint16_t, DF>> patterns) {
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2 && !defined(HWY_DISABLE_F16C)) || HWY_ARCH_ARM
  return hn::PromoteTo(df, hn::BitCast(hn::Rebind<hwy::float16_t, DF>(), patterns));
#else
  // Not by PromoteTo: on targets without an instruction for it, Highway turns infinities and NaN into numbers from
  // 65536 up.
  const hn::Rebind<std::uint32_t, DF> du;
  const auto bits = hn::PromoteTo(du, patterns);
  // With exponent and fraction in place, only the exponent's bias is wrong, by 127 - 15: exact, also for subnormal
  // numbers.
  const auto shifted = hn::BitCast(df, hn::ShiftLeft<13>(hn::And(bits, hn::Set(du, 0x7FFFu))));
  const auto magnitude = hn::Mul(shifted, hn::Set(df, 0x1p112f));
  const auto all_ones = hn::BitCast(df, hn::Set(du, 0x7F800000u));
  const auto special = hn::IfThenElseZero(hn::Ge(magnitude, hn::Set(df, 0x1p16f)), all_ones);
  const auto sign = hn::BitCast(df, hn::ShiftLeft<16>(hn::And(bits, hn::Set(du, 0x8000u))));
  return hn::Or(hn::Or(magnitude, special), sign);
#endif
}

// widen<S>(d, raw): the values of a vector of stored elements, exact.
template <class S, class D>
HWY_INLINE hn::Vec<D> widen(D d, hn::Vec<hn::Rebind<Raw<S>, D>> raw) {
  if constexpr (std::is_same_v<S, hn::TFromD<D>>) {
    return raw;
  } else if constexpr (std::is_same_v<hn::TFromD<D>, double>) {
    const hn::Rebind<float, D> df;
    return hn::PromoteTo(d, widen<S>(df, raw));
  } else if constexpr (std::is_same_v<S, hwy::float16_t>) {
    return half_to_float(d, raw);
  } else {
    const hn::Rebind<std::uint32_t, D> du;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, raw)));
  }
}

// f64 elements rounded to a vector of float.
HWY_INLINE hn::Vec<F32> narrow(F32 d, const double* p) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  // On targets without an instruction for it, Highway turns infinities and values beyond the float range into the
  // largest float.
  HWY_ALIGN float copy[hn::MaxLanes(d)];
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) copy[i] = static_cast<float>(p[i]);
  return hn::Load(d, copy);
#else
  const hn::Half<F32> half;
  const hn::Rebind<double, hn::Half<F32>> dd;
  return hn::Combine(d, hn::DemoteTo(half, hn::LoadU(dd, p + hn::Lanes(dd))), hn::DemoteTo(half, hn::LoadU(dd, p)));
#endif
}

// Lanes(d) consecutive elements. Exact, except for f64 to float, which rounds.
template <class D, class S>
HWY_INLINE hn::Vec<D> load(D d, const S* p) {
  if constexpr (std::is_same_v<S, double> && std::is_same_v<D, F32>) {
    return narrow(d, p);
  } else {
    return widen<S>(d, hn::LoadU(hn::Rebind<Raw<S>, D>(), reinterpret_cast<const Raw<S>*>(p)));
  }
}

// The first `count` < Lanes(d) elements, with zeros in the other lanes.
template <class D, class S>
HWY_INLINE hn::Vec<D> load_some(D d, const S* p, std::int64_t count) {
  if constexpr (std::is_same_v<S, double> && std::is_same_v<D, F32>) {
    HWY_ALIGN double copy[hn::MaxLanes(d)] = {};
    std::memcpy(copy, p, static_cast<std::size_t>(count) * sizeof(double));
    return load(d, copy);
  } else {
    return widen<S>(d, load_first(hn::Rebind<Raw<S>, D>(), reinterpret_cast<const Raw<S>*>(p), count));
  }
}

// Rows are read two vectors at a time. A pair of bf16 vectors holds the even elements and the odd ones: that takes a
// shift and a mask of one load, where elements in order would take two widening loads and two shifts. The vectors that
// rows are multiplied with or added to are then in the same order: arranged.
template <class S>
inline constexpr bool kArranged = std::is_same_v<S, hwy::bfloat16_t>;

template <class D>
struct Pair {
  hn::Vec<D> first;
  hn::Vec<D> second;
};

template <class D>
HWY_INLINE Pair<D> split_pairs(D d, hn::Vec<hn::Rebind<std::uint32_t, D>> bits) {
  const hn::Rebind<std::uint32_t, D> du;
  const hn::Rebind<float, D> df;
  const auto even = hn::BitCast(df, hn::ShiftLeft<16>(bits));
  const auto odd = hn::BitCast(df, hn::And(bits, hn::Set(du, 0xFFFF0000u)));
  if constexpr (std::is_same_v<D, F32>) {
    return {even, odd};
  } else {
    return {hn::PromoteTo(d, even), hn::PromoteTo(d, odd)};
  }
}

// The 2 Lanes(d) elements from p on.
template <class D, class S>
HWY_INLINE Pair<D> load_pair(D d, const S* p) {
  if constexpr (kArranged<S>) {
    return split_pairs(d, hn::LoadU(hn::Rebind<std::uint32_t, D>(), reinterpret_cast<const std::uint32_t*>(p)));
  } else {
    return {load(d, p), load(d, p + hn::Lanes(d))};
  }
}

// The first `count` < 2 Lanes(d) elements, with zeros for the others.
template <class D, class S>
HWY_INLINE Pair<D> load_pair_some(D d, const S* p, std::int64_t count) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  if constexpr (kArranged<S>) {
    HWY_ALIGN std::uint16_t copy[2 * hn::MaxLanes(d)] = {};
    std::memcpy(copy, p, static_cast<std::size_t>(count) * sizeof(std::uint16_t));
    return load_pair(d, reinterpret_cast<const S*>(copy));
  } else {
    if (count < lanes) return {load_some(d, p, count), hn::Zero(d)};
    return {load(d, p), load_some(d, p + lanes, count - lanes)};
  }
}

// One element, exact.
HWY_INLINE double load_one(const double* p) { return *p; }
HWY_INLINE double load_one(const float* p) { return static_cast<double>(*p); }
HWY_INLINE std::uint16_t pattern(const void* p) {
  std::uint16_t bits;
  std::memcpy(&bits, p, sizeof bits);
  return bits;
}
HWY_INLINE double load_one(const hwy::float16_t* p) { return f16_to_double(pattern(p)); }
HWY_INLINE double load_one(const hwy::bfloat16_t* p) { return bf16_to_double(pattern(p)); }

// Calls body(pointer to the first element) with the matrix's own element type.
template <class Body>
HWY_INLINE void with_type(const StoredMatrix& a, Body&& body) {
  switch (a.dtype) {
    case DType::f64: return body(reinterpret_cast<const double*>(a.data));
    case DType::f32: return body(reinterpret_cast<const float*>(a.data));
    case DType::f16: return body(reinterpret_cast<const hwy::float16_t*>(a.data));
    case DType::bf16: return body(reinterpret_cast<const hwy::bfloat16_t*>(a.data));
    default: HWY_ABORT("storage type is checked by the public functions");
  }
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
