#include "sigmax/kernels/vector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "sigmax/core/error.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/vector.cpp"
#include <hwy/foreach_target.h>
//
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/load-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

constexpr std::int64_t kPiece = std::int64_t{1} << 14;

// sum over i of (scale x_i) (scale y_i), with scale 1 unless kScaled, for one piece, in eight accumulators that are
// added as a tree.
template <bool kScaled, class T>
HWY_INLINE double dot_piece(const T* HWY_RESTRICT x, const T* HWY_RESTRICT y, std::int64_t n, double scale) {
  const F64 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const VecF64 factor = hn::Set(d, scale);
  const auto scaled = [&](VecF64 v) { return kScaled ? hn::Mul(v, factor) : v; };
  const auto term = [&](std::int64_t i, VecF64 sum) {
    return hn::MulAdd(scaled(load(d, x + i)), scaled(load(d, y + i)), sum);
  };
  VecF64 s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  std::int64_t i = 0;
  for (; i + 8 * lanes <= n; i += 8 * lanes) {
    s0 = term(i, s0);
    s1 = term(i + lanes, s1);
    s2 = term(i + 2 * lanes, s2);
    s3 = term(i + 3 * lanes, s3);
    s4 = term(i + 4 * lanes, s4);
    s5 = term(i + 5 * lanes, s5);
    s6 = term(i + 6 * lanes, s6);
    s7 = term(i + 7 * lanes, s7);
  }
  for (; i + lanes <= n; i += lanes) s0 = term(i, s0);
  if (i < n) {
    s1 = hn::MulAdd(scaled(load_some(d, x + i, n - i)), scaled(load_some(d, y + i, n - i)), s1);
  }
  s0 = hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(hn::Add(s4, s5), hn::Add(s6, s7)));
  return hn::GetLane(hn::SumOfLanes(d, s0));
}

template <bool kScaled, class T>
HWY_INLINE double dot_pieces(const T* x, const T* y, std::int64_t n, double scale) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; i += kPiece) sum += dot_piece<kScaled>(x + i, y + i, std::min(kPiece, n - i), scale);
  return sum;
}

double dot_float(const float* x, const float* y, std::int64_t n) { return dot_pieces<false>(x, y, n, 1.0); }
double dot_double(const double* x, const double* y, std::int64_t n) { return dot_pieces<false>(x, y, n, 1.0); }
double scaled_squares(const double* x, std::int64_t n, double scale) { return dot_pieces<true>(x, x, n, scale); }

// The largest |x_i|; NaNs are ignored.
double largest_double(const double* x, std::int64_t n) {
  const F64 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  VecF64 largest = hn::Zero(d);
  std::int64_t i = 0;
  for (; i < n; i += lanes) {
    const VecF64 magnitude = hn::Abs(n - i >= lanes ? load(d, x + i) : load_some(d, x + i, n - i));
    largest = hn::IfThenElse(hn::Gt(magnitude, largest), magnitude, largest);
  }
  return hn::GetLane(hn::MaxOfLanes(d, largest));
}

template <class T>
HWY_INLINE void axpy_any(T alpha, const T* HWY_RESTRICT x, T* HWY_RESTRICT y, std::int64_t n) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto factor = hn::Set(d, alpha);
  std::int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    hn::StoreU(hn::MulAdd(factor, hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d, y + i);
    hn::StoreU(hn::MulAdd(factor, hn::LoadU(d, x + i + lanes), hn::LoadU(d, y + i + lanes)), d, y + i + lanes);
  }
  for (; i < n; i += lanes) {
    const std::int64_t count = std::min(lanes, n - i);
    store_first(d, hn::MulAdd(factor, load_first(d, x + i, count), load_first(d, y + i, count)), y + i, count);
  }
}

template <class T>
HWY_INLINE void scale_any(T alpha, T* x, std::int64_t n) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto factor = hn::Set(d, alpha);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(factor, hn::LoadU(d, x + i)), d, x + i);
  if (i < n) store_first(d, hn::Mul(factor, load_first(d, x + i, n - i)), x + i, n - i);
}

template <class S, class T>
HWY_INLINE void convert_any(const S* HWY_RESTRICT from, T* HWY_RESTRICT to, std::int64_t n) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(load(d, from + i), d, to + i);
  if (i < n) store_first(d, load_some(d, from + i, n - i), to + i, n - i);
}

