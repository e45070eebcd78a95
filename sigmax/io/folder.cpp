#include "sigmax/io/folder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
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

// First the formats that are read, then those of other frameworks.
constexpr std::array<std::string_view, 27> kWeights = {
    ".safetensors", ".bin",  ".pt",      ".pth",  ".ckpt",   ".onnx",       ".npz",    ".npy",    ".distcp",
    ".gguf",        ".ggml", ".h5",      ".hdf5", ".keras",  ".msgpack",    ".tflite", ".pb",     ".ot",
    ".pdparams",    ".pte",  ".mlmodel", ".mnn",  ".params", ".caffemodel", ".nemo",   ".engine", ".t7"};
constexpr std::array<std::string_view, 12> kAppended = {".part",       ".partial", ".incomplete", ".download",
                                                        ".crdownload", ".tmp",     ".aria2",      ".gz",
                                                        ".zst",        ".xz",      ".bz2",        ".zip"};
constexpr std::array<std::string_view, 7> kTrainingStates = {"optimizer",     "scheduler",     "scaler",   "rng_state",
                                                             "random_states", "training_args", "common.pt"};

std::string in_lower_case(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// `before`-00002-of-00003`after`
struct Shard {
  std::string_view before;
  std::string_view after;
  char separator = '-';
  std::int64_t count = 0;
  std::size_t digits = 0;

  std::string named(std::int64_t i) const {
    return fmt::format("{}{}{:0{}}-of-{:0{}}{}", before, separator, i, digits, count, digits, after);
  }
};

std::optional<Shard> shard_of(std::string_view name) {
  constexpr std::string_view kOf = "-of-";
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::size_t of = name.find(kOf);
  if (of == std::string_view::npos) return std::nullopt;
  std::size_t begin = of;
  while (begin > 0 && is_digit(name[begin - 1])) --begin;
  std::size_t end = of + kOf.size();
  while (end < name.size() && is_digit(name[end])) ++end;
  const std::size_t digits = of - begin;
  constexpr std::size_t kMostDigits = 6;
  if (digits == 0 || digits > kMostDigits || end - of - kOf.size() != digits) return std::nullopt;
  if (begin == 0 || (name[begin - 1] != '-' && name[begin - 1] != '_' && name[begin - 1] != '.')) return std::nullopt;
  Shard shard{name.substr(0, begin - 1), name.substr(end), name[begin - 1], 0, digits};
  for (std::size_t i = of + kOf.size(); i < end; ++i) shard.count = 10 * shard.count + (name[i] - '0');
  return shard;
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
  // An incomplete download or a compressed file has the name of the whole with something appended.
  for (const std::string_view more : kAppended) {
    if (!name.ends_with(more)) continue;
    name.remove_suffix(more.size());
    break;
  }
  if (name.find(".ckpt.data-") != std::string_view::npos) return true;  // TensorFlow's
  return std::any_of(kWeights.begin(), kWeights.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

bool is_training_state(std::string_view name) {
  return std::any_of(kTrainingStates.begin(), kTrainingStates.end(),
                     [&](std::string_view beginning) { return name.starts_with(beginning); });
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

std::string index_name_of(std::string_view shard) {
  const std::optional<Shard> parts = shard_of(shard);
  return parts ? fmt::format("{}{}.index.json", parts->before, parts->after) : std::string();
}

std::vector<std::string> missing_shards(const std::vector<std::string>& names) {
  const std::set<std::string, std::less<>> present(names.begin(), names.end());
  std::set<std::string> seen;  // the wholes that were handled
  std::vector<std::string> missing;
  for (const std::string& name : names) {
    const std::optional<Shard> shard = shard_of(name);
    if (!shard || !seen.insert(shard->named(0)).second) continue;
    std::size_t listed = 0;
    // The loop is short even if the count is huge, because it skips only names that are present.
    for (std::int64_t i = 1; i <= shard->count && listed < kMostMissing; ++i) {
      std::string sibling = shard->named(i);
      if (present.contains(sibling)) continue;
      missing.push_back(std::move(sibling));
      ++listed;
    }
  }
  return missing;
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
