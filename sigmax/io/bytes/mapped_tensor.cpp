#include "sigmax/io/bytes/mapped_tensor.hpp"

#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <optional>

#include "sigmax/core/error.hpp"

namespace sigmax::io {
namespace {

[[noreturn]] void refuse(const MappedFile& file, const std::string& tensor, std::string problem) {
  throw FileError(file.path().string(), fmt::format("tensor '{}'", tensor), std::move(problem));
}

}  // namespace

std::optional<std::uint64_t> byte_count(DType dtype, std::span<const std::int64_t> shape) noexcept {
  const auto count = element_count(shape);
  const unsigned width = bits(dtype);
  if (!count || width == 0) return std::nullopt;
  const auto elements = static_cast<std::uint64_t>(*count);
  if (elements > (std::numeric_limits<std::uint64_t>::max() - 7) / width) return std::nullopt;
  return (elements * width + 7) / 8;
}

std::optional<std::uint64_t> reach(std::span<const std::int64_t> shape,
                                   std::span<const std::int64_t> strides) noexcept {
  const auto count = element_count(shape);
  if (!count || shape.size() != strides.size()) return std::nullopt;
  if (*count == 0) return 0;
  constexpr std::uint64_t kLimit = std::numeric_limits<std::int64_t>::max();
  std::uint64_t last = 0;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (strides[d] < 0) return std::nullopt;
    const auto steps = static_cast<std::uint64_t>(shape[d] - 1);
    const auto stride = static_cast<std::uint64_t>(strides[d]);
    if (stride != 0 && steps > (kLimit - last) / stride) return std::nullopt;
    last += steps * stride;
  }
  return last + 1;
}

Tensor mapped_tensor(const std::shared_ptr<const MappedFile>& file, const std::string& tensor, DType dtype,
                     Dimensions shape, Dimensions strides, std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t size = file->bytes().size();
  if (offset > size || length > size - offset) {
    refuse(*file, tensor,
           fmt::format("bytes [{}, {} + {}) reach past the end of the file ({} bytes)", offset, offset, length, size));
  }
  const std::size_t width = size_of(dtype);
  if (width == 0) refuse(*file, tensor, fmt::format("type {} cannot be read", name(dtype)));
  const auto elements = reach(shape, strides);
  if (!elements || *elements > length / width) {
    refuse(*file, tensor,
           fmt::format("shape {} with strides {} needs more than its {} bytes", to_string(shape), to_string(strides),
                       length));
  }
  const auto start = static_cast<std::size_t>(offset);
  const auto used = static_cast<std::size_t>(*elements) * width;
  const std::byte* bytes = file->bytes().data() + start;
  if (used == 0) return Tensor(dtype, std::move(shape), std::move(strides), nullptr, nullptr);
  if (reinterpret_cast<std::uintptr_t>(bytes) % width == 0) {
    return Tensor(dtype, std::move(shape), std::move(strides), bytes, file->region(start, used));
  }
  // No format promises alignment, but typed loads need it.
  std::shared_ptr<std::byte[]> copy(new std::byte[used]);
  std::memcpy(copy.get(), bytes, used);
  file->check_intact();
  const std::byte* aligned = copy.get();
  return Tensor(dtype, std::move(shape), std::move(strides), aligned, std::move(copy));
}

Tensor mapped_tensor(const std::shared_ptr<const MappedFile>& file, const std::string& tensor, DType dtype,
                     Dimensions shape, std::uint64_t offset, std::uint64_t length) {
  if (!element_count(shape)) refuse(*file, tensor, fmt::format("shape {} is not valid", to_string(shape)));
  Dimensions strides = row_major_strides(shape);
  return mapped_tensor(file, tensor, dtype, std::move(shape), std::move(strides), offset, length);
}

}  // namespace sigmax::io
