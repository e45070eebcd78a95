// Scaling the output instead of the weight. With z = W x, without bias, and y = f(sigma) z + b:
//
//     dL/dx = f W^T dy       dL/dW = f dy x^T + f'(sigma) <dy, z> u v^T       dL/dscale = <dy, z> f / scale
//
// <dy, z> = <W^T dy, x> is computed from the gradient of the input, which is needed anyway, so z need not be kept.
#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

#include "bindings/torch/autograd.hpp"
#include "bindings/torch/composite.hpp"
#include "bindings/torch/memory.hpp"
#include "bindings/torch/native.hpp"
#include "bindings/torch/normalize.hpp"
#include "bindings/torch/transforms.hpp"

namespace sigmax::torch {
namespace {

using ::torch::autograd::AutogradContext;
using ::torch::autograd::variable_list;

/// The layer without bias, and its products with W^T and with x^T.
struct Layer : ::torch::CustomClassHolder {
  bool is_linear = true;
  bool has_bias = false;
  ConvolutionOptions convolution;
  Settings settings;

  at::Tensor forward(const at::Tensor& x, const at::Tensor& w) const {
    if (is_linear) return at::linear(x, w);
    return at::convolution(x, w, {}, convolution.stride, convolution.padding, convolution.dilation,
                           convolution.transposed, convolution.output_padding, convolution.groups);
  }

  /// dy W and dy^T x.
  std::pair<at::Tensor, at::Tensor> backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& w,
                                             bool want_input, bool want_weight) const {
    if (!is_linear) {
      auto [dx, dw, db] = at::convolution_backward(
          dy, x, w, std::nullopt, convolution.stride, convolution.padding, convolution.dilation, convolution.transposed,
          convolution.output_padding, convolution.groups, {want_input, want_weight, false});
      return {dx, dw};
    }
    at::Tensor dx;
    at::Tensor dw;
    if (want_input) dx = at::matmul(dy, w);
    if (want_weight) dw = at::mm(dy.reshape({-1, w.size(0)}).t(), x.reshape({-1, w.size(1)}));
    return {dx, dw};
  }

  at::Tensor bias_gradient(const at::Tensor& dy) const {
    std::vector<std::int64_t> others;
    const std::int64_t channel = is_linear ? dy.dim() - 1 : 1;
    for (std::int64_t k = 0; k < dy.dim(); ++k)
      if (k != channel) others.push_back(k);
    return others.empty() ? dy : dy.sum(others);
  }

  at::Tensor shaped_bias(const at::Tensor& bias, const at::Tensor& z) const {
    if (is_linear) return bias;
    std::vector<std::int64_t> shape(static_cast<std::size_t>(z.dim()), 1);
    shape[1] = bias.size(0);
    return bias.reshape(shape);
  }
};

/// Not just `to()`: below autograd, where a dispatch mode sees it, that may copy even if the type is already right.
at::Tensor as_type(const at::Tensor& tensor, at::ScalarType type) {
  return tensor.scalar_type() == type ? tensor : tensor.to(type);
}

/// grad + c u v^T, in place if sigmax::nn supports the memory.
at::Tensor plus_outer(const at::Tensor& grad, const at::Tensor& c, const at::Tensor& u, const at::Tensor& v,
                      std::int64_t dim) {
  if (!at::GradMode::is_enabled() && is_plain(grad) && is_native(grad)) {
    native::add_outer(grad, c.item<double>(), u, v, dim);
    return grad;
  }
  const at::Tensor outer = (u.to(c.scalar_type()) * c).unsqueeze(1) * v.to(c.scalar_type()).unsqueeze(0);
  return grad + composite::tensor(outer, grad, dim).to(grad.scalar_type());
}

/// The gradients of scale and weight contain <dy, z>. A Linear keeps z for it if z takes less than an eighth of the
/// memory that W / sigma would take.
bool keeps_product(const Layer& layer, const at::Tensor& x, const at::Tensor& weight) {
  return layer.is_linear && 8 * x.numel() <= weight.size(1) * weight.size(1);
}

/// dy^T x + c u v^T of a Linear, in recycled memory. If copying dy and x costs less than a pass over the result, the
/// rank-one term becomes one more row of both.
at::Tensor linear_gradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight, double c,
                           const at::Tensor& u, const at::Tensor& v) {
  at::Tensor left = dy.reshape({-1, weight.size(0)});
  at::Tensor right = x.reshape({-1, weight.size(1)});
  const at::ScalarType type = weight.scalar_type();
  const bool half = type == at::kHalf || type == at::kBFloat16;  // c u would be rounded in these
  const bool folded = !half && left.numel() + right.numel() < weight.numel();
  if (folded) {
    left = at::cat({left, (u.to(type) * c).unsqueeze(0)});
    right = at::cat({right, v.to(type).unsqueeze(0)});
  }
  at::Tensor product = output_like(weight);
  at::mm_out(product, left.t(), right);
  if (!folded) native::add_outer(product, c, u, v, 0);
  return product;
}

