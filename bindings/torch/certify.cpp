#include <ATen/Functions.h>
#include <c10/util/Exception.h>

#include <limits>

#include "bindings/torch/convolution.hpp"
#include "bindings/torch/core_types.hpp"
#include "bindings/torch/normalize.hpp"
#include "bindings/torch/settings.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/bounds/convolution.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::torch {

namespace {

/// A copy on the CPU of a weight that is certified.
Tensor certified(const at::Tensor& weight) {
  const at::ScalarType type = weight.scalar_type();
  TORCH_CHECK(type == at::kDouble || type == at::kFloat || type == at::kHalf || type == at::kBFloat16,
              "[certify] weights of type ", type, " are not certified");
  return core_tensor(weight.detach().cpu());
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
      dense<double>(certified(weight.detach().movedim(rows_dim, 0).reshape({size.rows, size.columns})));
  SvdOptions<double> options;
  options.check = Check::none;  // the certificate is the check
  return certificate_of(sigmax::certify(*operator_of, svd(*operator_of, options)));
}

Certificate certify_convolution(const at::Tensor& weight, const OperatorGeometry& geometry, double relative_width) {
  static_cast<void>(state_size(weight, geometry));  // checks the geometry
  TORCH_CHECK_VALUE(relative_width >= 0 && relative_width < 1,
                    "[certify] relative_width must be at least 0 and below 1, got ", relative_width);
  sigmax::ConvolutionNormOptions options;
  options.relative_width = relative_width;
  return certificate_of(
      convolution_norm(certified(weight), ConvolutionGeometry(layer_of(weight, geometry), geometry.input_size), options)
          .sigma_max);
}

}  // namespace sigmax::torch
