// Normalizes all layers of a model, or computes their gradients, in one parallel call.
//
// Large layers are processed one after another on all threads, small ones side by side, each on one thread. Results are
// bit-identical to those of the functions for one layer, whatever the other layers and the number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/nn/normalize.hpp"
#include "sigmax/nn/normalize_vjp.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::nn {

/// A weight, or one block of it, with its state.
///
/// With a `map`, sigma is the norm of that operator instead of the weight's matrix: u has map->shape().rows entries and
/// v map->shape().columns. The operator must be linear in the weight, such as convolution(kernel, geometry) of the
/// weight's present values, so that the scaled weight's operator has the norm f sigma.
template <Real T>
struct Layer {
  Weight weight{};
  Operator<T> map{};          ///< null: the weight's matrix
  std::span<T> u{};           ///< in and out
  std::span<T> v{};           ///< in and out
  WeightOutput normalized{};  ///< f W; no data: not written
  Rule rule{};
  StepOptions options{};
  StepResult result{};  ///< out
  Factor f{};           ///< out
};

/// step(), factor() and scale_weight() of each layer. Random vectors of a layer are drawn with the seed in its own
/// options.seed.
template <Real T>
void normalize(std::span<Layer<T>> layers, Context& context);

/// The blocks of one weight as layers: block b has the b-th part of u, with rows / row_blocks entries, and the b-th
/// part of v, with columns / column_blocks entries; u and v each hold count() such parts. Throws Error if sizes do not
/// fit or the layer has a map.
template <Real T>
std::vector<Layer<T>> block_layers(const Layer<T>& whole, const BlockGrid& grid);

template <Real T>
struct LayerGradient {
  Weight weight{};
  Operator<T> map{};  ///< as in Layer; its parameters are the weight's entries in row-major order
  std::span<const T> u{};
  std::span<const T> v{};
  Factor f{};
  Weight grad_output{};
  WeightOutput grad_weight{};
  bool always_inner = false;
  NormalizeGradient result{};  ///< out
};

/// normalize_vjp() of each layer; with a map, d sigma / dW is its pull_back of u v^T, and the weight and its gradients
/// must be contiguous. Throws Error if they are not, or if the map does not have one parameter per entry.
template <Real T>
void normalize_vjp(std::span<LayerGradient<T>> layers, Context& context);

}  // namespace sigmax::nn
