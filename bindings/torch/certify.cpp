#include <ATen/Functions.h>
#include <c10/util/Exception.h>

#include <limits>
#include <memory>

#include "bindings/torch/convolution.hpp"
#include "bindings/torch/normalize.hpp"
#include "bindings/torch/settings.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/bounds/convolution.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::torch {

namespace {

DType certified_type(const at::Tensor& weight) {
  const at::ScalarType type = weight.scalar_type();
  TORCH_CHECK(type == at::kDouble || type == at::kFloat || type == at::kHalf || type == at::kBFloat16,
              "[certify] weights of type ", type, " are not certified");
  return type == at::kDouble  ? DType::f64
         : type == at::kFloat ? DType::f32
         : type == at::kHalf  ? DType::f16
                              : DType::bf16;
}

Tensor held(const at::Tensor& weight) {
  const auto kept = std::make_shared<at::Tensor>(weight.contiguous());
  return {certified_type(*kept), kept->sizes().vec(), static_cast<const std::byte*>(kept->const_data_ptr()), kept};
}

Certificate certificate_of(const Enclosure& found) {
  Certificate certificate{found.lower.value(), std::numeric_limits<double>::infinity(), "none"};
  if (found.upper.has_value()) {
    certificate.upper = found.upper->value();
    certificate.certainty = found.is_proven() ? "proven" : "probabilistic";
  }
  return certificate;
}

}  // namespace

Certificate certify(const at::Tensor& weight, std::int64_t dim) {
  TORCH_CHECK(!weight.is_complex(), "[certify] complex weights are not certified");
  TORCH_CHECK(weight.dim() > 0 && weight.numel() > 0, "[certify] the weight has no entries");
  const std::int64_t rows_dim = dim < 0 ? dim + weight.dim() : dim;
  TORCH_CHECK_INDEX(rows_dim >= 0 && rows_dim < weight.dim(), "[certify] dim ", dim, " is out of range for ",
                    weight.dim(), " dimensions");
  const MatrixSize size = matrix_size(weight, rows_dim);
  const auto operator_of =
      dense<double>(held(weight.detach().cpu().movedim(rows_dim, 0).reshape({size.rows, size.columns})));
  SvdOptions<double> options;
  options.check = Check::none;  // the certificate is the check
  return certificate_of(sigmax::certify(*operator_of, svd(*operator_of, options)));
}

Certificate certify_convolution(const at::Tensor& weight, const OperatorGeometry& geometry) {
  static_cast<void>(state_size(weight, geometry));  // checks the geometry
  ConvolutionLayer layer;
  layer.groups = geometry.groups;
  layer.transposed = geometry.transposed;
  layer.in_channels = geometry.transposed ? weight.size(0) : weight.size(1) * geometry.groups;
  layer.out_channels = geometry.transposed ? weight.size(1) * geometry.groups : weight.size(0);
  layer.padding_mode = geometry.padding_mode == "circular"    ? PaddingMode::Circular
                       : geometry.padding_mode == "reflect"   ? PaddingMode::Reflect
                       : geometry.padding_mode == "replicate" ? PaddingMode::Replicate
                                                              : PaddingMode::Zeros;
  for (std::size_t i = 0; i < geometry.input_size.size(); ++i) {
    layer.axes.push_back({weight.size(static_cast<std::int64_t>(i) + 2), geometry.stride[i], geometry.dilation[i],
                          geometry.padding_low[i], geometry.padding_high[i],
                          geometry.transposed ? geometry.output_padding[i] : 0});
  }
  return certificate_of(
      convolution_norm(held(weight.detach().cpu()), ConvolutionGeometry(layer, geometry.input_size)).sigma_max);
}

}  // namespace sigmax::torch
