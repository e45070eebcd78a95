#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "environment/entry_functions.hpp"
#include "sigmax/bounds/circular_convolution.hpp"
#include "sigmax/bounds/convolution.hpp"
#include "sigmax/core/dtype.hpp"
#include "sigmax/grad/convolution_norm_vjp.hpp"
#include "sigmax/nn/regularize_convolution.hpp"

namespace sigmax {
namespace {

Tensor kernel_of(const ConvolutionLayer& layer, DType type, double scale) {
  const Dimensions shape = layer.kernel_shape();
  Values values = gallery::normal(*element_count(shape), 17);
  for (double& value : values) value *= scale;
  return Tensor::rounded(values, shape, type);
}

ConvolutionLayer layer_of(std::int64_t channels, PaddingMode mode) {
  return {channels, channels + 1, 1, mode, false, {{3, 1, 1, 1, 1, 0}, {3, 1, 1, 1, 1, 0}}};
}

Values all(const ConvolutionNorm& n) {
  return Values(Result(n.sigma_max, n.estimate, n.border_factor, static_cast<double>(n.points)));
}

}  // namespace

void add_convolution_norms(Functions& f) {
  for (const auto& [what, type, scale] : {std::tuple{"f64", DType::f64, 0x1p-1030},
                                          {"f32", DType::f32, 0x1p-130},
                                          {"f16", DType::f16, 0x1p-15},
                                          {"bf16", DType::bf16, 1.0}}) {
    for (const PaddingMode mode : {PaddingMode::Zeros, PaddingMode::Circular, PaddingMode::Replicate}) {
      const ConvolutionLayer layer = layer_of(3, mode);
      const Tensor kernel = kernel_of(layer, type, scale);
      const std::string name_of = std::string(what) + " " + std::string(name(mode));
      f.add("convolution_norm at every size " + name_of,
            [=](Context& context) { return all(convolution_norm(kernel, layer, {}, context)); });
      f.add("convolution_norm_vjp " + name_of, [=](Context& context) {
        Values gradient(static_cast<std::size_t>(kernel.size()));
        const auto found = grad::convolution_norm_vjp<double>(kernel, layer, {}, gradient, context);
        return Values(Result(found.norm.value, *found.norm.gap, *found.supremum, gradient));
      });
      f.add("convolution_norm at a size " + name_of, [=](Context& context) {
        return all(convolution_norm(kernel, ConvolutionGeometry(layer, {5, 6}), {}, context));
      });
    }
  }
  // Float refutes cells from 64 channels on.
  const ConvolutionLayer wide{64, 65, 1, PaddingMode::Zeros, false, {{3, 1, 1, 1, 1, 0}}};
  f.add("convolution_norm in float", [=, kernel = kernel_of(wide, DType::f32, 1)](Context& context) {
    ConvolutionNormOptions options;
    options.relative_width = 1e-2;
    return all(convolution_norm(kernel, wide, options, context));
  });
  const ConvolutionLayer zeros = layer_of(3, PaddingMode::Zeros);
  f.add("regularize_convolutions", [=, kernel = kernel_of(zeros, DType::f32, 1)](Context& context) {
    std::vector<float> one(static_cast<std::size_t>(kernel.size())), other(one);
    const std::vector<nn::ConvolutionWeight<float>> weights{{kernel, zeros, {}, one}, {kernel, zeros, {{5, 4}}, other}};
    nn::ConvolutionRegularizeOptions options;
    options.random = vouched(RandomState{});
    const auto found = nn::regularize_convolutions<float>(weights, nn::penalty::ExcessNorm{0.5}, options, context);
    const auto alone = nn::regularize_convolution<float>(weights[0], nn::penalty::OperatorNorm{}, options, context);
    return Values(Result(found.value, alone.value, one, other));
  });
  const ConvolutionLayer circular = layer_of(3, PaddingMode::Circular);
  f.add("circular convolutions", [=, kernel = kernel_of(circular, DType::f64, 1)](Context& context) {
    const ConvolutionGeometry geometry(circular, {4, 5});
    const CircularExtremes extremes = circular_extremes(kernel, geometry, {}, context);
    const ClippedConvolution clipped = clip_circular(kernel, geometry, 0.5, 3, context);
    Values weights;
    const Tensor flat = clipped.kernel.reshaped({clipped.kernel.size()});
    for (std::int64_t i = 0; i < flat.size(); ++i) weights.push_back(flat.at(std::vector<std::int64_t>{i}));
    return Values(Result(extremes.sigma_max, extremes.sigma_min, extremes.condition, weights,
                         circular_spectrum(kernel, geometry, context)));
  });
}

}  // namespace sigmax
