// The contents of a checkpoint, as the readers of formats describe them: tensors and files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/convolution_settings.hpp"

namespace sigmax::io {

/// Where a tensor's bytes lie: `length` bytes at `offset` of `file`. For a compressed archive member this is the range
/// of the compressed bytes.
struct ByteRange {
  std::filesystem::path file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// How a computation graph, or the module that holds it, consumes a weight. Operators have ONNX's names, and
/// `Bilinear`. Known for ONNX, TorchScript, torch.export and modules pickled whole; unknown for formats that only hold
/// tensors.
struct Usage {
  std::string op;           ///< `Conv`, `ConvTranspose`, `MatMul`, `Gemm`, `LSTM`, `GRU`, `RNN`, `Gather`, `Add`, ...
  int input = 0;            ///< which input of the node, counted from 0
  bool transposed = false;  ///< the graph transposes it on the way (a Transpose node, or Gemm's transB)
  std::int64_t groups = 1;  ///< Conv and ConvTranspose: the attribute `group`; 0: not known
  std::int64_t axis = 0;    ///< Gather: the attribute `axis`
  std::string equation{};   ///< Einsum: the attribute `equation`
  /// Axis i of the operand is axis permutation[i] of the weight. Empty: the axes are the weight's own; a single -1:
  /// they are reversed. Includes Transpose nodes on the way and Gemm's transA and transB.
  std::vector<int> permutation{};
  bool reshaped = false;  ///< its axes are not the weight's: a Reshape, Squeeze or Flatten lies on the way
  /// If it is reshaped once, by constants: the shape of the value whose axes `permutation` counts, and which holds the
  /// weight's elements in their own order, or in that of `order`.
  Dimensions view{};
  /// Axis i of what is reshaped is axis order[i] of the weight, as in `permutation`; empty: as they are stored.
  std::vector<int> order{};
  bool gathered = false;  ///< a Gather, which is a usage of its own, has taken entries of the weight before
  bool squeezed = false;  ///< reshaped by Squeeze and Unsqueeze alone, though `view` is empty
  /// The operator that computed the operand from the weight, if it is not one that is followed here (Mul, Softmax): the
  /// operand is another matrix than the weight. Empty: the entries are the weight's own. Otherwise
  /// `reshaped` and `view` tell the shape that the operand is given last, and the other members about axes nothing.
  std::string computed_by{};
  bool of_vectors = false;  ///< the operand may be a matrix and is computed from constants, none of which is one
  /// Convolutions: how the kernel moves; nothing where that is not known.
  std::optional<ConvolutionSettings> convolution{};
  /// Not a graph says it but the class and the settings of a pickled module.
  bool declared = false;
};

/// One tensor of a checkpoint, described without reading its data.
struct Entry {
  std::string name;  ///< the tensor's own name in the file
  DType dtype = DType::unknown;
  std::string dtype_name;  ///< the file's own spelling where `dtype` is `unknown`; otherwise name(dtype)
  Dimensions shape;
  std::optional<ByteRange> bytes;  ///< nothing for data that is computed (dequantized) or held in typed fields
  std::filesystem::path file;      ///< the file that it is in; open_checkpoint fills it in, readers need not
  std::string provenance;  ///< where the tensor is: shard, archive member, graph path; empty if the name says it all
  std::string unreadable;  ///< empty if load() works; otherwise why its values cannot be read
  bool appended = false;   ///< an array after the first of its file, which NumPy's own reader ignores
  bool opaque = false;     ///< not even its shape tells what it holds (an encrypted member, a pickled object)
  std::vector<Usage> used_by;
  std::function<Tensor()> load;  ///< maps or reads the values; throws FileError. Empty if `unreadable` is not.
};

/// One file that belongs to a checkpoint.
struct SourceFile {
  std::filesystem::path path;
  std::string format;  ///< `safetensors`, `npy`, `npz`, `pytorch`, `torchscript`, `pytorch-legacy`, `onnx`, ...:
                       ///< known_formats()
  std::uint64_t bytes = 0;
};

/// A file that may hold weights but was not read.
struct UnreadFile {
  std::filesystem::path path;
  std::string reason;  ///< in words: `a part that is missing`
};

/// What open_checkpoint found. The entries keep their file mappings alive; nothing is read until load().
struct Checkpoint {
  std::vector<std::filesystem::path> paths;  ///< as given
  std::string format;                        ///< the files' format; `a+b` if they differ
  std::vector<SourceFile> files;
  std::vector<Entry> entries;      ///< in file order, files in the order given (or sorted by name)
  std::vector<std::string> notes;  ///< what the user should know, such as files ignored in a directory
  /// Files that may hold weights of the same model but were not read: files of a directory that are named like weights
  /// and have no known format, or that its index does not name, or that are links out of it; parts of a whole that are
  /// missing, or were not named with the others.
  std::vector<UnreadFile> unread_files;

  /// The tensor called `name`. Where several have the name (in several files of a folder, or in subgraphs), `name@2` is
  /// the second of them in the order of `entries`. A name that has an @ of its own is looked for as it is first.
  /// Throws Error if there is none, naming the closest ones, or if there are several, listing them with their numbers.
  const Entry& find(std::string_view name) const;

  /// What find() chooses from: no tensor, one, or all that share the name. Throws Error for a number that is too large.
  std::vector<const Entry*> candidates(std::string_view name) const;

  /// The name with which find() returns this entry: its own, or `name@2` where others have it too.
  std::string label(const Entry& entry) const;

  /// The names of the tensors, in the order of `entries`.
  std::vector<std::string> names() const;
};

}  // namespace sigmax::io
