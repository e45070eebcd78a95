// Householder's reduction of small.cpp for one SIMD target, included once for each. Internal to kernels/.

#if defined(SIGMAX_KERNELS_SMALL_TRIDIAGONAL_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SIGMAX_KERNELS_SMALL_TRIDIAGONAL_INL
#undef SIGMAX_KERNELS_SMALL_TRIDIAGONAL_INL
#else
#define SIGMAX_KERNELS_SMALL_TRIDIAGONAL_INL
#endif

#include <cmath>
#include <utility>

#include "sigmax/kernels/small-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

template <class T>
HWY_INLINE T dot(const T* x, const T* y, std::int64_t from, std::int64_t to) {
  const Wide<T> d;
  auto even = hn::Zero(d), odd = even;
  std::int64_t j = from;
  for (; j + 2 * lanes<T>() <= to; j += 2 * lanes<T>()) {
    even = hn::MulAdd(hn::Load(d, x + j), hn::Load(d, y + j), even);
    odd = hn::MulAdd(hn::Load(d, x + j + lanes<T>()), hn::Load(d, y + j + lanes<T>()), odd);
  }
  if (j < to) even = hn::MulAdd(hn::Load(d, x + j), hn::Load(d, y + j), even);
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
}

// x += factor y
template <class T>
HWY_INLINE void add_multiple(T factor, const T* HWY_RESTRICT y, T* HWY_RESTRICT x, std::int64_t from, std::int64_t to) {
  const Wide<T> d;
  const auto weight = hn::Set(d, factor);
  for (std::int64_t j = from; j < to; j += lanes<T>()) {
    hn::Store(hn::MulAdd(weight, hn::Load(d, y + j), hn::Load(d, x + j)), d, x + j);
  }
}

// Column k of G below the diagonal, x (by symmetry row k right of it, contiguous), becomes s e_1 under I - h h^T with
//   s = -sign(x_1) |x|,  h = (x - s e_1) / sqrt(|x| (|x| + |x_1|)),  |h|^2 = 2.
// h is stored in row k, with zeros up to the diagonal, so that every later loop runs over whole vectors. Returns s. The
// first vector is masked in registers: a vector load right after scalar stores would stall.
template <class T>
HWY_INLINE T make_reflector(std::int64_t k, std::int64_t from, std::int64_t to, T* row) {
  constexpr T kNothing = sizeof(T) == 4 ? static_cast<T>(1e-30) : static_cast<T>(1e-280);
  const Wide<T> d;
  const std::int64_t step = lanes<T>();
  const auto dead = hn::FirstN(d, static_cast<std::size_t>(k + 1 - from));
  const auto pivot = hn::AndNot(dead, hn::FirstN(d, static_cast<std::size_t>(k + 2 - from)));
  const auto head = hn::IfThenZeroElse(dead, hn::Load(d, row + from));
  const T first = row[k + 1];
  auto sum = hn::Mul(head, head);
  for (std::int64_t j = from + step; j < to; j += step) {
    const auto x = hn::Load(d, row + j);
    sum = hn::MulAdd(x, x, sum);
  }
  const T squares = hn::GetLane(hn::SumOfLanes(d, sum));
  if (!(squares > kNothing)) {
    for (std::int64_t j = from; j < to; j += step) hn::Store(hn::Zero(d), d, row + j);
    return 0;
  }
  const T norm = std::sqrt(squares);
  const T s = first > 0 ? -norm : norm;
  const auto factor = hn::Set(d, 1 / std::sqrt(norm * (norm + std::fabs(first))));
  hn::Store(hn::Mul(hn::IfThenElse(pivot, hn::Set(d, first - s), head), factor), d, row + from);
  for (std::int64_t j = from + step; j < to; j += step) hn::Store(hn::Mul(hn::Load(d, row + j), factor), d, row + j);
  return s;
}

