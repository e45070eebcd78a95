#include "sigmax/kernels/absolute.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sigmax/core/error.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/absolute.cpp"
#include <hwy/foreach_target.h>
//
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/load-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

// Four rows at once: x and w are read once for four rows, and four sums hide the latency of the additions.
constexpr int kRowsTogether = 4;

// t[r] = |a_r| . x for R rows of n elements.
template <int R, class T>
HWY_INLINE void dot_absolute(const T* HWY_RESTRICT a, std::int64_t stride, std::int64_t n, const double* HWY_RESTRICT x,
                             double* HWY_RESTRICT t) {
  const F64 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  VecF64 s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  std::int64_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    const VecF64 v = hn::LoadU(d, x + j);
    s0 = hn::MulAdd(hn::Abs(load(d, a + j)), v, s0);
    if constexpr (R > 1) {
      s1 = hn::MulAdd(hn::Abs(load(d, a + stride + j)), v, s1);
      s2 = hn::MulAdd(hn::Abs(load(d, a + 2 * stride + j)), v, s2);
      s3 = hn::MulAdd(hn::Abs(load(d, a + 3 * stride + j)), v, s3);
    }
  }
  const VecF64 sums[kRowsTogether] = {s0, s1, s2, s3};
  for (int r = 0; r < R; ++r) t[r] = hn::GetLane(hn::SumOfLanes(d, sums[r]));
  for (; j < n; ++j) {
    for (int r = 0; r < R; ++r) t[r] += std::fabs(load_one(a + r * stride + j)) * x[j];
  }
}

// w += sum_r t[r] |a_r| for R rows of n elements.
template <int R, class T>
HWY_INLINE void add_absolute(const T* HWY_RESTRICT a, std::int64_t stride, std::int64_t n, const double* HWY_RESTRICT t,
                             double* HWY_RESTRICT w) {
  const F64 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  VecF64 t0 = hn::Set(d, t[0]), t1 = t0, t2 = t0, t3 = t0;
  if constexpr (R > 1) {
    t1 = hn::Set(d, t[1]);
    t2 = hn::Set(d, t[2]);
    t3 = hn::Set(d, t[3]);
  }
  std::int64_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    VecF64 sum = hn::MulAdd(hn::Abs(load(d, a + j)), t0, hn::LoadU(d, w + j));
    if constexpr (R > 1) {
      VecF64 other = hn::Mul(hn::Abs(load(d, a + stride + j)), t1);
      sum = hn::MulAdd(hn::Abs(load(d, a + 2 * stride + j)), t2, sum);
      other = hn::MulAdd(hn::Abs(load(d, a + 3 * stride + j)), t3, other);
      sum = hn::Add(sum, other);
    }
    hn::StoreU(sum, d, w + j);
  }
  for (; j < n; ++j) {
    for (int r = 0; r < R; ++r) w[j] += t[r] * std::fabs(load_one(a + r * stride + j));
  }
}

void absolute_rows(const StoredMatrix& a, const double* x, double* y) {
  with_type(a, [&](const auto* first) {
    std::int64_t i = 0;
    for (; i + kRowsTogether <= a.rows; i += kRowsTogether) {
      dot_absolute<kRowsTogether>(first + i * a.stride, a.stride, a.columns, x, y + i);
    }
    for (; i < a.rows; ++i) dot_absolute<1>(first + i * a.stride, a.stride, a.columns, x, y + i);
  });
}

void add_absolute_rows(const StoredMatrix& a, const double* y, double* w) {
  with_type(a, [&](const auto* first) {
    std::int64_t i = 0;
    for (; i + kRowsTogether <= a.rows; i += kRowsTogether) {
      add_absolute<kRowsTogether>(first + i * a.stride, a.stride, a.columns, y + i, w);
    }
    for (; i < a.rows; ++i) add_absolute<1>(first + i * a.stride, a.stride, a.columns, y + i, w);
  });
}

