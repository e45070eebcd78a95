#include "sigmax/kernels/hermitian.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/hermitian.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "sigmax/core/floating_environment.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::CappedTag<T, 16>;
template <class T>
using Vector = hn::Vec<Tag<T>>;
template <class T>
HWY_INLINE std::int64_t lanes_of() {
  return static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
}

constexpr std::int64_t kRows = kHermitianRows;
constexpr std::int64_t kColumn = 2 * kRows;  // numbers of a column

// Columns whose sums stay in registers together, two vectors each.
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
constexpr int kTile = 8;
#else
constexpr int kTile = 4;
#endif
constexpr int kSolved = 4;  // columns that are solved for together

template <class T, int kPoints>
HWY_INLINE void sums_of(const T* HWY_RESTRICT c, std::int64_t evens, std::int64_t odds, const T* HWY_RESTRICT weights,
                        std::int64_t points, T* HWY_RESTRICT out, std::int64_t out_stride) {
  const Tag<T> d;
  for (std::int64_t lane = 0; lane < kRows; lane += lanes_of<T>()) {
    const T* HWY_RESTRICT from = c + lane;
    const T* HWY_RESTRICT weight = weights;
    for (int part = 0; part < 2; ++part) {
      Vector<T> sum[kPoints];
#pragma GCC unroll 8
      for (int p = 0; p < kPoints; ++p) sum[p] = hn::Zero(d);
      const std::int64_t count = part == 0 ? evens : odds;
      for (std::int64_t q = 0; q < count; ++q, from += kRows, weight += points) {
        const Vector<T> entry = hn::LoadU(d, from);
#pragma GCC unroll 8
        for (int p = 0; p < kPoints; ++p) sum[p] = hn::MulAdd(entry, hn::Set(d, weight[p]), sum[p]);
      }
#pragma GCC unroll 8
      for (int p = 0; p < kPoints; ++p) hn::Store(sum[p], d, out + p * out_stride + part * kRows + lane);
    }
  }
}

template <class T>
HWY_INLINE void all_sums(const T* coefficients, std::int64_t groups, std::int64_t evens, std::int64_t odds,
                         const T* weights, std::int64_t points, T* out, std::int64_t out_stride) {
  for (std::int64_t group = 0; group < groups; ++group) {
    const T* const c = coefficients + group * (evens + odds) * kRows;
    T* to = out + group * kColumn;
    std::int64_t p = 0;
    for (; p + kTile <= points; p += kTile, to += kTile * out_stride) {
      sums_of<T, kTile>(c, evens, odds, weights + p, points, to, out_stride);
    }
    for (; p + 4 <= points; p += 4, to += 4 * out_stride) {
      sums_of<T, 4>(c, evens, odds, weights + p, points, to, out_stride);
    }
    for (; p < points; ++p, to += out_stride) sums_of<T, 1>(c, evens, odds, weights + p, points, to, out_stride);
  }
}

