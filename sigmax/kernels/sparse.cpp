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

#ifndef SIGMAX_KERNELS_SPARSE_ONCE
#define SIGMAX_KERNELS_SPARSE_ONCE
namespace sigmax::kernels {
// The columns of x that are multiplied in one read of the entries, and the lanes of a sampled product.
inline constexpr int kLanes = 8;
}  // namespace sigmax::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Row i of y = A x for kLanes columns of x, which lie side by side: entry (j, l) at x[j * kLanes + l]. Products and
// sums are rounded separately, so that every instruction set gives the same bits.
#if HWY_HAVE_SCALABLE
template <class T>
HWY_INLINE void row_of(const CompressedRows& a, const T* values, std::int64_t first, std::int64_t last, const T* x,
                       T* out) {
  T sum[kLanes] = {};
  for (std::int64_t e = first; e < last; ++e) {
    const T* const from = x + a.column[static_cast<std::size_t>(e)] * kLanes;
    for (int l = 0; l < kLanes; ++l) sum[l] += values[e] * from[l];
  }
  std::copy_n(sum, kLanes, out);
}
#else
template <class T>
HWY_INLINE void row_of(const CompressedRows& a, const T* values, std::int64_t first, std::int64_t last, const T* x,
                       T* out) {
  using D = hn::CappedTag<T, kLanes>;
  constexpr D d;
  constexpr int kWidth = static_cast<int>(hn::MaxLanes(d));
  constexpr int kVectors = kLanes / kWidth;
  hn::Vec<D> sum[kVectors];
  for (auto& each : sum) each = hn::Zero(d);
  const std::int32_t* const column = a.column.data();
  for (std::int64_t e = first; e < last; ++e) {
    const T* const from = x + column[e] * std::int64_t{kLanes};
    const hn::Vec<D> value = hn::Set(d, values[e]);
    for (int v = 0; v < kVectors; ++v) sum[v] = hn::Add(sum[v], hn::Mul(value, hn::LoadU(d, from + v * kWidth)));
  }
  for (int v = 0; v < kVectors; ++v) hn::StoreU(sum[v], d, out + v * kWidth);
}
#endif

// Rows [first, last) for the packed columns, `columns` of them in panels of kLanes; a single column as it is.
template <class T>
HWY_INLINE void all_columns(const CompressedRows& a, const T* values, std::int64_t first, std::int64_t last, const T* x,
                            std::int64_t length, MatrixView<T> y) {
  const std::int64_t* const begin = a.begin.data();
  if (y.columns == 1) {
    for (std::int64_t i = first; i < last; ++i) {
      T sum = 0;
      for (std::int64_t e = begin[i]; e < begin[i + 1]; ++e)
        sum += values[e] * x[a.column[static_cast<std::size_t>(e)]];
      y.data[i] = sum;
    }
    return;
  }
  HWY_ALIGN T out[kLanes];
  for (std::int64_t l = 0; l < y.columns; l += kLanes) {
    const std::int64_t width = std::min<std::int64_t>(kLanes, y.columns - l);
    for (std::int64_t i = first; i < last; ++i) {
      row_of(a, values, begin[i], begin[i + 1], x + l * length, out);
      for (std::int64_t k = 0; k < width; ++k) y.data[i + (l + k) * y.stride] = out[k];
    }
  }
}

void multiply_float(const CompressedRows& a, const float* values, std::int64_t first, std::int64_t last, const float* x,
                    std::int64_t length, MatrixView<float> y) {
  all_columns(a, values, first, last, x, length, y);
}
void multiply_double(const CompressedRows& a, const double* values, std::int64_t first, std::int64_t last,
                     const double* x, std::int64_t length, MatrixView<double> y) {
  all_columns(a, values, first, last, x, length, y);
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

constexpr std::int64_t kPackedRows = 1024;

// Row-major, so that what belongs to one entry lies together.
void pack_rows(MatrixView<const double> x, double* to, Context& context) {
  const std::int64_t pieces = (x.rows + kPackedRows - 1) / kPackedRows;
  context.parallel_for(static_cast<std::size_t>(pieces), [&](std::size_t piece) {
    const std::int64_t first = static_cast<std::int64_t>(piece) * kPackedRows;
    const std::int64_t last = std::min(first + kPackedRows, x.rows);
    for (std::int64_t j = 0; j < x.columns; ++j) {
      const double* const column = x.data + j * x.stride;
      for (std::int64_t i = first; i < last; ++i) to[i * x.columns + j] = column[i];
    }
  });
}

std::int64_t panels_of(std::int64_t columns) { return (columns + kLanes - 1) / kLanes; }

// Panels of kLanes columns, row-major each, the last one filled up with zeros.
template <Real T>
void pack_panels(MatrixView<const T> x, T* to, Context& context) {
  context.parallel_for(static_cast<std::size_t>(panels_of(x.columns)), [&](std::size_t panel) {
    T* const out = to + static_cast<std::int64_t>(panel) * kLanes * x.rows;
    for (std::int64_t l = 0; l < kLanes; ++l) {
      const std::int64_t j = static_cast<std::int64_t>(panel) * kLanes + l;
      const T* const column = j < x.columns ? x.data + j * x.stride : nullptr;
      for (std::int64_t i = 0; i < x.rows; ++i) out[i * kLanes + l] = column != nullptr ? column[i] : T(0);
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
  const bool is_block = x.columns > 1;
  auto packed = context.scratch<T>(static_cast<std::size_t>(is_block ? panels_of(x.columns) * kLanes * x.rows : 0));
  if (is_block) pack_panels<T>(x, packed.data(), context);
  const T* const from = is_block ? packed.data() : x.data;
  for_ranges(a, context, [&](std::int64_t first, std::int64_t last) {
    if constexpr (std::same_as<T, float>) {
      HWY_DYNAMIC_DISPATCH(multiply_float)(a, values.data(), first, last, from, x.rows, y);
    } else {
      HWY_DYNAMIC_DISPATCH(multiply_double)(a, values.data(), first, last, from, x.rows, y);
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
  pack_rows(left, of_left.data(), context);
  pack_rows(right, of_right.data(), context);
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
