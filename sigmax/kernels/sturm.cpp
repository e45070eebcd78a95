#include "sigmax/kernels/sturm.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/sturm.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "sigmax/core/floating_environment.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using SD = hn::CappedTag<double, static_cast<std::size_t>(kSturmGroup)>;
using SI = hn::Rebind<std::int64_t, SD>;
using SVec = hn::Vec<SD>;
using SInt = hn::Vec<SI>;

// Rows between two rescalings. The larger of |p_i|, |p_i-1| grows by a factor below 9 per row, and falls in two rows by
// no more than the smallest e^2, 2^-110 (one of them may be zero, but not both): far from overflow and underflow.
constexpr std::int64_t kRowsBetween = 8;

// N vectors of points at once: each row depends on the one before, so several independent chains keep the processor
// busy.
template <int N>
HWY_INLINE void sturm_block(const double* HWY_RESTRICT diagonal, const double* HWY_RESTRICT squares, std::int64_t n,
                            const double* HWY_RESTRICT x, const SturmValues& values) {
  const SD d;
  const SI di;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const SInt exponent_bits = hn::Set(di, std::int64_t{0x7FF} << 52);
  const SInt one_bits = hn::Set(di, std::int64_t{1023} << 52);
  SVec at[N], p[N], before[N];
  SInt below[N], exponent[N];
#pragma GCC unroll 8
  for (int k = 0; k < N; ++k) {
    at[k] = hn::LoadU(d, x + k * lanes);
    p[k] = hn::Sub(hn::Set(d, diagonal[0]), at[k]);
    before[k] = hn::Set(d, 1.0);
    below[k] = hn::BitCast(di, hn::ShiftRight<63>(hn::BitCast(hn::RebindToUnsigned<SI>(), p[k])));
    exponent[k] = hn::Zero(di);
  }
  std::int64_t i = 1;
  while (i < n) {
    const std::int64_t end = std::min(i + kRowsBetween, n);
    for (; i < end; ++i) {
      const SVec entry = hn::Set(d, diagonal[i]);
      const SVec square = hn::Set(d, squares[i - 1]);
#pragma GCC unroll 8
      for (int k = 0; k < N; ++k) {
        const SVec next = hn::MulSub(hn::Sub(entry, at[k]), p[k], hn::Mul(square, before[k]));
        const auto turned = hn::BitCast(hn::RebindToUnsigned<SI>(), hn::Xor(next, p[k]));
        below[k] = hn::Add(below[k], hn::BitCast(di, hn::ShiftRight<63>(turned)));
        before[k] = p[k];
        p[k] = next;
      }
    }
#pragma GCC unroll 8
    for (int k = 0; k < N; ++k) {
      // 2^q, the power of two of the larger one, and its inverse, from their biased exponents 1023 + q and 1023 - q.
      const SVec larger = hn::Max(hn::Abs(p[k]), hn::Abs(before[k]));
      const SInt power = hn::And(hn::BitCast(di, larger), exponent_bits);
      const SVec inverse = hn::BitCast(d, hn::Sub(hn::Add(one_bits, one_bits), power));
      p[k] = hn::Mul(p[k], inverse);
      before[k] = hn::Mul(before[k], inverse);
      exponent[k] = hn::Add(exponent[k], hn::ShiftRight<52>(hn::Sub(power, one_bits)));
    }
  }
#pragma GCC unroll 8
  for (int k = 0; k < N; ++k) {
    hn::StoreU(below[k], di, values.below + k * lanes);
    hn::StoreU(p[k], d, values.mantissa + k * lanes);
    hn::StoreU(exponent[k], di, values.exponent + k * lanes);
  }
}

void sturm(const double* diagonal, const double* squares, std::int64_t n, const double* x, std::int64_t count,
           const SturmValues& values) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(SD()));
  std::int64_t first = 0;
  const auto rest = [&] { return SturmValues{values.below + first, values.mantissa + first, values.exponent + first}; };
  for (; first + 4 * lanes <= count; first += 4 * lanes) sturm_block<4>(diagonal, squares, n, x + first, rest());
  for (; first + 2 * lanes <= count; first += 2 * lanes) sturm_block<2>(diagonal, squares, n, x + first, rest());
  for (; first < count; first += lanes) sturm_block<1>(diagonal, squares, n, x + first, rest());
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sigmax::kernels {

HWY_EXPORT(sturm);

void sturm(const double* diagonal, const double* squares, std::int64_t n, const double* x, std::int64_t count,
           const SturmValues& values) {
  HWY_DYNAMIC_DISPATCH(sturm)(diagonal, squares, n, x, count, values);
}

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
