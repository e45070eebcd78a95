#include "sigmax/io/numpy/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/io/bytes/mapped_tensor.hpp"
#include "sigmax/io/bytes/message.hpp"

namespace sigmax::io {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are read as they lie in the file");

// The two parts of a complex number are swapped separately.
std::size_t swapped_unit(DType dtype) {
  const bool complex = dtype == DType::c64 || dtype == DType::c128;
  return complex ? size_of(dtype) / 2 : size_of(dtype);
}

Tensor load_swapped(const MappedFile& file, const NpyHeader& header) {
  const auto offset = static_cast<std::size_t>(header.data_offset);
  const auto length = static_cast<std::size_t>(header.data_bytes);
  const auto region = file.region(offset, length);
  const std::byte* from = file.bytes().data() + offset;
  std::shared_ptr<std::byte[]> copy(new std::byte[length]);
  const std::size_t unit = swapped_unit(header.dtype);
  for (std::size_t i = 0; i + unit <= length; i += unit) std::reverse_copy(from + i, from + i + unit, copy.get() + i);
  check_intact(file);
  const std::byte* data = copy.get();
  return Tensor(header.dtype, header.shape, strides_of(header), data, std::move(copy));
}

}  // namespace

bool looks_like_npy(const MappedFile& file) noexcept { return looks_like_npy(file.bytes()); }

Tensor load_npy(const std::shared_ptr<const MappedFile>& array_file, const NpyHeader& header,
                const std::string& tensor) {
  const std::uint64_t length = header.data_bytes;
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
  entry.opaque = header.opaque && element_count(header.shape).value_or(1) > 0;
  return entry;
}

std::vector<Entry> read_npy(const std::shared_ptr<const MappedFile>& file, std::vector<std::string>* notes) {
  const std::string stem = file->path().stem().string();
  const std::uint64_t total = file->bytes().size();
  std::vector<Entry> entries;
  for (std::uint64_t begin = 0; entries.empty() || begin < total;) {
    const auto array = begin == 0 ? file : file->subfile(begin, total - begin);
    const std::string place = begin == 0 ? std::string() : fmt::format("array {} of the file", entries.size());
    const NpyHeader header = read_npy_header(array->bytes(), total - begin, *file, place);
    const std::uint64_t end = header.data_offset + header.data_bytes;
    if (!looks_like_npy(array->bytes().subspan(end))) check_end(header, total - begin, *file, place);
    Entry entry = describe_npy(header, begin == 0 ? stem : fmt::format("{}[{}]", stem, entries.size()));
    entry.bytes = ByteRange{file->path(), begin + header.data_offset, header.data_bytes};
    entry.appended = begin != 0;
    if (entry.unreadable.empty()) {
      entry.load = [array, header, tensor = entry.name] { return load_npy(array, header, tensor); };
    }
    entries.push_back(std::move(entry));
    begin += end;
  }
  if (notes != nullptr && entries.size() > 1) {
    notes->push_back(
        fmt::format("{}: holds {} arrays one after another, of which numpy.load gives the first; the last is named {}",
                    file->path().string(), entries.size(), in_quotes(entries.back().name)));
  }
  return entries;
}

}  // namespace sigmax::io
