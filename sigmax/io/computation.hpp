// The nodes of a model's computation graph, for those who need more of it than its weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sigmax/core/tensor.hpp"

namespace sigmax::io {

struct Computation;

/// One number of a shape, or the name that the file gives to a number that only a run decides (`batch`).
using SymbolicExtent = std::variant<std::int64_t, std::string>;

/// A named input or output.
struct ComputationValue {
  std::string name;
  std::string dtype;                  ///< as `name(DType)` spells it, or the file's own word
  bool has_shape = false;             ///< if not, not even the number of axes is stated
  std::vector<SymbolicExtent> shape;  ///< an empty name: an extent that the file leaves open
};

struct ComputationAttribute {
  std::string name;
  std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>,
               std::vector<std::string>, Tensor, std::shared_ptr<const Computation>>
      value;
};

/// One operator. An empty name among inputs or outputs is an optional value that is absent.
struct ComputationNode {
  std::string op;
  std::string domain;  ///< empty: ONNX's own (`ai.onnx`)
  std::string name;    ///< may be empty
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<ComputationAttribute> attributes;

  /// The attribute; null if the node has none of that name, or of another type.
  template <class T>
  const T* find(std::string_view attribute) const {
    for (const ComputationAttribute& each : attributes) {
      if (each.name == attribute) return std::get_if<T>(&each.value);
    }
    return nullptr;
  }

  /// `Conv 'conv1'`: op and name, or the first output where there is no name, as a person would look for it.
  std::string title() const;
};

/// A tensor that the file holds. Integers and booleans too: graphs compute shapes from them.
struct ComputationConstant {
  std::string name;
  std::string dtype;
  Dimensions shape;
  std::string unreadable;        ///< not empty: why the values cannot be read
  std::function<Tensor()> load;  ///< as Entry::load
};

/// One graph: every name means one value. Calls of functions that the file defines are replaced by their bodies.
struct Computation {
  std::vector<ComputationValue> inputs;  ///< without those that `constants` give a value
  std::vector<ComputationValue> outputs;
  std::vector<ComputationConstant> constants;
  std::vector<ComputationNode> nodes;  ///< in the file's order, which a valid model lists in the order of computation
  std::int64_t opset = 0;              ///< of ONNX's own operators
};

/// The main graph of an ONNX model. Values of constants are read on demand. Throws FileError if the file is not an ONNX
/// model or is malformed.
Computation read_computation(const std::filesystem::path& file);

}  // namespace sigmax::io
