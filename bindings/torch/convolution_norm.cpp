#include "bindings/torch/convolution_norm.hpp"

#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>

#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "bindings/torch/core_types.hpp"
#include "bindings/torch/settings.hpp"
#include "bindings/torch/transforms.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/nn/regularize_convolution.hpp"

namespace sigmax::torch {
namespace {

using ::torch::autograd::Node;
using ::torch::autograd::variable_list;

void check(const at::Tensor& weight, const OperatorGeometry& g, const ConvolutionNormOptions& options) {
  const at::ScalarType type = weight.scalar_type();
  TORCH_CHECK_VALUE(type == at::kDouble || type == at::kFloat || type == at::kHalf || type == at::kBFloat16,
                    "[convolution_norm] kernels of type ", type, " are not supported");
  TORCH_CHECK_VALUE(weight.dim() >= 3 && weight.dim() <= 5,
                    "[convolution_norm] the kernel of a convolution has 3 to 5 "
                    "dimensions, got ",
                    weight.dim());
  TORCH_CHECK_VALUE(weight.numel() > 0, "[convolution_norm] the kernel has no entries");
  const auto axes = static_cast<std::size_t>(weight.dim() - 2);
  for (const auto* list : {&g.stride, &g.padding_low, &g.padding_high, &g.dilation}) {
    TORCH_CHECK_VALUE(list->size() == axes, "[convolution_norm] stride, padding and dilation need ", axes,
                      " entries each for a kernel of ", weight.dim(), " dimensions");
  }
  TORCH_CHECK_VALUE(!g.transposed || g.output_padding.size() == axes, "[convolution_norm] output_padding needs ", axes,
                    " entries");
  TORCH_CHECK_VALUE(g.groups > 0, "[convolution_norm] groups must be positive, got ", g.groups);
  TORCH_CHECK_VALUE(g.padding_mode == "zeros" || g.padding_mode == "circular" || g.padding_mode == "reflect" ||
                        g.padding_mode == "replicate",
                    "[convolution_norm] padding_mode '", g.padding_mode, "' is not supported");
  TORCH_CHECK_VALUE(options.relative_width >= 0 && options.relative_width < 1,
                    "[convolution_norm] relative_width must be at least 0 and below 1, got ", options.relative_width);
  TORCH_CHECK_VALUE(options.tolerance > 0 && std::isfinite(options.tolerance),
                    "[convolution_norm] tolerance must be positive, got ", options.tolerance);
}

/// The core's own check of sizes, as torch's kind of error.
std::optional<std::vector<std::int64_t>> checked_size(const ConvolutionLayer& layer, const OperatorGeometry& geometry) {
  try {
    validate(layer);
    if (geometry.input_size.empty()) return std::nullopt;
    return ConvolutionGeometry(layer, geometry.input_size).input_size();
  } catch (const Error& error) {
    TORCH_CHECK_VALUE(false, error.what());
  }
}

/// `gradient` is a contiguous tensor of T, filled with zeros.
template <Real T>
norms::NormGradient norm_of(const at::Tensor& weight, const OperatorGeometry& geometry,
                            const ConvolutionNormOptions& given, const at::Tensor& gradient) {
  const ConvolutionLayer layer = layer_of(weight, geometry);
  nn::ConvolutionWeight<T> one{core_tensor(weight), layer, checked_size(layer, geometry), {}};
  one.grad = {gradient.mutable_data_ptr<T>(), static_cast<std::size_t>(gradient.numel())};
  nn::ConvolutionRegularizeOptions options;
  options.relative_width = given.relative_width;
  options.tolerance = given.tolerance;
  options.random = RandomState{};  // one weight, one gradient
  return nn::regularize_convolution<T>(one, nn::penalty::OperatorNorm{}, options, context()).norm;
}

using NormCall = std::tuple<at::Tensor, at::Tensor>(const at::Tensor&, at::IntArrayRef, at::IntArrayRef,
                                                    at::IntArrayRef, at::IntArrayRef, bool, at::IntArrayRef,
                                                    std::int64_t, std::string, double, double);

std::tuple<at::Tensor, at::Tensor> dispatched(const at::Tensor& weight, const OperatorGeometry& g,
                                              const ConvolutionNormOptions& options) {
  static const auto call =
      c10::Dispatcher::singleton().findSchemaOrThrow("sigmax::_convolution_norm", "").typed<NormCall>();
  std::vector<std::int64_t> padding = g.padding_low;
  padding.insert(padding.end(), g.padding_high.begin(), g.padding_high.end());
  return call.call(weight, g.input_size, g.stride, padding, g.dilation, g.transposed, g.output_padding, g.groups,
                   g.padding_mode, options.relative_width, options.tolerance);
}

/// The derivative of the gradient: would need how u, v and the frequency move with the weight.
struct NoSecondDerivative : public Node {
  variable_list apply(variable_list&& /*grads*/) override {
    TORCH_CHECK_NOT_IMPLEMENTED(false, "[convolution_norm] the norm of a convolution can be differentiated once");
  }
  std::string name() const override { return "ConvolutionNormNoSecondDerivative"; }
};

struct NormBackward : public Node {
  variable_list apply(variable_list&& grads) override {
    if (!grads[0].defined()) return {at::Tensor()};
    const at::Tensor known = gradient.unpack();
    return {(grads[0] * known).to(known.scalar_type())};
  }
  void release_variables() override { gradient.reset_data(); }
  std::string name() const override { return "ConvolutionNormBackward"; }

