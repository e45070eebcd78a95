// A tensor's elements as the bytes of a file: shared by the writers of all formats.
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

/// Bytes of the tensor's elements without gaps. Throws Error, with a message that begins with `[who]`, if an element is
/// not a whole number of bytes.
std::uint64_t packed_bytes(const Tensor& tensor, std::string_view who);

/// Calls visit with one piece of the elements after another, in row-major (C) order and little-endian. Pieces lie in
/// the tensor's own memory if it is row-major, and in a buffer of at most 1 MiB if it is strided. Throws what visit
/// throws, and Canceled between two pieces.
void for_each_piece(const Tensor& tensor, const std::function<void(std::span<const std::byte>)>& visit,
                    Context& context);

/// As above, on every hardware thread.
inline void for_each_piece(const Tensor& tensor, const std::function<void(std::span<const std::byte>)>& visit) {
  Context context;
  for_each_piece(tensor, visit, context);
}

/// Throws Error, with a message that begins with `[who]`, if two tensors have the same name or a name is empty, holds
/// NUL, or is not valid UTF-8.
void check_names(std::span<const OutputTensor> tensors, std::string_view who);

}  // namespace sigmax::io
