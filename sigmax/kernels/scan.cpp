#include "sigmax/kernels/scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
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
};
}  // namespace
}  // namespace sigmax::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

// A NaN or infinite entry makes sum_squares NaN or infinite; no other sum is used then.
void scan_rows(const StoredMatrix& a, double scale, double* column_sums, Partial* partial) {
  with_type(a, [&](const auto* first) {
    const F64 d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const VecF64 factor = hn::Set(d, scale);
    for (std::int64_t i = 0; i < a.rows; ++i) {
      const auto* row = first + i * a.stride;
      VecF64 largest = hn::Zero(d), sum = largest, squares = largest;
      std::int64_t j = 0;
      for (; j + lanes <= a.columns; j += lanes) {
        const VecF64 magnitude = hn::Abs(load(d, row + j));
        const VecF64 scaled = hn::Mul(magnitude, factor);
        largest = hn::Max(largest, magnitude);
        sum = hn::Add(sum, magnitude);
        squares = hn::MulAdd(scaled, scaled, squares);
        hn::StoreU(hn::Add(hn::LoadU(d, column_sums + j), magnitude), d, column_sums + j);
      }
      double row_largest = hn::GetLane(hn::MaxOfLanes(d, largest));
      double row_sum = hn::GetLane(hn::SumOfLanes(d, sum));
      double row_squares = hn::GetLane(hn::SumOfLanes(d, squares));
      for (; j < a.columns; ++j) {
        const double magnitude = std::fabs(load_one(row + j));
        row_largest = std::max(row_largest, magnitude);
        row_sum += magnitude;
        row_squares += (magnitude * scale) * (magnitude * scale);
        column_sums[j] += magnitude;
      }
      partial->max_abs = std::max(partial->max_abs, row_largest);
      partial->largest_row_sum = std::max(partial->largest_row_sum, row_sum);
      partial->sum_squares += row_squares;
    }
  });
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
  for (std::size_t p = 0; p < count; ++p) {
    result.max_abs = std::max(result.max_abs, partials[p].max_abs);
    result.largest_row_sum = std::max(result.largest_row_sum, partials[p].largest_row_sum);
    result.sum_squares += partials[p].sum_squares;
    if (p == 0) continue;
    for (std::size_t j = 0; j < n; ++j) sums[j] += sums[p * n + j];
  }
  for (std::size_t j = 0; j < n; ++j) result.largest_column_sum = std::max(result.largest_column_sum, sums[j]);
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
