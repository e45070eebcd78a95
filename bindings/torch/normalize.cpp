#include "bindings/torch/normalize.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <utility>

#include "bindings/torch/autograd.hpp"
#include "bindings/torch/composite.hpp"
#include "bindings/torch/transforms.hpp"

namespace sigmax::torch {
namespace {

std::int64_t wrapped(const at::Tensor& weight, std::int64_t dim) { return dim < 0 ? dim + weight.dim() : dim; }

/// Through ATen, each line with its own gradient.
Normalized normalize_composite(const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v,
                               const at::Tensor& scale, std::int64_t dim, std::int64_t blocks, const Settings& settings,
                               bool write) {
  const composite::InRange w = composite::in_range(weight);
  at::Tensor left;
  at::Tensor right;
  {
    const at::NoGradGuard constants;
    const c10::AutoFwGradMode constants_forward(false);
    if (settings.each.steps > 0)
      composite::iterate(composite::products(w.weight.detach(), dim, blocks, false), w.unit, u, v, blocks, settings);
    left = u.detach().clone(at::MemoryFormat::Contiguous);
    right = v.detach().clone(at::MemoryFormat::Contiguous);
  }
  Normalized result;
  const at::Tensor sigma = composite::sigma(composite::products(w.weight, dim, blocks, true), left, right, blocks);
  if (write) {
    const at::Tensor factor = composite::factor(sigma, scale, w.unit, settings);
    result.weight = composite::scaled(w.weight, factor, dim, blocks);
  }
  result.sigma = sigma * w.unit;
  return result;
}

std::vector<Normalized> run(at::TensorList weights, at::TensorList u, at::TensorList v, at::TensorList scales,
                            at::IntArrayRef dims, at::IntArrayRef blocks, const Settings& settings, bool write) {
  // A float32 weight is normalized in float32, regardless of autocast.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const std::size_t count = weights.size();
  TORCH_CHECK(u.size() == count && v.size() == count && dims.size() == count && blocks.size() == count &&
                  (scales.empty() || scales.size() == count),
              "[normalize] ", count, " weights, but ", u.size(), " u, ", v.size(), " v, ", dims.size(), " dims, ",
              blocks.size(), " blocks, ", scales.size(), " scales: give one of each a weight, or no scales");
  std::vector<Normalized> results(count);
  std::vector<std::size_t> native;
  native.reserve(count);
  const bool transformed = in_transform();
  for (std::size_t k = 0; k < count; ++k) {
    const std::int64_t dim = wrapped(weights[k], dims[k]);
    check("normalize", weights[k], u[k], v[k], dim, blocks[k], settings);
    const bool differentiated_forward = has_tangent(weights[k]) || (!scales.empty() && has_tangent(scales[k]));
    if (!transformed && !differentiated_forward && is_native(weights[k]) && u[k].device() == weights[k].device() &&
        v[k].device() == weights[k].device()) {
      native.push_back(k);
    } else {
      results[k] = normalize_composite(weights[k], u[k], v[k], scales.empty() ? at::Tensor() : scales[k], dim,
                                       blocks[k], settings, write);
    }
  }
  if (native.empty()) return results;

  Settings own = settings;
  std::vector<at::Tensor> own_weights;
  std::vector<at::Tensor> own_scales;
  std::vector<at::Tensor> own_u;
  std::vector<at::Tensor> own_v;
  for (auto* all : {&own_weights, &own_u, &own_v}) all->reserve(native.size());
  for (const std::size_t k : native) {
    own.dims.push_back(wrapped(weights[k], dims[k]));
    own.blocks.push_back(blocks[k]);
    own_weights.push_back(weights[k]);
    own_u.push_back(u[k]);
    own_v.push_back(v[k]);
    if (!scales.empty()) own_scales.push_back(scales[k]);
  }
  std::vector<at::Tensor> outputs = normalize_with_gradient(own_weights, own_scales, own_u, own_v, own, write);
  for (std::size_t k = 0; k < native.size(); ++k) {
    if (write) results[native[k]].weight = std::move(outputs[k]);
    results[native[k]].sigma = std::move(outputs[(write ? native.size() : 0) + k]);
  }
  return results;
}

}  // namespace

Normalized normalize(const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v,
                     const NormalizeOptions& options, const std::optional<at::Tensor>& scale) {
  const bool scaled = scale.has_value() && scale->defined();
  return std::move(run(weight, u, v, scaled ? at::TensorList(*scale) : at::TensorList(), options.dim, options.blocks,
                       {{}, {}, options}, true)[0]);
}

std::vector<Normalized> normalize_all(at::TensorList weights, at::TensorList u, at::TensorList v, at::TensorList scales,
                                      at::IntArrayRef dims, at::IntArrayRef blocks, const NormalizeOptions& options) {
  return run(weights, u, v, scales, dims, blocks, {{}, {}, options}, true);
}

at::Tensor spectral_sigma(const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v,
                          const NormalizeOptions& options) {
  return run(weight, u, v, {}, options.dim, options.blocks, {{}, {}, options}, false)[0].sigma;
}

}  // namespace sigmax::torch
