// The shared source of pieces_float.cpp and pieces_double.cpp, which set SIGMAX_KERNELS_SUM to the type of the sums.
#include "sigmax/kernels/pieces.hpp"

#if defined(SIGMAX_KERNELS_PIECES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SIGMAX_KERNELS_PIECES_INL
#undef SIGMAX_KERNELS_PIECES_INL
#else
#define SIGMAX_KERNELS_PIECES_INL
#endif

#include <algorithm>
#include <type_traits>

#include "sigmax/kernels/rows-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

using Sum = SIGMAX_KERNELS_SUM;
using In = MatrixView<const Sum>;
using Out = MatrixView<Sum>;

// A block of rows that are used again before the next ones are read. It is kept in the first-level cache if half of
// that holds at least four rows, otherwise in the second level, which has at least 256 KiB, and 1 MiB or more where it
// matters. There is room for two blocks, because the next one is fetched meanwhile. With several columns the blocks of
// long rows are small: arithmetic hides the partial sums that a larger block would save, and few rows do not drive the
// vectors out of the first level (measured: docs/adr/0016-fused-products.md).
inline constexpr std::int64_t kNearBytes = std::int64_t{16} << 10;
inline constexpr std::int64_t kBlockBytes = std::int64_t{192} << 10;
inline constexpr std::int64_t kMostBlockRows = 64;
inline constexpr std::int64_t kLongRowBytes = std::int64_t{8} << 10;
// Rows whose weights for the sums stay in registers when rows are read for the first time: this many streams at once.
inline constexpr std::int64_t kStreams = 8;

// Calls f(first column, constant number of columns) until all columns are served.
template <class F>
HWY_INLINE void each_width(std::int64_t columns, const F& f) {
  std::int64_t c = 0;
  if constexpr (kMostColumns >= 8) {
    for (; c + 8 <= columns; c += 8) f(c, std::integral_constant<int, 8>());
  }
  for (; c + 4 <= columns; c += 4) f(c, std::integral_constant<int, 4>());
  for (; c + 2 <= columns; c += 2) f(c, std::integral_constant<int, 2>());
  for (; c < columns; ++c) f(c, std::integral_constant<int, 1>());
}

HWY_INLINE std::int64_t block_rows(const StoredMatrix& a, std::int64_t width) {
  const std::int64_t row_bytes = a.columns * static_cast<std::int64_t>(size_of(a.dtype));
  const std::int64_t near = kNearBytes / row_bytes;
  if (near >= 4) return near < 8 ? 4 : std::min(near / 8 * 8, kMostBlockRows);
  if (width > 1) return row_bytes < kLongRowBytes ? 8 : 4;
  return std::max<std::int64_t>(kBlockBytes / row_bytes / 8 * 8, 8);
}

// Calls f(first row, number of rows) for blocks of at most `most` rows.
template <class F>
HWY_INLINE void each_block(std::int64_t rows, std::int64_t most, const F& f) {
  for (std::int64_t i = 0; i < rows; i += most) f(i, std::min(most, rows - i));
}

// t = rows x for all columns of x.
template <class S>
HWY_INLINE void dots(const S* rows, std::int64_t stride, std::int64_t count, std::int64_t n, In x, Sum* t,
                     std::int64_t t_stride, bool add) {
  each_width(x.columns, [&](std::int64_t c, auto width) SIGMAX_INLINE_LAMBDA {
    dot_all_rows<width>(rows, stride, count, n, x.data + c * x.stride, x.stride, t + c * t_stride, t_stride, add);
  });
}

// w = rows^T t or w += rows^T t for all columns of w, while the rows of `next` are fetched.
template <class S>
HWY_INLINE void sums(const S* rows, std::int64_t stride, std::int64_t count, std::int64_t n, const Sum* t,
                     std::int64_t t_stride, Out w, bool add, Next<S> next = {}) {
  each_width(w.columns, [&](std::int64_t c, auto width) SIGMAX_INLINE_LAMBDA {
    add_rows<width>(rows, stride, count, n, t + c * t_stride, t_stride, w.data + c * w.stride, w.stride, add,
                    c == 0 ? next : Next<S>{});
  });
}

void multiply_here(const StoredMatrix& a, In x, Out y, bool add) {
  with_type(a, [&](const auto* first) {
    each_block(a.rows, block_rows(a, 1), [&](std::int64_t i, std::int64_t count) {
      dots(first + i * a.stride, a.stride, count, a.columns, x, y.data + i, y.stride, add);
    });
  });
}

void transposed_here(const StoredMatrix& a, In y, Out w) {
  with_type(a, [&](const auto* first) {
    each_block(a.rows, kStreams, [&](std::int64_t i, std::int64_t count) {
      const auto* rows = first + i * a.stride;
      sums(rows, a.stride, count, a.columns, y.data + i, y.stride, w, i > 0);
    });
  });
}

