// Storage types of checkpoint elements. Storage type is not compute type: solvers run in double (or float) whatever the
// file holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sigmax {

/// How one element is stored. The first four can be read as numbers; the others are recognized by name so that a
/// tensor that sigmax does not measure can be listed with its type.
enum class DType : std::uint8_t {
  f64,
  f32,
  f16,
  bf16,
  i64,
  i32,
  i16,
  i8,
  i4,
  u64,
  u32,
  u16,
  u8,
  u4,
  boolean,
  f8_e4m3,
  f8_e5m2,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  f8_e8m0,
  f6_e2m3,
  f6_e3m2,
  f4,
  c64,
  c128,
  qint8,
  quint8,
  qint32,
  string,
  unknown,
};

/// `f32`, `bf16`, `i64`, ...: as every table and the JSON spell it.
std::string_view name(DType type) noexcept;

/// Bits of one element, 0 for `string` and `unknown`: f4, i4 and u4 take 4 bits, the f6 types 6.
unsigned bits(DType type) noexcept;

/// Bytes of one element, 0 where an element is not a whole number of bytes.
std::size_t size_of(DType type) noexcept;

/// f64, f32, f16 or bf16: what the kernels read.
bool is_real(DType type) noexcept;

/// Integers and bool that are stored plainly.
bool is_integer(DType type) noexcept;

/// Unit roundoff of a real storage type: 2^-53, 2^-24, 2^-11 or 2^-8; 0 for every other type.
double unit_roundoff(DType type) noexcept;

/// Exact value of an IEEE binary16 bit pattern.
double f16_to_double(std::uint16_t pattern) noexcept;

/// Exact value of a bfloat16 bit pattern.
double bf16_to_double(std::uint16_t pattern) noexcept;

/// Nearest binary16, ties to even; overflow gives infinity.
std::uint16_t double_to_f16(double value) noexcept;

/// Nearest bfloat16, ties to even; overflow gives infinity.
std::uint16_t double_to_bf16(double value) noexcept;

}  // namespace sigmax
