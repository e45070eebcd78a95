#include "sigmax/io/unknown_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>

#include "sigmax/io/folder.hpp"

namespace sigmax::io {
namespace {

struct Signature {
  std::size_t offset;
  std::string_view bytes;
  const char* meaning;
  bool model = false;  // it holds weights
};

using namespace std::string_view_literals;

constexpr const char* kPickle = "a Python pickle that torch.save did not write; reading it would mean running code";

constexpr const char* kGgml = "GGML, the format before GGUF, is not read";

constexpr Signature kSignatures[] = {
    {257, "ustar"sv, "a tar archive: unpack it, or load it with torch.load and save it again if PyTorch wrote it"},
    {0, "GGUF"sv, "GGUF is not read by this version", true},
    {0, "\x89HDF\r\n\x1a\n"sv, "HDF5 (Keras .h5) is not read by this version", true},
    {4, "ORTM"sv, "ONNX Runtime's own format (.ort) is not read: audit the ONNX model that it was made of", true},
    {0, "lmgg"sv, kGgml, true},
    {0, "fmgg"sv, kGgml, true},
    {0, "tjgg"sv, kGgml, true},
    {0, "algg"sv, kGgml, true},
    {4, "TFL3"sv, "TensorFlow Lite is not read by this version", true},
    {0, "PK\3\4"sv, "a zip archive, but neither of PyTorch nor of NumPy"},
    {0, "\x80\x02"sv, kPickle, true},
    {0, "\x80\x03"sv, kPickle, true},
    {0, "\x80\x04"sv, kPickle, true},
    {0, "\x80\x05"sv, kPickle, true},
    {0, "version https://git-lfs"sv, "a Git LFS pointer, not the file itself: run `git lfs pull`"},
    {0, "\xff\xfe{\0"sv, "text in UTF-16: save it as UTF-8"},
    {0, "\x1f\x8b"sv, "compressed by gzip: unpack it first"},
    {0, "\x28\xb5\x2f\xfd"sv, "compressed by zstd: unpack it first"},
    {0, "\xfd\x37zXZ"sv, "compressed by xz: unpack it first"},
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

// A header of safetensors with something in front of it that is not its length, or without its end.
bool is_damaged_safetensors(std::string_view content) {
  const std::string_view start = content.substr(0, 1 << 16);
  return start.find("\"data_offsets\"") != std::string_view::npos &&
         start.find("\"dtype\"") != std::string_view::npos && start.find('{') <= 8;
}

// The names of members stand in the archive as they are, be its directory readable or not.
bool is_damaged_archive_of_weights(std::string_view content) {
  constexpr std::string_view kMembers[] = {"/data.pkl", "data.pkl", ".npy", ".safetensors", ".onnx"};
  if (!content.starts_with("PK\3\4")) return false;
  const std::string_view start = content.substr(0, 1 << 16);
  return std::any_of(std::begin(kMembers), std::end(kMembers),
                     [&](std::string_view member) { return start.find(member) != std::string_view::npos; });
}

// `weights`, `checkpoint-500` without an extension. Texts are called so too, and hold no zeros.
bool is_named_as_a_model(const std::filesystem::path& path, std::string_view content) {
  constexpr std::string_view kWords[] = {"model", "weight", "checkpoint", "ckpt", "pretrained", "params", "state_dict"};
  if (path.has_extension()) return false;
  std::string name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const bool named = std::any_of(std::begin(kWords), std::end(kWords),
                                 [&](std::string_view word) { return name.find(word) != std::string::npos; });
  return named && content.substr(0, 1 << 16).find('\0') != std::string_view::npos;
}

}  // namespace

std::string describe_unknown_format(const MappedFile& file) {
  const std::string_view content = content_of(file);
  if (content.empty()) return "is empty";
  const Signature* signature = signature_of(content);
  if (signature == nullptr && is_damaged_safetensors(content)) {
    return "is not in a known format (a damaged safetensors file: copy it again)";
  }
  if (signature == nullptr) return "is not in a known format";
  return fmt::format("is not in a known format ({})", signature->meaning);
}

bool is_foreign_model(const MappedFile& file) noexcept {
  const std::string_view content = content_of(file);
  const Signature* signature = signature_of(content);
  return (signature != nullptr && signature->model) || is_damaged_safetensors(content) ||
         is_damaged_archive_of_weights(content);
}

bool may_hold_weights(const Candidate& candidate) {
  const std::string name = candidate.file->path().filename().string();
  if (is_companion(name) || is_training_state(name)) return false;
  const bool named =
      is_named_like_weights(name) || is_named_as_a_model(candidate.file->path(), content_of(*candidate.file));
  if (!candidate.members) return named || is_foreign_model(*candidate.file);
  const auto member_name = [](const ZipMember& member) {
    return std::filesystem::path(member.name).filename().string();  // empty of a folder
  };
  const auto is_any = [&](auto holds) {
    return std::any_of(candidate.members->begin(), candidate.members->end(),
                       [&](const ZipMember& member) { return holds(member_name(member)); });
  };
  if (is_any([](const std::string& member) { return is_named_like_weights(member); })) return true;
  return named && is_any([](const std::string& member) { return !member.empty() && !is_companion(member); });
}

}  // namespace sigmax::io
