// The loops of small.cpp for one SIMD target: loading, products, the Gram matrix. Included once per target, only by
// small.cpp. Internal to kernels/.

#if defined(SIGMAX_KERNELS_SMALL_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SIGMAX_KERNELS_SMALL_INL
#undef SIGMAX_KERNELS_SMALL_INL
#else
#define SIGMAX_KERNELS_SMALL_INL
#endif

#include <algorithm>
#include <cmath>

#include "sigmax/kernels/load-inl.hpp"
#include "sigmax/kernels/small.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

// A row of a working copy is a whole number of vectors on every target: 16 elements are at least one vector.
template <class S>
using Wide = hn::CappedTag<S, 16>;

// Vectors of S from a working copy of T.
template <class S, class T>
HWY_INLINE hn::Vec<Wide<S>> take(Wide<S> d, const T* p) {
  if constexpr (std::is_same_v<S, T>) {
    return hn::Load(d, p);
  } else {
    return hn::PromoteTo(d, hn::Load(hn::Rebind<T, Wide<S>>(), p));
  }
}

template <class S>
HWY_INLINE std::int64_t lanes() {
  return static_cast<std::int64_t>(hn::Lanes(Wide<S>()));
}

template <class Body>
HWY_INLINE auto with_elements(const StridedMatrix& a, Body&& body) {
  switch (a.dtype) {
    case DType::f64: return body(reinterpret_cast<const double*>(a.data));
    case DType::f32: return body(reinterpret_cast<const float*>(a.data));
    case DType::f16: return body(reinterpret_cast<const hwy::float16_t*>(a.data));
    default: return body(reinterpret_cast<const hwy::bfloat16_t*>(a.data));
  }
}

// max |a_ij| over vectors of double, and a sum that is zero, or NaN if an entry is not finite.
template <class E>
HWY_INLINE double largest_of(StridedMatrix a, const E* first) {
  if (a.column_stride != 1) a = a.transposed();  // the order of the entries does not matter
  const F64 d;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  VecF64 largest = hn::Zero(d), zeros = largest;
  double rest = 0;
  double rest_zeros = 0;
  for (std::int64_t i = 0; i < a.rows; ++i) {
    const E* row = first + i * a.row_stride;
    std::int64_t j = 0;
    if (a.column_stride == 1) {
      for (; j + step <= a.columns; j += step) {
        const VecF64 x = load(d, row + j);
        largest = hn::Max(largest, hn::Abs(x));
        zeros = hn::MulAdd(x, hn::Zero(d), zeros);
      }
    }
    for (; j < a.columns; ++j) {
      const double x = load_one(row + j * a.column_stride);
      rest = std::max(rest, std::fabs(x));
      rest_zeros += x * 0;
    }
  }
  const double poison = rest_zeros + hn::GetLane(hn::SumOfLanes(d, zeros));
  return std::max(rest, hn::GetLane(hn::MaxOfLanes(d, largest))) + poison;
}

// out[j] = scale from[j], `count` contiguous elements.
template <class E, class T>
HWY_INLINE void load_row(const E* from, std::int64_t count, double scale, T* out) {
  std::int64_t j = 0;
  if constexpr (std::is_same_v<E, float> && std::is_same_v<T, float>) {
    // Beyond that range the factor itself is not a normal float.
    if (std::fabs(std::log2(scale)) < 126) {
      const Wide<float> d;
      const auto factor = hn::Set(d, static_cast<float>(scale));
      for (; j + lanes<float>() <= count; j += lanes<float>())
        hn::StoreU(hn::Mul(hn::LoadU(d, from + j), factor), d, out + j);
    }
  } else {
    const F64 d;
    const auto factor = hn::Set(d, scale);
    const auto step = static_cast<std::int64_t>(hn::Lanes(d));
    for (; j + step <= count; j += step) {
      const VecF64 x = hn::Mul(load(d, from + j), factor);
      if constexpr (std::is_same_v<T, float>) {
        const hn::Rebind<float, F64> df;
        hn::StoreU(hn::DemoteTo(df, x), df, out + j);
      } else {
        hn::StoreU(x, d, out + j);
      }
    }
  }
  for (; j < count; ++j) out[j] = static_cast<T>(load_one(from + j) * scale);
}

