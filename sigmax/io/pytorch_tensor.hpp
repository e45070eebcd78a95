// A tensor as PyTorch pickles it: a call of torch._utils._rebuild_... on a storage that lies outside the pickle.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/mapped_file.hpp"
#include "sigmax/io/pickle.hpp"

namespace sigmax::io {

/// The storage that a persistent id stands for. `key` points into the pickle.
struct PickledStorage {
  std::string_view key;
  DType dtype = DType::unknown;  ///< what its elements are counted in; u8 for an untyped storage
  std::string dtype_name;        ///< PyTorch's spelling where `dtype` is unknown; otherwise name(dtype)
  bool untyped = false;          ///< bytes, whose type the tensor tells
  std::int64_t elements = 0;     ///< of the whole storage, as the pickle claims
  std::int64_t view_offset = 0;  ///< in elements: legacy files name a part of a storage as a storage of its own
};

/// How a quantised tensor's integers q become numbers: scale * (q - zero_point).
struct AffineQuantisation {
  double scale = 1;
  std::int64_t zero_point = 0;
};

/// One pickled tensor. Its storage is present unless `unreadable` says why nothing can be read.
struct PickledTensor {
  DType dtype = DType::unknown;  ///< of the stored elements
  std::string dtype_name;
  Dimensions shape;
  Dimensions strides;       ///< in elements, as many as the shape has dimensions, not negative
  std::int64_t offset = 0;  ///< of the first element, in elements from the storage's start, not negative
  std::optional<PickledStorage> storage;
  std::optional<AffineQuantisation> quantisation;
  std::string unreadable;
};

/// The function and its arguments that make a tensor, wrappers such as Parameter removed.
struct TensorCall {
  Pickle::Id callable = Pickle::kAbsent;  ///< kAbsent if the value is a bare storage
  Pickle::Id args = Pickle::kAbsent;      ///< the storage's persistent id then
  Pickle::Id state = Pickle::kAbsent;     ///< attributes that travel with the tensor
};

/// What tensor the value stands for; nothing if it is none. A value that PyTorch would make a tensor of in a way that
/// is not known here is one all the same: describe_tensor says why it is unreadable.
std::optional<TensorCall> tensor_call(const Pickle& pickle, Pickle::Id id);

/// The storage behind a persistent id, nothing if it is not a storage's.
std::optional<PickledStorage> storage_of(const Pickle& pickle, Pickle::Id id);

/// Type, shape, strides and storage of a tensor. Throws FileError naming `tensor` if a size, stride or offset is
/// negative, the rank is above 64, or the element count overflows.
PickledTensor describe_tensor(const Pickle& pickle, const TensorCall& call, const MappedFile& file,
                              const std::string& tensor);

}  // namespace sigmax::io
