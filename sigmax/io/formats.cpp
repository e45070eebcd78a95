#include "sigmax/io/formats.hpp"

#include <utility>

#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/io/numpy/npy.hpp"
#include "sigmax/io/numpy/npz.hpp"
#include "sigmax/io/onnx/onnx.hpp"
#include "sigmax/io/pytorch/pytorch.hpp"
#include "sigmax/io/pytorch/pytorch_export.hpp"
#include "sigmax/io/safetensors/safetensors.hpp"

namespace sigmax::io {
namespace {

using Notes = std::vector<std::string>;

template <bool (*test)(const std::vector<ZipMember>&)>
bool archive(const Candidate& candidate) {
  return candidate.members && test(*candidate.members);
}

template <bool (*test)(const MappedFile&)>
bool content(const Candidate& candidate) {
  return !candidate.members && test(*candidate.file);
}

std::vector<Entry> pytorch(const Candidate& candidate, Notes&) {
  return read_pytorch_archive(candidate.file, *candidate.members);
}
std::vector<Entry> exported(const Candidate& candidate, Notes&) {
  return read_exported_program(candidate.file, *candidate.members);
}
std::vector<Entry> package(const Candidate& candidate, Notes&) {
  return read_torch_package(candidate.file, *candidate.members);
}
std::vector<Entry> npz(const Candidate& candidate, Notes&) { return read_npz(candidate.file, *candidate.members); }
std::vector<Entry> npy(const Candidate& candidate, Notes& notes) { return read_npy(candidate.file, &notes); }
std::vector<Entry> legacy(const Candidate& candidate, Notes&) { return read_pytorch_legacy(candidate.file); }
std::vector<Entry> safetensors(const Candidate& candidate, Notes& notes) {
  return read_safetensors(candidate.file, &notes);
}
std::vector<Entry> onnx_model(const Candidate& candidate, Notes&) { return read_onnx(candidate.file); }

// The first format that matches reads the file: strong signatures stand before weak ones.
constexpr Format kFormats[] = {
    {"torchscript", archive<is_torchscript_archive>, pytorch},
    {"pytorch", archive<is_pytorch_archive>, pytorch},
    {"pytorch-export", archive<is_exported_program>, exported},
    {"pytorch-package", archive<is_torch_package>, package},
    {"npz", archive<is_npz_archive>, npz},
    {"npy", content<looks_like_npy>, npy},
    {"pytorch-legacy", content<looks_like_pytorch_legacy>, legacy},
    {"safetensors", content<looks_like_safetensors>, safetensors},
    {"onnx", content<looks_like_onnx>, onnx_model},
};

}  // namespace

const Format* format_of(const Candidate& candidate) {
  for (const Format& format : kFormats) {
    if (format.matches(candidate)) return &format;
  }
  return nullptr;
}

Candidate candidate_of(std::shared_ptr<const MappedFile> file) {
  Candidate candidate{std::move(file), std::nullopt};
  if (looks_like_zip(*candidate.file)) {
    candidate.members = while_intact(*candidate.file, [&] { return read_zip_directory(candidate.file); });
  }
  return candidate;
}

std::vector<std::string> known_formats() {
  std::vector<std::string> names;
  for (const Format& format : kFormats) names.emplace_back(format.name);
  names.emplace_back("pytorch-distributed");
  return names;
}

}  // namespace sigmax::io