// out[j * out_stride + i] = from[i * from_stride + j] for a block of B x B elements, in registers of 16 bytes on every
// target. Both are aligned to 16 bytes.
template <class T>
HWY_INLINE void transpose_square(const T* from, std::int64_t from_stride, T* out, std::int64_t out_stride) {
#if HWY_TARGET == HWY_SCALAR
  for (std::size_t i = 0; i < 16 / sizeof(T); ++i) {
    for (std::size_t j = 0; j < 16 / sizeof(T); ++j) {
      const auto row = static_cast<std::int64_t>(i), column = static_cast<std::int64_t>(j);
      out[column * out_stride + row] = from[row * from_stride + column];
    }
  }
#else
  const hn::FixedTag<T, 16 / sizeof(T)> d;
  if constexpr (sizeof(T) == 4) {
    const auto a = hn::Load(d, from), b = hn::Load(d, from + from_stride);
    const auto c = hn::Load(d, from + 2 * from_stride), e = hn::Load(d, from + 3 * from_stride);
    const auto ac_low = hn::InterleaveLower(d, a, c), ac_high = hn::InterleaveUpper(d, a, c);
    const auto be_low = hn::InterleaveLower(d, b, e), be_high = hn::InterleaveUpper(d, b, e);
    hn::Store(hn::InterleaveLower(d, ac_low, be_low), d, out);
    hn::Store(hn::InterleaveUpper(d, ac_low, be_low), d, out + out_stride);
    hn::Store(hn::InterleaveLower(d, ac_high, be_high), d, out + 2 * out_stride);
    hn::Store(hn::InterleaveUpper(d, ac_high, be_high), d, out + 3 * out_stride);
  } else {
    const auto a = hn::Load(d, from), b = hn::Load(d, from + from_stride);
    hn::Store(hn::InterleaveLower(d, a, b), d, out);
    hn::Store(hn::InterleaveUpper(d, a, b), d, out + out_stride);
  }
#endif
}

// A^T for contiguous columns: strips of 16 columns are converted into a tile that stays in cache, and transposed there.
template <class E, class T>
HWY_INLINE void load_transposed(const StridedMatrix& a, const E* first, double scale, T* out) {
  constexpr std::int64_t kStrip = 16, kLength = 64, kSquare = 16 / sizeof(T);
  const std::int64_t stride = small_stride(a.columns);
  HWY_ALIGN T tile[kStrip * kLength];
  for (std::int64_t j0 = 0; j0 < a.columns; j0 += kStrip) {
    for (std::int64_t i0 = 0; i0 < a.rows; i0 += kLength) {
      const std::int64_t count = std::min(kLength, a.rows - i0);
      for (std::int64_t j = 0; j < kStrip; ++j) {
        T* line = tile + j * kLength;
        if (j0 + j < a.columns) {
          load_row(first + (j0 + j) * a.column_stride + i0, count, scale, line);
        } else {
          std::fill(line, line + count, T{0});
        }
      }
      T* to = out + i0 * stride + j0;
      std::int64_t i = 0;
      for (; i + kSquare <= count; i += kSquare) {
        for (std::int64_t j = 0; j < kStrip; j += kSquare) {
          transpose_square(tile + j * kLength + i, kLength, to + i * stride + j, stride);
        }
      }
      for (; i < count; ++i) {
        for (std::int64_t j = 0; j < kStrip; ++j) to[i * stride + j] = tile[j * kLength + i];
      }
    }
  }
}