  ::torch::autograd::SavedVariable gradient;
};

/// torch holds nodes by a shared_ptr, and since some version by an intrusive_ptr.
using NodePointer = decltype(::torch::autograd::Edge::function);
template <class N>
auto make_node(const at::Tensor& weight) {
  const auto made = [] {
    if constexpr (std::is_constructible_v<NodePointer, std::shared_ptr<N>>) {
      return std::make_shared<N>();
    } else {
      return c10::make_intrusive<N>();
    }
  };
  auto node = made();
  node->set_next_edges(::torch::autograd::collect_next_edges(weight));
  return node;
}

}  // namespace

std::tuple<at::Tensor, at::Tensor> norm_and_gradient(const at::Tensor& weight, const OperatorGeometry& geometry,
                                                     const ConvolutionNormOptions& options) {
  check(weight, geometry, options);
  const at::Tensor here = weight.detach().cpu();
  const at::ScalarType type = sigma_type(weight);
  const at::Tensor gradient = at::zeros(here.sizes(), here.options().dtype(type));
  const norms::NormGradient found = type == at::kDouble ? norm_of<double>(here, geometry, options, gradient)
                                                        : norm_of<float>(here, geometry, options, gradient);
  if (found.outcome != SvdOutcome::converged) {
    TORCH_WARN("[convolution_norm] the solver did not reach the tolerance ", options.tolerance, " (",
               message(found.outcome), ")");
  }
  const at::Tensor norm = at::full({}, found.value, here.options().dtype(type));
  return {norm.to(weight.device()), gradient.to(weight.options())};
}

std::tuple<at::Tensor, at::Tensor> differentiable_norm(const at::Tensor& weight, const OperatorGeometry& geometry,
                                                       const ConvolutionNormOptions& options) {
  // The gradient has no tangent, so a second derivative would be silently wrong.
  TORCH_CHECK_NOT_IMPLEMENTED(!has_tangent(weight),
                              "[convolution_norm] the norm of a convolution has no forward-mode derivative");
  const bool is_recorded = at::GradMode::is_enabled() && weight.requires_grad();
  at::Tensor norm;
  at::Tensor gradient;
  {
    const at::AutoDispatchBelowADInplaceOrView below;
    std::tie(norm, gradient) = dispatched(weight, geometry, options);
  }
  if (!is_recorded) return {norm, gradient};
  ::torch::autograd::set_history(gradient, make_node<NoSecondDerivative>(weight));
  auto node = make_node<NormBackward>(weight);
  node->gradient = ::torch::autograd::SavedVariable(gradient, false);
  ::torch::autograd::set_history(norm, node);
  return {norm, gradient};
}

std::tuple<at::Tensor, at::Tensor> empty_norm_and_gradient(const at::Tensor& weight) {
  return {at::empty({}, weight.options().dtype(sigma_type(weight))), at::empty(weight.sizes(), weight.options())};
}

at::Tensor convolution_norm(const at::Tensor& weight, const OperatorGeometry& geometry,
                            const ConvolutionNormOptions& options) {
  // A float32 weight is measured in float32, regardless of autocast.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  return std::get<0>(dispatched(weight, geometry, options));
}

at::Tensor convolution_excess(const at::Tensor& weight, const OperatorGeometry& geometry, double target,
                              const ConvolutionNormOptions& options) {
  TORCH_CHECK_VALUE(std::isfinite(target) && target >= 0,
                    "[convolution_excess] the target must be finite and at least 0, got ", target);
  return (convolution_norm(weight, geometry, options) - target).clamp_min(0).square();
}

}  // namespace sigmax::torch
