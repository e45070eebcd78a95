// Highway loads that turn every storage type into vectors of double. Included once a SIMD target by the sources of
// kernels/ and by nothing else.

#if defined(SIGMAX_KERNELS_LOAD_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SIGMAX_KERNELS_LOAD_INL
#undef SIGMAX_KERNELS_LOAD_INL
#else
#define SIGMAX_KERNELS_LOAD_INL
#endif

#include <hwy/highway.h>

#include <cstring>

#include "sigmax/kernels/stored_matrix.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F64 = hn::ScalableTag<double>;
using VecF64 = hn::Vec<F64>;

// Every conversion to double is exact.
HWY_INLINE VecF64 load(F64 d, const double* p) { return hn::LoadU(d, p); }
HWY_INLINE VecF64 load(F64 d, const float* p) { return hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, F64>(), p)); }
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2 && !defined(HWY_DISABLE_F16C)) || HWY_ARCH_ARM
HWY_INLINE VecF64 load(F64 d, const hwy::float16_t* p) {
  const hn::Rebind<float, F64> df;
  return hn::PromoteTo(d, hn::PromoteTo(df, hn::LoadU(hn::Rebind<hwy::float16_t, F64>(), p)));
}
#else
// Without an instruction for it Highway takes infinities and NaN for numbers from 65536 up, so not by PromoteTo.
HWY_INLINE VecF64 load(F64 d, const hwy::float16_t* p) {
  const hn::Rebind<float, F64> df;
  const hn::Rebind<std::uint32_t, F64> du;
  const hn::Rebind<std::uint16_t, F64> patterns;
  const auto bits = hn::PromoteTo(du, hn::LoadU(patterns, reinterpret_cast<const std::uint16_t*>(p)));
  // Exponent and fraction in place, the exponent's bias wrong by 127 - 15: exact, also for subnormal numbers.
  const auto shifted = hn::BitCast(df, hn::ShiftLeft<13>(hn::And(bits, hn::Set(du, 0x7FFFu))));
  const auto magnitude = hn::Mul(shifted, hn::Set(df, 0x1p112f));
  const auto all_ones = hn::BitCast(df, hn::Set(du, 0x7F800000u));
  const auto special = hn::IfThenElseZero(hn::Ge(magnitude, hn::Set(df, 0x1p16f)), all_ones);
  const auto sign = hn::BitCast(df, hn::ShiftLeft<16>(hn::And(bits, hn::Set(du, 0x8000u))));
  return hn::PromoteTo(d, hn::Or(hn::Or(magnitude, special), sign));
}
#endif
HWY_INLINE VecF64 load(F64 d, const hwy::bfloat16_t* p) {
  const hn::Rebind<float, F64> df;
  return hn::PromoteTo(d, hn::PromoteTo(df, hn::LoadU(hn::Rebind<hwy::bfloat16_t, F64>(), p)));
}

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
