#include "sigmax/io/safetensors/safetensors_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/atomic_file.hpp"
#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/bytes/utf8.hpp"

namespace sigmax::io {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kWho = "write_safetensors";
constexpr const char* kMetadataKey = "__metadata__";

// The format's spelling, empty if the format has no such type.
std::string_view spelling(DType type) {
  switch (type) {
    case DType::f64: return "F64";
    case DType::f32: return "F32";
    case DType::f16: return "F16";
    case DType::bf16: return "BF16";
    case DType::i64: return "I64";
    case DType::i32: return "I32";
    case DType::i16: return "I16";
    case DType::i8: return "I8";
    case DType::u64: return "U64";
    case DType::u32: return "U32";
    case DType::u16: return "U16";
    case DType::u8: return "U8";
    case DType::boolean: return "BOOL";
    case DType::f8_e4m3: return "F8_E4M3";
    case DType::f8_e5m2: return "F8_E5M2";
    case DType::f8_e4m3fnuz: return "F8_E4M3FNUZ";
    case DType::f8_e5m2fnuz: return "F8_E5M2FNUZ";
    case DType::f8_e8m0: return "F8_E8M0";
    case DType::c64: return "C64";
    default: return {};
  }
}

void check(std::span<const OutputTensor> tensors, const Metadata& metadata) {
  check_names(tensors, kWho);
  for (const OutputTensor& each : tensors) {
    if (each.name == kMetadataKey) throw Error(fmt::format("[{}] '{}' is not a name for a tensor", kWho, kMetadataKey));
    if (spelling(each.tensor.dtype()).empty()) {
      throw Error(fmt::format("[{}] {} has the type {}, which the format does not have", kWho, in_quotes(each.name),
                              name(each.tensor.dtype())));
    }
  }
  for (const auto& [key, value] : metadata) {
    if (valid_utf8(key) != key || valid_utf8(value) != value) {
      throw Error(fmt::format("[{}] the metadata {} is not valid UTF-8", kWho, in_quotes(key)));
    }
  }
}

// Length, JSON and padding. `order` is the order of the data.
std::string header_of(const std::vector<const OutputTensor*>& order, const Metadata& metadata) {
  constexpr std::size_t kMostBytes = 100'000'000;
  constexpr std::size_t kAlignment = 8;
  Json json = Json::object();
  if (!metadata.empty()) json[kMetadataKey] = metadata;
  std::uint64_t offset = 0;
  for (const OutputTensor* each : order) {
    const std::uint64_t end = offset + packed_bytes(each->tensor, kWho);
    json[each->name] = {
        {"dtype", spelling(each->tensor.dtype())}, {"shape", each->tensor.shape()}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = json.dump();
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  if (text.size() > kMostBytes) {
    throw Error(
        fmt::format("[{}] a header of {} bytes exceeds the format's limit of {}", kWho, text.size(), kMostBytes));
  }
  std::string length(8, '\0');
  for (std::size_t i = 0; i < length.size(); ++i) length[i] = static_cast<char>(text.size() >> (8 * i) & 0xFF);
  return length + text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const OutputTensor> tensors,
                       const Metadata& metadata, Context& context) {
  check(tensors, metadata);
  std::vector<const OutputTensor*> order;
  for (const OutputTensor& each : tensors) order.push_back(&each);
  std::stable_sort(order.begin(), order.end(), [](const OutputTensor* a, const OutputTensor* b) {
    return size_of(a->tensor.dtype()) > size_of(b->tensor.dtype());
  });
  const std::string header = header_of(order, metadata);
  AtomicFile file(path);
  file.write(header);
  for (const OutputTensor* each : order) {
    for_each_piece(
        each->tensor, [&](std::span<const std::byte> piece) { file.write(piece); }, context);
  }
  file.commit();
}

}  // namespace sigmax::io
