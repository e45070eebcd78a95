// Which values of a pickle represent a tensor, and the parts that it is made of. Internal to io/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/pytorch/pickle.hpp"

namespace sigmax::io {

inline constexpr std::size_t kHighestRank = 64;
inline constexpr std::size_t kLongestTypeName = 100;  ///< in messages

/// The storage that a persistent id represents.
struct PickledStorage {
  std::string key;               ///< text, or the digits of the number that torch.package gives it
  DType dtype = DType::unknown;  ///< the type in which its elements are counted; u8 for an untyped storage
  std::string dtype_name;        ///< PyTorch's spelling where `dtype` is unknown; otherwise name(dtype)
  bool untyped = false;          ///< bytes; the tensor tells their type
  std::int64_t elements = 0;     ///< of the whole storage, as the pickle claims
  std::int64_t view_offset = 0;  ///< in elements: legacy files present a part of a storage as a separate storage
};

/// The function that makes a tensor and its arguments, with wrappers such as Parameter removed.
struct TensorCall {
  Pickle::Id callable = Pickle::kAbsent;  ///< kAbsent if the value is a bare storage
  Pickle::Id args = Pickle::kAbsent;      ///< then this is the storage's persistent id
  Pickle::Id state = Pickle::kAbsent;     ///< attributes that travel with the tensor
};

/// True if the attributes in the call's state are a program's own, as those of a plain tensor are. The attributes of a
/// subclass that wraps other tensors are its parts: integers, scales and shards that are not weights by themselves.
bool has_own_attributes(const Pickle& pickle, const TensorCall& call);

/// A tuple or list of at most kHighestRank integers, or a torch.Size of one; no value for anything else.
std::optional<Dimensions> pickled_integers(const Pickle& pickle, Pickle::Id id);

/// The type that torch calls by this name, `float32` or `bfloat16` for example; unknown for any other name.
DType torch_dtype(std::string_view name);

/// The tensor that the value represents; no value if it is not a tensor. A value that PyTorch would make into a tensor
/// in an unknown way counts as one: describe_tensor says why it is unreadable.
std::optional<TensorCall> tensor_call(const Pickle& pickle, Pickle::Id id);

/// The storage behind a persistent id; no value if it does not name a storage.
std::optional<PickledStorage> storage_of(const Pickle& pickle, Pickle::Id id);

}  // namespace sigmax::io