class ScaledFunction : public ::torch::autograd::Function<ScaledFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, const std::optional<at::Tensor>& scale,
                            const std::vector<at::Tensor>& state, const c10::intrusive_ptr<Layer>& layer) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const at::Tensor z = layer->forward(x, weight);
    const bool plain = is_plain(x) && is_plain(weight) && is_plain(state[0]);
    const bool keep = plain && keeps_product(*layer, x, weight);
    context->save_for_backward(
        {x, weight, scale.value_or(at::Tensor()), state[0], state[1], state[2], keep ? z : at::Tensor()});
    context->saved_data["layer"] = c10::IValue::make_capsule(layer);
    if (plain) {
      const double f = native::factors(state[0], scale.value_or(at::Tensor()), layer->settings).value;
      if (bias.has_value()) return at::add(layer->shaped_bias(*bias, z), z, f);
      return keep ? at::mul(z, f) : z.mul_(f);
    }
    const at::Tensor factor = composite::factor(state[0], scale.value_or(at::Tensor()), layer->settings);
    if (!bias.has_value()) return at::mul(z, as_type(factor, z.scalar_type()));
    return at::addcmul(layer->shaped_bias(*bias, z), z, as_type(factor, z.scalar_type()));
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor& weight = saved[1];
    const at::Tensor& scale = saved[2];
    const c10::intrusive_ptr<c10::intrusive_ptr_target> held = context->saved_data["layer"].toCapsule();
    const Layer& layer = *static_cast<const Layer*>(held.get());
    const Settings& settings = layer.settings;
    const std::int64_t dim = settings.dims[0];
    const bool again = at::GradMode::is_enabled() || any_batched(grads);
    const at::Tensor& dy = grads[0];
    if (!again && is_plain(dy) && is_plain(x) && is_plain(weight)) return plain_backward(context, dy, saved, layer);

    const at::Tensor sigma =
        again ? composite::sigma(composite::products(weight, dim, 1, true), saved[4], saved[5], 1) : saved[3];
    const at::Tensor factor = composite::factor(sigma, scale, settings);
    const bool want_input = context->needs_input_grad(0);
    const bool want_weight = context->needs_input_grad(1);
    // Missing inputs are not counted.
    const bool want_bias = layer.has_bias && context->needs_input_grad(2);
    const bool want_scale = scale.defined() && context->needs_input_grad(layer.has_bias ? 3 : 2);
    auto [dx, dw] = layer.backward(dy * as_type(factor, dy.scalar_type()), x, weight, want_input, want_weight);
    // With a scale of 0 the factor is 0, and the division would fail.
    const bool from_input = !again && want_input && !scale.defined();
    const at::Tensor product = from_input ? (dx * x).sum() / factor : (dy * layer.forward(x, weight)).sum();
    if (want_weight)
      dw = plus_outer(dw, composite::factor_slope(sigma, scale, settings) * product, saved[4], saved[5], dim);
    at::Tensor by_scale;
    if (want_scale) by_scale = (product * composite::factor(sigma, {}, settings)).reshape(scale.sizes());
    at::Tensor db;
    if (want_bias) db = layer.bias_gradient(dy);
    return {dx, dw, db, by_scale, at::Tensor(), at::Tensor()};
  }

 private:
  /// The backward pass with numbers instead of one-element tensors, for tensors in plain memory.
  static variable_list plain_backward(AutogradContext* context, const at::Tensor& dy, const variable_list& saved,
                                      const Layer& layer) {
    const at::Tensor& x = saved[0];
    const at::Tensor& weight = saved[1];
    const at::Tensor& scale = saved[2];
    const at::Tensor& z = saved[6];
    const std::int64_t dim = layer.settings.dims[0];
    const bool want_input = context->needs_input_grad(0);
    const bool want_weight = context->needs_input_grad(1);
    const bool want_scale = scale.defined() && context->needs_input_grad(layer.has_bias ? 3 : 2);
    const native::Factors f = native::factors(saved[3], scale, layer.settings);
    const at::Tensor scaled_dy = dy * f.value;
    const bool late = layer.is_linear && dim == 0 && want_weight && (z.defined() || want_input) &&
                      dy.scalar_type() == weight.scalar_type() && x.scalar_type() == weight.scalar_type();
    auto [dx, dw] = layer.backward(scaled_dy, x, weight, want_input, want_weight && !late);
    double product = 0;  // <dy, z>
    if (f.slope != 0 || want_scale) {
      if (z.defined()) {
        product = (dy * z).sum().item<double>();
      } else if (want_input && f.value != 0) {
        product = (dx * x).sum().item<double>() / f.value;
      } else if (want_weight && f.value != 0 && is_native(dw) && dw.scalar_type() == weight.scalar_type()) {
        product = native::inner_product(dw, weight) / f.value;
      } else {
        product = (dy * layer.forward(x, weight)).sum().item<double>();
      }
    }
    const double c = f.slope * product;
    if (late) {
      dw = linear_gradient(scaled_dy, x, weight, c, saved[4], saved[5]);
    } else if (want_weight && c != 0) {
      dw = plus_outer(dw, at::scalar_tensor(c, saved[3].options()), saved[4], saved[5], dim);
    }
    at::Tensor by_scale;
    if (want_scale) by_scale = at::full(scale.sizes(), product * f.unscaled, scale.options());
    at::Tensor db;
    if (layer.has_bias && context->needs_input_grad(2)) db = layer.bias_gradient(dy);
    return {dx, dw, db, by_scale, at::Tensor(), at::Tensor()};
  }
};

