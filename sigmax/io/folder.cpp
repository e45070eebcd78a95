#include "sigmax/io/folder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/core/plural.hpp"
#include "sigmax/io/bytes/message.hpp"

namespace sigmax::io {
namespace {

constexpr std::array<std::string_view, 27> kEndings = {".json", ".jsonl", ".txt",  ".md",    ".rst",  ".py",  ".jinja",
                                                       ".yaml", ".yml",   ".toml", ".cfg",   ".ini",  ".csv", ".tsv",
                                                       ".log",  ".sh",    ".png",  ".jpg",   ".jpeg", ".gif", ".svg",
                                                       ".webp", ".pdf",   ".html", ".ipynb", ".mp4",  ".wav"};
// Authors of tokenizers call them models.
constexpr std::array<std::string_view, 4> kTokenizers = {"tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
                                                         "sentencepiece.model"};
constexpr std::array<std::string_view, 4> kBeginnings = {".git", "LICENSE", "NOTICE", "README"};

// Endings of the formats that are read, then of other frameworks.
constexpr std::string_view kWeights[] = {
    ".safetensors", ".bin",    ".pt",       ".pth",       ".ckpt",        ".onnx",      ".npz",       ".npy",
    ".distcp",      ".gguf",   ".ggml",     ".h5",        ".hdf5",        ".keras",     ".msgpack",   ".tflite",
    ".pb",          ".ot",     ".pdparams", ".pte",       ".mlmodel",     ".mnn",       ".params",    ".caffemodel",
    ".nemo",        ".engine", ".t7",       ".pkl",       ".pickle",      ".joblib",    ".ptl",       ".weights",
    ".rknn",        ".pt2",    ".jit",      ".llamafile", ".torchscript", ".onnx_data", ".onnx.data", ".pdiparams",
    ".mar",         ".sft",    ".plan",     ".trt",       ".dlc",         ".hef",       ".ort",       ".eqx",
    ".th",          ".torch",  ".uff",      ".om",        ".bmodel",      ".kmodel",    ".circle",    ".vmfb"};
constexpr std::string_view kWeightFolders[] = {".mlpackage", ".mlmodelc"};
constexpr std::string_view kPartial[] = {".part",       ".partial", ".incomplete", ".download",
                                         ".crdownload", ".tmp",     ".aria2"};
constexpr std::string_view kPacked[] = {".gz", ".zst", ".xz", ".bz2", ".zip", ".tar", ".tgz", ".7z", ".rar"};
constexpr std::string_view kModelWords[] = {"model", "weight", "checkpoint", "ckpt", "pretrained"};
constexpr std::array<std::string_view, 6> kTrainingStates = {"optimizer", "scheduler",     "scaler",
                                                             "rng_state", "random_states", "training_args"};
constexpr std::string_view kPickles[] = {".pt", ".pth", ".bin", ".pkl"};

std::string in_lower_case(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

template <std::size_t N>
bool ends_with_one(std::string_view name, const std::string_view (&endings)[N]) {
  return std::any_of(std::begin(endings), std::end(endings),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

// Takes one of the endings away; false if the name has none of them.
template <std::size_t N>
bool without_ending(std::string_view& name, const std::string_view (&endings)[N]) {
  const auto found = std::find_if(std::begin(endings), std::end(endings),
                                  [&](std::string_view ending) { return name.ends_with(ending); });
  if (found == std::end(endings)) return false;
  name.remove_suffix(found->size());
  return true;
}

// `variables.data-00000-of-00001` and `variables.index`, `model.ckpt-1000.data-00000-of-00001` and `.index`.
bool is_of_tensorflow(std::string_view name) {
  const std::size_t data = name.find(".data-");
  if (data != std::string_view::npos && name.find("-of-", data) != std::string_view::npos) return true;
  return name == "variables.index" || (name.ends_with(".index") && name.find("ckpt") != std::string_view::npos);
}

// `model.onnx_data_1`: external data of an ONNX model in several files.
bool is_numbered_data(std::string_view name) {
  const std::size_t end = name.find_last_not_of("0123456789");
  if (end == std::string_view::npos || end + 1 == name.size()) return false;
  name = name.substr(0, end);
  return name.ends_with(".onnx_data") || name.ends_with(".onnx.data");
}

// What identifies a tensor as a copy: name and shape.
using Key = std::pair<std::string_view, Dimensions>;

Key key_of(const Entry& entry) { return {entry.name, entry.shape}; }

void note_files_named_twice(Checkpoint& checkpoint) {
  std::map<std::string, int> times;
  for (const SourceFile& file : checkpoint.files) ++times[file.path.string()];
  for (const auto& [file, count] : times) {
    if (count > 1) checkpoint.notes.push_back(fmt::format("{}: named {} times, and counted as often", file, count));
  }
}

}  // namespace

bool is_companion(std::string_view name) {
  const auto ends = [&](std::string_view ending) { return name.ends_with(ending); };
  const auto begins = [&](std::string_view beginning) { return name.starts_with(beginning); };
  return std::any_of(kEndings.begin(), kEndings.end(), ends) ||
         std::find(kTokenizers.begin(), kTokenizers.end(), name) != kTokenizers.end() ||
         std::any_of(kBeginnings.begin(), kBeginnings.end(), begins);
}

bool is_named_like_weights(std::string_view given) {
  const std::string lower = in_lower_case(given);
  std::string_view name = lower;
  // Partial downloads and compressed files carry the whole file's name plus an ending.
  without_ending(name, kPartial);
  bool packed = false;
  while (without_ending(name, kPacked)) packed = true;
  if (ends_with_one(name, kWeights) || is_of_tensorflow(name) || is_numbered_data(name)) return true;
  const auto is_in_name = [&](std::string_view word) { return name.find(word) != std::string_view::npos; };
  return packed && std::any_of(std::begin(kModelWords), std::end(kModelWords), is_in_name);
}

bool is_named_like_a_folder_of_weights(std::string_view name) {
  return ends_with_one(in_lower_case(name), kWeightFolders);
}

bool is_training_state(std::string_view name) {
  if (name == "common.pt") return true;
  std::string_view stem = name;
  if (!without_ending(stem, kPickles)) return false;
  // `optimizer_1`, `rng_state_0`: a number may follow, of the process or of the optimizer, and nothing else.
  const std::size_t end = stem.find_last_not_of("0123456789");
  if (end == std::string_view::npos) return false;
  if (end + 1 < stem.size()) {
    if (stem[end] != '_' && stem[end] != '-') return false;
    stem = stem.substr(0, end);
  }
  return std::find(kTrainingStates.begin(), kTrainingStates.end(), stem) != kTrainingStates.end();
}

Named naming_of(const std::filesystem::path& path) {
  constexpr std::string_view kOwn[] = {".safetensors", ".npy", ".npz",  ".onnx",  ".pt",
                                       ".pth",         ".pt2", ".ckpt", ".distcp"};
  constexpr std::string_view kShared[] = {"",     ".bin",    ".model", ".weights", ".th", ".ptl",
                                          ".pkl", ".pickle", ".torch", ".tar",     ".t7", ".mar"};
  const std::string extension = in_lower_case(path.extension().string());
  if (std::find(std::begin(kOwn), std::end(kOwn), extension) != std::end(kOwn)) return Named::own;
  return std::find(std::begin(kShared), std::end(kShared), extension) != std::end(kShared) ? Named::shared
                                                                                           : Named::foreign;
}

void note_repeated_tensors(Checkpoint& checkpoint) {
  note_files_named_twice(checkpoint);
  std::map<Key, std::vector<const std::filesystem::path*>> places;
  for (const Entry& entry : checkpoint.entries) {
    std::vector<const std::filesystem::path*>& files = places[key_of(entry)];
    const auto same = [&](const std::filesystem::path* file) { return *file == entry.file; };
    if (std::none_of(files.begin(), files.end(), same)) files.push_back(&entry.file);
  }
  std::size_t count = 0;
  std::set<std::string> names;
  std::string example;
  for (const auto& [key, files] : places) {
    if (files.size() < 2) continue;
    if (count++ == 0) example = in_quotes(std::string(key.first));
    for (const std::filesystem::path* file : files) names.insert(file->filename().string());
  }
  if (count == 0) return;
  std::vector<std::string> shown;
  for (const std::string& name : names) {
    if (shown.size() == 8) break;
    shown.push_back(in_quotes(name));
  }
  const std::string more = names.size() > shown.size() ? fmt::format(" and {} more", names.size() - shown.size()) : "";
  checkpoint.notes.push_back(
      fmt::format("{} (such as {}) {} in several files under the same name and shape, and counted in each: {}{}; name "
                  "one file to read it alone",
                  plural(count, "tensor"), example, either(count, "is", "are"), fmt::join(shown, ", "), more));
}

}  // namespace sigmax::io
