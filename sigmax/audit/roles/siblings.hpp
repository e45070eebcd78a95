// The tensors around a tensor: what a name stands beside says what it is.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sigmax/io/checkpoint.hpp"

namespace sigmax::audit {

/// Finds tensors by name. Holds pointers into the entries, which must outlive it.
class Siblings {
 public:
  Siblings() = default;
  explicit Siblings(const std::vector<io::Entry>& entries);

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
  std::unordered_map<std::string_view, std::vector<const io::Entry*>> by_name_;
  std::unordered_map<std::string, const io::Entry*> by_squeezed_name_;
  std::vector<const io::Entry*> in_order_;  // of two dimensions or more, numbers counting as numbers
};

/// True for the keys under which a training program keeps a running average of a model: `model_ema`, `params_ema`, ...
bool is_average(std::string_view component);

}  // namespace sigmax::audit
