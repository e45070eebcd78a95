#include "sigmax/kernels/scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
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
  double sum = 0;
  double sum_squares = 0;
  double largest_row_sum = 0;
  double smallest_row_sum = std::numeric_limits<double>::infinity();
};

// What a pass does, known when it is compiled: a sum that nobody wants costs nothing.
template <bool OfRows, bool OfColumns, bool OfSquares, bool Scaled>
struct Work {
  static constexpr bool of_rows = OfRows;
  static constexpr bool of_columns = OfColumns;
  static constexpr bool of_squares = OfSquares;
  static constexpr bool scaled = Scaled;
};
}  // namespace
}  // namespace sigmax::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

// Rows that are read side by side, so that a column sum is loaded and stored once for all of them.
constexpr std::int64_t kRows = 4;

// |a_ij| of the 2 Lanes(d) elements from p on, in the order of load_pair(). Magnitudes are compared as numbers in f64
// and by their bits as floats otherwise, since floats of one sign are in the order of their bits.
struct Magnitudes {
  using U32 = hn::Rebind<std::uint32_t, F64>;
  using Bits = hn::Vec<U32>;

  F64 d;
  VecF64 largest;
  Bits largest_bits;

  HWY_INLINE Magnitudes() : largest(hn::Zero(d)), largest_bits(hn::Zero(U32())) {}

  HWY_INLINE Pair<F64> operator()(const double* p) {
    const Pair<F64> values = load_pair(d, p);
    const Pair<F64> result = {hn::Abs(values.first), hn::Abs(values.second)};
    largest = hn::Max(largest, hn::Max(result.first, result.second));
    return result;
  }
  HWY_INLINE Pair<F64> operator()(const float* p) {
    const auto* const bits = reinterpret_cast<const std::uint32_t*>(p);
    const auto mask = hn::Set(U32(), 0x7FFFFFFFu);
    return of(hn::And(hn::LoadU(U32(), bits), mask), hn::And(hn::LoadU(U32(), bits + hn::Lanes(d)), mask));
  }
  HWY_INLINE Pair<F64> operator()(const hwy::bfloat16_t* p) {
    const Bits bits = hn::And(hn::LoadU(U32(), reinterpret_cast<const std::uint32_t*>(p)), hn::Set(U32(), 0x7FFF7FFFu));
    return of(hn::ShiftLeft<16>(bits), hn::And(bits, hn::Set(U32(), 0xFFFF0000u)));
  }
  HWY_INLINE Pair<F64> operator()(const hwy::float16_t* p) { return of(bits_of(p), bits_of(p + hn::Lanes(d))); }

  HWY_INLINE double max_abs() const {
    const std::uint32_t bits = hn::GetLane(hn::MaxOfLanes(U32(), largest_bits));
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return std::max(hn::GetLane(hn::MaxOfLanes(d, largest)), static_cast<double>(value));
  }

 private:
  HWY_INLINE Bits bits_of(const hwy::float16_t* p) const {
    const hn::Rebind<std::uint16_t, F64> du;
    const auto patterns = hn::And(hn::LoadU(du, reinterpret_cast<const std::uint16_t*>(p)), hn::Set(du, 0x7FFFu));
    return hn::BitCast(U32(), half_to_float(hn::Rebind<float, F64>(), patterns));
  }
  HWY_INLINE Pair<F64> of(Bits first, Bits second) {
    largest_bits = hn::Max(largest_bits, hn::Max(first, second));
    const hn::Rebind<float, F64> df;
    return {hn::PromoteTo(d, hn::BitCast(df, first)), hn::PromoteTo(d, hn::BitCast(df, second))};
  }
};

