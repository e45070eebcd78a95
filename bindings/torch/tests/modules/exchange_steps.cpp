// The C++ half of exchange_test.py: reads each module's state from a file, trains it for a few steps, and writes the
// state and the outputs.
//
//     torch_exchange_steps FOLDER parametrization|hook STEPS
#include <ATen/ATen.h>
#include <torch/utils.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include "bindings/torch/modules/spectral_norm.hpp"
#include "bindings/torch/modules/state_dict.hpp"
#include "bindings/torch/tests/modules/module_cases.hpp"

namespace {

using sigmax::torch::StateLayout;

// loss = output . cos(1, 2, ...); parameter -= 0.01 gradient.
void train(const sigmax::torch::Case& c, int steps, sigmax::torch::StateDict& outputs) {
  for (int step = 0; step < steps; ++step) {
    c.module->zero_grad();
    const at::Tensor y = c.output();
    (y * at::arange(1, y.numel() + 1, at::kDouble).cos()).sum().backward();
    const torch::NoGradGuard no_grad;
    for (auto& parameter : c.module->parameters()) parameter.sub_(parameter.grad(), 0.01);
    outputs.insert("output." + std::to_string(step), y.detach());
  }
}

int run(const std::filesystem::path& folder, const std::string& layout_name, int steps) {
  const bool hook = layout_name == "hook";
  const StateLayout layout = hook ? StateLayout::hook : StateLayout::parametrization;
  sigmax::torch::SpectralNormOptions options;
  if (hook) options.iteration(sigmax::torch::Iteration::v_first);
  int found = 0;
  for (const sigmax::torch::Case& c : sigmax::torch::all_cases(options)) {
    const std::filesystem::path start = folder / (c.name + ".start.pt");
    if (!exists(start)) continue;
    ++found;
    sigmax::torch::load_state_dict(*c.module, sigmax::torch::read_state_dict(start));
    sigmax::torch::StateDict outputs;
    train(c, steps, outputs);
    c.module->eval();
    outputs.insert("output.eval", c.output().detach());
    sigmax::torch::save_state_dict(outputs, folder / (c.name + ".outputs.pt"));
    sigmax::torch::save_state_dict(sigmax::torch::state_dict(*c.module, layout), folder / (c.name + ".end.pt"));
    sigmax::torch::save_state_dict(sigmax::torch::state_dict(*c.module, layout),
                                   folder / (c.name + ".end.safetensors"));
  }
  return found > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: torch_exchange_steps FOLDER parametrization|hook STEPS\n");
    return 2;
  }
  try {
    return run(argv[1], argv[2], std::stoi(argv[3]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
