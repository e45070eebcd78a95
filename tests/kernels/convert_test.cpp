// Conversion to double is exact: every bit pattern of the short types, on every instruction set.
#include "sigmax/kernels/convert.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "gallery/simd_targets.hpp"
#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax::kernels {
namespace {

using gallery::kStorageTypes;
using gallery::Stored;

// Bits of a number; one and the same value for all NaNs.
std::uint64_t bits_of(double value) {
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

TEST(Convert, IsExactForEveryPatternOfTheShortTypes) {
  std::vector<std::uint16_t> patterns(1 << 16);
  for (std::size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<std::uint16_t>(i);
  const auto* data = reinterpret_cast<const std::byte*>(patterns.data());
  std::vector<double> out(patterns.size());
  gallery::for_each_simd_target([&](const std::string& target) {
    for (const DType dtype : {DType::f16, DType::bf16}) {
      convert({dtype, data, 1, 1 << 16, 1 << 16}, 1.0, out.data(), 1 << 16);
      for (std::size_t i = 0; i < out.size(); ++i) {
        const double wanted = dtype == DType::f16 ? f16_to_double(patterns[i]) : bf16_to_double(patterns[i]);
        ASSERT_EQ(bits_of(out[i]), bits_of(wanted)) << name(dtype) << " pattern " << i << " on " << target;
      }
    }
  });
}

TEST(Convert, IsExactAtTheEdgesOfTheLongTypes) {
  using F32 = std::numeric_limits<float>;
  using F64 = std::numeric_limits<double>;
  const std::vector<double> f32 = {0.0, -0.0, F32::denorm_min(), -F32::min(), F32::max(), -F32::infinity(), 1 / 3.0f};
  const std::vector<double> f64 = {0.0, -0.0, F64::denorm_min(), -F64::min(), F64::max(), -F64::infinity(), 1 / 3.0};
  gallery::for_each_simd_target([&](const std::string& target) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      // Seven values, shifted by one from row to row: each meets every lane and the tail.
      std::vector<double> values;
      for (std::size_t k = 0; k < 9 * 21; ++k) values.push_back((dtype == DType::f32 ? f32 : f64)[(k + k / 21) % 7]);
      const Stored stored(dtype, 9, 21, values, 2, 1);
      std::vector<double> out(values.size());
      convert(stored.matrix(), 1.0, out.data(), 21);
      for (std::size_t k = 0; k < out.size(); ++k) {
        ASSERT_EQ(bits_of(out[k]), bits_of(values[k])) << name(dtype) << " " << values[k] << " on " << target;
      }
    }
  });
}

TEST(Convert, ScalesByPowersOfTwoExactlyAndWritesNothingBetweenRows) {
  for (const DType dtype : kStorageTypes) {
    for (std::int64_t columns = 1; columns <= 40; ++columns) {
      const Stored stored(dtype, 3, columns, gallery::normal(3 * columns, 5), columns % 4, columns % 3);
      const std::int64_t out_stride = columns + 2;
      std::vector<double> out(static_cast<std::size_t>(3 * out_stride), -7);
      convert(stored.matrix(), 0x1p-40, out.data(), out_stride);
      for (std::int64_t i = 0; i < 3; ++i) {
        for (std::int64_t j = 0; j < out_stride; ++j) {
          const double wanted = j < columns ? stored(i, j) * 0x1p-40 : -7;
          ASSERT_EQ(out[static_cast<std::size_t>(i * out_stride + j)], wanted) << stored.what();
        }
      }
    }
  }
}

TEST(Convert, RefusesTypesThatAreNotReal) {
  double out = 0;
  EXPECT_THROW(convert({DType::i8, nullptr, 1, 1, 1}, 1.0, &out, 1), Error);
}

TEST(Convert, NamesTheInstructionSet) { EXPECT_STRNE(simd_target(), ""); }

}  // namespace
}  // namespace sigmax::kernels
