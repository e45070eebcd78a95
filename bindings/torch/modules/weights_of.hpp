// The weights of a LibTorch module, and the place where its forward reads each of them.
#pragma once

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/rnn.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "bindings/torch/convolution.hpp"

namespace sigmax::torch {

/// Linear, Bilinear, Embedding, convolutions: forward reads the member `weight`.
template <class Module>
concept HasOneWeight = requires(Module& module) {
  { module.weight } -> std::convertible_to<at::Tensor>;
};

/// RNNCell, LSTMCell, GRUCell: the members `weight_ih` and `weight_hh`.
template <class Module>
concept IsRecurrentCell = std::derived_from<Module, ::torch::nn::detail::RNNCellImplBase<Module>>;

/// RNN, LSTM, GRU: forward reads a flat list of tensors, in which a new value must be stored.
template <class Module>
concept IsRecurrent = std::derived_from<Module, ::torch::nn::detail::RNNImplBase<Module>>;

template <class Module>
concept IsAttention = std::derived_from<Module, ::torch::nn::MultiheadAttentionImpl>;

template <class Module>
concept IsTransposedConvolution = std::derived_from<Module, ::torch::nn::ConvTransposeNdImpl<1, Module>> ||
    std::derived_from<Module, ::torch::nn::ConvTransposeNdImpl<2, Module>> ||
    std::derived_from<Module, ::torch::nn::ConvTransposeNdImpl<3, Module>>;

template <class Module>
concept IsConvolution = std::derived_from<Module, ::torch::nn::ConvNdImpl<1, Module>> ||
    std::derived_from<Module, ::torch::nn::ConvNdImpl<2, Module>> ||
    std::derived_from<Module, ::torch::nn::ConvNdImpl<3, Module>>;

/// The modules that SpectralNorm can wrap.
template <class Module>
concept Normalizable = HasOneWeight<Module> || IsRecurrentCell<Module> || IsRecurrent<Module> || IsAttention<Module>;

/// The dimension of the rows of the weight's matrix, chosen as in PyTorch.
template <Normalizable Module>
constexpr int64_t kDefaultDim = IsTransposedConvolution<Module> ? 1 : 0;

/// The geometry of a convolution for inputs of this size.
template <IsConvolution Module>
OperatorGeometry geometry_of(const Module& module, const std::vector<int64_t>& input_size) {
  const auto& options = module.options;
  const auto list = [](const auto& array) { return std::vector<int64_t>(array->begin(), array->end()); };
  OperatorGeometry geometry;
  geometry.input_size = input_size;
  geometry.stride = list(options.stride());
  geometry.dilation = list(options.dilation());
  geometry.output_padding = list(options.output_padding());
  geometry.transposed = options.transposed();
  geometry.groups = options.groups();
  const std::vector<int64_t> kernel = list(options.kernel_size());
  geometry.padding_low.assign(kernel.size(), 0);
  geometry.padding_high = geometry.padding_low;
  if (std::holds_alternative<::torch::enumtype::kSame>(options.padding())) {
    for (std::size_t i = 0; i < kernel.size(); ++i) {
      const int64_t total = geometry.dilation[i] * (kernel[i] - 1);
      geometry.padding_low[i] = total / 2;
      geometry.padding_high[i] = total - total / 2;
    }
  } else if (!std::holds_alternative<::torch::enumtype::kValid>(options.padding())) {
    geometry.padding_low = list(std::get<0>(options.padding()));
    geometry.padding_high = geometry.padding_low;
  }
  const auto& mode = options.padding_mode();
  geometry.padding_mode = std::holds_alternative<::torch::enumtype::kReflect>(mode)     ? "reflect"
                          : std::holds_alternative<::torch::enumtype::kReplicate>(mode) ? "replicate"
                          : std::holds_alternative<::torch::enumtype::kCircular>(mode)  ? "circular"
                                                                                        : "zeros";
  return geometry;
}

/// Decides by the name of a parameter: `weight`, `weight_ih_l0` and `in_proj_weight` are weights, a bias is not.
inline bool is_weight(const std::string& parameter) {
  return parameter == "weight" || parameter.starts_with("weight_") || parameter.ends_with("_proj_weight");
}

/// The number of gates stacked in a recurrent weight, or of projections in an attention's in_proj_weight.
template <Normalizable Module>
int64_t blocks_of(const std::string& name) {
  using std::same_as;
  if (IsAttention<Module>) return name == "in_proj_weight" ? 3 : 1;
  if (name.starts_with("weight_hr")) return 1;  // the projection of an LSTM's output
  if (same_as<Module, ::torch::nn::LSTMImpl> || same_as<Module, ::torch::nn::LSTMCellImpl>) return 4;
  if (same_as<Module, ::torch::nn::GRUImpl> || same_as<Module, ::torch::nn::GRUCellImpl>) return 3;
  return 1;
}

}  // namespace sigmax::torch
