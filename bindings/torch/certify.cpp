#include <ATen/Functions.h>
#include <c10/util/Exception.h>

#include <limits>
#include <memory>

#include "bindings/torch/normalize.hpp"
#include "bindings/torch/settings.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::torch {

Certificate certify(const at::Tensor& weight, std::int64_t dim) {
  TORCH_CHECK(!weight.is_complex(), "[certify] complex weights are not certified");
  TORCH_CHECK(weight.dim() > 0 && weight.numel() > 0, "[certify] the weight has no entries");
  const std::int64_t rows_dim = dim < 0 ? dim + weight.dim() : dim;
  TORCH_CHECK_INDEX(rows_dim >= 0 && rows_dim < weight.dim(), "[certify] dim ", dim, " is out of range for ",
                    weight.dim(), " dimensions");
  const MatrixSize size = matrix_size(weight, rows_dim);
  const auto kept = std::make_shared<at::Tensor>(
      weight.detach().cpu().movedim(rows_dim, 0).reshape({size.rows, size.columns}).contiguous());
  const at::ScalarType type = kept->scalar_type();
  TORCH_CHECK(type == at::kDouble || type == at::kFloat || type == at::kHalf || type == at::kBFloat16,
              "[certify] weights of type ", type, " are not certified");
  const DType dtype = type == at::kDouble  ? DType::f64
                      : type == at::kFloat ? DType::f32
                      : type == at::kHalf  ? DType::f16
                                           : DType::bf16;
  const auto operator_of = dense<double>(
      Tensor(dtype, {size.rows, size.columns}, static_cast<const std::byte*>(kept->const_data_ptr()), kept));
  SvdOptions<double> options;
  options.check = Check::none;  // the certificate is the check
  const Enclosure found = sigmax::certify(*operator_of, svd(*operator_of, options));
  Certificate certificate{found.lower.value(), std::numeric_limits<double>::infinity(), "none"};
  if (found.upper.has_value()) {
    certificate.upper = found.upper->value();
    certificate.certainty = found.is_proven() ? "proven" : "probabilistic";
  }
  return certificate;
}

}  // namespace sigmax::torch
