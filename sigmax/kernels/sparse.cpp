#include "sigmax/kernels/sparse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "sigmax/core/error.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/sparse.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "sigmax/core/floating_environment.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

// The columns of x that are multiplied in one read of the entries.
constexpr int kLanes = 8;

// Rows [first, last) of y = A x for W columns of x, which lie side by side: entry (j, l) at x[j * stride + l]. The
// loops over l have a constant length, and the compiler makes vectors of them.
template <class T, int W>
HWY_INLINE void rows_of(const CompressedRows& a, const T* values, std::int64_t first, std::int64_t last, const T* x,
                        std::int64_t stride, T* y, std::int64_t y_stride) {
  for (std::int64_t i = first; i < last; ++i) {
    T sum[W] = {};
    for (std::int64_t e = a.begin[static_cast<std::size_t>(i)]; e < a.begin[static_cast<std::size_t>(i) + 1]; ++e) {
      const T value = values[e];
      const T* const from = x + a.column[static_cast<std::size_t>(e)] * stride;
      for (int l = 0; l < W; ++l) sum[l] += value * from[l];
    }
    for (int l = 0; l < W; ++l) y[i + l * y_stride] = sum[l];
  }
}

template <class T>
HWY_INLINE void all_columns(const CompressedRows& a, const T* values, std::int64_t first, std::int64_t last, const T* x,
                            std::int64_t columns, MatrixView<T> y) {
  std::int64_t l = 0;
  for (; l + kLanes <= columns; l += kLanes) {
    rows_of<T, kLanes>(a, values, first, last, x + l, columns, y.data + l * y.stride, y.stride);
  }
  for (; l + 2 <= columns; l += 2) {
    rows_of<T, 2>(a, values, first, last, x + l, columns, y.data + l * y.stride, y.stride);
  }
  for (; l < columns; ++l) rows_of<T, 1>(a, values, first, last, x + l, columns, y.data + l * y.stride, y.stride);
}

void multiply_float(const CompressedRows& a, const float* values, std::int64_t first, std::int64_t last, const float* x,
                    std::int64_t columns, MatrixView<float> y) {
  all_columns(a, values, first, last, x, columns, y);
}
void multiply_double(const CompressedRows& a, const double* values, std::int64_t first, std::int64_t last,
                     const double* x, std::int64_t columns, MatrixView<double> y) {
  all_columns(a, values, first, last, x, columns, y);
}

