#include "bindings/torch/modules/spectral_norm.hpp"

namespace sigmax::torch {

template class SpectralNormBase<SpectralNormImpl<::torch::nn::LinearImpl>, ::torch::nn::LinearImpl>;
template class SpectralNormBase<SpectralNormImpl<::torch::nn::BilinearImpl>, ::torch::nn::BilinearImpl>;
template class SpectralNormBase<SpectralNormImpl<::torch::nn::EmbeddingImpl>, ::torch::nn::EmbeddingImpl>;
template class SpectralNormBase<SpectralNormImpl<::torch::nn::Conv1dImpl>, ::torch::nn::Conv1dImpl>;
template class SpectralNormBase<SpectralNormImpl<::torch::nn::Conv2dImpl>, ::torch::nn::Conv2dImpl>;
template class SpectralNormBase<SpectralNormImpl<::torch::nn::Conv3dImpl>, ::torch::nn::Conv3dImpl>;
template class SpectralNormBase<SpectralNormImpl<::torch::nn::ConvTranspose1dImpl>, ::torch::nn::ConvTranspose1dImpl>;
template class SpectralNormBase<SpectralNormImpl<::torch::nn::ConvTranspose2dImpl>, ::torch::nn::ConvTranspose2dImpl>;
template class SpectralNormBase<SpectralNormImpl<::torch::nn::ConvTranspose3dImpl>, ::torch::nn::ConvTranspose3dImpl>;
template class SpectralNormBase<SpectralNormImpl<::torch::nn::RNNImpl>, ::torch::nn::RNNImpl>;
template class SpectralNormBase<SpectralNormImpl<::torch::nn::LSTMImpl>, ::torch::nn::LSTMImpl>;
template class SpectralNormBase<SpectralNormImpl<::torch::nn::GRUImpl>, ::torch::nn::GRUImpl>;
template class SpectralNormBase<SpectralNormImpl<::torch::nn::RNNCellImpl>, ::torch::nn::RNNCellImpl>;
template class SpectralNormBase<SpectralNormImpl<::torch::nn::LSTMCellImpl>, ::torch::nn::LSTMCellImpl>;
template class SpectralNormBase<SpectralNormImpl<::torch::nn::GRUCellImpl>, ::torch::nn::GRUCellImpl>;
template class SpectralNormBase<SpectralNormImpl<::torch::nn::MultiheadAttentionImpl>,
                                ::torch::nn::MultiheadAttentionImpl>;

}  // namespace sigmax::torch
