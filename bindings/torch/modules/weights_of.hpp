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
#include <vector>

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

/// The modules that SpectralNorm can wrap.
template <class Module>
concept Normalizable = HasOneWeight<Module> || IsRecurrentCell<Module> || IsRecurrent<Module> || IsAttention<Module>;

/// The dimension of the rows of the weight's matrix, chosen as in PyTorch.
template <Normalizable Module>
constexpr int64_t kDefaultDim = IsTransposedConvolution<Module> ? 1 : 0;

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