template <class T>
HWY_INLINE void load_any(const StridedMatrix& a, double scale, T* out) {
  const std::int64_t stride = small_stride(a.columns);
  with_elements(a, [&](const auto* first) {
    if (a.row_stride == 1 && a.column_stride != 1) return load_transposed(a, first, scale, out);
    for (std::int64_t i = 0; i < a.rows; ++i) {
      T* to = out + i * stride;
      const auto* from = first + i * a.row_stride;
      if (a.column_stride == 1) {
        load_row(from, a.columns, scale, to);
      } else {
        for (std::int64_t j = 0; j < a.columns; ++j)
          to[j] = static_cast<T>(load_one(from + j * a.column_stride) * scale);
      }
      std::fill(to + a.columns, to + stride, T{0});
    }
  });
}

// x = sum_i y_i a_i over rows [first, last) and their elements [from, to), each a multiple of a vector. V vectors of
// the sum stay in registers, in R copies so that eight chains of multiply-adds hide their latency.
template <int V, class T, class S>
HWY_INLINE void combine_part(const T* HWY_RESTRICT a, std::int64_t stride, std::int64_t first, std::int64_t last,
                             const S* HWY_RESTRICT y, S* HWY_RESTRICT x) {
  constexpr int R = 8 / V;
  const Wide<S> d;
  const std::int64_t step = lanes<S>();
  hn::Vec<Wide<S>> s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  const auto add = [&](std::int64_t i, auto& p, auto& q, auto& r, auto& t) HWY_ATTR {
    const auto weight = hn::Set(d, y[i]);
    const T* row = a + i * stride;
    p = hn::MulAdd(take<S>(d, row), weight, p);
    if constexpr (V > 1) q = hn::MulAdd(take<S>(d, row + step), weight, q);
    if constexpr (V > 2) {
      r = hn::MulAdd(take<S>(d, row + 2 * step), weight, r);
      t = hn::MulAdd(take<S>(d, row + 3 * step), weight, t);
    }
  };
  std::int64_t i = first;
  for (; i + R <= last; i += R) {
    if constexpr (V == 4) {
      add(i, s0, s1, s2, s3);
      add(i + 1, s4, s5, s6, s7);
    } else if constexpr (V == 2) {
      add(i, s0, s1, s0, s0);
      add(i + 1, s2, s3, s0, s0);
      add(i + 2, s4, s5, s0, s0);
      add(i + 3, s6, s7, s0, s0);
    } else {
      add(i, s0, s0, s0, s0);
      add(i + 1, s1, s0, s0, s0);
      add(i + 2, s2, s0, s0, s0);
      add(i + 3, s3, s0, s0, s0);
      add(i + 4, s4, s0, s0, s0);
      add(i + 5, s5, s0, s0, s0);
      add(i + 6, s6, s0, s0, s0);
      add(i + 7, s7, s0, s0, s0);
    }
  }
  for (; i < last; ++i) add(i, s0, s1, s2, s3);
  if constexpr (V == 4) {
    hn::Store(hn::Add(s0, s4), d, x);
    hn::Store(hn::Add(s1, s5), d, x + step);
    hn::Store(hn::Add(s2, s6), d, x + 2 * step);
    hn::Store(hn::Add(s3, s7), d, x + 3 * step);
  } else if constexpr (V == 2) {
    hn::Store(hn::Add(hn::Add(s0, s2), hn::Add(s4, s6)), d, x);
    hn::Store(hn::Add(hn::Add(s1, s3), hn::Add(s5, s7)), d, x + step);
  } else {
    hn::Store(hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(hn::Add(s4, s5), hn::Add(s6, s7))), d, x);
  }
}

template <class T, class S>
HWY_INLINE void combine(const T* a, std::int64_t stride, std::int64_t first, std::int64_t last, std::int64_t from,
                        std::int64_t to, const S* y, S* x) {
  const std::int64_t step = lanes<S>();
  std::int64_t j = from;
  for (; j + 4 * step <= to; j += 4 * step) combine_part<4>(a + j, stride, first, last, y, x + j);
  for (; j + 2 * step <= to; j += 2 * step) combine_part<2>(a + j, stride, first, last, y, x + j);
  for (; j < to; j += step) combine_part<1>(a + j, stride, first, last, y, x + j);
}

