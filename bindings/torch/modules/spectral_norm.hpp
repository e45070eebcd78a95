// Spectral normalization for modules of LibTorch's C++ frontend.
//
//     using sigmax::torch::SpectralNorm;
//     SpectralNorm<torch::nn::Conv2d> layer(torch::nn::Conv2dOptions(3, 16, 3).padding(1));
//     torch::nn::Sequential net(layer, torch::nn::ReLU(), SpectralNorm<torch::nn::Linear>(400, 10));
//
// A SpectralNorm<M> is an M: it has M's options, bias and forward, and works wherever a module does: in Sequential, as
// a child, with train(), to(), clone(), torch::save and torch::load. The parameter `weight` becomes
// `parametrizations.weight.original`, with its state next to it, under the names of PyTorch's parametrization; the
// member `weight` is the normalized value of the last forward.
//
// As in PyTorch, a convolution's kernel is normalized as the reshaped matrix, whose norm is not the convolution's norm.
//
// Source: T. Miyato et al., Spectral Normalization for Generative Adversarial Networks, ICLR 2018.
#pragma once

#include <torch/nn/pimpl.h>

#include "bindings/torch/modules/spectral_norm_base.hpp"
#include "bindings/torch/modules/spectral_norm_options.hpp"

namespace sigmax::torch {

/// forward(input): Linear, convolutions, Embedding.
template <Normalizable Module, class Result, class Class, class A>
class SpectralNormImpl<Module, Result (Class::*)(A)>
    : public SpectralNormBase<SpectralNormImpl<Module, Result (Class::*)(A)>, Module> {
 public:
  using SpectralNormBase<SpectralNormImpl, Module>::SpectralNormBase;
  Result forward(A input) {
    this->renew();
    return Module::forward(input);
  }
};

/// forward(input, state): recurrent modules and cells; forward(input, output_size): transposed convolutions. The second
/// argument may be omitted if the wrapped module allows it.
template <Normalizable Module, class Result, class Class, class A, class B>
requires requires(Module& module, A input) { module.forward(input); }
class SpectralNormImpl<Module, Result (Class::*)(A, B)>
    : public SpectralNormBase<SpectralNormImpl<Module, Result (Class::*)(A, B)>, Module> {
 public:
  using SpectralNormBase<SpectralNormImpl, Module>::SpectralNormBase;
  Result forward(A input, B second = {}) {
    this->renew();
    return Module::forward(input, second);
  }
};

/// forward(input1, input2): Bilinear.
template <Normalizable Module, class Result, class Class, class A, class B>
class SpectralNormImpl<Module, Result (Class::*)(A, B)>
    : public SpectralNormBase<SpectralNormImpl<Module, Result (Class::*)(A, B)>, Module> {
 public:
  using SpectralNormBase<SpectralNormImpl, Module>::SpectralNormBase;
  Result forward(A first, B second) {
    this->renew();
    return Module::forward(first, second);
  }
};

/// MultiheadAttention: the input projections and out_proj.
template <class Result, class Class>
class SpectralNormImpl<::torch::nn::MultiheadAttentionImpl,
                       Result (Class::*)(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                         bool, const at::Tensor&, bool)>
    : public SpectralNormBase<SpectralNormImpl<::torch::nn::MultiheadAttentionImpl>,
                              ::torch::nn::MultiheadAttentionImpl> {
 public:
  using SpectralNormBase<SpectralNormImpl, ::torch::nn::MultiheadAttentionImpl>::SpectralNormBase;
  Result forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                 const at::Tensor& key_padding_mask = {}, bool need_weights = true, const at::Tensor& attn_mask = {},
                 bool average_attn_weights = true) {
    this->renew();
    return MultiheadAttentionImpl::forward(query, key, value, key_padding_mask, need_weights, attn_mask,
                                           average_attn_weights);
  }
};

/// The holder, by the holder of the wrapped module: SpectralNorm<torch::nn::Linear>.
template <class Holder>
class SpectralNorm : public ::torch::nn::ModuleHolder<SpectralNormImpl<typename Holder::ContainedType>> {
 public:
  using ::torch::nn::ModuleHolder<SpectralNormImpl<typename Holder::ContainedType>>::ModuleHolder;
  using Impl = SpectralNormImpl<typename Holder::ContainedType>;
};

/// Normalizes an existing module. The new module shares the parameters, so that an optimizer remains valid. Do not use
/// the old module any more: it reads a weight that is not normalized.
template <class Holder>
SpectralNorm<Holder> spectral_norm(const Holder& module, const SpectralNormOptions& options = {}) {
  return SpectralNorm<Holder>(*module, options);
}

/// A plain module with the present normalized values.
template <class Holder>
Holder fold(const SpectralNorm<Holder>& module) {
  return Holder(module->fold());
}

// Compiled once, in spectral_norm.cpp.
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::LinearImpl>, ::torch::nn::LinearImpl>;
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::BilinearImpl>, ::torch::nn::BilinearImpl>;
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::EmbeddingImpl>, ::torch::nn::EmbeddingImpl>;
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::Conv1dImpl>, ::torch::nn::Conv1dImpl>;
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::Conv2dImpl>, ::torch::nn::Conv2dImpl>;
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::Conv3dImpl>, ::torch::nn::Conv3dImpl>;
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::ConvTranspose1dImpl>,
                                       ::torch::nn::ConvTranspose1dImpl>;
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::ConvTranspose2dImpl>,
                                       ::torch::nn::ConvTranspose2dImpl>;
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::ConvTranspose3dImpl>,
                                       ::torch::nn::ConvTranspose3dImpl>;
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::RNNImpl>, ::torch::nn::RNNImpl>;
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::LSTMImpl>, ::torch::nn::LSTMImpl>;
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::GRUImpl>, ::torch::nn::GRUImpl>;
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::RNNCellImpl>, ::torch::nn::RNNCellImpl>;
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::LSTMCellImpl>, ::torch::nn::LSTMCellImpl>;
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::GRUCellImpl>, ::torch::nn::GRUCellImpl>;
extern template class SpectralNormBase<SpectralNormImpl<::torch::nn::MultiheadAttentionImpl>,
                                       ::torch::nn::MultiheadAttentionImpl>;

}  // namespace sigmax::torch