at::Tensor run(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
               const at::Tensor& u, const at::Tensor& v, const NormalizeOptions& options,
               const std::optional<at::Tensor>& scale, const c10::intrusive_ptr<Layer>& layer) {
  TORCH_CHECK(options.blocks == 1, "[scaled output] one sigma scales an output, so there is one block, got ",
              options.blocks, ": normalize the weight instead");
  layer->has_bias = bias.has_value() && bias->defined();
  const std::int64_t dim = options.dim < 0 ? options.dim + weight.dim() : options.dim;
  layer->settings = {{dim}, {1}, options};
  const bool autocast = at::autocast::is_autocast_enabled(input.device().type());
  const bool differentiated_forward = has_tangent(input) || has_tangent(weight) ||
                                      has_tangent(bias.value_or(at::Tensor())) ||
                                      has_tangent(scale.value_or(at::Tensor()));
  if (autocast || in_transform() || differentiated_forward || !is_native(weight) || !u.device().is_cpu()) {
    // The layer in its own precision, followed by the scaling, each with its own gradient.
    const at::Tensor sigma = spectral_sigma(weight, u, v, options);
    const at::Tensor factor = composite::factor(sigma, scale.value_or(at::Tensor()), layer->settings);
    const at::Tensor z = layer->forward(input, weight);
    const at::Tensor y = z * as_type(factor, z.scalar_type());
    return bias.has_value() ? y + layer->shaped_bias(*bias, z).to(z.scalar_type()) : y;
  }
  check("scaled output", weight, u, v, dim, 1, layer->settings);
  Applied state;
  {
    const at::NoGradGuard constants;
    state = normalize_native(weight.detach(), {}, u, v, layer->settings, false);
  }
  return ScaledFunction::apply(input, weight, bias, scale,
                               std::vector<at::Tensor>{state.sigma[0], state.u[0], state.v[0]}, layer);
}

}  // namespace

at::Tensor scaled_linear(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                         const at::Tensor& u, const at::Tensor& v, const NormalizeOptions& options,
                         const std::optional<at::Tensor>& scale) {
  return run(input, weight, bias, u, v, options, scale, c10::make_intrusive<Layer>());
}

at::Tensor scaled_convolution(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                              const at::Tensor& u, const at::Tensor& v, const ConvolutionOptions& convolution,
                              const NormalizeOptions& options, const std::optional<at::Tensor>& scale) {
  auto layer = c10::make_intrusive<Layer>();
  layer->is_linear = false;
  layer->convolution = convolution;
  // Like torch's layers, also accepts an input without a batch dimension.
  const bool batched = input.dim() == weight.dim();
  const at::Tensor y = run(batched ? input : input.unsqueeze(0), weight, bias, u, v, options, scale, layer);
  return batched ? y : y.squeeze(0);
}

}  // namespace sigmax::torch
