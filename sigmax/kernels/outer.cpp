#include "sigmax/kernels/outer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sigmax/core/error.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/outer.cpp"
#include <hwy/foreach_target.h>
//
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/load-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

template <class T>
HWY_INLINE void store_rounded(VecF64 x, T* to) {
  if constexpr (std::is_same_v<T, double>) {
    hn::StoreU(x, F64(), to);
  } else {
    const hn::Rebind<float, F64> d;
    hn::StoreU(hn::DemoteTo(d, x), d, to);
  }
}

// kRows rows of G, from one column on: element (i, j) += sum over k of left[i * terms + k] right[k * right_stride + j].
// Two vectors of each row stay in registers for all terms.
template <int kRows, class T>
HWY_INLINE void update_rows(const double* HWY_RESTRICT left, const double* HWY_RESTRICT right,
                            std::int64_t right_stride, std::int64_t terms, std::int64_t columns, T* HWY_RESTRICT g,
                            std::int64_t stride) {
  const F64 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t j = 0;
  for (; j + 2 * lanes <= columns; j += 2 * lanes) {
    VecF64 first[kRows], second[kRows];
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      first[i] = load(d, g + i * stride + j);
      second[i] = load(d, g + i * stride + j + lanes);
    }
    for (std::int64_t k = 0; k < terms; ++k) {
      const VecF64 v0 = hn::LoadU(d, right + k * right_stride + j);
      const VecF64 v1 = hn::LoadU(d, right + k * right_stride + j + lanes);
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) {
        const VecF64 factor = hn::Set(d, left[i * terms + k]);
        first[i] = hn::MulAdd(factor, v0, first[i]);
        second[i] = hn::MulAdd(factor, v1, second[i]);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      store_rounded(first[i], g + i * stride + j);
      store_rounded(second[i], g + i * stride + j + lanes);
    }
  }
  for (; j < columns; j += lanes) {
    const std::int64_t count = std::min(lanes, columns - j);
    for (int i = 0; i < kRows; ++i) {
      T* const to = g + i * stride + j;
      VecF64 sum = load_some(d, to, count);
      for (std::int64_t k = 0; k < terms; ++k) {
        sum = hn::MulAdd(hn::Set(d, left[i * terms + k]), load_first(d, right + k * right_stride + j, count), sum);
      }
      if constexpr (std::is_same_v<T, double>) {
        store_first(d, sum, to, count);
      } else {
        const hn::Rebind<float, F64> df;
        store_first(df, hn::DemoteTo(df, sum), to, count);
      }
    }
  }
}

template <class T>
HWY_INLINE void update_any(const double* left, const double* right, std::int64_t right_stride, std::int64_t terms,
                           std::int64_t rows, std::int64_t columns, T* g, std::int64_t stride) {
  std::int64_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    update_rows<4>(left + i * terms, right, right_stride, terms, columns, g + i * stride, stride);
  }
  for (; i < rows; ++i) {
    update_rows<1>(left + i * terms, right, right_stride, terms, columns, g + i * stride, stride);
  }
}

void update_float(const double* left, const double* right, std::int64_t right_stride, std::int64_t terms,
                  std::int64_t rows, std::int64_t columns, float* g, std::int64_t stride) {
  update_any(left, right, right_stride, terms, rows, columns, g, stride);
}
void update_double(const double* left, const double* right, std::int64_t right_stride, std::int64_t terms,
                   std::int64_t rows, std::int64_t columns, double* g, std::int64_t stride) {
  update_any(left, right, right_stride, terms, rows, columns, g, stride);
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sigmax::kernels {
namespace {

HWY_EXPORT(update_float);
HWY_EXPORT(update_double);

// Rows are cut into at most this many pieces, each of at least this many multiplications or elements of G.
constexpr std::int64_t kMostPieces = 16;
constexpr std::int64_t kPieceWork = std::int64_t{1} << 17;
// Number of doubles of v, all terms together, that stay in the second-level cache while the rows pass. With few terms
// all columns are one panel, and rows of G are read from end to end.
constexpr std::int64_t kPanel = std::int64_t{1} << 15;
constexpr std::int64_t kLeastPanelColumns = 32;

void update(const double* left, const double* right, std::int64_t right_stride, std::int64_t terms, std::int64_t rows,
            std::int64_t columns, float* g, std::int64_t stride) {
  HWY_DYNAMIC_DISPATCH(update_float)(left, right, right_stride, terms, rows, columns, g, stride);
}
void update(const double* left, const double* right, std::int64_t right_stride, std::int64_t terms, std::int64_t rows,
            std::int64_t columns, double* g, std::int64_t stride) {
  HWY_DYNAMIC_DISPATCH(update_double)(left, right, right_stride, terms, rows, columns, g, stride);
}

}  // namespace

template <Real T>
void add_outer(MatrixView<const T> u, MatrixView<const T> v, std::span<const double> weights, T* g, std::int64_t stride,
               Context& context) {
  const FloatingEnvironment environment;
  const auto terms = static_cast<std::int64_t>(weights.size());
  const std::int64_t rows = u.rows;
  const std::int64_t columns = v.rows;
  if (u.columns != terms || v.columns != terms) {
    throw Error(fmt::format("[add_outer] {} weights take {} columns of u and of v, got {} and {}", terms, terms,
                            u.columns, v.columns));
  }
  if (stride < columns) {
    throw Error(
        fmt::format("[add_outer] rows of {} elements take a stride of at least {}, got {}", columns, columns, stride));
  }
  if (rows == 0 || columns == 0 || terms == 0) return;
  // w u with the factors of a row next to each other, and v in double.
  auto left = context.scratch<double>(static_cast<std::size_t>(rows * terms));
  auto right = context.scratch<double>(static_cast<std::size_t>(columns * terms));
  for (std::int64_t k = 0; k < terms; ++k) {
    const double weight = weights[static_cast<std::size_t>(k)];
    const T* from = u.data + k * u.stride;
    for (std::int64_t i = 0; i < rows; ++i) left.data()[i * terms + k] = weight * static_cast<double>(from[i]);
    std::copy_n(v.data + k * v.stride, columns, right.data() + k * columns);
  }
  const std::int64_t panel = std::clamp(kPanel / terms / kLeastPanelColumns * kLeastPanelColumns, kLeastPanelColumns,
                                        std::max(columns, kLeastPanelColumns));
  const std::int64_t wanted = std::clamp<std::int64_t>(rows * columns * (terms + 1) / kPieceWork, 1, kMostPieces);
  const std::int64_t each = std::max<std::int64_t>(((rows + wanted - 1) / wanted + 3) / 4 * 4, 4);
  context.parallel_for(static_cast<std::size_t>((rows + each - 1) / each), [&](std::size_t p) {
    const std::int64_t first = static_cast<std::int64_t>(p) * each;
    const std::int64_t count = std::min(each, rows - first);
    for (std::int64_t j = 0; j < columns; j += panel) {
      update(left.data() + first * terms, right.data() + j, columns, terms, count, std::min(panel, columns - j),
             g + first * stride + j, stride);
    }
  });
}

template void add_outer<float>(MatrixView<const float>, MatrixView<const float>, std::span<const double>, float*,
                               std::int64_t, Context&);
template void add_outer<double>(MatrixView<const double>, MatrixView<const double>, std::span<const double>, double*,
                                std::int64_t, Context&);

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
