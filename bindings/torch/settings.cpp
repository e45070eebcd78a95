#include "bindings/torch/settings.hpp"

#include <c10/util/Exception.h>

namespace sigmax::torch {

MatrixSize matrix_size(const at::Tensor& weight, std::int64_t dim) {
  MatrixSize size{weight.dim() == 0 ? 1 : weight.size(dim), 1};
  for (std::int64_t k = 0; k < weight.dim(); ++k)
    if (k != dim) size.columns *= weight.size(k);
  return size;
}

bool is_native(const at::Tensor& weight) {
  const at::ScalarType type = weight.scalar_type();
  const bool real = type == at::kFloat || type == at::kDouble || type == at::kHalf || type == at::kBFloat16;
  return real && weight.device().is_cpu() && weight.layout() == at::kStrided && weight.is_contiguous() &&
         weight.dim() > 0 && weight.numel() > 0;
}

void check(const char* function, const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v, std::int64_t dim,
           std::int64_t blocks, const Settings& settings) {
  TORCH_CHECK(weight.dim() > 0, "[", function, "] the weight has no dimension");
  TORCH_CHECK_INDEX(dim >= 0 && dim < weight.dim(), "[", function,
                    "] Dimension out of range (expected to be in range of [", -weight.dim(), ", ", weight.dim() - 1,
                    "] but got ", dim, ")");
  const MatrixSize size = matrix_size(weight, dim);
  TORCH_CHECK(blocks > 0 && size.rows % blocks == 0, "[", function, "] blocks must divide the ", size.rows,
              " rows of the weight, got ", blocks);
  TORCH_CHECK(u.numel() == size.rows && v.numel() == blocks * size.columns, "[", function, "] u has ", u.numel(),
              " and v ", v.numel(), " entries where the weight, as a matrix, needs ", size.rows, " and ",
              blocks * size.columns, ": was the state made for another weight?");
  TORCH_CHECK(settings.each.steps >= 0, "[", function, "] steps must not be negative, got ", settings.each.steps);
  TORCH_CHECK(settings.each.eps > 0, "[", function, "] eps must be positive, got ", settings.each.eps);
  TORCH_CHECK(settings.each.target > 0, "[", function, "] target must be positive, got ", settings.each.target);
  const auto iteration = static_cast<std::int64_t>(settings.each.iteration);
  TORCH_CHECK(iteration >= 0 && iteration <= 2, "[", function,
              "] iteration must be 0 (u first), 1 (v first) or 2 (Lanczos), got ", iteration);
}

at::ScalarType sigma_type(const at::Tensor& weight) {
  const at::ScalarType type = weight.scalar_type();
  return type == at::kHalf || type == at::kBFloat16 ? at::kFloat : type;
}

}  // namespace sigmax::torch
