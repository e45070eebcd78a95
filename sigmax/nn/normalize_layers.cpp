#include "sigmax/nn/normalize_layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/entrywise.hpp"

namespace sigmax::nn {
namespace {

// Layers of at least this many entries run their own parallel kernels; the others are packed into tasks of about this
// many entries, in order of size.
constexpr std::int64_t kLarge = std::int64_t{1} << 20;
constexpr std::int64_t kTask = std::int64_t{1} << 16;

// work(layer) for all layers. What `work` computes must not depend on the threads it has.
template <class L, class Work>
void each_layer(std::span<L> layers, Context& context, const Work& work) {
  std::vector<std::size_t> small;
  std::int64_t total = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].map != nullptr || layers[i].weight.size() >= kLarge) {  // an operator has parallel products
      work(layers[i]);
    } else {
      small.push_back(i);
      total += layers[i].weight.size();
    }
  }
  if (total < 2 * kTask || small.size() < 2) {
    for (const std::size_t i : small) work(layers[i]);
    return;
  }
  std::stable_sort(small.begin(), small.end(),
                   [&](std::size_t a, std::size_t b) { return layers[a].weight.size() > layers[b].weight.size(); });
  std::vector<std::size_t> first{0};
  std::int64_t here = 0;
  for (std::size_t k = 0; k < small.size(); ++k) {
    here += layers[small[k]].weight.size();
    if (here >= kTask || k + 1 == small.size()) {
      first.push_back(k + 1);
      here = 0;
    }
  }
  context.parallel_for(first.size() - 1, [&](std::size_t task) {
    const Context::Serial alone(context);
    for (std::size_t k = first[task]; k < first[task + 1]; ++k) work(layers[small[k]]);
  });
}

/// A contiguous weight as one row.
template <class Byte>
kernels::Unfolded<Byte> one_row(const kernels::Unfolded<Byte>& weight) {
  if (!weight.is_contiguous()) {
    throw Error("[normalize_vjp] a layer with a map needs contiguous weights and gradients, this one has gaps");
  }
  return {weight.dtype, weight.data, 1, 1, weight.size(), weight.size(), weight.size()};
}

/// As normalize_vjp() of the weight's matrix, with d sigma / dW pulled back from u v^T.
template <Real T>
NormalizeGradient normalize_map_vjp(const LayerGradient<T>& layer, Context& context) {
  const LinearOperator<T>& map = *layer.map;
  if (map.parameter_count() != layer.weight.size()) {
    throw Error(fmt::format("[normalize_vjp] the map has {} parameters for a weight of {} entries",
                            map.parameter_count(), layer.weight.size()));
  }
  NormalizeGradient result;
  const bool depends = layer.f.first != 0;
  if (depends || layer.always_inner) {
    result.inner = kernels::inner_product(layer.grad_output, layer.weight, context);
  }
  kernels::Combination<T> what{.alpha = layer.f.value, .x = one_row(layer.grad_output)};
  const T one = 1;
  Context::Buffer<T> slope = context.scratch<T>(depends ? static_cast<std::size_t>(layer.weight.size()) : 0);
  if (depends) {
    const std::span<T> entries(slope.data(), static_cast<std::size_t>(layer.weight.size()));
    std::fill(entries.begin(), entries.end(), T{0});
    const double weight = 1;
    map.pull_back({MatrixView<const T>(layer.u), MatrixView<const T>(layer.v), std::span<const double>(&weight, 1)},
                  entries, context);
    what.gamma = layer.f.first * result.inner;
    what.u = std::span<const T>(&one, 1);
    what.v = entries;
  }
  kernels::combination<T>(what, one_row(layer.grad_weight), context);
  return result;
}

}  // namespace

template <Real T>
void normalize(std::span<Layer<T>> layers, Context& context) {
  const FloatingEnvironment environment;
  each_layer(layers, context, [&](Layer<T>& layer) {
    layer.result = layer.map == nullptr ? step<T>(layer.weight, layer.options, layer.u, layer.v, context)
                                        : step<T>(*layer.map, layer.options, layer.u, layer.v, context);
    layer.f = factor(layer.rule, layer.result.sigma);
    if (layer.normalized.data != nullptr) scale_weight(layer.weight, layer.f.value, layer.normalized, context);
  });
}

template <Real T>
std::vector<Layer<T>> block_layers(const Layer<T>& whole, const BlockGrid& grid) {
  if (whole.map != nullptr) throw Error("[block_layers] a layer with a map is normalized as a whole");
  const std::vector<Weight> weights = blocks(whole.weight, grid);
  const std::vector<WeightOutput> outputs =
      whole.normalized.data == nullptr ? std::vector<WeightOutput>(weights.size()) : blocks(whole.normalized, grid);
  const auto rows = static_cast<std::size_t>(weights.front().rows);
  const auto columns = static_cast<std::size_t>(weights.front().columns());
  if (whole.u.size() != rows * weights.size() || whole.v.size() != columns * weights.size()) {
    throw Error(fmt::format("[block_layers] {} blocks of {}x{} take u of {} and v of {} entries, got {} and {}",
                            weights.size(), rows, columns, rows * weights.size(), columns * weights.size(),
                            whole.u.size(), whole.v.size()));
  }
  std::vector<Layer<T>> result(weights.size(), whole);
  for (std::size_t b = 0; b < weights.size(); ++b) {
    result[b].weight = weights[b];
    result[b].normalized = outputs[b];
    result[b].u = whole.u.subspan(b * rows, rows);
    result[b].v = whole.v.subspan(b * columns, columns);
    result[b].options.seed += b;
  }
  return result;
}

template <Real T>
void normalize_vjp(std::span<LayerGradient<T>> layers, Context& context) {
  const FloatingEnvironment environment;
  each_layer(layers, context, [&](LayerGradient<T>& layer) {
    layer.result = layer.map == nullptr ? normalize_vjp<T>(layer.weight, layer.u, layer.v, layer.f, layer.grad_output,
                                                           layer.always_inner, layer.grad_weight, context)
                                        : normalize_map_vjp(layer, context);
  });
}

template void normalize<float>(std::span<Layer<float>>, Context&);
template void normalize<double>(std::span<Layer<double>>, Context&);
template std::vector<Layer<float>> block_layers<float>(const Layer<float>&, const BlockGrid&);
template std::vector<Layer<double>> block_layers<double>(const Layer<double>&, const BlockGrid&);
template void normalize_vjp<float>(std::span<LayerGradient<float>>, Context&);
template void normalize_vjp<double>(std::span<LayerGradient<double>>, Context&);

}  // namespace sigmax::nn
