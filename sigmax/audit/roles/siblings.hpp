// The tensors around a tensor: the names next to a name say what it is.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sigmax/io/checkpoint.hpp"
#include "sigmax/io/model_config.hpp"

namespace sigmax::audit {

/// What the config.json of each folder says.
using Configs = std::map<std::filesystem::path, io::ModelConfig>;

/// Reads the config.json next to each file of the checkpoint, except for ONNX models, whose graphs say more.
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

  /// The tensor that `entry` is a copy of: one of the same shape, itself no copy, that has the rest of its name. The
  /// keys under which programs keep a model (`model`, `state_dict`, `module`, ...) count in neither name. Some
  /// libraries take the dots out of the names of averages, so dots and slashes do not count either. Null if there is
  /// none.
  const io::Entry* original(const io::Entry& entry) const;

  /// True if a tensor of that shape is not a copy of another.
  bool has_original_of(const Dimensions& shape) const;

  /// The nearest tensor of two dimensions or more that runs before `entry` in a numbered sequence: where the two names
  /// first differ, both have a number. Kernels [c, 1, ...], which may be of the same kind, are ignored. Null if
  /// there is none.
  const io::Entry* predecessor(const io::Entry& entry) const;

  /// The other tensors of real numbers, of two dimensions or more, in the same file whose names begin with `prefix`,
  /// which that of `entry` does; the nearest ones, at most 64 before it and 64 behind.
  std::vector<const io::Entry*> below(std::string_view prefix, const io::Entry& entry) const;

 private:
  Configs configs_;
  std::unordered_map<std::string_view, std::vector<const io::Entry*>> by_name_;
  std::unordered_map<std::string, std::vector<const io::Entry*>> originals_;  // filled in if there are copies
  std::set<Dimensions> original_shapes_;
  std::vector<const io::Entry*> in_order_;  // of two dimensions or more, numbers counting as numbers
};

/// ` (config.json: quant_method gptq)` for a tensor of a model whose config.json says so; otherwise nothing.
std::string quantized_by(const io::Entry& entry, const Siblings& siblings);

/// A copy of a model that a training program keeps, and the name of its original.
struct Copy {
  enum class Kind {
    average,  ///< `model_ema`, `g_ema`, `swa_state_dict`
    master,   ///< `master_params`: in full precision, for the optimizer
  };
  Kind kind = Kind::average;
  std::vector<std::string> originals;  ///< what may be left of the original's name, without dots and slashes
  bool is_numbered = false;            ///< nothing is left of the name but its place in a list
};

/// Reads `model_ema.module.fc.weight`; nothing for the name of a tensor that is not a copy.
std::optional<Copy> copy_by_name(std::string_view name);

}  // namespace sigmax::audit
