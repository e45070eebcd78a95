#include "sigmax/kernels/scan.hpp"

#include <fmt/format.h>
#include <hwy/cache_control.h>

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

// Rows that are read side by side, so that a column sum is loaded and stored once for all of them. Found by
// measurement: eight rows need even fewer loads, but memory gives them more slowly.
constexpr std::int64_t kRows = 4;

// A row is requested this many bytes ahead; without that too few lines are under way, because each takes many
// instructions. Found by measurement: one thread reads rows of bf16 at 80 % of the speed of plain reading, at 68 % with
// half the distance and at 48 % without. Rows of f64, with fewer instructions for each line, prefer the shorter one.
template <class S>
inline constexpr std::int64_t kBytesAhead = sizeof(S) == 8 ? 1024 : 2048;

// |x| of stored numbers as doubles in the unit 1 / kUnit, kCount vectors at a step. A float or bfloat16 is not
// converted: |x| put into a double with its lowest exponent bit on the lowest exponent bit there is |x| 2^(127 - 1023),
// for subnormal numbers too, which become subnormal doubles; infinities and NaN become numbers. Every 64 bits give one
// element of each vector by a shift and a mask. Widening takes more loads, and a conversion as well.
//
// A half becomes a float before, which holds it as a normal number: a product of subnormal doubles may be slow.
template <class S>
struct Parts {
  static constexpr bool kOfWords = HWY_TARGET != HWY_SCALAR && !std::is_same_v<S, double>;
  static constexpr int kCount = std::is_same_v<S, hwy::bfloat16_t> ? 4 : 2;
  static constexpr double kUnit = kOfWords ? 0x1p896 : 1;
};

// Loads magnitudes and knows the largest. Magnitudes are compared as numbers in f64 and by their bits otherwise, since
// floats of one sign are in the order of their bits: processors that add and compare numbers in the same units compare
// integers in more of them.
template <class S>
class Magnitudes {
  using U64 = hn::Rebind<std::uint64_t, F64>;
  using Bits = std::conditional_t<!Parts<S>::kOfWords, std::uint64_t,
                                  std::conditional_t<Parts<S>::kCount == 4, std::uint16_t, std::uint32_t>>;
  using Patterns = hn::Repartition<Bits, F64>;

 public:
  HWY_INLINE Magnitudes() : largest_(hn::Zero(F64())), largest_bits_(hn::Zero(Patterns())) {}

  HWY_INLINE void load(const S* p, VecF64 (&out)[Parts<S>::kCount]) {
    if constexpr (Parts<S>::kOfWords) {
      const auto patterns = patterns_at(p);
      constexpr auto kMagnitude = static_cast<Bits>(Bits(~Bits{0}) >> 1);
      largest_bits_ = hn::Max(largest_bits_, hn::And(patterns, hn::Set(Patterns(), kMagnitude)));
      split(hn::BitCast(U64(), patterns), out);
    } else {
      const F64 d;
      for (std::size_t k = 0; k < Parts<S>::kCount; ++k) {
        if constexpr (std::is_same_v<S, double>) {
          out[k] = hn::Abs(unaligned(d, p + k * hn::Lanes(d)));
        } else {
          out[k] = hn::Abs(HWY_NAMESPACE::load(d, p + k * hn::Lanes(d)));
        }
        largest_ = hn::Max(largest_, out[k]);
      }
    }
  }

  /// Infinite or NaN if one of the numbers was.
  HWY_INLINE double largest() const {
    if constexpr (!Parts<S>::kOfWords) return hn::GetLane(hn::MaxOfLanes(F64(), largest_));
    HWY_ALIGN Bits lanes[hn::MaxLanes(Patterns())];
    hn::Store(largest_bits_, Patterns(), lanes);
    const std::uint64_t most = *std::max_element(lanes, lanes + hn::Lanes(Patterns()));
    const auto bits = static_cast<std::uint32_t>(sizeof(Bits) == 2 ? most << 16 : most);
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

 private:
  // Vectors as long as a cache line would each straddle two if the matrix is not aligned.
  template <class D>
  static HWY_INLINE hn::Vec<D> unaligned(D d, const hn::TFromD<D>* p) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
    const hn::Half<D> half;
    return hn::Combine(d, hn::LoadU(half, p + hn::Lanes(half)), hn::LoadU(half, p));
#else
    return hn::LoadU(d, p);
#endif
  }
  static HWY_INLINE hn::Vec<Patterns> patterns_at(const S* p) {
    if constexpr (std::is_same_v<S, hwy::float16_t>) {
      return hn::BitCast(Patterns(), HWY_NAMESPACE::load(F32(), p));
    } else {
      return unaligned(Patterns(), reinterpret_cast<const Bits*>(p));
    }
  }
  static HWY_INLINE VecF64 masked(hn::Vec<U64> words, std::uint64_t mask) {
    return hn::BitCast(F64(), hn::And(words, hn::Set(U64(), mask)));
  }
  static HWY_INLINE void split(hn::Vec<U64> words, VecF64 (&out)[4]) {
    constexpr std::uint64_t kMask = std::uint64_t{0x7FFF} << 45;
    out[0] = masked(hn::ShiftLeft<45>(words), kMask);
    out[1] = masked(hn::ShiftLeft<29>(words), kMask);
    out[2] = masked(hn::ShiftLeft<13>(words), kMask);
    out[3] = masked(hn::ShiftRight<3>(words), kMask);
  }
  static HWY_INLINE void split(hn::Vec<U64> words, VecF64 (&out)[2]) {
    constexpr std::uint64_t kMask = std::uint64_t{0x7FFFFFFF} << 29;
    out[0] = masked(hn::ShiftLeft<29>(words), kMask);
    out[1] = masked(hn::ShiftRight<3>(words), kMask);
  }

