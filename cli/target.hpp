// FILE[:TENSOR]: one matrix of a checkpoint, for the commands that look at one.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "cli/terminal.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::cli {

/// What was named.
struct Target {
  std::filesystem::path path;
  std::optional<std::string> tensor;
};

/// Both a path and a tensor's name may hold colons: the path is the longest beginning, ended by a colon or the end,
/// that exists.
Target parse_target(const std::string& text);

/// The matrix that was named, of the values as stored.
struct NamedMatrix {
  std::string name;  ///< the tensor's, with `[i]` for a matrix of a stack
  Dimensions shape;  ///< the whole tensor's
  Tensor matrix;     ///< two-dimensional
};

/// Finds and loads it: the matrix that the audit takes the tensor for, rows being outputs. The name may be left out if
/// one tensor alone is a weight. A convolution kernel is taken for the
/// matrix [out, rest], which a note says. A stack of matrices (experts, the directions of a recurrent layer) has its
/// members named by index, `experts.w1[3]`; one of a single matrix is that.
///
/// Throws Error if the name is missing or not there (with the closest ones), or names no matrix of real numbers.
NamedMatrix find_matrix(const io::Checkpoint& checkpoint, const Target& target, const Messages& messages);

}  // namespace sigmax::cli
