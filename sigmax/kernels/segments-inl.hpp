// A short run repeated to a whole number of vectors. Included once per SIMD target. Internal to kernels/.

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

// A period has at least this many vectors, so that no addition waits for a sum that was just stored.
inline constexpr std::int64_t kPeriodVectors = 8;

template <class T>
inline constexpr std::int64_t kLongestPeriod =
    kLongestRun* static_cast<std::int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));

// The period: a number of elements that is a multiple of both `inner` and the vector length, so that runs and vectors
// begin together after it.
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