// x^T y of two rows of r entries: lane l has the terms l, l + 8, ..., and the lanes are added as a tree.
HWY_INLINE double dot_of(const double* x, const double* y, std::int64_t r) {
  double sum[kLanes] = {};
  std::int64_t k = 0;
  for (; k + kLanes <= r; k += kLanes) {
    for (int l = 0; l < kLanes; ++l) sum[l] += x[k + l] * y[k + l];
  }
  for (int l = 0; k + l < r; ++l) sum[l] += x[k + l] * y[k + l];
  return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

void sampled(const CompressedRows& places, std::int64_t first, std::int64_t last, const double* left,
             const double* right, std::int64_t r, double* out) {
  for (std::int64_t i = first; i < last; ++i) {
    const double* const row = left + i * r;
    for (std::int64_t e = places.begin[static_cast<std::size_t>(i)]; e < places.begin[static_cast<std::size_t>(i) + 1];
         ++e) {
      out[e] = dot_of(row, right + places.column[static_cast<std::size_t>(e)] * r, r);
    }
  }
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace sigmax::kernels {
namespace {

HWY_EXPORT(multiply_float);
HWY_EXPORT(multiply_double);
HWY_EXPORT(sampled);

// Calls body(first, last) for ranges of rows with about 2^14 entries each, or the empty rows between them. A row is
// never cut, so that its sum does not depend on the ranges.
void for_ranges(const CompressedRows& a, Context& context,
                const std::function<void(std::int64_t, std::int64_t)>& body) {
  constexpr std::int64_t kPiece = std::int64_t{1} << 14;
  const std::int64_t pieces = std::max<std::int64_t>(1, a.size() / kPiece);
  const auto row_at = [&](std::int64_t piece) {
    if (piece == pieces) return a.rows();
    const std::int64_t entry = piece * kPiece;
    return static_cast<std::int64_t>(std::ranges::lower_bound(a.begin, entry) - a.begin.begin());
  };
  context.parallel_for(static_cast<std::size_t>(pieces), [&](std::size_t piece) {
    const std::int64_t first = piece == 0 ? 0 : row_at(static_cast<std::int64_t>(piece));
    const std::int64_t last = row_at(static_cast<std::int64_t>(piece) + 1);
    if (first < last) body(first, last);
  });
}

// Row-major, so that what belongs to one entry lies together.
template <Real T>
void pack(MatrixView<const T> x, T* to, Context& context) {
  constexpr std::int64_t kRows = 1024;
  const std::int64_t pieces = (x.rows + kRows - 1) / kRows;
  context.parallel_for(static_cast<std::size_t>(pieces), [&](std::size_t piece) {
    const std::int64_t first = static_cast<std::int64_t>(piece) * kRows;
    const std::int64_t last = std::min(first + kRows, x.rows);
    for (std::int64_t j = 0; j < x.columns; ++j) {
      const T* const column = x.data + j * x.stride;
      for (std::int64_t i = first; i < last; ++i) to[i * x.columns + j] = column[i];
    }
  });
}

void require(bool fits, const char* who) {
  if (!fits) throw Error(fmt::format("[{}] the sizes of the arguments do not fit each other", who));
}

}  // namespace

template <Real T>
void multiply(const CompressedRows& a, std::span<const T> values, MatrixView<const T> x, MatrixView<T> y,
              Context& context) {
  const FloatingEnvironment environment;
  require(static_cast<std::int64_t>(values.size()) == a.size() && y.rows == a.rows() && x.columns == y.columns,
          "multiply");
  auto packed = context.scratch<T>(static_cast<std::size_t>(x.columns > 1 ? x.rows * x.columns : 0));
  const T* from = x.data;
  if (x.columns > 1) {
    pack<T>(x, packed.data(), context);
    from = packed.data();
  }
  for_ranges(a, context, [&](std::int64_t first, std::int64_t last) {
    if constexpr (std::same_as<T, float>) {
      HWY_DYNAMIC_DISPATCH(multiply_float)(a, values.data(), first, last, from, x.columns, y);
    } else {
      HWY_DYNAMIC_DISPATCH(multiply_double)(a, values.data(), first, last, from, x.columns, y);
    }
  });
}

void sampled_product(const CompressedRows& places, MatrixView<const double> left, MatrixView<const double> right,
                     std::span<double> out, Context& context) {
  const FloatingEnvironment environment;
  require(static_cast<std::int64_t>(out.size()) == places.size() && left.rows == places.rows() &&
              left.columns == right.columns,
          "sampled_product");
  const std::int64_t r = left.columns;
  auto of_left = context.scratch<double>(static_cast<std::size_t>(left.rows * r));
  auto of_right = context.scratch<double>(static_cast<std::size_t>(right.rows * r));
  pack<double>(left, of_left.data(), context);
  pack<double>(right, of_right.data(), context);
  for_ranges(places, context, [&](std::int64_t first, std::int64_t last) {
    HWY_DYNAMIC_DISPATCH(sampled)(places, first, last, of_left.data(), of_right.data(), r, out.data());
  });
}

template void multiply<float>(const CompressedRows&, std::span<const float>, MatrixView<const float>, MatrixView<float>,
                              Context&);
template void multiply<double>(const CompressedRows&, std::span<const double>, MatrixView<const double>,
                               MatrixView<double>, Context&);

}  // namespace sigmax::kernels

#endif  // HWY_ONCE
