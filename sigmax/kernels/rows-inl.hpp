// The two halves of every product with a row-major matrix, for a register's worth of rows and columns at once: dot
// products of rows with vectors, and sums of weighted rows. Included once per SIMD target. Internal to
// kernels/.

#if defined(SIGMAX_KERNELS_ROWS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SIGMAX_KERNELS_ROWS_INL
#undef SIGMAX_KERNELS_ROWS_INL
#else
#define SIGMAX_KERNELS_ROWS_INL
#endif

#include <utility>

#include "sigmax/kernels/load-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

// AVX-512 and 64-bit ARM have 32 vector registers, other targets 16.
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3) || HWY_ARCH_ARM_A64
inline constexpr bool kManyRegisters = true;
#else
inline constexpr bool kManyRegisters = false;
#endif

// The most columns that one pass over rows serves, and the rows of a register block for that many columns: as many
// accumulators as possible that leave room for their operands.
// Scalar code, for processors that no vector unit serves, takes one column at a time, which compiles fast.
inline constexpr int kMostColumns = HWY_TARGET == HWY_SCALAR ? 1 : kManyRegisters ? 8 : 4;
template <int C>
inline constexpr int kRowsAtOnce = HWY_TARGET == HWY_SCALAR            ? 4
                                   : C == 1                            ? 8
                                   : (kManyRegisters ? 16 : 8) / C > 4 ? 4
                                                                       : (kManyRegisters ? 16 : 8) / C;

// The rows whose weights for two columns stay in registers.
inline constexpr int kWeightedRows = kManyRegisters ? 8 : 4;

// Calls f(0) ... f(N - 1), inlined, so that the compiler keeps the results in registers without having to unroll a
// loop. The arguments are integers, not std::integral_constant: a body is compiled once then, not N times, to the same
// code.
template <int N, class F>
HWY_INLINE void repeat(const F& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) HWY_ATTR __attribute__((always_inline)) { (f(I), ...); }
  (std::make_integer_sequence<int, N>());
}
#define SIGMAX_INLINE_LAMBDA HWY_ATTR __attribute__((always_inline))

// Forces v into a register from here on: GCC would load it from memory again for each use, and loads are the scarce
// resource of a product in cache.
template <class V>
HWY_INLINE void keep(V& v) {
#if HWY_COMPILER_GCC_ACTUAL && HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
  asm("" : "+v"(v.raw));
#else
  static_cast<void>(v);
#endif
}

#if HWY_TARGET != HWY_SCALAR
// The sum of the 128-bit blocks of a vector.
template <class D>
HWY_INLINE auto sum_blocks(D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(d) * sizeof(hn::TFromD<D>) <= 16) {
    return v;
  } else {
    const hn::Half<D> half;
    return sum_blocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}
#endif

// out[k] = or += the sum of the lanes of s[k], by a transposition in registers, four or two sums at once.
template <int N, class D>
HWY_INLINE void sum_lanes(D d, const hn::Vec<D>* s, hn::TFromD<D>* out, bool add) {
  using T = hn::TFromD<D>;
#if HWY_TARGET != HWY_SCALAR
  constexpr int kAtOnce = 16 / sizeof(T);
  if constexpr (N % kAtOnce == 0) {
    repeat<N / kAtOnce>([&](auto k) SIGMAX_INLINE_LAMBDA {
      const hn::Vec<D>* four = s + k * kAtOnce;
      const auto both = [&](int i) SIGMAX_INLINE_LAMBDA {
        return hn::Add(hn::InterleaveLower(d, four[i], four[i + 1]), hn::InterleaveUpper(d, four[i], four[i + 1]));
      };
      hn::Vec<D> sums = both(0);
      if constexpr (kAtOnce == 4) {
        const hn::Repartition<double, D> wide;
        const auto low = hn::BitCast(wide, sums), high = hn::BitCast(wide, both(2));
        sums = hn::Add(hn::BitCast(d, hn::InterleaveLower(wide, low, high)),
                       hn::BitCast(d, hn::InterleaveUpper(wide, low, high)));
      }
      auto total = sum_blocks(d, sums);
      const hn::CappedTag<T, kAtOnce> block;
      T* to = out + k * kAtOnce;
      if (add) total = hn::Add(total, hn::LoadU(block, to));
      hn::StoreU(total, block, to);
    });
    return;
  }
#endif
  for (int k = 0; k < N; ++k) {
    const T sum = hn::GetLane(hn::SumOfLanes(d, s[k]));
    out[k] = add ? out[k] + sum : sum;
  }
}