// `Rows` rows from `first` on. The column sums of a pair of vectors lie in the order in which load_pair() gives their
// elements, the same for all rows and pieces; the columns behind the last whole pair are in order.
template <std::int64_t Rows, class W, class S>
HWY_INLINE void scan_group(const S* first, std::int64_t stride, std::int64_t columns, double scale, double* column_sums,
                           Partial* partial) {
  const F64 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const VecF64 factor = hn::Set(d, scale);
  Magnitudes magnitudes;
  VecF64 sums[Rows], squares[Rows];
  for (std::int64_t r = 0; r < Rows; ++r) sums[r] = squares[r] = hn::Zero(d);
  const auto add = [&](std::int64_t r, VecF64 magnitude, VecF64& column) HWY_ATTR {
    if constexpr (W::of_columns) column = hn::Add(column, magnitude);
    if constexpr (W::of_rows) sums[r] = hn::Add(sums[r], magnitude);
    if constexpr (W::of_squares) {
      const VecF64 scaled = W::scaled ? hn::Mul(magnitude, factor) : magnitude;
      squares[r] = hn::MulAdd(scaled, scaled, squares[r]);
    }
  };
  std::int64_t j = 0;
  for (; j + 2 * lanes <= columns; j += 2 * lanes) {
    VecF64 column_first = W::of_columns ? hn::LoadU(d, column_sums + j) : hn::Zero(d);
    VecF64 column_second = W::of_columns ? hn::LoadU(d, column_sums + j + lanes) : hn::Zero(d);
    for (std::int64_t r = 0; r < Rows; ++r) {
      const Pair<F64> values = magnitudes(first + r * stride + j);
      add(r, values.first, column_first);
      add(r, values.second, column_second);
    }
    if constexpr (W::of_columns) {
      hn::StoreU(column_first, d, column_sums + j);
      hn::StoreU(column_second, d, column_sums + j + lanes);
    }
  }
  if (j > 0) partial->max_abs = std::max(partial->max_abs, magnitudes.max_abs());
  for (std::int64_t r = 0; r < Rows; ++r) {
    double row_sum = W::of_rows ? hn::GetLane(hn::SumOfLanes(d, sums[r])) : 0;
    double row_squares = W::of_squares ? hn::GetLane(hn::SumOfLanes(d, squares[r])) : 0;
    for (std::int64_t k = j; k < columns; ++k) {
      const double magnitude = std::fabs(load_one(first + r * stride + k));
      partial->max_abs = std::max(partial->max_abs, magnitude);
      if constexpr (W::of_rows) row_sum += magnitude;
      if constexpr (W::of_squares) row_squares += (magnitude * scale) * (magnitude * scale);
      if constexpr (W::of_columns) column_sums[k] += magnitude;
    }
    partial->largest_row_sum = std::max(partial->largest_row_sum, row_sum);
    partial->smallest_row_sum = std::min(partial->smallest_row_sum, row_sum);
    partial->sum += row_sum;
    partial->sum_squares += row_squares;
  }
}

template <class W>
HWY_INLINE void scan_piece(const StoredMatrix& a, double scale, double* column_sums, Partial* partial) {
  with_type(a, [&](const auto* first) HWY_ATTR {
    std::int64_t i = 0;
    for (; i + kRows <= a.rows; i += kRows) {
      scan_group<kRows, W>(first + i * a.stride, a.stride, a.columns, scale, column_sums, partial);
    }
    for (; i < a.rows; ++i) {
      scan_group<1, W>(first + i * a.stride, a.stride, a.columns, scale, column_sums, partial);
    }
  });
}

