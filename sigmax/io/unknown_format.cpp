#include "sigmax/io/unknown_format.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <string_view>

namespace sigmax::io {
namespace {

struct Signature {
  std::size_t offset;
  std::string_view bytes;
  const char* meaning;
  bool model = false;  // it holds weights
};

using namespace std::string_view_literals;

constexpr Signature kSignatures[] = {
    {257, "ustar"sv, "a tar archive: unpack it, or load it with torch.load and save it again if PyTorch wrote it"},
    {0, "GGUF"sv, "GGUF is not read by this version", true},
    {0, "\x89HDF\r\n\x1a\n"sv, "HDF5 (Keras .h5) is not read by this version", true},
    {4, "TFL3"sv, "TensorFlow Lite is not read by this version", true},
    {0, "PK\3\4"sv, "a zip archive, but neither of PyTorch nor of NumPy"},
    {0, "version https://git-lfs"sv, "a Git LFS pointer, not the file itself: run `git lfs pull`"},
    {0, "\xff\xfe{\0"sv, "text in UTF-16: save it as UTF-8"},
    {0, "\x1f\x8b"sv, "compressed by gzip: unpack it first"},
    {0, "\x28\xb5\x2f\xfd"sv, "compressed by zstd: unpack it first"},
    {0, "\xfd\x37zXZ"sv, "compressed by xz: unpack it first"},
    {0, "\x80\x02"sv, "a Python pickle that torch.save did not write; reading it would mean running code"},
    {0, "\x80\x03"sv, "a Python pickle that torch.save did not write; reading it would mean running code"},
    {0, "\x80\x04"sv, "a Python pickle that torch.save did not write; reading it would mean running code"},
    {0, "\x80\x05"sv, "a Python pickle that torch.save did not write; reading it would mean running code"},
};

std::string_view content_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

const Signature* signature_of(std::string_view content) {
  for (const Signature& signature : kSignatures) {
    if (content.size() < signature.offset) continue;
    if (content.substr(signature.offset).starts_with(signature.bytes)) return &signature;
  }
  return nullptr;
}

}  // namespace

std::string describe_unknown_format(const MappedFile& file) {
  const std::string_view content = content_of(file);
  if (content.empty()) return "is empty";
  const Signature* signature = signature_of(content);
  if (signature == nullptr) return "is of no known format";
  return fmt::format("is of no known format ({})", signature->meaning);
}

bool is_foreign_model(const MappedFile& file) noexcept {
  const Signature* signature = signature_of(content_of(file));
  return signature != nullptr && signature->model;
}

}  // namespace sigmax::io
