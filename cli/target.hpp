// FILE[:TENSOR]: one matrix of a checkpoint, for the commands that look at one.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/role_overrides.hpp"
#include "cli/terminal.hpp"
#include "sigmax/core/context.hpp"
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

/// Opens what was named. Where a folder holds one model twice, the values of the tensor that is named are compared, or
/// all if none is.
io::Checkpoint open_target(const Target& target, Context& context);

/// The matrix that was named, of the values as stored.
struct NamedMatrix {
  std::string name;            ///< the tensor's, with `[i]` for a matrix of a stack
  std::string file;            ///< that holds it: not the path that was named if that is a folder
  Dimensions shape;            ///< the whole tensor's
  std::vector<Tensor> blocks;  ///< two-dimensional, of one shape; the matrix is their block diagonal

  const Tensor& matrix() const { return blocks.front(); }  ///< the matrix itself, where there is one block
};

/// What a stack of matrices, and the groups of a convolution, are to a command.
enum class Stacks { block_diagonal, one_by_one };

/// Finds and loads it: the matrix that the audit takes the tensor for, rows being outputs, by the roles of the user
/// where they match. The name may be left out if one tensor alone is a weight. A convolution kernel is taken for the
/// matrix [out, rest], which a note says. A stack of matrices (experts, the groups of a convolution, the directions of
/// a recurrent layer) has its members named by index, `experts.w1[3]`; one of a single matrix is that. Several tensors
/// of one name (in several files of a folder, or in subgraphs) are told apart by `w@1`, `w@2` in the checkpoint's
/// order.
///
/// Throws Error if the name is missing, not there (with the closest ones) or that of several (with what they are), or
/// names no matrix of real numbers, and of a whole stack where matrices are taken one by one.
NamedMatrix find_matrix(const io::Checkpoint& checkpoint, const Target& target, const RoleOverrides& roles,
                        Stacks stacks, const Messages& messages);

/// Throws FileError with the file, the name, the first place and `what` that means ("its norm does not exist") if there
/// are NaN or infinite entries. Cost: one read.
void require_finite(const NamedMatrix& named, std::string_view what, Context& context);

}  // namespace sigmax::cli
