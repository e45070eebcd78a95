#include "sigmax/kernels/column_groups.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/column_groups.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "sigmax/core/floating_environment.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<double, 8>;
using Vector = hn::Vec<Tag>;
constexpr std::int64_t kGroup = 16;

// Rows and columns of C whose sums stay in registers: vectors by columns.
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
constexpr int kVectorsAtOnce = 2;
constexpr int kColumnsAtOnce = 8;
#else
constexpr int kVectorsAtOnce = 2;
constexpr int kColumnsAtOnce = 4;
#endif

HWY_INLINE void add_tile(const double* HWY_RESTRICT a, const double* HWY_RESTRICT b, std::int64_t rows,
                         double* HWY_RESTRICT c, std::int64_t stride) {
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  Vector sum[kVectorsAtOnce * kColumnsAtOnce];
#pragma GCC unroll 16
  for (int i = 0; i < kVectorsAtOnce * kColumnsAtOnce; ++i) sum[i] = hn::Zero(d);
  for (std::int64_t k = 0; k < rows; ++k, a += kGroup, b += kGroup) {
    const Vector first = hn::LoadU(d, a);
    const Vector second = hn::LoadU(d, a + lanes);
#pragma GCC unroll 8
    for (int j = 0; j < kColumnsAtOnce; ++j) {
      const Vector factor = hn::Set(d, b[j]);
      sum[2 * j] = hn::MulAdd(first, factor, sum[2 * j]);
      sum[2 * j + 1] = hn::MulAdd(second, factor, sum[2 * j + 1]);
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < kColumnsAtOnce; ++j, c += stride) {
    hn::StoreU(hn::Add(hn::LoadU(d, c), sum[2 * j]), d, c);
    hn::StoreU(hn::Add(hn::LoadU(d, c + lanes), sum[2 * j + 1]), d, c + lanes);
  }
}

void add_column_products(const double* a, const double* b, std::int64_t rows, std::int64_t first_a, std::int64_t last_a,
                         std::int64_t first_b, std::int64_t last_b, double* c, std::int64_t stride) {
  const std::int64_t step = kVectorsAtOnce * static_cast<std::int64_t>(hn::Lanes(Tag()));
  // A few groups of b stay in the cache while those of a go by.
  constexpr std::int64_t kKept = 4;
  for (std::int64_t kept = first_b; kept < last_b; kept += kKept) {
    for (std::int64_t i = first_a; i < last_a; ++i) {
      for (std::int64_t j = kept; j < std::min(last_b, kept + kKept); ++j) {
        for (std::int64_t column = 0; column < kGroup; column += kColumnsAtOnce) {
          for (std::int64_t row = 0; row < kGroup; row += step) {
            add_tile(a + i * kGroup * rows + row, b + j * kGroup * rows + column, rows,
                     c + i * kGroup + row + (j * kGroup + column) * stride, stride);
          }
        }
      }
    }
  }
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sigmax::kernels {

HWY_EXPORT(add_column_products);

void group_columns(const double* a, std::int64_t rows, std::int64_t columns, double* groups) {
  constexpr std::int64_t kGroup = 16;
  for (std::int64_t first = 0; first < columns; first += kGroup, groups += kGroup * rows) {
    const std::int64_t count = std::min(kGroup, columns - first);
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < kGroup; ++j) {
        groups[i * kGroup + j] = j < count ? a[i + (first + j) * rows] : 0.0;
      }
    }
  }
}

void add_column_products(const double* a, const double* b, std::int64_t rows, std::int64_t first_a, std::int64_t last_a,
                         std::int64_t first_b, std::int64_t last_b, double* c, std::int64_t stride) {
  HWY_DYNAMIC_DISPATCH(add_column_products)(a, b, rows, first_a, last_a, first_b, last_b, c, stride);
}

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