void axpy_float(float alpha, const float* x, float* y, std::int64_t n) { axpy_any(alpha, x, y, n); }
void axpy_double(double alpha, const double* x, double* y, std::int64_t n) { axpy_any(alpha, x, y, n); }
void scale_float(float alpha, float* x, std::int64_t n) { scale_any(alpha, x, n); }
void scale_double(double alpha, double* x, std::int64_t n) { scale_any(alpha, x, n); }
void widen_float(const float* from, double* to, std::int64_t n) { convert_any(from, to, n); }
void narrow_double(const double* from, float* to, std::int64_t n) { convert_any(from, to, n); }

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sigmax::kernels {
namespace {

HWY_EXPORT(dot_float);
HWY_EXPORT(dot_double);
HWY_EXPORT(scaled_squares);
HWY_EXPORT(largest_double);
HWY_EXPORT(axpy_float);
HWY_EXPORT(axpy_double);
HWY_EXPORT(scale_float);
HWY_EXPORT(scale_double);
HWY_EXPORT(widen_float);
HWY_EXPORT(narrow_double);

std::int64_t common_size(const char* operation, std::size_t x, std::size_t y) {
  if (x != y) throw Error(fmt::format("[{}] the vectors have {} and {} elements", operation, x, y));
  return static_cast<std::int64_t>(x);
}

template <class T>
void copy_bytes(std::span<const T> from, std::span<T> to) {
  common_size("copy", from.size(), to.size());
  if (!from.empty()) std::memmove(to.data(), from.data(), from.size_bytes());
}

}  // namespace

double dot(std::span<const float> x, std::span<const float> y) {
  const std::int64_t n = common_size("dot", x.size(), y.size());
  return HWY_DYNAMIC_DISPATCH(dot_float)(x.data(), y.data(), n);
}

double dot(std::span<const double> x, std::span<const double> y) {
  const std::int64_t n = common_size("dot", x.size(), y.size());
  return HWY_DYNAMIC_DISPATCH(dot_double)(x.data(), y.data(), n);
}

double norm2(std::span<const float> x) { return std::sqrt(dot(x, x)); }

double norm2(std::span<const double> x) {
  const double plain = dot(x, x);
  if (plain >= 0x1p-900 && plain <= 0x1p900) return std::sqrt(plain);
  const auto n = static_cast<std::int64_t>(x.size());
  const double largest = HWY_DYNAMIC_DISPATCH(largest_double)(x.data(), n);
  // NaN, infinity and zero need no scale; NaN together with an infinity gives NaN, as in any sum.
  if (std::isnan(plain) || largest == 0 || !std::isfinite(largest)) return std::sqrt(plain);
  // The smallest subnormal would need 2^1074, which is not a double; 2^1000 still brings squares into range.
  const int exponent = std::clamp(std::ilogb(largest), -1000, 1000);
  const double sum = HWY_DYNAMIC_DISPATCH(scaled_squares)(x.data(), n, std::ldexp(1.0, -exponent));
  return std::ldexp(std::sqrt(sum), exponent);
}

void axpy(float alpha, std::span<const float> x, std::span<float> y) {
  HWY_DYNAMIC_DISPATCH(axpy_float)(alpha, x.data(), y.data(), common_size("axpy", x.size(), y.size()));
}
void axpy(double alpha, std::span<const double> x, std::span<double> y) {
  HWY_DYNAMIC_DISPATCH(axpy_double)(alpha, x.data(), y.data(), common_size("axpy", x.size(), y.size()));
}

void scale(float alpha, std::span<float> x) {
  HWY_DYNAMIC_DISPATCH(scale_float)(alpha, x.data(), static_cast<std::int64_t>(x.size()));
}
void scale(double alpha, std::span<double> x) {
  HWY_DYNAMIC_DISPATCH(scale_double)(alpha, x.data(), static_cast<std::int64_t>(x.size()));
}

void copy(std::span<const float> from, std::span<float> to) { copy_bytes(from, to); }
void copy(std::span<const double> from, std::span<double> to) { copy_bytes(from, to); }
void copy(std::span<const float> from, std::span<double> to) {
  HWY_DYNAMIC_DISPATCH(widen_float)(from.data(), to.data(), common_size("copy", from.size(), to.size()));
}
void copy(std::span<const double> from, std::span<float> to) {
  HWY_DYNAMIC_DISPATCH(narrow_double)(from.data(), to.data(), common_size("copy", from.size(), to.size()));
}

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
