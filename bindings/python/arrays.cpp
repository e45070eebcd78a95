#include "bindings/python/arrays.hpp"

#include <fmt/format.h>

#include <utility>

#include "sigmax/core/error.hpp"

namespace nb = nanobind;

namespace sigmax::python {
namespace {

DType dtype_of(nb::dlpack::dtype type, bool bfloat16) {
  const auto is = [&](nb::dlpack::dtype_code code, int bits) {
    return type.code == static_cast<std::uint8_t>(code) && type.bits == bits && type.lanes == 1;
  };
  using Code = nb::dlpack::dtype_code;
  if (bfloat16 && is(Code::UInt, 16)) return DType::bf16;
  if (is(Code::Float, 64)) return DType::f64;
  if (is(Code::Float, 32)) return DType::f32;
  if (is(Code::Float, 16)) return DType::f16;
  if (is(Code::Bfloat, 16)) return DType::bf16;
  throw Error(
      fmt::format("[sigmax] an array of type code {} with {} bits does not store real numbers", type.code, type.bits));
}

}  // namespace

Tensor tensor_of(const Input& array, bool bfloat16) {
  Dimensions shape(array.ndim()), strides(array.ndim());
  for (std::size_t i = 0; i < array.ndim(); ++i) {
    shape[i] = static_cast<std::int64_t>(array.shape(i));
    strides[i] = array.stride(i);
  }
  return {dtype_of(array.dtype(), bfloat16), std::move(shape), std::move(strides),
          static_cast<const std::byte*>(array.data()), nullptr};
}

std::span<double> entries_of(const Output& array, std::size_t size) {
  if (array.size() != size) throw Error(fmt::format("[sigmax] an output of {} entries, not {}", array.size(), size));
  return {array.data(), size};
}

}  // namespace sigmax::python
