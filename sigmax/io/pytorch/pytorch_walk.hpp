// Finds the tensors in a pickled object, wherever they lie, and names them. Internal to io/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/pytorch/pickle.hpp"
#include "sigmax/io/pytorch/pytorch_tensor.hpp"

namespace sigmax::io {

struct NamedTensor {
  std::string name;
  PickledTensor tensor;
};

/// The tensors of a pickle, in the order in which a person would list them.
struct TensorTree {
  std::vector<NamedTensor> tensors;
  std::string container;  ///< the keys that were dropped from the front of every name, `state_dict` say; often empty
};

/// How a walk names a tensor that is the whole object, and what goes in front of the names of others.
struct Naming {
  std::string root;
  std::string prefix;
};

/// How many tensors a pickle of so many bytes may unfold into: twice what the densest real checkpoints need, and what
/// costs little. Whoever reads several pickles of one file holds their sum against it.
std::size_t most_tensors(std::uint64_t pickle_bytes) noexcept;

/// Finds every tensor below the root.
///
/// A name is the path of keys, list indices and attributes that leads to the tensor, joined by dots. `_parameters`,
/// `_buffers` and `_modules` of a pickled module do not count as keys, so that a whole model has the names of its
/// state_dict(). If every tensor lies below one key of the root and that key is a customary container (`state_dict`,
/// `model`, ...), the key is dropped; a plain state dict keeps its keys whatever they are. A second tensor of the same
/// name has `#2` appended, and so on.
///
/// A tensor that several keys refer to is listed under each of them, except that an attribute of a module which repeats
/// what `_parameters` and the like hold is not. A dict, list or object that is reached twice is searched once, under
/// the first path. Objects of any class are searched, the unknown ones too: nothing of them runs.
///
/// Throws FileError as describe_tensor does, and if the names or the tensors are more than the pickle's length
/// justifies.
TensorTree find_tensors(const Pickle& pickle, const MappedFile& file, const Naming& naming);

}  // namespace sigmax::io