// C -= A B^* for kTile columns of C and one vector of its rows: `terms` columns of A and B, summed on their own first.
template <class T>
HWY_INLINE void subtract_tile(const T* HWY_RESTRICT a, const T* HWY_RESTRICT b, std::int64_t terms, T* HWY_RESTRICT c) {
  const Tag<T> d;
  Vector<T> re[kTile], im[kTile];
#pragma GCC unroll 8
  for (int j = 0; j < kTile; ++j) re[j] = im[j] = hn::Zero(d);
  for (std::int64_t k = 0; k < terms; ++k, a += kColumn, b += kColumn) {
    const Vector<T> a_re = hn::Load(d, a);
    const Vector<T> a_im = hn::Load(d, a + kRows);
#pragma GCC unroll 8
    for (int j = 0; j < kTile; ++j) {
      const Vector<T> b_re = hn::Set(d, b[j]);
      const Vector<T> b_im = hn::Set(d, b[j + kRows]);
      re[j] = hn::MulAdd(a_re, b_re, re[j]);
      im[j] = hn::MulAdd(a_im, b_re, im[j]);
      re[j] = hn::MulAdd(a_im, b_im, re[j]);
      im[j] = hn::NegMulAdd(a_re, b_im, im[j]);
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < kTile; ++j, c += kColumn) {
    hn::Store(hn::Sub(hn::Load(d, c), re[j]), d, c);
    hn::Store(hn::Sub(hn::Load(d, c + kRows), im[j]), d, c + kRows);
  }
}

// The block of 16 x 16 at c, less the product of what stands to the left of it in its rows, a, and in those of its
// columns, b.
template <class T>
HWY_INLINE void subtract_products(const T* a, const T* b, std::int64_t columns, T* c) {
  for (std::int64_t k = 0; k < columns; k += kHermitianPiece) {
    const std::int64_t terms = std::min(kHermitianPiece, columns - k);
    for (std::int64_t j = 0; j < kRows; j += kTile) {
      for (std::int64_t i = 0; i < kRows; i += lanes_of<T>()) {
        subtract_tile(a + k * kColumn + i, b + k * kColumn + j, terms, c + j * kColumn + i);
      }
    }
  }
}

// The block on the diagonal, by the textbook's formula, column after column; `inverse` gets 1 / the pivots.
template <class T>
HWY_INLINE bool factor_corner(T* HWY_RESTRICT c, T* HWY_RESTRICT inverse) {
  const Tag<T> d;
  for (std::int64_t k = 0; k < kRows; ++k) {
    T* const column = c + k * kColumn;
    if (!(column[k] > 0) || !std::isfinite(column[k])) return false;
    const T pivot = std::sqrt(column[k]);
    inverse[k] = 1 / pivot;
    const Vector<T> factor = hn::Set(d, inverse[k]);
    for (std::int64_t i = 0; i < kColumn; i += lanes_of<T>()) {
      hn::Store(hn::Mul(hn::Load(d, column + i), factor), d, column + i);
    }
    column[k] = pivot;
    column[k + kRows] = 0;
    for (std::int64_t j = k + 1; j < kRows; ++j) {
      const Vector<T> re = hn::Set(d, column[j]);
      const Vector<T> im = hn::Set(d, column[j + kRows]);
      T* const to = c + j * kColumn;
      for (std::int64_t i = 0; i < kRows; i += lanes_of<T>()) {
        const Vector<T> l_re = hn::Load(d, column + i);
        const Vector<T> l_im = hn::Load(d, column + i + kRows);
        const Vector<T> new_re = hn::NegMulAdd(l_re, re, hn::Load(d, to + i));
        const Vector<T> new_im = hn::NegMulAdd(l_im, re, hn::Load(d, to + i + kRows));
        hn::Store(hn::NegMulAdd(l_im, im, new_re), d, to + i);
        hn::Store(hn::MulAdd(l_re, im, new_im), d, to + i + kRows);
      }
    }
  }
  return true;
}

// C <- C L^-* for a block C below the corner L, kSolved columns at a time, one vector of rows.
template <class T>
HWY_INLINE void solve_tile(const T* HWY_RESTRICT l, const T* HWY_RESTRICT inverse, T* HWY_RESTRICT c) {
  const Tag<T> d;
  for (std::int64_t first = 0; first < kRows; first += kSolved) {
    T* const to = c + first * kColumn;
    Vector<T> re[kSolved], im[kSolved];
#pragma GCC unroll 4
    for (int j = 0; j < kSolved; ++j) {
      re[j] = hn::Load(d, to + j * kColumn);
      im[j] = hn::Load(d, to + j * kColumn + kRows);
    }
    for (std::int64_t k = 0; k < first; ++k) {
      const Vector<T> x_re = hn::Load(d, c + k * kColumn);
      const Vector<T> x_im = hn::Load(d, c + k * kColumn + kRows);
      const T* const row = l + k * kColumn + first;
#pragma GCC unroll 4
      for (int j = 0; j < kSolved; ++j) {
        const Vector<T> l_re = hn::Set(d, row[j]);
        const Vector<T> l_im = hn::Set(d, row[j + kRows]);
        re[j] = hn::NegMulAdd(x_re, l_re, re[j]);
        im[j] = hn::NegMulAdd(x_im, l_re, im[j]);
        re[j] = hn::NegMulAdd(x_im, l_im, re[j]);
        im[j] = hn::MulAdd(x_re, l_im, im[j]);
      }
    }
#pragma GCC unroll 4
    for (int k = 0; k < kSolved; ++k) {
      const Vector<T> factor = hn::Set(d, inverse[first + k]);
      re[k] = hn::Mul(re[k], factor);
      im[k] = hn::Mul(im[k], factor);
      hn::Store(re[k], d, to + k * kColumn);
      hn::Store(im[k], d, to + k * kColumn + kRows);
      const T* const row = l + (first + k) * kColumn + first;
#pragma GCC unroll 4
      for (int j = k + 1; j < kSolved; ++j) {
        const Vector<T> l_re = hn::Set(d, row[j]);
        const Vector<T> l_im = hn::Set(d, row[j + kRows]);
        re[j] = hn::NegMulAdd(im[k], l_im, hn::NegMulAdd(re[k], l_re, re[j]));
        im[j] = hn::MulAdd(re[k], l_im, hn::NegMulAdd(im[k], l_re, im[j]));
      }
    }
  }
}

template <class T>
HWY_INLINE bool factor(T* b, std::int64_t n, std::int64_t first, std::int64_t last) {
  const std::int64_t panels = hermitian_order(n) / kRows;
  const auto panel_at = [&](std::int64_t p) { return b + kColumn * hermitian_group(p * kRows, 0); };
  HWY_ALIGN T inverse[kRows];
  for (std::int64_t p = first; p < last; ++p) {
    const T* const top = panel_at(p);
    const std::int64_t left = p * kRows;
    for (std::int64_t q = p; q < panels; ++q) {
      T* const rows = panel_at(q);
      T* const block = rows + left * kColumn;
      subtract_products<T>(rows, top, left, block);
      if (q == p) {
        if (!factor_corner(block, inverse)) return false;
        continue;
      }
      for (std::int64_t i = 0; i < kRows; i += lanes_of<T>()) solve_tile(top + left * kColumn, inverse, block + i);
    }
  }
  return true;
}

bool hermitian_factor_f32(float* b, std::int64_t n, std::int64_t first, std::int64_t last) {
  return factor(b, n, first, last);
}
bool hermitian_factor_f64(double* b, std::int64_t n, std::int64_t first, std::int64_t last) {
  return factor(b, n, first, last);
}

void hermitian_sums_f32(const float* c, std::int64_t groups, std::int64_t evens, std::int64_t odds,
                        const float* weights, std::int64_t points, float* out, std::int64_t out_stride) {
  all_sums(c, groups, evens, odds, weights, points, out, out_stride);
}
void hermitian_sums_f64(const double* c, std::int64_t groups, std::int64_t evens, std::int64_t odds,
                        const double* weights, std::int64_t points, double* out, std::int64_t out_stride) {
  all_sums(c, groups, evens, odds, weights, points, out, out_stride);
}

// |l_ij| in place of the real parts, and the sums of the columns; zeros above the diagonal.
HWY_INLINE void take_magnitudes(float* l, std::int64_t n, float* sums) {
  const Tag<float> d;
  const std::int64_t order = hermitian_order(n);
  std::fill(sums, sums + order * kRows, 0.0F);
  for (std::int64_t p = 0; p < order; p += kRows) {
    float* const panel = l + kColumn * hermitian_group(p, 0);
    for (std::int64_t j = p; j < p + kRows; ++j) {
      for (std::int64_t i = p; i < j; ++i) panel[j * kColumn + i - p] = panel[j * kColumn + i - p + kRows] = 0;
    }
    for (std::int64_t j = 0; j < p + kRows; ++j) {
      for (std::int64_t i = 0; i < kRows; i += lanes_of<float>()) {
        float* const at = panel + j * kColumn + i;
        const Vector<float> re = hn::Load(d, at);
        const Vector<float> im = hn::Load(d, at + kRows);
        const Vector<float> size = hn::Sqrt(hn::MulAdd(re, re, hn::Mul(im, im)));
        hn::Store(size, d, at);
        float* const sum = sums + j * kRows + i;
        hn::Store(hn::Add(hn::Load(d, sum), size), d, sum);
      }
    }
  }
}

// y_j = the sum of 16 numbers.
HWY_INLINE void reduce(const float* sums, std::int64_t order, float* y) {
  const Tag<float> d;
  for (std::int64_t j = 0; j < order; ++j) {
    Vector<float> sum = hn::Load(d, sums + j * kRows);
    for (std::int64_t i = lanes_of<float>(); i < kRows; i += lanes_of<float>()) {
      sum = hn::Add(sum, hn::Load(d, sums + j * kRows + i));
    }
    y[j] = hn::GetLane(hn::SumOfLanes(d, sum));
  }
}

// y = |L| x, a vector of rows at a time; with `sums`, those of |L|^T y as well, in the same read.
HWY_INLINE void multiply_magnitudes(const float* l, std::int64_t n, const float* x, float* y, float* sums) {
  const Tag<float> d;
  const std::int64_t order = hermitian_order(n);
  if (sums != nullptr) std::fill(sums, sums + order * kRows, 0.0F);
  for (std::int64_t p = 0; p < order; p += kRows) {
    const float* const panel = l + kColumn * hermitian_group(p, 0);
    for (std::int64_t i = 0; i < kRows; i += lanes_of<float>()) {
      Vector<float> sum[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
      for (std::int64_t j = 0; j < p + kRows; j += 4) {
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) {
          sum[c] = hn::MulAdd(hn::Load(d, panel + (j + c) * kColumn + i), hn::Set(d, x[j + c]), sum[c]);
        }
      }
      const Vector<float> total = hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3]));
      hn::Store(total, d, y + p + i);
      if (sums == nullptr) continue;
      for (std::int64_t j = 0; j < p + kRows; ++j) {
        float* const to = sums + j * kRows + i;
        hn::Store(hn::MulAdd(hn::Load(d, panel + j * kColumn + i), total, hn::Load(d, to)), d, to);
      }
    }
  }
}

