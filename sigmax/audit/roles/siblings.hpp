// The tensors around a tensor: what a name stands beside says what it is.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sigmax/io/checkpoint.hpp"
#include "sigmax/io/model_config.hpp"

namespace sigmax::audit {

/// What the config.json of each folder says.
using Configs = std::map<std::filesystem::path, io::ModelConfig>;

/// Reads the config.json beside the files of the checkpoint, those of ONNX models excepted, whose graphs say more.
Configs configs_of(const io::Checkpoint& checkpoint);

/// Finds tensors by name. Holds pointers into the entries, which must outlive it.
class Siblings {
 public:
  Siblings() = default;
  explicit Siblings(const std::vector<io::Entry>& entries, Configs configs = {});

  /// What the config.json in the folder of the tensor's file says; null if there is none.
  const io::ModelConfig* config(const io::Entry& entry) const;

  /// The tensor of that name, that in the file of `beside` if there are several; null if there is none.
  const io::Entry* find(std::string_view name, const io::Entry& beside) const;

  /// The tensor of that name in another file than that of `beside`; null if there is none.
  const io::Entry* find_elsewhere(std::string_view name, const io::Entry& beside) const;

  /// The tensor whose name is `name` but for dots and slashes; null if there is none. Known only where a component of
  /// some name is_average.
  const io::Entry* find_squeezed(std::string_view name) const;

  /// The nearest tensor of two dimensions or more that runs before `entry` in a numbered sequence: where the two names
  /// first differ, both have a number. Kernels [c, 1, ...], which may be of the same kind, are passed over. Null if
  /// there is none.
  const io::Entry* predecessor(const io::Entry& entry) const;

  /// The name without dots and slashes.
  static std::string squeezed(std::string_view name);

 private:
  Configs configs_;
  std::unordered_map<std::string_view, std::vector<const io::Entry*>> by_name_;
  std::unordered_map<std::string, const io::Entry*> by_squeezed_name_;
  std::vector<const io::Entry*> in_order_;  // of two dimensions or more, numbers counting as numbers
};

/// ` (config.json: quant_method gptq)` for a tensor of a model whose config.json says so; otherwise nothing.
std::string quantized_by(const io::Entry& entry, const Siblings& siblings);

/// True for the keys under which a training program keeps a running average of a model: `model_ema`, `params_ema`, ...
bool is_average(std::string_view component);

}  // namespace sigmax::audit
