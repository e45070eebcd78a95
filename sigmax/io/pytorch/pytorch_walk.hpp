// Finds the tensors in a pickled object, wherever they lie, and names them. Internal to io/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/entry.hpp"
#include "sigmax/io/pytorch/pickle.hpp"
#include "sigmax/io/pytorch/pytorch_tensor.hpp"

namespace sigmax::io {

struct NamedTensor {
  std::string name;
  PickledTensor tensor;
  std::vector<Usage> used_by = {};  ///< what the module that holds it says about it
  std::string holder = {};          ///< in TorchScript, the class of that module, `__torch__.model.Net`
  std::string attribute = {};       ///< and what the module calls it
};

/// The tensors of a pickle, in the order in which a person would list them.
struct TensorTree {
  std::vector<NamedTensor> tensors;
  std::string container;  ///< keys dropped from the front of every name, such as `state_dict`; often empty
};

/// The name of a tensor that is the whole object, and the prefix of all other names.
struct Naming {
  std::string root;
  std::string prefix;
};

/// How many tensors a pickle of this many bytes may unfold into: twice what the densest real checkpoints need, plus a
/// number that costs little. A caller that reads several pickles of one file must compare their sum with it.
std::size_t most_tensors(std::uint64_t pickle_bytes) noexcept;

/// Finds every tensor below the root.
///
/// A name is the path of keys, list indices and attributes that leads to the tensor, joined by dots. `_parameters`,
/// `_buffers` and `_modules` of a pickled module do not count as keys, so that a whole model has the names of its
/// state_dict(). If every tensor lies below one key of the root and that key is a customary container (`state_dict`,
/// `model`, ...), the key is dropped; a plain state dict keeps its keys whatever they are. A second tensor of the same
/// name has `#2` appended, and so on.
///
/// A tensor that several keys refer to is listed under each of them. The exception is an attribute of a module that
/// repeats what `_parameters` and similar attributes hold: it is not listed. A dict, list or object that is reached
/// twice is searched once, under the first path. Objects of all classes are searched, even unknown ones: none of their
/// code runs.
///
/// A parameter of a module pickled whole has in `used_by` what the module's settings say (usage_in_module).
///
/// Throws FileError as describe_tensor does, and if there are more names or tensors than the pickle's length justifies.
TensorTree find_tensors(const Pickle& pickle, const MappedFile& file, const Naming& naming);

}  // namespace sigmax::io
