#include "sigmax/io/onnx/onnx_external.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/companion_file.hpp"
#include "sigmax/io/onnx/protobuf_wire.hpp"

namespace sigmax::io::onnx {
namespace {

struct Keys {
  std::optional<std::string_view> location, offset, length;
};

[[noreturn]] void refuse(const MappedFile& model, const TensorProto& tensor, std::string problem) {
  throw FileError(model.path().string(), fmt::format("external data of tensor {}", shortened_in_quotes(tensor.name)),
                  std::move(problem));
}

Keys read_keys(const MappedFile& model, const TensorProto& tensor) {
  Keys keys;
  for (WireCursor cursor(model, tensor.message, "TensorProto"); cursor.next();) {
    if (cursor.field() != 13) continue;
    std::string_view key, value;
    for (WireCursor pair = cursor.message("StringStringEntryProto"); pair.next();) {
      if (pair.field() == 1) key = pair.text();
      if (pair.field() == 2) value = pair.text();
    }
    auto* slot = key == "location" ? &keys.location
                 : key == "offset" ? &keys.offset
                 : key == "length" ? &keys.length
                                   : nullptr;
    if (slot == nullptr) continue;
    if (*slot) refuse(model, tensor, fmt::format("the key '{}' appears twice", key));
    *slot = value;
  }
  return keys;
}

std::uint64_t number(const MappedFile& model, const TensorProto& tensor, std::string_view key, std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) {
    refuse(model, tensor, fmt::format("{} is {}, not a number of bytes", key, shortened_in_quotes(text)));
  }
  return value;
}

}  // namespace

ExternalData::Place ExternalData::find(const TensorProto& tensor, std::uint64_t size) {
  const Keys keys = read_keys(*model_, tensor);
  if (!keys.location) refuse(*model_, tensor, "no location is given");
  Place place{open(tensor, *keys.location), 0};
  if (keys.offset) place.offset = number(*model_, tensor, "offset", *keys.offset);
  const std::uint64_t length = keys.length ? number(*model_, tensor, "length", *keys.length) : size;
  if (length != size) refuse(*model_, tensor, fmt::format("length is {}, but type and shape take {}", length, size));
  const std::uint64_t available = place.file->bytes().size();
  if (place.offset > available || size > available - place.offset) {
    refuse(*model_, tensor,
           fmt::format("{} bytes at offset {} reach past the end of '{}' ({} bytes)", size, place.offset,
                       place.file->path().string(), available));
  }
  return place;
}

std::shared_ptr<const MappedFile> ExternalData::open(const TensorProto& tensor, std::string_view location) {
  try {
    const std::filesystem::path path = companion_path(*model_, location);
    const auto known = files_.find(path);
    if (known != files_.end()) return known->second;
    return files_.emplace(path, open_companion(*model_, location)).first->second;
  } catch (const FileError& problem) {
    refuse(*model_, tensor, fmt::format("location {} {}", shortened_in_quotes(location), problem.problem()));
  }
}

}  // namespace sigmax::io::onnx
