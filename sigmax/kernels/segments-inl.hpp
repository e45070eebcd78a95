// A short run repeated to a whole number of vectors. Included once a SIMD target by the sources of kernels/ and by
// nothing else.

#if defined(SIGMAX_KERNELS_SEGMENTS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SIGMAX_KERNELS_SEGMENTS_INL
#undef SIGMAX_KERNELS_SEGMENTS_INL
#else
#define SIGMAX_KERNELS_SEGMENTS_INL
#endif

#include <numeric>

#include "sigmax/kernels/load-inl.hpp"
#include "sigmax/kernels/segments.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

// Vectors of a period at least, so that sums kept in memory are not waited for.
inline constexpr std::int64_t kPeriodVectors = 8;

template <class T>
inline constexpr std::int64_t kLongestPeriod =
    kLongestRun* static_cast<std::int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));

// Elements after which runs of `inner` elements and vectors begin together: a multiple of both.
template <class T>
HWY_INLINE std::int64_t period_of(std::int64_t inner) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  const std::int64_t least = std::lcm(inner, lanes);
  return (kPeriodVectors * lanes + least - 1) / least * least;
}

template <class T>
HWY_INLINE void repeat_run(const T* v, std::int64_t inner, std::int64_t period, T* out) {
  for (std::int64_t j = 0; j < period; j += inner) {
    for (std::int64_t i = 0; i < inner; ++i) out[j + i] = v[i];
  }
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
