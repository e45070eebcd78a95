#include "bindings/torch/modules/certified_norm.hpp"

#include <ATen/ATen.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "bindings/torch/modules/normalized_weight.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::torch {
namespace {

constexpr std::pair<at::ScalarType, DType> kTypes[] = {
    {at::kDouble, DType::f64},    {at::kFloat, DType::f32},        {at::kHalf, DType::f16},
    {at::kBFloat16, DType::bf16}, {at::kLong, DType::i64},         {at::kInt, DType::i32},
    {at::kShort, DType::i16},     {at::kChar, DType::i8},          {at::kByte, DType::u8},
    {at::kBool, DType::boolean},  {at::kComplexFloat, DType::c64}, {at::kComplexDouble, DType::c128}};

SvdResult<double> top_triplet(const LinearOperator<double>& a) {
  SvdOptions<double> options;
  options.accuracy = Accuracy::vectors;
  options.tolerance = 1e-12;
  return svd(a, options);
}

at::Tensor vector_of(const Matrix<double>& columns, const at::Tensor& like) {
  at::Tensor result = at::empty({columns.rows()}, at::kDouble);
  std::memcpy(result.data_ptr<double>(), columns.view().column(0).data(), sizeof(double) * columns.rows());
  return result.to(like.options());
}

}  // namespace

Tensor view_of(const at::Tensor& tensor) {
  const auto owner = std::make_shared<at::Tensor>(tensor.detach().cpu());
  for (const auto& [theirs, ours] : kTypes) {
    if (owner->scalar_type() != theirs) continue;
    return Tensor(ours, owner->sizes().vec(), owner->strides().vec(), static_cast<const std::byte*>(owner->data_ptr()),
                  owner);
  }
  throw Error(std::string("[torch] sigmax has no type for ") + at::toString(tensor.scalar_type()));
}

at::Tensor copy_of(const Tensor& tensor) {
  for (const auto& [theirs, ours] : kTypes) {
    if (tensor.dtype() != ours) continue;
    const Tensor packed = tensor.compact();
    at::Tensor result = at::empty(packed.shape(), theirs);
    if (result.numel() > 0) std::memcpy(result.data_ptr(), packed.data(), result.nbytes());
    return result;
  }
  throw Error("[torch] torch has no type for " + std::string(name(tensor.dtype())));
}

SingularVectors largest_singular_vectors(const at::Tensor& matrix) {
  const auto a = dense<double>(view_of(matrix));
  const auto top = top_triplet(*a);
  return {top.sigma[0], vector_of(top.u, matrix), vector_of(top.v, matrix)};
}

Enclosure certified_norm(const at::Tensor& weight, int64_t dim) {
  const auto a = dense<double>(view_of(as_matrix(weight.detach(), dim)));
  return certify(*a, top_triplet(*a));
}

}  // namespace sigmax::torch
