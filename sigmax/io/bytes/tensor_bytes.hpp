// A tensor's elements as the bytes of a file: what the writers of every format share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"

namespace sigmax::io {

/// A tensor under the name that a file gives it.
struct OutputTensor {
  std::string name;
  Tensor tensor;
};

/// Bytes of the tensor's elements without gaps. Throws Error, which begins with `[who]`, if an element is not a whole
/// number of bytes.
std::uint64_t packed_bytes(const Tensor& tensor, std::string_view who);

/// Calls visit with piece after piece of the elements in row-major (C) order, little-endian: pieces of the tensor's own
/// memory if it is row-major, of a buffer of at most 1 MiB if it is strided. Throws what visit throws; Canceled
/// between two pieces.
void for_each_piece(const Tensor& tensor, Context& context,
                    const std::function<void(std::span<const std::byte>)>& visit);

/// Throws Error, which begins with `[who]`, if two tensors have one name or a name is empty, holds NUL, or is not valid
/// UTF-8.
void check_names(std::span<const OutputTensor> tensors, std::string_view who);

}  // namespace sigmax::io
