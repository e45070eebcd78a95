#include "sigmax/nn/regularize_convolution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/grad/norm_vjp.hpp"
#include "sigmax/norms/table.hpp"
#include "sigmax/ops/convolution/convolution.hpp"

namespace sigmax::nn {
namespace {

void check(const ConvolutionPenalty& penalty, const ConvolutionRegularizeOptions& options) {
  if (!std::isfinite(options.scale)) {
    throw Error(fmt::format("[regularize_convolution] the scale must be finite, got {}", options.scale));
  }
  if (const auto* excess = std::get_if<penalty::ExcessNorm>(&penalty)) {
    if (!(std::isfinite(excess->target) && excess->target >= 0)) {
      throw Error(
          fmt::format("[regularize_convolution] the target must be finite and at least 0, got {}", excess->target));
    }
  }
}

template <Real T>
void check(const ConvolutionWeight<T>& weight) {
  validate(weight.layer);
  if (weight.kernel.shape() != weight.layer.kernel_shape()) {
    throw Error(fmt::format("[regularize_convolution] the layer ({}) takes a kernel {}, got {}", describe(weight.layer),
                            to_string(weight.layer.kernel_shape()), to_string(weight.kernel.shape())));
  }
  if (!weight.grad.empty() && weight.kernel.size() != static_cast<std::int64_t>(weight.grad.size())) {
    throw Error(fmt::format("[regularize_convolution] a gradient of {} entries for a kernel of shape {}",
                            weight.grad.size(), to_string(weight.kernel.shape())));
  }
  if (weight.input_size) static_cast<void>(ConvolutionGeometry(weight.layer, *weight.input_size));
}

// N and dN/dK.
template <Real T>
norms::NormGradient norm_of(const ConvolutionWeight<T>& weight, const ConvolutionRegularizeOptions& options,
                            std::span<double> gradient, Context& context) {
  if (weight.input_size) {
    grad::NormVjpOptions how;
    how.tolerance = options.tolerance;
    how.max_products = options.max_products;
    how.random = options.random;
    const Operator<double> a =
        convolution<double>(weight.kernel, ConvolutionGeometry(weight.layer, *weight.input_size));
    return grad::norm_vjp<double>(*a, norms::Spectral{}, how, gradient, context);
  }
  grad::ConvolutionNormVjpOptions how;
  how.relative_width = options.relative_width;
  how.most_flops = options.most_flops;
  return grad::convolution_norm_vjp<double>(weight.kernel, weight.layer, how, gradient, context).norm;
}

// f(N) and f'(N).
struct Outer {
  double norm;

  std::pair<double, double> operator()(penalty::OperatorNorm) const { return {norm, 1.0}; }
  std::pair<double, double> operator()(penalty::ExcessNorm excess) const {
    const double above = std::max(0.0, norm - excess.target);
    return {above * above, 2 * above};
  }
};

}  // namespace

template <Real T>
ConvolutionPenaltyValue regularize_convolution(const ConvolutionWeight<T>& weight, const ConvolutionPenalty& penalty,
                                               const ConvolutionRegularizeOptions& options, Context& context) {
  const FloatingEnvironment environment;
  check(penalty, options);
  check(weight);
  std::vector<double> gradient(static_cast<std::size_t>(weight.kernel.size()));
  ConvolutionPenaltyValue result;
  result.norm = norm_of<T>(weight, options, gradient, context);
  const auto [value, slope] = std::visit(Outer{result.norm.value}, penalty);
  result.value = value;
  const double factor = options.scale * slope;
  for (std::size_t i = 0; i < weight.grad.size(); ++i) {
    // An infinite factor leaves entries that the norm does not depend on as they are.
    if (gradient[i] == 0) continue;
    weight.grad[i] = static_cast<T>(static_cast<double>(weight.grad[i]) + factor * gradient[i]);
  }
  return result;
}

template <Real T>
ConvolutionPenalties regularize_convolutions(std::span<const ConvolutionWeight<T>> weights,
                                             const ConvolutionPenalty& penalty,
                                             const ConvolutionRegularizeOptions& options, Context& context) {
  const FloatingEnvironment environment;
  check(penalty, options);
  for (const ConvolutionWeight<T>& weight : weights) check(weight);
  ConvolutionPenalties result;
  for (const ConvolutionWeight<T>& weight : weights) {
    result.layers.push_back(regularize_convolution<T>(weight, penalty, options, context));
    result.value += result.layers.back().value;
  }
  return result;
}

template ConvolutionPenaltyValue regularize_convolution<float>(const ConvolutionWeight<float>&,
                                                               const ConvolutionPenalty&,
                                                               const ConvolutionRegularizeOptions&, Context&);
template ConvolutionPenaltyValue regularize_convolution<double>(const ConvolutionWeight<double>&,
                                                                const ConvolutionPenalty&,
                                                                const ConvolutionRegularizeOptions&, Context&);
template ConvolutionPenalties regularize_convolutions<float>(std::span<const ConvolutionWeight<float>>,
                                                             const ConvolutionPenalty&,
                                                             const ConvolutionRegularizeOptions&, Context&);
template ConvolutionPenalties regularize_convolutions<double>(std::span<const ConvolutionWeight<double>>,
                                                              const ConvolutionPenalty&,
                                                              const ConvolutionRegularizeOptions&, Context&);

}  // namespace sigmax::nn