// y_i = a_i . x, four rows at a time.
template <class T, class S>
HWY_INLINE void dots(std::int64_t rows, std::int64_t columns, const T* HWY_RESTRICT a, const S* HWY_RESTRICT x,
                     S* HWY_RESTRICT y) {
  const Wide<S> d;
  const std::int64_t step = lanes<S>(), stride = small_stride(columns);
  std::int64_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    const T* row = a + i * stride;
    auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    for (std::int64_t j = 0; j < stride; j += step) {
      const auto v = hn::Load(d, x + j);
      s0 = hn::MulAdd(take<S>(d, row + j), v, s0);
      s1 = hn::MulAdd(take<S>(d, row + stride + j), v, s1);
      s2 = hn::MulAdd(take<S>(d, row + 2 * stride + j), v, s2);
      s3 = hn::MulAdd(take<S>(d, row + 3 * stride + j), v, s3);
    }
    y[i] = hn::GetLane(hn::SumOfLanes(d, s0));
    y[i + 1] = hn::GetLane(hn::SumOfLanes(d, s1));
    y[i + 2] = hn::GetLane(hn::SumOfLanes(d, s2));
    y[i + 3] = hn::GetLane(hn::SumOfLanes(d, s3));
  }
  for (; i < rows; ++i) {
    auto sum = hn::Zero(d);
    for (std::int64_t j = 0; j < stride; j += step) {
      sum = hn::MulAdd(take<S>(d, a + i * stride + j), hn::Load(d, x + j), sum);
    }
    y[i] = hn::GetLane(hn::SumOfLanes(d, sum));
  }
}

// The tiles of G on and above the diagonal, 8 rows by one vector each: g_rc += sum_i a_ir a_ic over a block of rows of
// A that stays in the first-level cache. The rest follows by symmetry.
template <class T>
HWY_INLINE void gram_of(std::int64_t rows, std::int64_t columns, const T* HWY_RESTRICT a, T* HWY_RESTRICT g) {
  constexpr std::int64_t kBlockBytes = 24 << 10, kSquare = 16 / sizeof(T);
  const Wide<T> d;
  const std::int64_t step = lanes<T>(), n = small_stride(columns);
  const std::int64_t block = std::max<std::int64_t>(kBlockBytes / (n * static_cast<std::int64_t>(sizeof(T))), 8);
  for (std::int64_t i0 = 0; i0 < rows; i0 += block) {
    const std::int64_t last = std::min(i0 + block, rows);
    for (std::int64_t c = 0; c < n; c += step) {
      for (std::int64_t r = 0; r < c + step; r += 8) {
        T* tile = g + r * n + c;
        hn::Vec<Wide<T>> s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
        for (std::int64_t i = i0; i < last; ++i) {
          const T* row = a + i * n;
          const auto v = hn::Load(d, row + c);
          s0 = hn::MulAdd(hn::Set(d, row[r]), v, s0);
          s1 = hn::MulAdd(hn::Set(d, row[r + 1]), v, s1);
          s2 = hn::MulAdd(hn::Set(d, row[r + 2]), v, s2);
          s3 = hn::MulAdd(hn::Set(d, row[r + 3]), v, s3);
          s4 = hn::MulAdd(hn::Set(d, row[r + 4]), v, s4);
          s5 = hn::MulAdd(hn::Set(d, row[r + 5]), v, s5);
          s6 = hn::MulAdd(hn::Set(d, row[r + 6]), v, s6);
          s7 = hn::MulAdd(hn::Set(d, row[r + 7]), v, s7);
        }
        const auto put = [&](std::int64_t k, auto sum) HWY_ATTR {
          hn::Store(i0 == 0 ? sum : hn::Add(sum, hn::Load(d, tile + k * n)), d, tile + k * n);
        };
        put(0, s0), put(1, s1), put(2, s2), put(3, s3), put(4, s4), put(5, s5), put(6, s6), put(7, s7);
      }
    }
  }
  for (std::int64_t r = 0; r < n; r += kSquare) {
    for (std::int64_t c = r + kSquare; c < n; c += kSquare) transpose_square(g + r * n + c, n, g + c * n + r, n);
  }
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