double hermitian_absolute_square(float* l, std::int64_t n, float* work) {
  const std::int64_t order = hermitian_order(n);
  float* const sums = work;
  float* const x = work + kRows * order;
  float* const y = x + order;
  take_magnitudes(l, n, sums);
  reduce(sums, order, x);
  multiply_magnitudes(l, n, x, y, sums);
  reduce(sums, order, x);
  float* const z = sums;
  multiply_magnitudes(l, n, x, z, nullptr);
  double most = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double quotient = static_cast<double>(z[i]) / static_cast<double>(y[i]);
    if (!(quotient <= most)) most = quotient;
  }
  return most;
}

// Row and column of an element in one read: y_i += b_ij x_j, and the sums of conj(b_ij) x_i for y_j, whose 16 lanes are
// added up in the end. A column on or right of the diagonal counts from its diagonal element on.
template <class T>
HWY_INLINE void multiply(const T* b, std::int64_t n, const T* x, T* y, T* work) {
  const Tag<T> d;
  const std::int64_t order = hermitian_order(n);
  std::fill(work, work + kColumn * order, T(0));
  for (std::int64_t p = 0; p < order; p += kRows) {
    const T* const panel = b + kColumn * hermitian_group(p, 0);
    for (std::int64_t i = 0; i < kRows; i += lanes_of<T>()) {
      const Vector<T> x_re = hn::Load(d, x + p + i);
      const Vector<T> x_im = hn::Load(d, x + order + p + i);
      Vector<T> y_re = hn::Zero(d), y_im = hn::Zero(d), z_re = hn::Zero(d), z_im = hn::Zero(d);
      for (std::int64_t j = 0; j < p; ++j) {
        const Vector<T> re = hn::Load(d, panel + j * kColumn + i);
        const Vector<T> im = hn::Load(d, panel + j * kColumn + i + kRows);
        const Vector<T> of_re = hn::Set(d, x[j]);
        const Vector<T> of_im = hn::Set(d, x[order + j]);
        y_re = hn::MulAdd(re, of_re, y_re);
        y_im = hn::MulAdd(im, of_re, y_im);
        z_re = hn::NegMulAdd(im, of_im, z_re);
        z_im = hn::MulAdd(re, of_im, z_im);
        T* const to = work + j * kColumn + i;
        hn::Store(hn::MulAdd(re, x_re, hn::MulAdd(im, x_im, hn::Load(d, to))), d, to);
        hn::Store(hn::MulAdd(re, x_im, hn::NegMulAdd(im, x_re, hn::Load(d, to + kRows))), d, to + kRows);
      }
      hn::Store(hn::Add(y_re, z_re), d, y + p + i);
      hn::Store(hn::Add(y_im, z_im), d, y + order + p + i);
    }
    for (std::int64_t j = 0; j < kRows; ++j) {
      const T* const column = panel + (p + j) * kColumn;
      y[p + j] += column[j] * x[p + j];
      y[order + p + j] += column[j] * x[order + p + j];
      for (std::int64_t i = j + 1; i < kRows; ++i) {
        const T re = column[i], im = column[i + kRows];
        y[p + i] += re * x[p + j] - im * x[order + p + j];
        y[order + p + i] += re * x[order + p + j] + im * x[p + j];
        y[p + j] += re * x[p + i] + im * x[order + p + i];
        y[order + p + j] += re * x[order + p + i] - im * x[p + i];
      }
    }
  }
  for (std::int64_t j = 0; j < order; ++j) {
    for (std::int64_t part = 0; part < 2; ++part) {
      Vector<T> sum = hn::Zero(d);
      for (std::int64_t i = 0; i < kRows; i += lanes_of<T>()) {
        sum = hn::Add(sum, hn::Load(d, work + j * kColumn + part * kRows + i));
      }
      y[part * order + j] += hn::GetLane(hn::SumOfLanes(d, sum));
    }
  }
}

