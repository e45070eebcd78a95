#include "sigmax/kernels/scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "sigmax/core/error.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/scan.cpp"
#include <hwy/foreach_target.h>
//
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/load-inl.hpp"

#ifndef SIGMAX_KERNELS_SCAN_PARTIAL
#define SIGMAX_KERNELS_SCAN_PARTIAL
namespace sigmax::kernels {
namespace {
// What one piece of rows contributes; its column sums are kept in another buffer.
struct Partial {
  double max_abs = 0;
  double sum_squares = 0;
  double largest_row_sum = 0;
  double smallest_row_sum = std::numeric_limits<double>::infinity();
};
}  // namespace
}  // namespace sigmax::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

// Rows that are read side by side, so that a column sum is loaded and stored once for all of them.
constexpr std::int64_t kRows = 4;

// `Rows` rows from `first` on. The column sums of a pair of vectors lie in the order in which load_pair() gives their
// elements, the same for all rows and pieces; the columns behind the last whole pair are in order.
template <std::int64_t Rows, bool Scaled, class S>
HWY_INLINE void scan_group(const S* first, std::int64_t stride, std::int64_t columns, double scale, double* column_sums,
                           Partial* partial) {
  const F64 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const VecF64 factor = hn::Set(d, scale);
  VecF64 sums[Rows], squares[Rows];
  VecF64 largest_first = hn::Zero(d), largest_second = hn::Zero(d);
  for (std::int64_t r = 0; r < Rows; ++r) sums[r] = squares[r] = hn::Zero(d);
  const auto add = [&](std::int64_t r, VecF64 magnitude, VecF64& largest, VecF64& column) HWY_ATTR {
    largest = hn::Max(largest, magnitude);
    column = hn::Add(column, magnitude);
    sums[r] = hn::Add(sums[r], magnitude);
    const VecF64 scaled = Scaled ? hn::Mul(magnitude, factor) : magnitude;
    squares[r] = hn::MulAdd(scaled, scaled, squares[r]);
  };
  std::int64_t j = 0;
  for (; j + 2 * lanes <= columns; j += 2 * lanes) {
    VecF64 column_first = hn::LoadU(d, column_sums + j);
    VecF64 column_second = hn::LoadU(d, column_sums + j + lanes);
    for (std::int64_t r = 0; r < Rows; ++r) {
      const Pair<F64> values = load_pair(d, first + r * stride + j);
      add(r, hn::Abs(values.first), largest_first, column_first);
      add(r, hn::Abs(values.second), largest_second, column_second);
    }
    hn::StoreU(column_first, d, column_sums + j);
    hn::StoreU(column_second, d, column_sums + j + lanes);
  }
  partial->max_abs = std::max(partial->max_abs, hn::GetLane(hn::MaxOfLanes(d, hn::Max(largest_first, largest_second))));
  for (std::int64_t r = 0; r < Rows; ++r) {
    double row_sum = hn::GetLane(hn::SumOfLanes(d, sums[r]));
    double row_squares = hn::GetLane(hn::SumOfLanes(d, squares[r]));
    for (std::int64_t k = j; k < columns; ++k) {
      const double magnitude = std::fabs(load_one(first + r * stride + k));
      partial->max_abs = std::max(partial->max_abs, magnitude);
      row_sum += magnitude;
      row_squares += (magnitude * scale) * (magnitude * scale);
      column_sums[k] += magnitude;
    }
    partial->largest_row_sum = std::max(partial->largest_row_sum, row_sum);
    partial->smallest_row_sum = std::min(partial->smallest_row_sum, row_sum);
    partial->sum_squares += row_squares;
  }
}

template <bool Scaled>
HWY_INLINE void scan_pieces(const StoredMatrix& a, double scale, double* column_sums, Partial* partial) {
  with_type(a, [&](const auto* first) HWY_ATTR {
    std::int64_t i = 0;
    for (; i + kRows <= a.rows; i += kRows) {
      scan_group<kRows, Scaled>(first + i * a.stride, a.stride, a.columns, scale, column_sums, partial);
    }
    for (; i < a.rows; ++i) {
      scan_group<1, Scaled>(first + i * a.stride, a.stride, a.columns, scale, column_sums, partial);
    }
  });
}

