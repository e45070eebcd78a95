// A network with a normalized layer: a program that knows only the installed LibTorch modules of sigmax.
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "bindings/torch/modules/spectral_norm.hpp"
#include "bindings/torch/modules/state_dict.hpp"

int main() {
  torch::manual_seed(0);
  sigmax::torch::SpectralNorm<torch::nn::Linear> layer(20, 30);
  torch::nn::Sequential network(layer);
  for (int pass = 0; pass < 200; ++pass) network->forward(torch::ones({2, 20}));
  const sigmax::torch::Certificate norm = sigmax::torch::certify(layer->weight);
  std::printf("%.9f <= norm <= %.9f (%s)\n", norm.lower, norm.upper, norm.certainty.c_str());
  const bool has_state = sigmax::torch::state_dict(*network).size() == 4;
  return has_state && norm.certainty == "proven" && std::abs(norm.upper - 1) < 1e-3 ? EXIT_SUCCESS : EXIT_FAILURE;
}