// t[r + c t_stride] = or += a_r . x_c for R rows of n elements and C vectors.
template <int R, int C, class S, class T>
HWY_INLINE void dot_rows(const S* HWY_RESTRICT a, std::int64_t stride, std::int64_t n, const T* HWY_RESTRICT x,
                         std::int64_t x_stride, T* HWY_RESTRICT t, std::int64_t t_stride, bool add) {
  const hn::ScalableTag<T> d;
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  // A second set of accumulators where one set would make multiplications wait for each other.
  constexpr int kSets = kManyRegisters && R * C <= 8 ? 2 : 1;
  V sums[kSets][C * R];
  repeat<kSets * C * R>([&](auto k) SIGMAX_INLINE_LAMBDA { sums[k / (C * R)][k % (C * R)] = hn::Zero(d); });
  const auto step = [&](const auto& row, const auto& vector) SIGMAX_INLINE_LAMBDA {
    if constexpr (C <= 2) {
      Pair<D> v[C];
      repeat<C>([&](auto c) SIGMAX_INLINE_LAMBDA { v[c] = vector(c); });
      repeat<R>([&](auto r) SIGMAX_INLINE_LAMBDA {
        Pair<D> e = row(r);
        if constexpr (C > 1) {
          keep(e.first);
          keep(e.second);
        }
        repeat<C>([&](auto c) SIGMAX_INLINE_LAMBDA {
          V& first = sums[0][c * R + r];
          first = hn::MulAdd(e.first, v[c].first, first);
          V& second = sums[kSets - 1][c * R + r];
          second = hn::MulAdd(e.second, v[c].second, second);
        });
      });
    } else {
      Pair<D> e[R];
      repeat<R>([&](auto r) SIGMAX_INLINE_LAMBDA { e[r] = row(r); });
      repeat<C>([&](auto c) SIGMAX_INLINE_LAMBDA {
        const Pair<D> v = vector(c);
        repeat<R>([&](auto r) SIGMAX_INLINE_LAMBDA {
          V& first = sums[0][c * R + r];
          first = hn::MulAdd(e[r].first, v.first, first);
          V& second = sums[kSets - 1][c * R + r];
          second = hn::MulAdd(e[r].second, v.second, second);
        });
      });
    }
  };
  std::int64_t j = 0;
  for (; j + 2 * lanes <= n; j += 2 * lanes) {
    step([&](auto r) SIGMAX_INLINE_LAMBDA { return load_pair(d, a + r * stride + j); },
         [&](auto c) SIGMAX_INLINE_LAMBDA -> Pair<D> {
           const T* from = x + c * x_stride + j;
           return {hn::LoadU(d, from), hn::LoadU(d, from + lanes)};
         });
  }
  if (j < n) {
    step([&](auto r) SIGMAX_INLINE_LAMBDA { return load_pair_some(d, a + r * stride + j, n - j); },
         [&](auto c) SIGMAX_INLINE_LAMBDA -> Pair<D> {
           const T* from = x + c * x_stride + j;
           if constexpr (kArranged<S>) return {hn::LoadU(d, from), hn::LoadU(d, from + lanes)};
           return load_pair_some(d, from, n - j);
         });
  }
  if constexpr (kSets == 2) {
    repeat<C * R>([&](auto k) SIGMAX_INLINE_LAMBDA { sums[0][k] = hn::Add(sums[0][k], sums[1][k]); });
  }
  repeat<C>([&](auto c) SIGMAX_INLINE_LAMBDA { sum_lanes<R>(d, &sums[0][c * R], t + c * t_stride, add); });
}