// w += sum_i (|a_i| . x) |a_i|. Each row is used for both products while it is in cache.
void add_absolute_gram(const StoredMatrix& a, const double* x, double* w) {
  with_type(a, [&](const auto* first) {
    double t[kRowsTogether];
    std::int64_t i = 0;
    for (; i + kRowsTogether <= a.rows; i += kRowsTogether) {
      dot_absolute<kRowsTogether>(first + i * a.stride, a.stride, a.columns, x, t);
      add_absolute<kRowsTogether>(first + i * a.stride, a.stride, a.columns, t, w);
    }
    for (; i < a.rows; ++i) {
      dot_absolute<1>(first + i * a.stride, a.stride, a.columns, x, t);
      add_absolute<1>(first + i * a.stride, a.stride, a.columns, t, w);
    }
  });
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sigmax::kernels {
namespace {

HWY_EXPORT(absolute_rows);
HWY_EXPORT(add_absolute_rows);
HWY_EXPORT(add_absolute_gram);

constexpr std::int64_t kPieceElements = std::int64_t{1} << 17;
constexpr std::int64_t kMostPieces = 16;

void require(const StoredMatrix& a, std::size_t in, std::int64_t in_wanted, std::size_t out, std::int64_t out_wanted) {
  if (!is_real(a.dtype)) throw Error(fmt::format("[absolute] {} does not store real numbers", name(a.dtype)));
  if (static_cast<std::int64_t>(in) != in_wanted || static_cast<std::int64_t>(out) != out_wanted) {
    throw Error(fmt::format("[absolute] a {}x{} matrix takes {} entries to {}, got {} to {}", a.rows, a.columns,
                            in_wanted, out_wanted, in, out));
  }
}

std::int64_t piece_count(const StoredMatrix& a) {
  return std::clamp<std::int64_t>(std::min(a.size() / kPieceElements, a.rows / 8), 1, kMostPieces);
}

// Calls body(piece number, its rows, its first row) for every piece.
template <class Body>
void for_each_piece(const StoredMatrix& a, Context& context, const Body& body) {
  const std::int64_t count = piece_count(a);
  context.parallel_for(static_cast<std::size_t>(count), [&](std::size_t p) {
    const std::int64_t first = a.rows * static_cast<std::int64_t>(p) / count;
    const std::int64_t last = a.rows * static_cast<std::int64_t>(p + 1) / count;
    body(p, a.row_range(first, last - first), first);
  });
}

// Calls add(rows, first row, partial sums of `columns` entries) for every piece and adds the partial sums to `out` in
// order.
template <class Add>
void sum_over_pieces(const StoredMatrix& a, std::span<double> out, Context& context, const Add& add) {
  std::fill(out.begin(), out.end(), 0.0);
  if (a.size() == 0) return;
  const auto count = static_cast<std::size_t>(piece_count(a));
  if (count == 1) return add(a, 0, out.data());
  const std::size_t n = out.size();
  auto partial = context.scratch<double>(n * count);
  for_each_piece(a, context, [&](std::size_t p, const StoredMatrix& rows, std::int64_t first) {
    std::fill(partial.data() + p * n, partial.data() + (p + 1) * n, 0.0);
    add(rows, first, partial.data() + p * n);
  });
  for (std::size_t p = 0; p < count; ++p) {
    for (std::size_t j = 0; j < n; ++j) out[j] += partial[p * n + j];
  }
}

}  // namespace

void absolute_multiply(const StoredMatrix& a, std::span<const double> x, std::span<double> y, Context& context) {
  const FloatingEnvironment environment;
  require(a, x.size(), a.columns, y.size(), a.rows);
  if (a.size() == 0) return std::fill(y.begin(), y.end(), 0.0);
  for_each_piece(a, context, [&](std::size_t, const StoredMatrix& rows, std::int64_t first) {
    HWY_DYNAMIC_DISPATCH(absolute_rows)(rows, x.data(), y.data() + first);
  });
}

void absolute_multiply_transposed(const StoredMatrix& a, std::span<const double> y, std::span<double> x,
                                  Context& context) {
  const FloatingEnvironment environment;
  require(a, y.size(), a.rows, x.size(), a.columns);
  sum_over_pieces(a, x, context, [&](const StoredMatrix& rows, std::int64_t first, double* sum) {
    HWY_DYNAMIC_DISPATCH(add_absolute_rows)(rows, y.data() + first, sum);
  });
}

void absolute_gram(const StoredMatrix& a, std::span<const double> x, std::span<double> z, Context& context) {
  const FloatingEnvironment environment;
  require(a, x.size(), a.columns, z.size(), a.columns);
  sum_over_pieces(a, z, context, [&](const StoredMatrix& rows, std::int64_t, double* sum) {
    HWY_DYNAMIC_DISPATCH(add_absolute_gram)(rows, x.data(), sum);
  });
}

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