// A NaN or infinite entry makes sum_squares NaN or infinite; no other sum is used then.
void scan_rows(const StoredMatrix& a, double scale, double* column_sums, Partial* partial) {
  return scale == 1 ? scan_pieces<false>(a, scale, column_sums, partial)
                    : scan_pieces<true>(a, scale, column_sums, partial);
}

// Counts NaN and infinite entries one by one. Only called for matrices that have some.
void count_non_finite(const StoredMatrix& a, Scan* found) {
  with_type(a, [&](const auto* first) {
    for (std::int64_t i = 0; i < a.rows; ++i) {
      for (std::int64_t j = 0; j < a.columns; ++j) {
        const double value = load_one(first + i * a.stride + j);
        if (std::isfinite(value)) continue;
        if (!found->first_non_finite) found->first_non_finite = i * a.columns + j;
        ++(std::isnan(value) ? found->nan : found->infinite);
      }
    }
  });
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sigmax::kernels {
namespace {

HWY_EXPORT(scan_rows);
HWY_EXPORT(count_non_finite);

constexpr std::int64_t kPieceElements = std::int64_t{1} << 18;
constexpr std::int64_t kMostPieces = 16;
constexpr int kSafeExponent = 400;  // squares of values within 2^+-400, and sums of 2^63 of them, are normal numbers

Scan scan_scaled(const StoredMatrix& a, double scale, Context& context) {
  const auto n = static_cast<std::size_t>(a.columns);
  // At least eight rows per piece, so that the column sums of all pieces take no more memory than the matrix itself.
  const std::int64_t wanted = std::min(a.size() / kPieceElements, a.rows / 8);
  const auto count = static_cast<std::size_t>(std::clamp<std::int64_t>(wanted, 1, kMostPieces));
  std::vector<Partial> partials(count);
  auto sums = context.scratch<double>(n * count);
  context.parallel_for(count, [&](std::size_t p) {
    double* mine = sums.data() + p * n;
    std::fill(mine, mine + n, 0.0);
    const std::int64_t first = a.rows * static_cast<std::int64_t>(p) / static_cast<std::int64_t>(count);
    const std::int64_t last = a.rows * static_cast<std::int64_t>(p + 1) / static_cast<std::int64_t>(count);
    HWY_DYNAMIC_DISPATCH(scan_rows)(a.row_range(first, last - first), scale, mine, &partials[p]);
  });
  Scan result;
  result.scale = scale;
  double least_row = std::numeric_limits<double>::infinity();
  double least_column = least_row;
  for (std::size_t p = 0; p < count; ++p) {
    result.max_abs = std::max(result.max_abs, partials[p].max_abs);
    result.largest_row_sum = std::max(result.largest_row_sum, partials[p].largest_row_sum);
    least_row = std::min(least_row, partials[p].smallest_row_sum);
    result.sum_squares += partials[p].sum_squares;
    if (p == 0) continue;
    for (std::size_t j = 0; j < n; ++j) sums[j] += sums[p * n + j];
  }
  for (std::size_t j = 0; j < n; ++j) {
    result.largest_column_sum = std::max(result.largest_column_sum, sums[j]);
    least_column = std::min(least_column, sums[j]);
  }
  result.smallest_row_sum = least_row;
  result.smallest_column_sum = least_column;
  return result;
}

}  // namespace

Scan scan(const StoredMatrix& a, Context& context) {
  const FloatingEnvironment environment;
  if (!is_real(a.dtype)) throw Error(fmt::format("[scan] {} does not store real numbers", name(a.dtype)));
  if (a.size() == 0) return {};
  Scan result = scan_scaled(a, 1.0, context);
  // A sum that overflowed may come from huge f64 entries alone; a sum that is NaN cannot.
  if (!std::isfinite(result.sum_squares)) {
    HWY_DYNAMIC_DISPATCH(count_non_finite)(a, &result);
    if (!result.finite()) return result;
  }
  if (result.max_abs == 0) return result;
  const int exponent = std::ilogb(result.max_abs);
  if (a.dtype == DType::f64 && std::abs(exponent) > kSafeExponent) {
    // The smallest subnormal would need 2^1074, which is not a double; 2^1000 still brings squares into range.
    return scan_scaled(a, std::ldexp(1.0, std::clamp(-exponent, -1000, 1000)), context);
  }
  return result;
}

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
