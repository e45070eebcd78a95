// A tensor as PyTorch pickles it: a call of torch._utils._rebuild_... on a storage that lies outside the pickle.
// Internal to io/.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/pytorch/pickle.hpp"
#include "sigmax/io/pytorch/pytorch_call.hpp"
#include "sigmax/io/pytorch/pytorch_numpy.hpp"

namespace sigmax::io {

struct ChannelQuantization;

/// How a quantized tensor's integers q become numbers: scale * (q - zero_point).
struct AffineQuantization {
  double scale = 1;
  std::int64_t zero_point = 0;
  std::shared_ptr<const ChannelQuantization> channels;  ///< if set, one scale and zero point for each index of an axis
};

/// One pickled tensor. Its storage is present unless `unreadable` says why nothing can be read.
struct PickledTensor {
  DType dtype = DType::unknown;  ///< of the stored elements
  std::string dtype_name;
  Dimensions shape;
  Dimensions strides;       ///< in elements, as many as the shape has dimensions, not negative
  std::int64_t offset = 0;  ///< of the first element, in elements from the storage's start, not negative
  std::optional<PickledStorage> storage;
  std::optional<AffineQuantization> quantization;
  std::optional<PickledBytes> array;  ///< a NumPy array's elements, which are not in a storage
  std::string unreadable;
};

/// The parameters of a tensor that is quantized by channel: two vectors whose length is the shape's extent along
/// `axis`. In the scheme with float parameters the zero points are not integers.
struct ChannelQuantization {
  std::int64_t axis = 0;
  PickledTensor scales, zero_points;
};

/// Type, shape, strides and storage of a tensor. If the part of a DTensor in this file is the whole tensor, that part
/// is described. Throws FileError naming `tensor` if a size, stride or offset is negative, the rank is above 64, or the
/// element count overflows.
PickledTensor describe_tensor(const Pickle& pickle, const TensorCall& call, const MappedFile& file,
                              const std::string& tensor);

}  // namespace sigmax::io
