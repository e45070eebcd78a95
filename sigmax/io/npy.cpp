#include "sigmax/io/npy.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/mapped_tensor.hpp"

namespace sigmax::io {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are read as they lie in the file");

// The two parts of a complex number are swapped one by one.
std::size_t swapped_unit(DType dtype) {
  const bool complex = dtype == DType::c64 || dtype == DType::c128;
  return complex ? size_of(dtype) / 2 : size_of(dtype);
}

Tensor load_swapped(const MappedFile& file, const NpyHeader& header) {
  const auto offset = static_cast<std::size_t>(header.data_offset);
  const std::size_t length = file.bytes().size() - offset;
  const auto region = file.region(offset, length);
  const std::byte* from = file.bytes().data() + offset;
  std::shared_ptr<std::byte[]> copy(new std::byte[length]);
  const std::size_t unit = swapped_unit(header.dtype);
  for (std::size_t i = 0; i + unit <= length; i += unit) std::reverse_copy(from + i, from + i + unit, copy.get() + i);
  const std::byte* data = copy.get();
  return Tensor(header.dtype, header.shape, strides_of(header), data, std::move(copy));
}

}  // namespace

bool looks_like_npy(const MappedFile& file) noexcept { return looks_like_npy(file.bytes()); }

Tensor load_npy(const std::shared_ptr<const MappedFile>& array_file, const NpyHeader& header,
                const std::string& tensor) {
  const std::uint64_t length = array_file->bytes().size() - header.data_offset;
  if (header.big_endian && length != 0 && swapped_unit(header.dtype) > 1) return load_swapped(*array_file, header);
  return mapped_tensor(array_file, tensor, header.dtype, header.shape, strides_of(header), header.data_offset, length);
}

Entry describe_npy(const NpyHeader& header, std::string entry_name) {
  Entry entry;
  entry.name = std::move(entry_name);
  entry.dtype = header.dtype;
  entry.dtype_name = header.dtype == DType::unknown ? header.spelling : std::string(name(header.dtype));
  entry.shape = header.shape;
  entry.unreadable = header.unreadable;
  return entry;
}

std::vector<Entry> read_npy(const std::shared_ptr<const MappedFile>& file) {
  const NpyHeader header = read_npy_header(file->bytes(), file->bytes().size(), *file, "");
  if (!header.item_bytes) throw FileError(file->path().string(), "header", header.unreadable);
  Entry entry = describe_npy(header, file->path().stem().string());
  entry.bytes = ByteRange{file->path(), header.data_offset, file->bytes().size() - header.data_offset};
  if (entry.unreadable.empty()) {
    entry.load = [file, header, tensor = entry.name] { return load_npy(file, header, tensor); };
  }
  return {std::move(entry)};
}

}  // namespace sigmax::io