// A NaN or infinite entry makes every sum that it is part of NaN or infinite; no other sum is used then.
void scan_rows(const StoredMatrix& a, Sums wanted, double scale, double* column_sums, Partial* partial) {
  switch (wanted) {
    case Sums::rows: return scan_piece<Work<true, false, false, false>>(a, scale, column_sums, partial);
    case Sums::columns: return scan_piece<Work<false, true, false, false>>(a, scale, column_sums, partial);
    case Sums::squares:
      return scale == 1 ? scan_piece<Work<false, false, true, false>>(a, scale, column_sums, partial)
                        : scan_piece<Work<false, false, true, true>>(a, scale, column_sums, partial);
    case Sums::all:
      return scale == 1 ? scan_piece<Work<true, true, true, false>>(a, scale, column_sums, partial)
                        : scan_piece<Work<true, true, true, true>>(a, scale, column_sums, partial);
  }
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

// `checked` becomes a sum that is not finite if an entry is not.
Scan scan_scaled(const StoredMatrix& a, Sums wanted, double scale, double& checked, Context& context) {
  const bool of_columns = wanted == Sums::all || wanted == Sums::columns;
  const auto n = static_cast<std::size_t>(of_columns ? a.columns : 0);
  // At least eight rows per piece, so that the column sums of all pieces take no more memory than the matrix itself.
  const std::int64_t most = std::min(a.size() / kPieceElements, a.rows / 8);
  const auto count = static_cast<std::size_t>(std::clamp<std::int64_t>(most, 1, kMostPieces));
  std::vector<Partial> partials(count);
  auto sums = context.scratch<double>(n * count);
  context.parallel_for(count, [&](std::size_t p) {
    double* mine = sums.data() + p * n;
    std::fill(mine, mine + n, 0.0);
    const std::int64_t first = a.rows * static_cast<std::int64_t>(p) / static_cast<std::int64_t>(count);
    const std::int64_t last = a.rows * static_cast<std::int64_t>(p + 1) / static_cast<std::int64_t>(count);
    HWY_DYNAMIC_DISPATCH(scan_rows)(a.row_range(first, last - first), wanted, scale, mine, &partials[p]);
  });
  Scan result;
  result.scale = scale;
  checked = 0;
  double least_row = std::numeric_limits<double>::infinity();
  double least_column = least_row;
  for (std::size_t p = 0; p < count; ++p) {
    result.max_abs = std::max(result.max_abs, partials[p].max_abs);
    result.largest_row_sum = std::max(result.largest_row_sum, partials[p].largest_row_sum);
    least_row = std::min(least_row, partials[p].smallest_row_sum);
    result.sum_squares += partials[p].sum_squares;
    checked += partials[p].sum;
    if (p == 0) continue;
    for (std::size_t j = 0; j < n; ++j) sums[j] += sums[p * n + j];
  }
  for (std::size_t j = 0; j < n; ++j) {
    result.largest_column_sum = std::max(result.largest_column_sum, sums[j]);
    least_column = std::min(least_column, sums[j]);
    if (wanted == Sums::columns) checked += sums[j];
  }
  result.smallest_row_sum = least_row;
  result.smallest_column_sum = n > 0 ? least_column : 0;
  checked += result.sum_squares;
  return result;
}

}  // namespace

Scan scan(const StoredMatrix& a, Sums wanted, Context& context) {
  const FloatingEnvironment environment;
  if (!is_real(a.dtype)) throw Error(fmt::format("[scan] {} does not store real numbers", name(a.dtype)));
  if (a.size() == 0) return {};
  double checked = 0;
  Scan result = scan_scaled(a, wanted, 1.0, checked, context);
  // A sum that overflowed may come from huge f64 entries alone; a sum that is NaN cannot.
  if (!std::isfinite(checked)) {
    HWY_DYNAMIC_DISPATCH(count_non_finite)(a, &result);
    if (!result.finite()) return result;
  }
  const bool of_squares = wanted == Sums::all || wanted == Sums::squares;
  if (result.max_abs == 0 || !of_squares) return result;
  const int exponent = std::ilogb(result.max_abs);
  if (a.dtype == DType::f64 && std::abs(exponent) > kSafeExponent) {
    // The smallest subnormal would need 2^1074, which is not a double; 2^1000 still brings squares into range.
    return scan_scaled(a, wanted, std::ldexp(1.0, std::clamp(-exponent, -1000, 1000)), checked, context);
  }
  return result;
}

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
