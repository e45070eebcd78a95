// Tensors over ranges of a mapped file. Internal to io/.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io {

/// The elements of `shape` and `strides` (in elements) that start at byte `offset` of `file`, little-endian. Not copied
/// if the bytes are aligned for their type, otherwise copied.
///
/// Throws FileError naming `tensor` if any element would lie outside [offset, offset + length), if that range lies
/// outside the file, or if an element of the type is not a whole number of bytes.
Tensor mapped_tensor(const std::shared_ptr<const MappedFile>& file, const std::string& tensor, DType dtype,
                     Dimensions shape, Dimensions strides, std::uint64_t offset, std::uint64_t length);

/// As above for a row-major tensor.
Tensor mapped_tensor(const std::shared_ptr<const MappedFile>& file, const std::string& tensor, DType dtype,
                     Dimensions shape, std::uint64_t offset, std::uint64_t length);

/// Number of bytes that a row-major tensor takes; no value if the shape is invalid, the product overflows, or the type
/// has no known width. For types narrower than a byte, the whole tensor is rounded up to whole bytes.
std::optional<std::uint64_t> byte_count(DType dtype, std::span<const std::int64_t> shape) noexcept;

/// One past the largest element offset that (shape, strides) reaches, 0 for an empty tensor; no value on overflow, a
/// negative extent or a negative stride.
std::optional<std::uint64_t> reach(std::span<const std::int64_t> shape, std::span<const std::int64_t> strides) noexcept;

}  // namespace sigmax::io
