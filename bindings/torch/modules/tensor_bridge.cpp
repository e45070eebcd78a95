#include "bindings/torch/modules/tensor_bridge.hpp"

#include <ATen/Functions.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "sigmax/core/error.hpp"

namespace sigmax::torch {
namespace {

constexpr std::pair<at::ScalarType, DType> kTypes[] = {
    {at::kDouble, DType::f64},    {at::kFloat, DType::f32},        {at::kHalf, DType::f16},
    {at::kBFloat16, DType::bf16}, {at::kLong, DType::i64},         {at::kInt, DType::i32},
    {at::kShort, DType::i16},     {at::kChar, DType::i8},          {at::kByte, DType::u8},
    {at::kBool, DType::boolean},  {at::kComplexFloat, DType::c64}, {at::kComplexDouble, DType::c128}};

}  // namespace

Tensor view_of(const at::Tensor& tensor) {
  const auto owner = std::make_shared<at::Tensor>(tensor.detach().cpu().resolve_conj().resolve_neg());
  for (const auto& [theirs, ours] : kTypes) {
    if (owner->scalar_type() != theirs) continue;
    const auto* data = static_cast<const std::byte*>(owner->const_data_ptr());
    return {ours, owner->sizes().vec(), owner->strides().vec(), data, owner};
  }
  throw Error(std::string("[torch] sigmax has no type for ") + c10::toString(tensor.scalar_type()));
}

at::Tensor copy_of(const Tensor& tensor) {
  for (const auto& [theirs, ours] : kTypes) {
    if (tensor.dtype() != ours) continue;
    const Tensor packed = tensor.compact();
    at::Tensor result = at::empty(packed.shape(), theirs);
    if (result.numel() > 0) std::memcpy(result.mutable_data_ptr(), packed.data(), result.nbytes());
    return result;
  }
  throw Error("[torch] torch has no type for " + std::string(name(tensor.dtype())));
}

}  // namespace sigmax::torch
