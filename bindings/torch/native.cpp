#include "bindings/torch/native.hpp"

#include <ATen/Functions.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "bindings/torch/core_types.hpp"
#include "bindings/torch/memory.hpp"
#include "sigmax/nn/normalize_layers.hpp"

namespace sigmax::torch::native {
namespace {

std::span<const std::int64_t> shape(const at::Tensor& tensor) { return {tensor.sizes().data(), tensor.sizes().size()}; }

nn::Weight input(const at::Tensor& tensor, std::int64_t dim) {
  return nn::unfold(dtype_of(tensor), tensor.const_data_ptr(), shape(tensor), dim);
}

nn::WeightOutput output(const at::Tensor& tensor, std::int64_t dim) {
  return nn::unfold(dtype_of(tensor), tensor.mutable_data_ptr(), shape(tensor), dim);
}

template <Real T>
constexpr at::ScalarType kType = std::is_same_v<T, double> ? at::kDouble : at::kFloat;

/// The vector as contiguous T: the same tensor if it already is.
template <Real T>
at::Tensor working(const at::Tensor& vector) {
  if (vector.scalar_type() == kType<T> && vector.is_contiguous()) return vector;
  return vector.to(kType<T>).contiguous();
}

template <Real T>
std::span<T> writable(const at::Tensor& vector) {
  return {vector.mutable_data_ptr<T>(), static_cast<std::size_t>(vector.numel())};
}

template <Real T>
std::span<const T> readable(const at::Tensor& vector) {
  return {vector.const_data_ptr<T>(), static_cast<std::size_t>(vector.numel())};
}

double scalar(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kDouble  ? *tensor.const_data_ptr<double>()
         : tensor.scalar_type() == at::kFloat ? *tensor.const_data_ptr<float>()
                                              : tensor.item<double>();
}

nn::Rule rule(const Settings& settings, at::TensorList scales, std::size_t k) {
  return {settings.each.at_most ? nn::Rule::Kind::at_most : nn::Rule::Kind::divide, settings.each.target,
          scales.empty() ? 1.0 : scalar(scales[k])};
}

void store(const at::Tensor& where, std::int64_t index, double value) {
  if (where.scalar_type() == at::kDouble) {
    where.mutable_data_ptr<double>()[index] = value;
  } else {
    where.mutable_data_ptr<float>()[index] = static_cast<float>(value);
  }
}

double load(const at::Tensor& where, std::int64_t index) {
  return where.scalar_type() == at::kDouble ? where.const_data_ptr<double>()[index]
                                            : where.const_data_ptr<float>()[index];
}

/// Tells torch of writes that it did not see, so that they count as changes to saved tensors.
void mark_changed(const at::Tensor& tensor) {
  if (!tensor.is_inference()) tensor.unsafeGetTensorImpl()->bump_version();
}

/// With fewer entries than this in total, the calling thread does all the work: this takes about as long as waking
/// another thread, which takes much longer if another program has that thread's core.
constexpr std::int64_t kSerialEntries = std::int64_t{1} << 18;

template <class L>
bool is_small(const std::vector<L>& layers) {
  std::int64_t entries = 0;
  for (const L& layer : layers) entries += layer.weight.size();
  return entries < kSerialEntries;
}

bool is_double(const at::Tensor& weight) { return weight.scalar_type() == at::kDouble; }

nn::StepOptions step_options(const Settings& settings) {
  nn::StepOptions options;
  options.iteration = static_cast<nn::Iteration>(settings.each.iteration);
  options.steps = settings.each.steps;
  options.tolerance = settings.each.tolerance;
  options.epsilon = settings.each.eps;
  return options;
}

/// The weights of `indices`, all computed in T.
template <Real T>
void normalize_some(const std::vector<std::size_t>& indices, at::TensorList weights, at::TensorList u, at::TensorList v,
                    at::TensorList scales, at::TensorList out, at::TensorList sigma, const Settings& settings) {
  std::vector<nn::Layer<T>> layers;
  std::vector<std::pair<at::Tensor, at::Tensor>> states;
  layers.reserve(indices.size());
  states.reserve(indices.size());
  for (const std::size_t k : indices) {
    states.emplace_back(working<T>(u[k]), working<T>(v[k]));
    nn::Layer<T> layer;
    layer.weight = input(weights[k], settings.dims[k]);
    layer.u = writable<T>(states.back().first);
    layer.v = writable<T>(states.back().second);
    if (!out.empty()) layer.normalized = output(out[k], settings.dims[k]);
    layer.rule = rule(settings, scales, k);
    layer.options = step_options(settings);
    if (settings.blocks[k] == 1) {
      layers.push_back(layer);
    } else {
      for (const nn::Layer<T>& block : nn::block_layers(layer, nn::BlockGrid{settings.blocks[k], 1}))
        layers.push_back(block);
    }
  }
  std::optional<Context::Serial> alone;
  if (is_small(layers)) alone.emplace(context());
  nn::normalize<T>(std::span(layers), context());
  std::size_t at = 0;
  std::size_t state = 0;
  for (const std::size_t k : indices) {
    for (std::int64_t block = 0; block < settings.blocks[k]; ++block) store(sigma[k], block, layers[at++].result.sigma);
    const auto& [left, right] = states[state++];
    if (left.is_same(u[k])) {
      mark_changed(u[k]);
    } else {
      u[k].copy_(left);
    }
    if (right.is_same(v[k])) {
      mark_changed(v[k]);
    } else {
      v[k].copy_(right);
    }
    mark_changed(sigma[k]);
    if (!out.empty()) mark_changed(out[k]);
  }
}

/// Without gradients of the normalized weight only the part along u v^T remains.
void add_sigma_part(const at::Tensor& grad_weight, const at::Tensor& grad_sigma, const at::Tensor& u,
                    const at::Tensor& v, std::int64_t dim, std::int64_t blocks) {
  const at::Tensor by_block = grad_sigma.reshape({blocks});
  if (blocks == 1) {
    add_outer(grad_weight, by_block.item<double>(), u, v, dim);
    return;
  }
  const at::Tensor outer =
      at::mul(at::mul(u.reshape({blocks, -1, 1}), by_block.reshape({blocks, 1, 1})), v.reshape({blocks, 1, -1}));
  std::vector<std::int64_t> moved = grad_weight.movedim(dim, 0).sizes().vec();
  grad_weight.add_(outer.reshape(moved).movedim(0, dim));
}

template <Real T>
void backward_some(const std::vector<std::size_t>& indices, const std::vector<at::Tensor>& grad, at::TensorList weights,
                   at::TensorList sigma, at::TensorList u, at::TensorList v, at::TensorList scales,
                   const std::vector<at::Tensor>& grad_weights, const std::vector<at::Tensor>& grad_scales,
                   const Settings& settings) {
  std::vector<nn::LayerGradient<T>> layers;
  std::vector<std::pair<at::Tensor, at::Tensor>> states;
  layers.reserve(indices.size());
  states.reserve(indices.size());
  for (const std::size_t k : indices) {
    states.emplace_back(working<T>(u[k]), working<T>(v[k]));
    const std::span<const T> left = readable<T>(states.back().first);
    const std::span<const T> right = readable<T>(states.back().second);
    const nn::BlockGrid grid{settings.blocks[k], 1};
    const auto weight = nn::blocks(input(weights[k], settings.dims[k]), grid);
    const auto given = nn::blocks(input(grad[k], settings.dims[k]), grid);
    const auto wanted = nn::blocks(output(grad_weights[k], settings.dims[k]), grid);
    const std::size_t rows = left.size() / weight.size();
    const std::size_t columns = right.size() / weight.size();
    for (std::size_t block = 0; block < weight.size(); ++block) {
      nn::LayerGradient<T> layer;
      layer.weight = weight[block];
      layer.u = left.subspan(block * rows, rows);
      layer.v = right.subspan(block * columns, columns);
      layer.f = nn::factor(rule(settings, scales, k), load(sigma[k], static_cast<std::int64_t>(block)));
      layer.grad_output = given[block];
      layer.grad_weight = wanted[block];
      layer.always_inner = !scales.empty();
      layers.push_back(layer);
    }
  }
  std::optional<Context::Serial> alone;
  if (is_small(layers)) alone.emplace(context());
  nn::normalize_vjp<T>(std::span(layers), context());
  if (scales.empty()) return;
  std::size_t at = 0;
  for (const std::size_t k : indices) {
    // dL/dscale = p f(sigma; scale = 1), which is also defined at scale 0.
    nn::Rule unscaled = rule(settings, {}, k);
    double sum = 0;
    for (std::int64_t block = 0; block < settings.blocks[k]; ++block)
      sum += layers[at++].result.inner * nn::factor(unscaled, load(sigma[k], block)).value;
    grad_scales[k].fill_(sum);
  }
}

}  // namespace

void normalize(at::TensorList weights, at::TensorList u, at::TensorList v, at::TensorList scales, at::TensorList out,
               at::TensorList sigma, const Settings& settings) {
  std::vector<std::size_t> singles;
  std::vector<std::size_t> doubles;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    check("normalize", weights[k], u[k], v[k], settings.dims[k], settings.blocks[k], settings);
    TORCH_CHECK(is_native(weights[k]), "[normalize] weight ", k, " is not a dense row-major real CPU tensor");
    (is_double(weights[k]) ? doubles : singles).push_back(k);
  }
  if (!singles.empty()) normalize_some<float>(singles, weights, u, v, scales, out, sigma, settings);
  if (!doubles.empty()) normalize_some<double>(doubles, weights, u, v, scales, out, sigma, settings);
}

