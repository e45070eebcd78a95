#include "bindings/torch/tests/modules/module_cases.hpp"

#include <tuple>
#include <utility>

namespace sigmax::torch {
namespace {

namespace nn = ::torch::nn;

at::Tensor flat(const at::Tensor& tensor) { return tensor.flatten(); }

template <class... Parts>
at::Tensor flat(const std::tuple<Parts...>& parts) {
  return std::apply([](const Parts&... part) { return at::cat({flat(part)...}); }, parts);
}

at::Tensor input(at::IntArrayRef sizes) {
  const int64_t count = c10::multiply_integers(sizes);
  return at::arange(count, at::kDouble).mul(0.7).sin().view(sizes);
}

template <class Holder, class... Inputs>
Case make(const std::string& name, SpectralNorm<Holder> module, Inputs... inputs) {
  module->to(at::kDouble);
  return {name, module.ptr(), [module, inputs...]() mutable { return flat(module->forward(inputs...)); },
          [module, inputs...]() mutable { return flat(fold(module)->forward(inputs...)); }};
}

}  // namespace

std::vector<Case> all_cases(const SpectralNormOptions& o) {
  const at::Tensor sequence = input({5, 2, 4});  // time, batch, features
  const at::Tensor rows = input({2, 4});
  const auto lstm = nn::LSTMOptions(4, 3).num_layers(2).bidirectional(true).proj_size(2);
  SpectralNormOptions conv = o;
  std::vector<Case> result;
  result.push_back(make("Linear", SpectralNorm<nn::Linear>(nn::LinearOptions(4, 3), o), rows));
  result.push_back(make("Bilinear", SpectralNorm<nn::Bilinear>(nn::BilinearOptions(4, 3, 2), o), rows, input({2, 3})));
  result.push_back(
      make("Embedding", SpectralNorm<nn::Embedding>(nn::EmbeddingOptions(7, 4), o), at::arange(6, at::kLong)));
  result.push_back(make("Conv1d", SpectralNorm<nn::Conv1d>(nn::Conv1dOptions(4, 6, 3).groups(2), o), input({2, 4, 8})));
  result.push_back(make("Conv2d", SpectralNorm<nn::Conv2d>(nn::Conv2dOptions(3, 5, 3).padding(1).bias(false), o),
                        input({2, 3, 6, 5})));
  result.push_back(make("Conv3d", SpectralNorm<nn::Conv3d>(nn::Conv3dOptions(2, 3, 2), o), input({1, 2, 3, 4, 3})));
  result.push_back(make("ConvTranspose1d", SpectralNorm<nn::ConvTranspose1d>(nn::ConvTranspose1dOptions(3, 4, 3), o),
                        input({1, 3, 5})));
  result.push_back(make("ConvTranspose2d",
                        SpectralNorm<nn::ConvTranspose2d>(nn::ConvTranspose2dOptions(3, 5, 2).stride(2), o),
                        input({2, 3, 4, 4})));
  result.push_back(make("ConvTranspose3d", SpectralNorm<nn::ConvTranspose3d>(nn::ConvTranspose3dOptions(2, 3, 2), o),
                        input({1, 2, 2, 3, 2})));
  result.push_back(make("RNN", SpectralNorm<nn::RNN>(nn::RNNOptions(4, 3), o), sequence));
  result.push_back(make("LSTM", SpectralNorm<nn::LSTM>(lstm, o), sequence));
  result.push_back(make("GRU", SpectralNorm<nn::GRU>(nn::GRUOptions(4, 3).num_layers(2), o), sequence));
  result.push_back(make("RNNCell", SpectralNorm<nn::RNNCell>(nn::RNNCellOptions(4, 3), o), rows));
  result.push_back(make("LSTMCell", SpectralNorm<nn::LSTMCell>(nn::LSTMCellOptions(4, 3), o), rows));
  result.push_back(make("GRUCell", SpectralNorm<nn::GRUCell>(nn::GRUCellOptions(4, 3), o), rows));
  result.push_back(make("MultiheadAttention",
                        SpectralNorm<nn::MultiheadAttention>(nn::MultiheadAttentionOptions(4, 2), o), sequence,
                        sequence, sequence));
  result.push_back(make("MultiheadAttention of other sizes",
                        SpectralNorm<nn::MultiheadAttention>(nn::MultiheadAttentionOptions(4, 2).kdim(3).vdim(3), o),
                        sequence, input({5, 2, 3}), input({5, 2, 3})));
  return result;
}

}  // namespace sigmax::torch