// dot_rows for any number of rows.
template <int C, class S, class T>
HWY_NOINLINE void dot_all_rows(const S* HWY_RESTRICT a, std::int64_t stride, std::int64_t rows, std::int64_t n,
                               const T* HWY_RESTRICT x, std::int64_t x_stride, T* HWY_RESTRICT t, std::int64_t t_stride,
                               bool add) {
  constexpr int R = kRowsAtOnce<C>;
  std::int64_t i = 0;
  for (; i + R <= rows; i += R) dot_rows<R, C>(a + i * stride, stride, n, x, x_stride, t + i, t_stride, add);
  if constexpr (R > 4) {
    for (; i + 4 <= rows; i += 4) dot_rows<4, C>(a + i * stride, stride, n, x, x_stride, t + i, t_stride, add);
  }
  for (; i < rows; ++i) dot_rows<1, C>(a + i * stride, stride, n, x, x_stride, t + i, t_stride, add);
}

// The next rows to be read, as many as the current ones. They are fetched into the first-level cache if they are needed
// `soon`, otherwise into the second; none if null.
template <class S>
struct Next {
  const S* rows = nullptr;
  bool soon = false;
};

// Elements [j, j + 2 P Lanes) of w_c = or += sum_r t[r + c t_stride] a_r: the sums stay in registers over all rows. The
// same elements of the next rows are fetched meanwhile.
template <int P, int C, class S, class T>
HWY_INLINE void add_tile(const S* HWY_RESTRICT a, std::int64_t stride, std::int64_t rows, const T* HWY_RESTRICT t,
                         std::int64_t t_stride, T* HWY_RESTRICT w, std::int64_t w_stride, bool add, Next<S> next) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<hn::ScalableTag<T>>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sums[2 * P * C];
  repeat<2 * P * C>([&](auto k) SIGMAX_INLINE_LAMBDA { sums[k] = hn::Zero(d); });
  for (std::int64_t r = 0; r < rows; ++r) {
    if (next.rows != nullptr) {
      constexpr auto kBytes = static_cast<int>(2 * P * hn::MaxLanes(d) * sizeof(S));
      const char* line = reinterpret_cast<const char*>(next.rows + r * stride);
      if (next.soon) {
        repeat<(kBytes + 63) / 64>([&](auto k) SIGMAX_INLINE_LAMBDA { __builtin_prefetch(line + k * 64, 0, 3); });
      } else {
        repeat<(kBytes + 63) / 64>([&](auto k) SIGMAX_INLINE_LAMBDA { __builtin_prefetch(line + k * 64, 0, 2); });
      }
    }
    V weight[C];
    repeat<C>([&](auto c) SIGMAX_INLINE_LAMBDA { weight[c] = hn::Set(d, t[r + c * t_stride]); });
    repeat<P>([&](auto p) SIGMAX_INLINE_LAMBDA {
      const auto e = load_pair(d, a + r * stride + 2 * p * lanes);
      repeat<C>([&](auto c) SIGMAX_INLINE_LAMBDA {
        V& first = sums[(2 * p) * C + c];
        first = hn::MulAdd(e.first, weight[c], first);
        V& second = sums[(2 * p + 1) * C + c];
        second = hn::MulAdd(e.second, weight[c], second);
      });
    });
  }
  repeat<2 * P * C>([&](auto k) SIGMAX_INLINE_LAMBDA {
    T* to = w + (k % C) * w_stride + (k / C) * lanes;
    hn::StoreU(add ? hn::Add(sums[k], hn::LoadU(d, to)) : sums[k], d, to);
  });
}

