// What in a pickle stands for a tensor, and the parts that it is made of. Internal to io/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/pytorch/pickle.hpp"

namespace sigmax::io {

/// The storage that a persistent id stands for.
struct PickledStorage {
  std::string key;               ///< text, or the digits of the number that torch.package gives it
  DType dtype = DType::unknown;  ///< what its elements are counted in; u8 for an untyped storage
  std::string dtype_name;        ///< PyTorch's spelling where `dtype` is unknown; otherwise name(dtype)
  bool untyped = false;          ///< bytes, whose type the tensor tells
  std::int64_t elements = 0;     ///< of the whole storage, as the pickle claims
  std::int64_t view_offset = 0;  ///< in elements: legacy files name a part of a storage as a storage of its own
};

/// The function and its arguments that make a tensor, wrappers such as Parameter removed.
struct TensorCall {
  Pickle::Id callable = Pickle::kAbsent;  ///< kAbsent if the value is a bare storage
  Pickle::Id args = Pickle::kAbsent;      ///< the storage's persistent id then
  Pickle::Id state = Pickle::kAbsent;     ///< attributes that travel with the tensor
};

/// True if the attributes in the call's state are a program's own: those of a plain tensor. Those of a subclass that
/// wraps other tensors are its parts: integers, scales and shards that are no weights by themselves.
bool has_own_attributes(const Pickle& pickle, const TensorCall& call);

/// A tuple or list of at most 64 integers, or torch.Size of one; nothing for any other value.
std::optional<Dimensions> pickled_integers(const Pickle& pickle, Pickle::Id id);

/// The type that torch calls by this name: `float32`, `bfloat16`; unknown for any other.
DType torch_dtype(std::string_view name);

/// What tensor the value stands for; nothing if it is none. A value that PyTorch would make a tensor of in a way that
/// is not known here is one all the same: describe_tensor says why it is unreadable.
std::optional<TensorCall> tensor_call(const Pickle& pickle, Pickle::Id id);

/// The storage behind a persistent id, nothing if it is not a storage's.
std::optional<PickledStorage> storage_of(const Pickle& pickle, Pickle::Id id);

}  // namespace sigmax::io
