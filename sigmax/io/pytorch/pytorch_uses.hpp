// How the program in a PyTorch file uses its tensors: the code of TorchScript and the graph of torch.export. Internal
// to io/.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/entry.hpp"
#include "sigmax/io/zip/zip_archive.hpp"

namespace sigmax::io {

/// A padding of an image by an operator of its own.
struct ProgramPadding {
  std::optional<Dimensions> pairs;  ///< from the last axis to the first; nothing: not known
  std::string mode;                 ///< of torch.nn.functional.pad

  auto operator<=>(const ProgramPadding&) const = default;  // NOLINT(modernize-use-nullptr): its own code has a 0
};

/// A use of a tensor, and what of a convolution's padding depends on the kernel's shape.
struct ProgramUse {
  Usage usage;
  StatedPadding::Kind padding = StatedPadding::Kind::listed;  ///< its word for its own
  std::vector<ProgramPadding> before;                         ///< what was done to its image, the last one first

  /// The use of a tensor of that shape.
  Usage of(const Dimensions& shape) const;
};

/// The convolutions, bilinear forms and products of a program, by the tensors that they are of.
struct ProgramUses {
  /// By class and attribute in TorchScript, with the class `CONSTANTS` and `c0` for a constant; by an empty class and
  /// the tensor's name in torch.export.
  std::map<std::pair<std::string, std::string>, std::vector<ProgramUse>> known;
  /// A convolution is of something else (a tensor that is computed, or one that cannot be traced), or the program
  /// cannot be read: any kernel without a known use may be its weight.
  bool has_others = false;

  void add(std::string_view holder, std::string_view attribute, ProgramUse use);

  /// The known uses of a tensor. If none is known and it has three to five axes: an unknown number of groups if it may
  /// be a kernel, and otherwise the operator `Unknown`.
  std::vector<Usage> of(const std::string& holder, const std::string& attribute, const Dimensions& shape) const;
};

/// An operator of torch that takes a weight: the places of it and of those that tell how it is used among the
/// arguments. Nothing: the operator does not have that argument.
struct WeightOperator {
  std::string_view name;  ///< `conv2d`
  std::string_view op;    ///< as Usage has it
  int weight = 1;
  std::optional<int> groups = std::nullopt;
  std::optional<int> transposed = std::nullopt;
  std::optional<int> stride = std::nullopt;
  std::optional<int> padding = std::nullopt;
  std::optional<int> dilation = std::nullopt;
  std::optional<int> output_padding = std::nullopt;

  /// Whether its strides and pads are read.
  bool convolves() const noexcept { return stride.has_value(); }
};

/// Null if the operator is not known. `name` comes without `torch.` and `aten.`.
const WeightOperator* weight_operator(std::string_view name);

/// An operator of torch that pads its first argument.
struct PadOperator {
  std::string_view name;  ///< `reflection_pad2d`
  std::string_view mode;  ///< empty: an argument, the third
};

/// Null if the operator is none. `name` comes without `torch.` and `aten.`.
const PadOperator* pad_operator(std::string_view name);

/// torch's word for a padding: `same` or `valid`.
std::optional<StatedPadding::Kind> padding_of_word(std::string_view word);

/// True of an operator that may be a convolution although weight_operator() does not know it.
bool may_convolve(std::string_view name);

/// Reads `<root>code/`. Nothing of it is executed: methods are followed from a call to the called one, and names to
/// what they are assigned. What is not understood sets `has_others`.
ProgramUses read_torchscript_code(const std::shared_ptr<const MappedFile>& file, const std::vector<ZipMember>& members,
                                  const std::string& root);

/// Reads a graph of torch.export, an ExportedProgram in JSON. Never throws for one that cannot be read: `has_others`.
ProgramUses read_exported_graph(const std::shared_ptr<const MappedFile>& file, const ZipMember& member);

}  // namespace sigmax::io