// w_c[j] = or += sum_r t[r + c t_stride] a_r[j] for R rows and the elements before the last, incomplete pair of
// vectors; returns their number. The weights stay in registers. When the sums are added to w, the same elements of the
// next rows are fetched meanwhile.
template <int R, int C, class S, class T>
HWY_INLINE std::int64_t add_pairs(const S* HWY_RESTRICT a, std::int64_t stride, std::int64_t n, const T* HWY_RESTRICT t,
                                  std::int64_t t_stride, T* HWY_RESTRICT w, std::int64_t w_stride, bool add,
                                  Next<S> next) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<hn::ScalableTag<T>>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V weight[R * C];
  repeat<R * C>([&](auto k) SIGMAX_INLINE_LAMBDA { weight[k] = hn::Set(d, t[k / C + (k % C) * t_stride]); });
  const auto run = [&](const auto& start, const auto& fetch) SIGMAX_INLINE_LAMBDA {
    std::int64_t j = 0;
    for (; j + 2 * lanes <= n; j += 2 * lanes) {
      V sums[2 * C];
      repeat<R>([&](auto r) SIGMAX_INLINE_LAMBDA {
        fetch(r * stride + j);
        auto e = load_pair(d, a + r * stride + j);
        keep(e.first);
        keep(e.second);
        repeat<C>([&](auto c) SIGMAX_INLINE_LAMBDA {
          V& first = sums[2 * c];
          V& second = sums[2 * c + 1];
          first = r == 0 ? hn::Mul(e.first, weight[r * C + c]) : hn::MulAdd(e.first, weight[r * C + c], first);
          second = r == 0 ? hn::Mul(e.second, weight[r * C + c]) : hn::MulAdd(e.second, weight[r * C + c], second);
        });
      });
      repeat<2 * C>([&](auto k) SIGMAX_INLINE_LAMBDA {
        T* to = w + (k / 2) * w_stride + j + (k % 2) * lanes;
        hn::StoreU(start(sums[k], to), d, to);
      });
    }
    return j;
  };
  constexpr auto kLines = static_cast<int>((2 * hn::MaxLanes(d) * sizeof(S) + 63) / 64);
  const auto line_of = [&](std::int64_t element, int line) SIGMAX_INLINE_LAMBDA {
    return reinterpret_cast<const char*>(next.rows + element) + line * 64;
  };
  const auto first_level = [&](std::int64_t element) SIGMAX_INLINE_LAMBDA {
    repeat<kLines>([&](auto k) SIGMAX_INLINE_LAMBDA { __builtin_prefetch(line_of(element, k), 0, 3); });
  };
  const auto second_level = [&](std::int64_t element) SIGMAX_INLINE_LAMBDA {
    repeat<kLines>([&](auto k) SIGMAX_INLINE_LAMBDA { __builtin_prefetch(line_of(element, k), 0, 2); });
  };
  const auto none = [](std::int64_t) SIGMAX_INLINE_LAMBDA {};
  const auto added = [&](V sum, const T* to) SIGMAX_INLINE_LAMBDA { return hn::Add(sum, hn::LoadU(d, to)); };
  const auto alone = [](V sum, const T*) SIGMAX_INLINE_LAMBDA { return sum; };
  if (!add) return run(alone, none);
  if (next.rows == nullptr) return run(added, none);
  return next.soon ? run(added, first_level) : run(added, second_level);
}

// The last `count` < 2 Lanes(d) elements.
template <int C, class S, class T>
HWY_INLINE void add_last(const S* HWY_RESTRICT a, std::int64_t stride, std::int64_t rows, std::int64_t count,
                         const T* HWY_RESTRICT t, std::int64_t t_stride, T* HWY_RESTRICT w, std::int64_t w_stride,
                         bool add) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<hn::ScalableTag<T>>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sums[2 * C];
  repeat<2 * C>([&](auto k) SIGMAX_INLINE_LAMBDA { sums[k] = hn::Zero(d); });
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto e = load_pair_some(d, a + r * stride, count);
    repeat<C>([&](auto c) SIGMAX_INLINE_LAMBDA {
      const V weight = hn::Set(d, t[r + c * t_stride]);
      sums[2 * c] = hn::MulAdd(e.first, weight, sums[2 * c]);
      sums[2 * c + 1] = hn::MulAdd(e.second, weight, sums[2 * c + 1]);
    });
  }
  repeat<2 * C>([&](auto k) SIGMAX_INLINE_LAMBDA {
    T* to = w + (k / 2) * w_stride + (k % 2) * lanes;
    const std::int64_t here = count - (k % 2) * lanes;
    if (kArranged<S> || here >= lanes) {
      hn::StoreU(add ? hn::Add(sums[k], hn::LoadU(d, to)) : sums[k], d, to);
    } else if (here > 0) {
      store_first(d, add ? hn::Add(sums[k], load_first(d, to, here)) : sums[k], to, here);
    }
  });
}

