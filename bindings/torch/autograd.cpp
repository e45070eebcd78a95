#include "bindings/torch/autograd.hpp"

#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <utility>

#include "bindings/torch/composite.hpp"
#include "bindings/torch/memory.hpp"
#include "bindings/torch/native.hpp"
#include "bindings/torch/transforms.hpp"

namespace sigmax::torch {
namespace {

using ::torch::autograd::AutogradContext;
using ::torch::autograd::variable_list;

// The two operators that have their own kernels; operators.cpp has their schemas.
using Into = void(at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList,
                  at::IntArrayRef, at::IntArrayRef, std::int64_t, double, std::int64_t, double, double, bool);
using Backward = std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>>(
    const c10::List<std::optional<at::Tensor>>&, const c10::List<std::optional<at::Tensor>>&, at::TensorList,
    at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::IntArrayRef, at::IntArrayRef, double, bool);

struct Held : ::torch::CustomClassHolder {
  explicit Held(Settings from) : settings(std::move(from)) {}
  Settings settings;
};

void hold(AutogradContext* context, const Settings& settings) {
  context->saved_data["settings"] = c10::IValue::make_capsule(c10::make_intrusive<Held>(settings));
}

Settings held(AutogradContext* context) {
  return static_cast<Held*>(context->saved_data["settings"].toCapsule().get())->settings;
}

/// The gradient of one layer, computed by differentiable operations: u and v are constants, everything else is a
/// function of the weight, the scale and the incoming gradients.
std::pair<at::Tensor, at::Tensor> differentiable_backward(const at::Tensor& grad, const at::Tensor& grad_sigma,
                                                          const at::Tensor& weight, const at::Tensor& u,
                                                          const at::Tensor& v, const at::Tensor& scale,
                                                          std::int64_t dim, std::int64_t blocks,
                                                          const Settings& settings) {
  const at::Tensor sigma = composite::sigma(composite::products(weight, dim, blocks, true), u, v, blocks);
  const at::Tensor factor = composite::factor(sigma, scale, settings);
  at::Tensor along;
  at::Tensor result;
  at::Tensor grad_scale;
  if (grad.defined()) {
    const at::Tensor g = composite::matrix(grad, dim, blocks).to(sigma.scalar_type());
    const at::Tensor inner = (g * composite::matrix(weight, dim, blocks)).sum(at::IntArrayRef{1, 2});
    along = composite::factor_slope(sigma, scale, settings).reshape({blocks}) * inner;
    result = g * factor.reshape({blocks, 1, 1});
    if (scale.defined())
      grad_scale = (inner * composite::factor(sigma, {}, settings).reshape({blocks})).sum().reshape(scale.sizes());
  }
  if (grad_sigma.defined())
    along = along.defined() ? along + grad_sigma.reshape({blocks}) : grad_sigma.reshape({blocks});
  if (along.defined()) {
    const at::Tensor left = u.reshape({blocks, -1, 1}).to(sigma.scalar_type());
    const at::Tensor right = v.reshape({blocks, 1, -1}).to(sigma.scalar_type());
    const at::Tensor outer = (left * along.reshape({blocks, 1, 1})) * right;
    result = result.defined() ? result + outer : outer;
  }
  if (!result.defined()) return {};
  if (grad_scale.defined()) grad_scale = grad_scale.to(scale.scalar_type());
  return {composite::tensor(result, weight, dim).to(weight.scalar_type()), grad_scale};
}

/// True if the dispatcher has nothing to call between these tensors and their memory.
bool are_plain(at::TensorList tensors) {
  return std::all_of(tensors.begin(), tensors.end(),
                     [](const at::Tensor& tensor) { return !tensor.defined() || is_plain(tensor); });
}

std::tuple<variable_list, variable_list> dispatched_backward(const variable_list& grad, const variable_list& grad_sigma,
                                                             at::TensorList weights, at::TensorList sigma,
                                                             at::TensorList u, at::TensorList v, at::TensorList scales,
                                                             const Settings& settings) {
  static const auto call =
      c10::Dispatcher::singleton().findSchemaOrThrow("sigmax::_normalize_backward", "").typed<Backward>();
  const auto optional = [](const variable_list& tensors) {
    c10::List<std::optional<at::Tensor>> list;
    list.reserve(tensors.size());
    for (const at::Tensor& tensor : tensors)
      list.push_back(tensor.defined() ? std::make_optional(tensor) : std::nullopt);
    return list;
  };
  return call.call(optional(grad), optional(grad_sigma), weights, sigma, u, v, scales, settings.dims, settings.blocks,
                   settings.each.target, settings.each.at_most);
}

class NormalizeFunction : public ::torch::autograd::Function<NormalizeFunction> {
 public:
  static variable_list forward(AutogradContext* context, at::TensorList weights, at::TensorList scales,
                               const std::vector<at::Tensor>& u, const std::vector<at::Tensor>& v,
                               const Settings& settings, bool write) {
    const at::AutoDispatchBelowADInplaceOrView below;
    Applied applied = normalize_native(weights, scales, u, v, settings, write);
    const std::size_t count = weights.size();
    variable_list saved(weights.begin(), weights.end());
    saved.reserve(4 * count + scales.size());
    for (const at::Tensor& sigma : applied.sigma) saved.push_back(sigma.detach());
    for (auto* part : {&applied.u, &applied.v}) saved.insert(saved.end(), part->begin(), part->end());
    saved.insert(saved.end(), scales.begin(), scales.end());
    context->save_for_backward(std::move(saved));
    context->set_materialize_grads(false);
    hold(context, settings);
    variable_list outputs = std::move(applied.out);
    outputs.insert(outputs.end(), applied.sigma.begin(), applied.sigma.end());
    return outputs;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const Settings settings = held(context);
    const std::size_t count = settings.dims.size();
    const variable_list saved = context->get_saved_variables();
    const auto part = [&](std::size_t k) { return at::TensorList(saved).slice(k * count, count); };
    const at::TensorList scales = at::TensorList(saved).slice(4 * count);
    const bool written = grads.size() == 2 * count;
    const auto grad = [&](std::size_t k) { return written ? grads[k] : at::Tensor(); };
    const auto grad_sigma = [&](std::size_t k) { return written ? grads[count + k] : grads[k]; };

    variable_list result(count + scales.size() + 4);
    if (at::GradMode::is_enabled() || any_batched(grads)) {
      for (std::size_t k = 0; k < count; ++k) {
        const at::Tensor scale = scales.empty() ? at::Tensor() : scales[k];
        auto [weight, by_scale] = differentiable_backward(grad(k), grad_sigma(k), part(0)[k], part(2)[k], part(3)[k],
                                                          scale, settings.dims[k], settings.blocks[k], settings);
        result[k] = weight;
        if (!scales.empty()) result[count + k] = by_scale;
      }
      return result;
    }
    variable_list given(count);
    variable_list given_sigma(count);
    for (std::size_t k = 0; k < count; ++k) {
      given[k] = grad(k);
      given_sigma[k] = grad_sigma(k);
    }
    auto [by_weight, by_scale] =
        are_plain(saved) && are_plain(given) && are_plain(given_sigma)
            ? native::backward(given, given_sigma, part(0), part(1), part(2), part(3), scales, settings)
            : dispatched_backward(given, given_sigma, part(0), part(1), part(2), part(3), scales, settings);
    std::move(by_weight.begin(), by_weight.end(), result.begin());
    std::move(by_scale.begin(), by_scale.end(), result.begin() + static_cast<std::ptrdiff_t>(count));
    return result;
  }
};

}  // namespace

Applied normalize_native(at::TensorList weights, at::TensorList scales, at::TensorList u, at::TensorList v,
                         const Settings& settings, bool write) {
  static const auto call = c10::Dispatcher::singleton().findSchemaOrThrow("sigmax::_normalize_into", "").typed<Into>();
  const std::size_t count = weights.size();
  Applied applied;
  const auto copies = [](at::TensorList vectors) {
    std::vector<at::Tensor> all;
    all.reserve(vectors.size());
    for (const at::Tensor& vector : vectors) all.push_back(vector.detach().clone(at::MemoryFormat::Contiguous));
    return all;
  };
  // Without steps the state must not be written: repairs are made in the copies.
  if (settings.each.steps == 0) {
    applied.u = copies(u);
    applied.v = copies(v);
  }
  applied.sigma.reserve(count);
  for (std::size_t k = 0; k < count; ++k) {
    if (write) applied.out.push_back(output_like(weights[k]));
    const at::TensorOptions options = weights[k].options().dtype(sigma_type(weights[k]));
    const std::int64_t blocks = settings.blocks[k];
    applied.sigma.push_back(blocks == 1 ? at::empty({}, options) : at::empty({blocks}, options));
  }
  const bool fixed = settings.each.steps == 0;
  const at::TensorList left = fixed ? at::TensorList(applied.u) : u;
  const at::TensorList right = fixed ? at::TensorList(applied.v) : v;
  if (are_plain(weights) && are_plain(u) && are_plain(v)) {
    native::normalize(weights, left, right, scales, applied.out, applied.sigma, settings);
  } else {
    call.call(weights, left, right, scales, applied.out, applied.sigma, settings.dims, settings.blocks,
              settings.each.steps, settings.each.eps, static_cast<std::int64_t>(settings.each.iteration),
              settings.each.tolerance, settings.each.target, settings.each.at_most);
  }
  if (!fixed) {
    applied.u = copies(u);
    applied.v = copies(v);
  }
  return applied;
}

std::vector<at::Tensor> normalize_with_gradient(at::TensorList weights, at::TensorList scales,
                                                const std::vector<at::Tensor>& u, const std::vector<at::Tensor>& v,
                                                const Settings& settings, bool write) {
  return NormalizeFunction::apply(weights, scales, u, v, settings, write);
}

}  // namespace sigmax::torch
