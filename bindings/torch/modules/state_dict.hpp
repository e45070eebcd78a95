// State dicts: the tensors of a network by name, in PyTorch's two layouts of spectral normalization, with reading and
// writing of files.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/ordered_dict.h>

#include <filesystem>
#include <string>
#include <vector>

namespace sigmax::torch {

using StateDict = ::torch::OrderedDict<std::string, at::Tensor>;

/// The names that a normalized weight W has in a state dict.
enum class StateLayout {
  parametrization,  ///< parametrizations.W.original, parametrizations.W.0._u, parametrizations.W.0._v
  hook,             ///< W_orig, W_u, W_v, as in the older torch.nn.utils.spectral_norm
};

/// Every parameter and buffer of the module and its children. The tensors share the module's memory and are detached.
StateDict state_dict(const ::torch::nn::Module& module, StateLayout layout = StateLayout::parametrization);

/// These tensors under the names of `layout`; tensors that do not belong to a normalized weight keep their names.
///
/// A W_orig without W_v (from an early PyTorch, which stores W and W_u with it) gets the v that solves u = W v / |W v|
/// and u^T W_orig v = mean(W_orig / W).
StateDict converted(const StateDict& state, StateLayout layout);

/// Everything that load_state_dict did apart from plain copies.
struct LoadReport {
  std::vector<std::string> missing;     ///< in the module but not in the state; left unchanged
  std::vector<std::string> unexpected;  ///< in the state but not in the module
  std::vector<std::string> normalized;  ///< plain weights loaded into a normalized module, with a new u and v
};

/// Copies a state dict of either layout into the module, in place: optimizers keep their parameters.
///
/// Throws Error, which lists every name, for sizes that differ and, if `strict`, for missing or unexpected names. In
/// that case the module is unchanged.
LoadReport load_state_dict(::torch::nn::Module& module, const StateDict& state, bool strict = true);

/// Writes a file that `torch.load` reads as a dict, or, if the path ends in `.safetensors`, a safetensors file.
/// Throws FileError if it cannot be written.
void save_state_dict(const StateDict& state, const std::filesystem::path& path);

/// Reads what `torch.save(model.state_dict(), path)` wrote (zip or legacy), safetensors, and any other format of
/// sigmax::io. Nothing in the file is executed. Throws FileError if it cannot be read.
StateDict read_state_dict(const std::filesystem::path& path);

}  // namespace sigmax::torch