// For rows i in [first, last), V vectors of each from element `from` on: a_i -= h_i w + w_i h, then p = sum_i next_i
// a_i with the new a_i. This is the update of one step and the product of the next, in one pass.
template <int V, class T>
HWY_INLINE void update_part(T* HWY_RESTRICT a, std::int64_t stride, std::int64_t first, std::int64_t last,
                            std::int64_t from, const T* HWY_RESTRICT h, const T* HWY_RESTRICT w,
                            const T* HWY_RESTRICT next, T* HWY_RESTRICT p) {
  const Wide<T> d;
  const std::int64_t step = lanes<T>(), second = V > 1 ? step : 0;
  const auto h0 = hn::Load(d, h + from), h1 = hn::Load(d, h + from + second);
  const auto w0 = hn::Load(d, w + from), w1 = hn::Load(d, w + from + second);
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  const auto row = [&](std::int64_t i, auto& sum0, auto& sum1) HWY_ATTR {
    const auto h_i = hn::Set(d, h[i]), w_i = hn::Set(d, w[i]), next_i = hn::Set(d, next[i]);
    T* at = a + i * stride + from;
    const auto value0 = hn::NegMulAdd(w_i, h0, hn::NegMulAdd(h_i, w0, hn::Load(d, at)));
    hn::Store(value0, d, at);
    sum0 = hn::MulAdd(next_i, value0, sum0);
    if constexpr (V > 1) {
      const auto value1 = hn::NegMulAdd(w_i, h1, hn::NegMulAdd(h_i, w1, hn::Load(d, at + step)));
      hn::Store(value1, d, at + step);
      sum1 = hn::MulAdd(next_i, value1, sum1);
    }
  };
  std::int64_t i = first;
  for (; i + 4 <= last; i += 4) {
    row(i, s0, s1);
    row(i + 1, s2, s3);
    row(i + 2, s4, s5);
    row(i + 3, s6, s7);
  }
  for (; i < last; ++i) row(i, s0, s1);
  hn::Store(hn::Add(hn::Add(s0, s2), hn::Add(s4, s6)), d, p + from);
  if constexpr (V > 1) hn::Store(hn::Add(hn::Add(s1, s3), hn::Add(s5, s7)), d, p + from + step);
}

// p = G h_0
// for k = 0, 1, ...:  w = p - (p . h_k / 2) h_k;  row k + 1 of G -= h_k w^T + w h_k^T;  h_{k+1} from it;
//                     the rows below as well, and p = G h_{k+1} meanwhile
// The update has rank two: (I - h h^T) G (I - h h^T) = G - h w^T - w h^T for |h|^2 = 2. Elements left of column k + 1
// that share its vector are dead: they are updated along with it and never read again. h = 0 needs no special case.
template <class T>
HWY_INLINE void tridiagonal_of(std::int64_t n, T* HWY_RESTRICT g, T* HWY_RESTRICT work, double* diagonal, double* off) {
  const std::int64_t stride = small_stride(n), step = lanes<T>();
  diagonal[0] = static_cast<double>(g[0]);
  if (n == 2) off[0] = static_cast<double>(g[1]);
  if (n == 2) diagonal[1] = static_cast<double>(g[stride + 1]);
  if (n <= 2) return;
  T* w = work;
  T* p = work + stride;
  std::int64_t from = 1 / step * step;
  off[0] = static_cast<double>(make_reflector(0, from, stride, g));
  combine(g, stride, 1, n, from, stride, g, w);
  for (std::int64_t k = 0;; ++k) {
    const T* h = g + k * stride;
    T* next = g + (k + 1) * stride;
    add_multiple(-dot(w, h, from, stride) / 2, h, w, from, stride);
    add_multiple(-h[k + 1], w, next, from, stride);
    add_multiple(-w[k + 1], h, next, from, stride);
    diagonal[k + 1] = static_cast<double>(next[k + 1]);
    if (k + 3 == n) {
      // Two rows are left, and the last one needs only its diagonal element.
      off[k + 1] = static_cast<double>(next[k + 2]);
      diagonal[k + 2] = static_cast<double>(g[(k + 2) * stride + k + 2] - 2 * (h[k + 2] * w[k + 2]));
      return;
    }
    from = (k + 2) / step * step;
    off[k + 1] = static_cast<double>(make_reflector(k + 1, from, stride, next));
    std::int64_t j = from;
    for (; j + 2 * step <= stride; j += 2 * step) update_part<2>(g, stride, k + 2, n, j, h, w, next, p);
    if (j < stride) update_part<1>(g, stride, k + 2, n, j, h, w, next, p);
    std::swap(w, p);
  }
}

// x <- H_0 (H_1 (... x)). The last two rows do not hold a reflector.
template <class T>
HWY_INLINE void rotate(std::int64_t n, const T* HWY_RESTRICT g, T* HWY_RESTRICT x) {
  const std::int64_t stride = small_stride(n), step = lanes<T>();
  for (std::int64_t k = n - 3; k >= 0; --k) {
    const T* h = g + k * stride;
    const std::int64_t from = (k + 1) / step * step;
    add_multiple(-dot(h, x, from, stride), h, x, from, stride);
  }
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
