// How the axes of an operand of an ONNX graph lie in the constant that it comes from. Internal to io/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sigmax/core/tensor.hpp"

namespace sigmax::io::onnx {

/// The members mean what Usage::permutation, Usage::reshaped and the members after them mean (io/entry.hpp). This is
/// the map of a node's output; each function gives the map of one of its inputs.
struct AxisMap {
  /// Alone in a permutation, it stands for the reversal of axes whose number is not known.
  static constexpr int kReversed = -1;

  std::vector<int> permutation;
  bool reshaped = false;
  bool gathered = false;
  Dimensions view = {};         ///< of a reshaped value whose axes `permutation` counts; empty: not known
  std::vector<int> order = {};  ///< how the axes of what is reshaped lie in the weight
  bool squeezed = false;        ///< reshaped by Squeeze and Unsqueeze alone, where `view` is not known
  /// An operator that has changed the entries. Nothing else counts then except `reshaped` and `view`, the shape that
  /// the operand is given last, and `of_vectors`.
  std::string computed_by = {};
  bool of_vectors = false;  ///< the operand may be a matrix and is computed from constants, none of them one

  bool operator<(const AxisMap& other) const;

  /// Before a reshape to a shape that is not known.
  AxisMap before_reshape() const;

  /// Where the output's shape may be known. The last of several reshapes in a row counts: elements keep their order.
  AxisMap before_reshape(const std::optional<Dimensions>& shape) const;

  AxisMap before_squeeze(const std::optional<Dimensions>& shape) const;

  /// Gather puts the axes of its indices, of which any number may be none, in the place of one axis.
  AxisMap before_gather() const;

  /// Without a permutation the axes are reversed.
  AxisMap before_transpose(const std::optional<std::vector<std::int64_t>>& perm) const;

  AxisMap before_computing(std::string op) const;

  /// After an operator that changes entries, of a node that changes the axes before it.
  AxisMap before_reshape_and_computing(const std::optional<Dimensions>& shape) const;
};

}  // namespace sigmax::io::onnx
