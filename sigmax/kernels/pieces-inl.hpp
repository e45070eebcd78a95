// The source of pieces_f64.cpp, pieces_f32.cpp, pieces_f16.cpp and pieces_bf16.cpp. They say in SIGMAX_KERNELS_STORED
// which type is stored, and in SIGMAX_KERNELS_DTYPE how core/ calls it. Internal to kernels/.
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
namespace {  // four sources have these names

using Stored = SIGMAX_KERNELS_STORED;

template <class T>
using In = MatrixView<const T>;
template <class T>
using Out = MatrixView<T>;

HWY_INLINE const Stored* first_of(const StoredMatrix& a) { return reinterpret_cast<const Stored*>(a.data); }

// Rows that are used again before the next ones are read: in the first-level cache where at least four of them take
// half of it, or else in the second level, which has 256 KiB at least and 1 MiB or more where it matters. The next
// block is fetched meanwhile, so that there is room for two. With several columns the arithmetic hides what a larger
// block of long rows would save in partial sums, and few rows do not drive the vectors out of the first level
// (measured: docs/adr/0016-fused-products.md).
inline constexpr std::int64_t kNearBytes = std::int64_t{16} << 10;
inline constexpr std::int64_t kBlockBytes = std::int64_t{192} << 10;
inline constexpr std::int64_t kMostBlockRows = 64;
inline constexpr std::int64_t kLongRowBytes = std::int64_t{8} << 10;
// Rows whose weighted sums stay in registers at their first read: this many streams are read at once.
inline constexpr std::int64_t kStreams = 8;

// f(first column, constant number of columns) until all are served.
template <class F>
HWY_INLINE void each_width(std::int64_t columns, const F& f) {
  std::int64_t c = 0;
  if constexpr (kMostColumns >= 8) {
    for (; c + 8 <= columns; c += 8) f(c, std::integral_constant<int, 8>());
  }
  if constexpr (kMostColumns >= 4) {
    for (; c + 4 <= columns; c += 4) f(c, std::integral_constant<int, 4>());
    for (; c + 2 <= columns; c += 2) f(c, std::integral_constant<int, 2>());
  }
  for (; c < columns; ++c) f(c, std::integral_constant<int, 1>());
}

HWY_INLINE std::int64_t block_rows(const StoredMatrix& a, std::int64_t width) {
  const std::int64_t row_bytes = a.columns * static_cast<std::int64_t>(sizeof(Stored));
  const std::int64_t near = kNearBytes / row_bytes;
  if (near >= 4) return near < 8 ? 4 : std::min(near / 8 * 8, kMostBlockRows);
  if (width > 1) return row_bytes < kLongRowBytes ? 8 : 4;
  return std::max<std::int64_t>(kBlockBytes / row_bytes / 8 * 8, 8);
}

// f(first row, rows) for blocks of at most `most` rows.
template <class F>
HWY_INLINE void each_block(std::int64_t rows, std::int64_t most, const F& f) {
  for (std::int64_t i = 0; i < rows; i += most) f(i, std::min(most, rows - i));
}

// t = rows x for all columns of x.
template <class T>
HWY_INLINE void dots(const Stored* rows, std::int64_t stride, std::int64_t count, std::int64_t n, In<T> x, T* t,
                     std::int64_t t_stride, bool add) {
  each_width(x.columns, [&](std::int64_t c, auto width) SIGMAX_INLINE_LAMBDA {
    dot_all_rows<width>(rows, stride, count, n, x.data + c * x.stride, x.stride, t + c * t_stride, t_stride, add);
  });
}

// w = rows^T t or w += rows^T t for all columns of w, while `next` are fetched.
template <class T>
HWY_INLINE void sums(const Stored* rows, std::int64_t stride, std::int64_t count, std::int64_t n, const T* t,
                     std::int64_t t_stride, Out<T> w, bool add, Next<Stored> next = {}) {
  each_width(w.columns, [&](std::int64_t c, auto width) SIGMAX_INLINE_LAMBDA {
    add_rows<width>(rows, stride, count, n, t + c * t_stride, t_stride, w.data + c * w.stride, w.stride, add,
                    c == 0 ? next : Next<Stored>{});
  });
}

template <class T>
void multiply_here(const StoredMatrix& a, In<T> x, Out<T> y, bool add) {
  each_block(a.rows, block_rows(a, 1), [&](std::int64_t i, std::int64_t count) {
    dots(first_of(a) + i * a.stride, a.stride, count, a.columns, x, y.data + i, y.stride, add);
  });
}

template <class T>
void transposed_here(const StoredMatrix& a, In<T> y, Out<T> w) {
  each_block(a.rows, kStreams, [&](std::int64_t i, std::int64_t count) {
    sums(first_of(a) + i * a.stride, a.stride, count, a.columns, y.data + i, y.stride, w, i > 0);
  });
}

// for each block of rows that fits the cache:
//   t = block x                    read from memory
//   w += block^T t                 read from the cache, while the next block is fetched
template <class T>
void gram_here(const StoredMatrix& a, In<T> x, Out<T> y, Out<T> w) {
  HWY_ALIGN T local[kMostBlockRows * kColumnsARead];
  const std::int64_t most = block_rows(a, x.columns);
  const bool soon = 8 * a.columns * static_cast<std::int64_t>(sizeof(Stored)) <= kNearBytes;
  each_block(a.rows, most, [&](std::int64_t i, std::int64_t count) {
    const Stored* rows = first_of(a) + i * a.stride;
    T* t = y.data == nullptr ? local : y.data + i;
    const std::int64_t t_stride = y.data == nullptr ? kMostBlockRows : y.stride;
    dots(rows, a.stride, count, a.columns, x, t, t_stride, false);
    Next<Stored> next;
    if (i + 2 * count <= a.rows) next = {rows + count * a.stride, soon};
    sums(rows, a.stride, count, a.columns, t, t_stride, w, i > 0, next);
  });
}

// for each panel of columns, of all rows:
//   t = panel^T y                  read from memory
//   z += panel t                   read from the cache if the caller saw to it that the panel fits
template <class T>
void outer_here(const StoredMatrix& a, In<T> y, Out<T> z) {
  HWY_ALIGN T t[kPanelColumns * kColumnsARead];
  for (std::int64_t j = 0; j < a.columns; j += kPanelColumns) {
    const std::int64_t n = std::min(kPanelColumns, a.columns - j);
    each_block(a.rows, kStreams, [&](std::int64_t i, std::int64_t count) {
      const Stored* rows = first_of(a) + i * a.stride + j;
      sums(rows, a.stride, count, n, y.data + i, y.stride, Out<T>(t, kPanelColumns, y.columns), i > 0);
    });
    dots(first_of(a) + j, a.stride, a.rows, n, In<T>(t, kPanelColumns, y.columns), z.data, z.stride, j > 0);
  }
}

template <class T>
constexpr PieceProducts<T> kProducts = {multiply_here<T>, transposed_here<T>, gram_here<T>, outer_here<T>};

const PieceProducts<float>* in_float() { return &kProducts<float>; }
const PieceProducts<double>* in_double() { return &kProducts<double>; }

}  // namespace
}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard

#if HWY_ONCE
namespace sigmax::kernels {

HWY_EXPORT(in_float);
HWY_EXPORT(in_double);

template <>
const PieceProducts<float>& stored_products<SIGMAX_KERNELS_DTYPE, float>() {
  return *HWY_DYNAMIC_DISPATCH(in_float)();
}
template <>
const PieceProducts<double>& stored_products<SIGMAX_KERNELS_DTYPE, double>() {
  return *HWY_DYNAMIC_DISPATCH(in_double)();
}

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