std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>> backward(at::TensorList grad, at::TensorList grad_sigma,
                                                                      at::TensorList weights, at::TensorList sigma,
                                                                      at::TensorList u, at::TensorList v,
                                                                      at::TensorList scales, const Settings& settings) {
  std::vector<std::size_t> singles;
  std::vector<std::size_t> doubles;
  std::vector<at::Tensor> given(weights.size());
  std::vector<at::Tensor> grad_weights;
  std::vector<at::Tensor> grad_scales;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (!scales.empty()) grad_scales.push_back(at::zeros_like(scales[k]));
    if (!grad[k].defined()) {
      grad_weights.push_back(at::zeros_like(weights[k]));
      continue;
    }
    given[k] = grad[k].to(weights[k].scalar_type()).contiguous();
    grad_weights.push_back(output_like(weights[k]));
    (is_double(weights[k]) ? doubles : singles).push_back(k);
  }
  if (!singles.empty())
    backward_some<float>(singles, given, weights, sigma, u, v, scales, grad_weights, grad_scales, settings);
  if (!doubles.empty())
    backward_some<double>(doubles, given, weights, sigma, u, v, scales, grad_weights, grad_scales, settings);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (grad_sigma[k].defined())
      add_sigma_part(grad_weights[k], grad_sigma[k], u[k], v[k], settings.dims[k], settings.blocks[k]);
  }
  return {std::move(grad_weights), std::move(grad_scales)};
}

double inner_product(const at::Tensor& x, const at::Tensor& y) {
  return nn::dot(dtype_of(x), x.const_data_ptr(), y.const_data_ptr(), x.numel(), context());
}

Factors factors(const at::Tensor& sigma, const at::Tensor& scale, const Settings& settings) {
  const double at = load(sigma, 0);
  const nn::Factor scaled =
      nn::factor(rule(settings, scale.defined() ? at::TensorList(scale) : at::TensorList(), 0), at);
  return {scaled.value, scaled.first, nn::factor(rule(settings, {}, 0), at).value};
}

void add_outer(const at::Tensor& grad, double c, const at::Tensor& u, const at::Tensor& v, std::int64_t dim) {
  const auto add = [&]<Real T>(T) {
    const at::Tensor left = working<T>(u);
    const at::Tensor right = working<T>(v);
    nn::add_sigma_gradient<T>(c, readable<T>(left), readable<T>(right), output(grad, dim), context());
  };
  if (is_double(grad)) {
    add(double{});
  } else {
    add(float{});
  }
  mark_changed(grad);
}

}  // namespace sigmax::torch::native
