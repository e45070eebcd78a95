// How the program in a PyTorch file uses its tensors: the code of TorchScript and the graph of torch.export. Internal
// to io/.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/entry.hpp"
#include "sigmax/io/zip/zip_archive.hpp"

namespace sigmax::io {

/// The convolutions, bilinear forms and products of a program, by the tensors that they are of.
struct ProgramUses {
  /// By class and attribute in TorchScript, with the class `CONSTANTS` and `c0` for a constant; by an empty class and
  /// the tensor's name in torch.export.
  std::map<std::pair<std::string, std::string>, std::vector<Usage>> known;
  /// A convolution is of something else (a tensor that is computed, or one that cannot be traced), or the program
  /// cannot be read: any kernel without a known use may be its weight.
  bool has_others = false;

  void add(std::string_view holder, std::string_view attribute, Usage use);

  /// What is known of a tensor. Of one with three to five axes of which nothing is known: an unknown number of groups
  /// if it may be a kernel, and otherwise the operator `Unknown`.
  std::vector<Usage> of(const std::string& holder, const std::string& attribute, const Dimensions& shape) const;
};

/// An operator of torch that takes a weight: where it is among the arguments, and those that tell how it is used. -1:
/// none.
struct WeightOperator {
  std::string_view name;  ///< `conv2d`
  std::string_view op;    ///< as Usage has it
  int weight = 1;
  int groups = -1;
  int transposed = -1;
};

/// Null if the operator is not known. `name` comes without `torch.` and `aten.`.
const WeightOperator* weight_operator(std::string_view name);

/// True of an operator that may be a convolution although weight_operator() does not know it.
bool may_convolve(std::string_view name);

/// Reads `<root>code/`. Nothing of it is executed: methods are followed from a call to the called one, and names to
/// what they are assigned. What is not understood sets `has_others`.
ProgramUses read_torchscript_code(const std::shared_ptr<const MappedFile>& file, const std::vector<ZipMember>& members,
                                  const std::string& root);

/// Reads a graph of torch.export, an ExportedProgram in JSON. Never throws for one that cannot be read: `has_others`.
ProgramUses read_exported_graph(const std::shared_ptr<const MappedFile>& file, const ZipMember& member);

}  // namespace sigmax::io