// w_c[j] = or += sum_r t[r + c t_stride] a_r[j] for n elements of `rows` rows: tile by tile.
template <int C, class S, class T>
HWY_NOINLINE void add_tiles(const S* HWY_RESTRICT a, std::int64_t stride, std::int64_t rows, std::int64_t n,
                            const T* HWY_RESTRICT t, std::int64_t t_stride, T* HWY_RESTRICT w, std::int64_t w_stride,
                            bool add, Next<S> next) {
  const auto pair = 2 * static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  constexpr int kAccumulators = kManyRegisters ? 16 : 8;
  constexpr int P = C == 1 ? 4 : kAccumulators / (2 * C) > 4 ? 4 : kAccumulators / (2 * C);
  const auto at = [&](std::int64_t j) { return Next<S>{next.rows == nullptr ? nullptr : next.rows + j, next.soon}; };
  std::int64_t j = 0;
  for (; j + P * pair <= n; j += P * pair) {
    add_tile<P, C>(a + j, stride, rows, t, t_stride, w + j, w_stride, add, at(j));
  }
  if constexpr (P > 1) {
    for (; j + pair <= n; j += pair) add_tile<1, C>(a + j, stride, rows, t, t_stride, w + j, w_stride, add, at(j));
  }
  if (j < n) add_last<C>(a + j, stride, rows, n - j, t, t_stride, w + j, w_stride, add);
}

// w_c[j] = or += sum_r t[r + c t_stride] a_r[j] for n elements of R rows.
template <int R, int C, class S, class T>
HWY_NOINLINE void add_some_rows(const S* HWY_RESTRICT a, std::int64_t stride, std::int64_t n, const T* HWY_RESTRICT t,
                                std::int64_t t_stride, T* HWY_RESTRICT w, std::int64_t w_stride, bool add,
                                Next<S> next) {
  const std::int64_t j = add_pairs<R, C>(a, stride, n, t, t_stride, w, w_stride, add, next);
  if (j < n) add_last<C>(a + j, stride, R, n - j, t, t_stride, w + j, w_stride, add);
}

// As above for any number of rows > 0. With two columns: a few rows at a time, with their weights in registers.
template <int C, class S, class T>
HWY_INLINE void add_rows(const S* HWY_RESTRICT a, std::int64_t stride, std::int64_t rows, std::int64_t n,
                         const T* HWY_RESTRICT t, std::int64_t t_stride, T* HWY_RESTRICT w, std::int64_t w_stride,
                         bool add, Next<S> next) {
  if constexpr (C != 2) {
    add_tiles<C>(a, stride, rows, n, t, t_stride, w, w_stride, add, next);
  } else {
    std::int64_t i = 0;
    const auto some = [&](auto count) SIGMAX_INLINE_LAMBDA {
      const Next<S> below{next.rows == nullptr ? nullptr : next.rows + i * stride, next.soon};
      add_some_rows<count, C>(a + i * stride, stride, n, t + i, t_stride, w, w_stride, add || i > 0, below);
      i += count;
    };
    while (i + kWeightedRows <= rows) some(std::integral_constant<int, kWeightedRows>());
    if constexpr (kWeightedRows > 4) {
      if (i + 4 <= rows) some(std::integral_constant<int, 4>());
    }
    while (i < rows) some(std::integral_constant<int, 1>());
  }
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