  VecF64 largest_;
  hn::Vec<Patterns> largest_bits_;
};

// The first `whole` columns, whole steps of Magnitudes, of `Rows` rows from `first` on. In `column_sums` the
// elements of a step lie part by part, in the unit of Parts, the same for all rows and pieces. Towards the end of the
// rows, the rows that follow them are requested; requesting what is beyond the matrix does no harm.
template <std::int64_t Rows, class W, class S>
HWY_INLINE void add_steps(const S* first, std::int64_t stride, std::int64_t whole, double scale, double* column_sums,
                          Magnitudes<S>& magnitudes, VecF64* sums, VecF64* squares) {
  const F64 d;
  constexpr int kCount = Parts<S>::kCount;
  constexpr bool kScaled = W::scaled || Parts<S>::kUnit != 1;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const VecF64 factor = hn::Set(d, scale * Parts<S>::kUnit);
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(S));
  const std::int64_t turn = std::max<std::int64_t>(0, whole - kBytesAhead<S> / kSize);
  for (std::int64_t j = 0; j < whole; j += kCount * lanes) {
    const auto ahead = static_cast<std::uintptr_t>(j < turn ? kBytesAhead<S> : (Rows * stride - turn) * kSize);
    VecF64 columns[kCount];
    if constexpr (W::of_columns) {
      for (int k = 0; k < kCount; ++k) columns[k] = hn::LoadU(d, column_sums + j + k * lanes);
    }
    for (std::int64_t r = 0; r < Rows; ++r) {
      VecF64 values[kCount];
      const S* const row = first + r * stride + j;
      magnitudes.load(row, values);
      hwy::Prefetch(reinterpret_cast<const char*>(reinterpret_cast<std::uintptr_t>(row) + ahead));
      for (int k = 0; k < kCount; ++k) {
        if constexpr (W::of_columns) columns[k] = hn::Add(columns[k], values[k]);
        if constexpr (W::of_rows) sums[r] = hn::Add(sums[r], values[k]);
        if constexpr (W::of_squares) {
          const VecF64 scaled = kScaled ? hn::Mul(values[k], factor) : values[k];
          squares[r] = hn::MulAdd(scaled, scaled, squares[r]);
        }
      }
    }
    if constexpr (W::of_columns) {
      for (int k = 0; k < kCount; ++k) hn::StoreU(columns[k], d, column_sums + j + k * lanes);
    }
  }
}

// `Rows` rows from `first` on: `whole` columns in steps, the others one by one.
template <std::int64_t Rows, class W, class S>
HWY_INLINE void scan_group(const S* first, std::int64_t stride, std::int64_t whole, std::int64_t columns, double scale,
                           double* column_sums, Magnitudes<S>& magnitudes, Partial* partial) {
  const F64 d;
  VecF64 sums[Rows], squares[Rows];
  for (std::int64_t r = 0; r < Rows; ++r) sums[r] = squares[r] = hn::Zero(d);
  add_steps<Rows, W>(first, stride, whole, scale, column_sums, magnitudes, sums, squares);
  for (std::int64_t r = 0; r < Rows; ++r) {
    double row_sum = W::of_rows ? hn::GetLane(hn::SumOfLanes(d, sums[r])) * Parts<S>::kUnit : 0;
    double row_squares = W::of_squares ? hn::GetLane(hn::SumOfLanes(d, squares[r])) : 0;
    for (std::int64_t k = whole; k < columns; ++k) {
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

template <class W, class S>
HWY_INLINE void scan_elements(const S* first, const StoredMatrix& a, double scale, double* column_sums,
                              Partial* partial) {
  const auto step = static_cast<std::int64_t>(hn::Lanes(F64())) * Parts<S>::kCount;
  const std::int64_t whole = a.columns / step * step;
  Magnitudes<S> magnitudes;
  std::int64_t i = 0;
  for (; i + kRows <= a.rows; i += kRows) {
    scan_group<kRows, W>(first + i * a.stride, a.stride, whole, a.columns, scale, column_sums, magnitudes, partial);
  }
  for (; i < a.rows; ++i) {
    scan_group<1, W>(first + i * a.stride, a.stride, whole, a.columns, scale, column_sums, magnitudes, partial);
  }
  if constexpr (W::of_columns && Parts<S>::kUnit != 1) {
    for (std::int64_t k = 0; k < whole; ++k) column_sums[k] *= Parts<S>::kUnit;
  }
  const double most = magnitudes.largest();
  partial->max_abs = std::max(partial->max_abs, most);
  // Infinities and NaN have become numbers.
  if (Parts<S>::kOfWords && !std::isfinite(most)) partial->sum = std::numeric_limits<double>::infinity();
}

template <class W>
HWY_INLINE void scan_piece(const StoredMatrix& a, double scale, double* column_sums, Partial* partial) {
  with_type(a, [&](const auto* first) HWY_ATTR { scan_elements<W>(first, a, scale, column_sums, partial); });
}

// A NaN or infinite entry makes the sum of all that is summed, or `Partial::sum`, NaN or infinite; no sum is used then.
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
