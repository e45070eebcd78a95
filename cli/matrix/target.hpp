// FILE[:TENSOR]: one matrix of a checkpoint, for the commands that look at one.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/reading/role_overrides.hpp"
#include "cli/terminal/terminal.hpp"
#include "sigmax/audit/convolution.hpp"
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

/// Finds and loads the matrix that the audit makes of the tensor: rows are outputs, and the user's roles count where
/// they match. The name may be left out if only one tensor is a weight. A convolution kernel is read as the matrix
/// [out, rest], and a note says so. The members of a stack of matrices (experts, the groups of a convolution, the
/// directions of a recurrent layer) are named by index, `experts.w1[3]`; a stack of a single matrix is that matrix.
/// Tensors with the same name (in several files of a folder, or in subgraphs) are distinguished by `w@1`, `w@2` in the
/// checkpoint's order.
///
/// Throws Error if the name is missing, unknown (with the closest names) or that of several tensors (with a list of
/// them), if the tensor is not a matrix of real numbers, and for a whole stack if matrices are taken one by one.
NamedMatrix find_matrix(const io::Checkpoint& checkpoint, const Target& target, const RoleOverrides& roles,
                        Stacks stacks, const Messages& messages);

/// A kernel that was named, and the convolution that it is of.
struct NamedConvolution {
  std::string name, file;
  Dimensions shape;
  DType dtype = DType::f32;
  audit::ConvolutionToMeasure convolution;
};

/// Finds and loads the kernel: the audit's reading of it, unless that is no kernel or `stated` has groups or a
/// direction; then [out, in / groups, kernel...], or transposed [in, out / groups, kernel...]. What is stated goes
/// before what the file says; stride, dilation, padding and output padding that neither states are 1, 1, 0 and 0, and
/// named as assumed.
/// Throws Error as find_matrix() does, and if the tensor is not the kernel of such a convolution.
NamedConvolution find_convolution(const io::Checkpoint& checkpoint, const Target& target, const RoleOverrides& roles,
                                  const io::StatedConvolution& stated, const Messages& messages);

/// Throws FileError with the file, the name, the first place and `what` that means ("its norm does not exist") if there
/// are NaN or infinite entries. Cost: one read.
void require_finite(const NamedMatrix& named, std::string_view what, Context& context);

}  // namespace sigmax::cli
