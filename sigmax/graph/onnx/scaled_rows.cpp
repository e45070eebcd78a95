#include "sigmax/graph/onnx/scaled_rows.hpp"

#include <algorithm>
#include <functional>
#include <utility>
#include <variant>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/exact.hpp"
#include "sigmax/graph/onnx/rule.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/ops/convolution/geometry.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/transposed.hpp"

namespace sigmax::graph::onnx {
namespace {

using Map = Operator<double>;

/// The matrix with entry (i, j) times factor(i, j); nothing if a product is rounded.
std::optional<std::vector<double>> scaled_entries(const kernels::StoredMatrix& matrix,
                                                  const std::function<double(std::int64_t, std::int64_t)>& factor) {
  const Tensor view(matrix.dtype, {matrix.rows, matrix.columns}, {matrix.stride, 1}, matrix.data, nullptr);
  std::vector<double> entries = Known{view}.numbers();
  std::size_t at = 0;
  for (std::int64_t i = 0; i < matrix.rows; ++i) {
    for (std::int64_t j = 0; j < matrix.columns; ++j, ++at) {
      const Exactly product = exact_product(factor(i, j), entries[at]);
      if (!product.exact) return std::nullopt;
      entries[at] = product.value;
    }
  }
  return entries;
}

std::optional<Map> scaled_matrix(const kernels::StoredMatrix& matrix, bool is_transposed,
                                 const std::vector<double>& factors, std::int64_t batch) {
  const std::int64_t rows = is_transposed ? matrix.columns : matrix.rows;
  const auto channels = static_cast<std::int64_t>(factors.size());
  if (channels == 0 || rows % (batch * channels) != 0) return std::nullopt;
  const std::int64_t positions = rows / (batch * channels);
  const auto entries = scaled_entries(matrix, [&](std::int64_t i, std::int64_t j) {
    return factors[static_cast<std::size_t>((is_transposed ? j : i) / positions % channels)];
  });
  if (!entries) return std::nullopt;
  Map map = dense<double>(Tensor::copy_of(*entries, {matrix.rows, matrix.columns}));
  return is_transposed ? transposed(std::move(map)) : map;
}

/// The geometry of a correlation, or of its transpose: sizes of both sides fix the padding at the end.
ConvolutionGeometry geometry_of(const Correlation& correlation, bool is_transposed) {
  ConvolutionLayer layer;
  layer.in_channels = is_transposed ? correlation.out_channels : correlation.in_channels;
  layer.out_channels = is_transposed ? correlation.in_channels : correlation.out_channels;
  layer.groups = correlation.groups;
  layer.padding_mode = correlation.padding_mode;
  layer.transposed = is_transposed;
  std::vector<std::int64_t> size;
  for (const CorrelationAxis& axis : correlation.axes) {
    const std::int64_t appended = is_transposed ? axis.input + axis.pad_low + axis.pad_high() - axis.window() : 0;
    layer.axes.push_back({axis.kernel, axis.stride, axis.dilation, axis.pad_low, axis.pad_high(), appended});
    size.push_back(is_transposed ? axis.output : axis.input);
  }
  return {std::move(layer), std::move(size)};
}

std::optional<Map> scaled_convolution(const structure::Convolution& of, bool is_transposed,
                                      const std::vector<double>& factors) {
  const Correlation& correlation = *of.correlation;
  const std::int64_t channels = is_transposed ? correlation.in_channels : correlation.out_channels;
  if (static_cast<std::int64_t>(factors.size()) != channels) return std::nullopt;
  const std::int64_t rows_of_group = correlation.out_channels / correlation.groups;
  const std::int64_t inputs_of_group = correlation.in_channels / correlation.groups;
  const std::int64_t taps = correlation.taps();
  const auto entries = scaled_entries(*of.kernel, [&](std::int64_t o, std::int64_t column) {
    const std::int64_t input = o / rows_of_group * inputs_of_group + column / taps;
    return factors[static_cast<std::size_t>(is_transposed ? input : o)];
  });
  if (!entries) return std::nullopt;
  const ConvolutionGeometry geometry = geometry_of(correlation, is_transposed);
  const Correlation& made = geometry.correlation();
  // A convolution that was cut or extended otherwise than by padding at its end is left as it is.
  for (std::size_t axis = 0; axis < made.axes.size(); ++axis) {
    if (made.axes[axis].input != correlation.axes[axis].input ||
        made.axes[axis].output != correlation.axes[axis].output) {
      return std::nullopt;
    }
  }
  return convolution<double>(Tensor::copy_of(*entries, geometry.layer().kernel_shape()), geometry);
}

}  // namespace

std::optional<Map> rows_scaled(const Map& map, const std::vector<double>& factors, std::int64_t batch) {
  const auto kind = map->structure();
  if (const auto* stored = std::get_if<structure::Stored>(&kind)) {
    return scaled_matrix(*stored->matrix, stored->transposed, factors, batch);
  }
  if (const auto* images = std::get_if<structure::Convolution>(&kind); images != nullptr && batch == 1) {
    return scaled_convolution(*images, false, factors);
  }
  if (const auto* other = std::get_if<structure::Transposed<double>>(&kind)) {
    const auto inner = other->of->structure();
    if (const auto* stored = std::get_if<structure::Stored>(&inner)) {
      return scaled_matrix(*stored->matrix, !stored->transposed, factors, batch);
    }
    if (const auto* images = std::get_if<structure::Convolution>(&inner); images != nullptr && batch == 1) {
      return scaled_convolution(*images, true, factors);
    }
  }
  if (const auto* each = std::get_if<structure::Kronecker<double>>(&kind);
      each != nullptr && each->factors.size() == 2) {
    const auto first = each->factors[0]->structure();
    const auto* unit = std::get_if<structure::Diagonal>(&first);
    if (unit == nullptr || !unit->is_identity() || each->factors[0]->shape().rows != batch) return std::nullopt;
    if (auto one = rows_scaled(each->factors[1], factors, 1)) return repeated(batch, std::move(*one));
  }
  return std::nullopt;
}

}  // namespace sigmax::graph::onnx