// for each block of rows that fits the cache:
//   t = block x                    read from memory
//   w += block^T t                 read from the cache, while the next block is fetched
void gram_here(const StoredMatrix& a, In x, Out y, Out w) {
  HWY_ALIGN Sum local[kMostBlockRows * kColumnsARead];
  with_type(a, [&](const auto* first) {
    const std::int64_t most = block_rows(a, x.columns);
    const bool soon = 8 * a.columns * static_cast<std::int64_t>(size_of(a.dtype)) <= kNearBytes;
    each_block(a.rows, most, [&](std::int64_t i, std::int64_t count) {
      const auto* rows = first + i * a.stride;
      Sum* t = y.data == nullptr ? local : y.data + i;
      const std::int64_t t_stride = y.data == nullptr ? kMostBlockRows : y.stride;
      dots(rows, a.stride, count, a.columns, x, t, t_stride, false);
      Next<std::remove_cv_t<std::remove_pointer_t<decltype(rows)>>> next;
      if (i + 2 * count <= a.rows) next = {rows + count * a.stride, soon};
      sums(rows, a.stride, count, a.columns, t, t_stride, w, i > 0, next);
    });
  });
}

// for each panel of columns, of all rows:
//   t = panel^T y                  read from memory
//   z += panel t                   read from the cache if the caller has ensured that the panel fits
void outer_here(const StoredMatrix& a, In y, Out z) {
  HWY_ALIGN Sum t[kPanelColumns * kColumnsARead];
  with_type(a, [&](const auto* first) {
    for (std::int64_t j = 0; j < a.columns; j += kPanelColumns) {
      const std::int64_t n = std::min(kPanelColumns, a.columns - j);
      each_block(a.rows, kStreams, [&](std::int64_t i, std::int64_t count) {
        const auto* rows = first + i * a.stride + j;
        sums(rows, a.stride, count, n, y.data + i, y.stride, Out(t, kPanelColumns, y.columns), i > 0);
      });
      dots(first + j, a.stride, a.rows, n, In(t, kPanelColumns, y.columns), z.data, z.stride, j > 0);
    }
  });
}

void arrange_here(In x, Out arranged) {
  const hn::ScalableTag<Sum> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t c = 0; c < x.columns; ++c) {
    const Sum* from = x.data + c * x.stride;
    Sum* to = arranged.data + c * arranged.stride;
    std::int64_t j = 0;
    for (; j + 2 * lanes <= x.rows; j += 2 * lanes) {
      hn::Vec<hn::ScalableTag<Sum>> even, odd;
      hn::LoadInterleaved2(d, from + j, even, odd);
      hn::StoreU(even, d, to + j);
      hn::StoreU(odd, d, to + j + lanes);
    }
    std::fill(to + j, to + arranged.rows, Sum(0));
    for (std::int64_t k = 0; j + k < x.rows; ++k) to[j + k / 2 + k % 2 * lanes] = from[j + k];
  }
}

void combine_here(const Sum* parts, std::int64_t count, std::int64_t stride, std::int64_t n, bool arranged, Sum* out) {
  const hn::ScalableTag<Sum> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t j = 0;
  for (; j + 2 * lanes <= n; j += 2 * lanes) {
    auto first = hn::LoadU(d, parts + j);
    auto second = hn::LoadU(d, parts + j + lanes);
    for (std::int64_t p = 1; p < count; ++p) {
      first = hn::Add(first, hn::LoadU(d, parts + p * stride + j));
      second = hn::Add(second, hn::LoadU(d, parts + p * stride + j + lanes));
    }
    if (arranged) {
      hn::StoreInterleaved2(first, second, d, out + j);
    } else {
      hn::StoreU(first, d, out + j);
      hn::StoreU(second, d, out + j + lanes);
    }
  }
  for (std::int64_t k = 0; j + k < n; ++k) {
    const Sum* from = parts + j + (arranged ? k / 2 + k % 2 * lanes : k);
    Sum sum = *from;
    for (std::int64_t p = 1; p < count; ++p) sum += from[p * stride];
    out[j + k] = sum;
  }
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard

#if HWY_ONCE
namespace sigmax::kernels {

HWY_EXPORT(multiply_here);
HWY_EXPORT(transposed_here);
HWY_EXPORT(gram_here);
HWY_EXPORT(outer_here);
HWY_EXPORT(arrange_here);
HWY_EXPORT(combine_here);

using Sum = SIGMAX_KERNELS_SUM;

void multiply_piece(const StoredMatrix& a, MatrixView<const Sum> x, MatrixView<Sum> y, bool add) {
  HWY_DYNAMIC_DISPATCH(multiply_here)(a, x, y, add);
}
void transposed_piece(const StoredMatrix& a, MatrixView<const Sum> y, MatrixView<Sum> w) {
  HWY_DYNAMIC_DISPATCH(transposed_here)(a, y, w);
}
void gram_piece(const StoredMatrix& a, MatrixView<const Sum> x, MatrixView<Sum> y, MatrixView<Sum> w) {
  HWY_DYNAMIC_DISPATCH(gram_here)(a, x, y, w);
}
void outer_piece(const StoredMatrix& a, MatrixView<const Sum> y, MatrixView<Sum> z) {
  HWY_DYNAMIC_DISPATCH(outer_here)(a, y, z);
}
void arrange(MatrixView<const Sum> x, MatrixView<Sum> arranged) { HWY_DYNAMIC_DISPATCH(arrange_here)(x, arranged); }
void combine(const Sum* parts, std::int64_t count, std::int64_t stride, std::int64_t n, bool arranged, Sum* out) {
  HWY_DYNAMIC_DISPATCH(combine_here)(parts, count, stride, n, arranged, out);
}

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
