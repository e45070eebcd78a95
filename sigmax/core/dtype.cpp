#include "sigmax/core/dtype.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include "sigmax/core/floating_environment.hpp"

namespace sigmax {
namespace {

struct Description {
  DType type;
  std::string_view name;
  unsigned bits;
};

constexpr Description kDescriptions[] = {
    {DType::f64, "f64", 64},
    {DType::f32, "f32", 32},
    {DType::f16, "f16", 16},
    {DType::bf16, "bf16", 16},
    {DType::i64, "i64", 64},
    {DType::i32, "i32", 32},
    {DType::i16, "i16", 16},
    {DType::i8, "i8", 8},
    {DType::i4, "i4", 4},
    {DType::u64, "u64", 64},
    {DType::u32, "u32", 32},
    {DType::u16, "u16", 16},
    {DType::u8, "u8", 8},
    {DType::u4, "u4", 4},
    {DType::boolean, "bool", 8},
    {DType::f8_e4m3, "f8_e4m3", 8},
    {DType::f8_e5m2, "f8_e5m2", 8},
    {DType::f8_e4m3fnuz, "f8_e4m3fnuz", 8},
    {DType::f8_e5m2fnuz, "f8_e5m2fnuz", 8},
    {DType::f8_e8m0, "f8_e8m0", 8},
    {DType::f6_e2m3, "f6_e2m3", 6},
    {DType::f6_e3m2, "f6_e3m2", 6},
    {DType::f4, "f4", 4},
    {DType::c64, "c64", 64},
    {DType::c128, "c128", 128},
    {DType::qint8, "qint8", 8},
    {DType::quint8, "quint8", 8},
    {DType::qint32, "qint32", 32},
    {DType::string, "string", 0},
    {DType::unknown, "unknown", 0},
};

constexpr const Description& describe(DType type) { return kDescriptions[static_cast<std::size_t>(type)]; }

static_assert([] {
  for (std::size_t i = 0; i < std::size(kDescriptions); ++i)
    if (static_cast<std::size_t>(kDescriptions[i].type) != i) return false;
  return std::size(kDescriptions) == static_cast<std::size_t>(DType::unknown) + 1;
}());

// Rounds to `fraction_bits` of significand below the leading one with a smallest exponent of `min_exponent`, so that
// subnormal targets round at their own last place. Exact for every double because scaling by a power of two is exact.
double round_to(double value, int fraction_bits, int min_exponent) {
  if (value == 0 || !std::isfinite(value)) return value;
  const int exponent = std::max(std::ilogb(value), min_exponent);
  const double ulp = std::ldexp(1.0, exponent - fraction_bits);
  return std::nearbyint(value / ulp) * ulp;
}

}  // namespace

std::string_view name(DType type) noexcept { return describe(type).name; }

unsigned bits(DType type) noexcept { return describe(type).bits; }

std::size_t size_of(DType type) noexcept {
  const unsigned width = bits(type);
  return width % 8 == 0 ? width / 8 : 0;
}

bool is_real(DType type) noexcept { return type <= DType::bf16; }

bool is_integer(DType type) noexcept { return type >= DType::i64 && type <= DType::boolean; }

double unit_roundoff(DType type) noexcept {
  switch (type) {
    case DType::f64: return 0x1p-53;
    case DType::f32: return 0x1p-24;
    case DType::f16: return 0x1p-11;
    case DType::bf16: return 0x1p-8;
    default: return 0;
  }
}

double f16_to_double(std::uint16_t pattern) noexcept {
  const double sign = (pattern & 0x8000U) != 0 ? -1.0 : 1.0;
  const int exponent = (pattern >> 10) & 0x1f;
  const int fraction = pattern & 0x3ff;
  if (exponent == 31) {
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

double bf16_to_double(std::uint16_t pattern) noexcept {
  const FloatingEnvironment environment;
  return std::bit_cast<float>(static_cast<std::uint32_t>(pattern) << 16);
}

std::uint16_t double_to_f16(double value) noexcept {
  const FloatingEnvironment environment;
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7e00);
  const double magnitude = std::fabs(round_to(value, 10, -14));
  if (magnitude > 65504.0) return static_cast<std::uint16_t>(sign | 0x7c00);
  if (magnitude < 0x1p-14) return static_cast<std::uint16_t>(sign | static_cast<int>(magnitude * 0x1p24));
  const int exponent = std::ilogb(magnitude);
  const int fraction = static_cast<int>(std::ldexp(magnitude, 10 - exponent)) - 1024;
  return static_cast<std::uint16_t>(sign | ((exponent + 15) << 10) | fraction);
}

std::uint16_t double_to_bf16(double value) noexcept {
  const FloatingEnvironment environment;
  if (std::isnan(value)) return 0x7fc0;
  const double rounded = round_to(value, 7, -126);
  // A double above the largest bfloat16 becomes an infinite float; its upper half is bfloat16's infinity.
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(rounded)) >> 16);
}

}  // namespace sigmax