void hermitian_multiply_f32(const float* b, std::int64_t n, const float* x, float* y, float* work) {
  multiply(b, n, x, y, work);
}
void hermitian_multiply_f64(const double* b, std::int64_t n, const double* x, double* y, double* work) {
  multiply(b, n, x, y, work);
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sigmax::kernels {
namespace {

HWY_EXPORT(hermitian_factor_f32);
HWY_EXPORT(hermitian_factor_f64);
HWY_EXPORT(hermitian_sums_f32);
HWY_EXPORT(hermitian_sums_f64);
HWY_EXPORT(hermitian_absolute_square);
HWY_EXPORT(hermitian_multiply_f32);
HWY_EXPORT(hermitian_multiply_f64);

}  // namespace

template <Real T>
void hermitian_sums(const T* coefficients, std::int64_t groups, std::int64_t evens, std::int64_t odds, const T* weights,
                    std::int64_t points, T* out, std::int64_t out_stride) {
  if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(hermitian_sums_f32)(coefficients, groups, evens, odds, weights, points, out, out_stride);
  } else {
    HWY_DYNAMIC_DISPATCH(hermitian_sums_f64)(coefficients, groups, evens, odds, weights, points, out, out_stride);
  }
}

template <Real T>
bool hermitian_factor(T* b, std::int64_t n, std::int64_t first, std::int64_t last) {
  if constexpr (std::same_as<T, float>) {
    return HWY_DYNAMIC_DISPATCH(hermitian_factor_f32)(b, n, first, last);
  } else {
    return HWY_DYNAMIC_DISPATCH(hermitian_factor_f64)(b, n, first, last);
  }
}

double hermitian_absolute_square(float* l, std::int64_t n, float* work) {
  return HWY_DYNAMIC_DISPATCH(hermitian_absolute_square)(l, n, work);
}

template <Real T>
void hermitian_multiply(const T* b, std::int64_t n, const T* x, T* y, T* work) {
  if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(hermitian_multiply_f32)(b, n, x, y, work);
  } else {
    HWY_DYNAMIC_DISPATCH(hermitian_multiply_f64)(b, n, x, y, work);
  }
}

template void hermitian_sums(const float*, std::int64_t, std::int64_t, std::int64_t, const float*, std::int64_t, float*,
                             std::int64_t);
template void hermitian_sums(const double*, std::int64_t, std::int64_t, std::int64_t, const double*, std::int64_t,
                             double*, std::int64_t);
template bool hermitian_factor(float*, std::int64_t, std::int64_t, std::int64_t);
template bool hermitian_factor(double*, std::int64_t, std::int64_t, std::int64_t);
template void hermitian_multiply(const float*, std::int64_t, const float*, float*, float*);
template void hermitian_multiply(const double*, std::int64_t, const double*, double*, double*);

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
