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

#include "sigmax/io/bytes/message.hpp"

namespace sigmax::io {
namespace {

constexpr std::array<std::string_view, 27> kEndings = {".json", ".jsonl", ".txt",  ".md",    ".rst",  ".py",  ".jinja",
                                                       ".yaml", ".yml",   ".toml", ".cfg",   ".ini",  ".csv", ".tsv",
                                                       ".log",  ".sh",    ".png",  ".jpg",   ".jpeg", ".gif", ".svg",
                                                       ".webp", ".pdf",   ".html", ".ipynb", ".mp4",  ".wav"};
// Tokenizers are models to their authors.
constexpr std::array<std::string_view, 4> kTokenizers = {"tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
                                                         "sentencepiece.model"};
constexpr std::array<std::string_view, 4> kBeginnings = {".git", "LICENSE", "NOTICE", "README"};

// `before`-00002-of-00003`after`
struct Shard {
  std::string_view before;
  std::string_view after;
  std::int64_t count = 0;
  std::size_t digits = 0;

  std::string named(std::int64_t i) const {
    return fmt::format("{}-{:0{}}-of-{:0{}}{}", before, i, digits, count, digits, after);
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
  if (begin == 0 || name[begin - 1] != '-') return std::nullopt;
  Shard shard{name.substr(0, begin - 1), name.substr(end), 0, digits};
  for (std::size_t i = of + kOf.size(); i < end; ++i) shard.count = 10 * shard.count + (name[i] - '0');
  return shard;
}

// A tensor as a copy is known: by name and shape.
using Key = std::pair<std::string_view, Dimensions>;

Key key_of(const Entry& entry) { return {entry.name, entry.shape}; }

enum class Kind { safetensors, pytorch, other };

class Kinds {
 public:
  explicit Kinds(const Checkpoint& checkpoint) {
    for (const SourceFile& file : checkpoint.files) {
      const bool pytorch = file.format == "pytorch" || file.format == "pytorch-legacy" || file.format == "torchscript";
      kinds_[file.path.string()] = file.format == "safetensors" ? Kind::safetensors
                                   : pytorch                    ? Kind::pytorch
                                                                : Kind::other;
    }
  }

  Kind of(const Entry& entry) const {
    const auto found = kinds_.find(entry.file.string());
    return found == kinds_.end() ? Kind::other : found->second;
  }

 private:
  std::map<std::string, Kind> kinds_;
};

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

bool is_named_like_weights(std::string_view name) {
  constexpr std::array<std::string_view, 9> kWeights = {".safetensors", ".bin", ".pt",  ".pth",   ".ckpt",
                                                        ".onnx",        ".npz", ".npy", ".distcp"};
  return std::any_of(kWeights.begin(), kWeights.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

std::vector<std::string> missing_shards(const std::vector<std::string>& names) {
  const std::set<std::string, std::less<>> present(names.begin(), names.end());
  std::set<std::string> seen;  // wholes
  std::vector<std::string> missing;
  for (const std::string& name : names) {
    const std::optional<Shard> shard = shard_of(name);
    if (!shard || !seen.insert(shard->named(0)).second) continue;
    std::size_t listed = 0;
    // No more than the names that are there can be passed over before some are missing.
    for (std::int64_t i = 1; i <= shard->count && listed < kMostMissing; ++i) {
      std::string sibling = shard->named(i);
      if (present.contains(sibling)) continue;
      missing.push_back(std::move(sibling));
      ++listed;
    }
  }
  return missing;
}

void leave_out_copies(Checkpoint& checkpoint, std::size_t first) {
  const Kinds kinds(checkpoint);
  const auto begin = checkpoint.entries.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = checkpoint.entries.end();
  std::set<Key> originals;
  std::map<std::string, std::size_t> sizes, copies;  // of each PyTorch file
  for (auto entry = begin; entry != end; ++entry) {
    if (kinds.of(*entry) == Kind::safetensors) originals.insert(key_of(*entry));
  }
  if (originals.empty()) return;
  const auto is_copy = [&](const Entry& entry) {
    return kinds.of(entry) == Kind::pytorch && originals.contains(key_of(entry));
  };
  for (auto entry = begin; entry != end; ++entry) {
    if (kinds.of(*entry) != Kind::pytorch) continue;
    ++sizes[entry->file.string()];
    if (is_copy(*entry)) ++copies[entry->file.string()];
  }
  if (copies.empty()) return;
  std::vector<Entry> kept;
  std::vector<bool> drop;
  for (auto entry = begin; entry != end; ++entry) drop.push_back(is_copy(*entry));
  for (std::size_t i = 0; i < drop.size(); ++i) {
    if (!drop[i]) kept.push_back(std::move(checkpoint.entries[first + i]));
  }
  originals.clear();  // its keys look into the entries that move now
  checkpoint.entries.resize(first);
  std::move(kept.begin(), kept.end(), std::back_inserter(checkpoint.entries));
  for (const auto& [file, count] : copies) {
    const std::string of = count == sizes[file] ? std::string("its") : fmt::format("{} of its {}", count, sizes[file]);
    checkpoint.notes.push_back(fmt::format(
        "{}: {} tensors have the names and shapes of tensors in safetensors files here and were left out as "
        "copies (values were not compared); name the file to read it",
        file, of));
    if (count < sizes[file]) continue;
    const auto gone = [&file = file](const SourceFile& source) { return source.path.string() == file; };
    checkpoint.files.erase(std::remove_if(checkpoint.files.begin(), checkpoint.files.end(), gone),
                           checkpoint.files.end());
  }
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
      fmt::format("{} tensor{} (such as {}) {} in several files under the same name and shape, and {} counted in each: "
                  "{}{}; name one file to read it alone",
                  count, count == 1 ? "" : "s", example, count == 1 ? "is" : "are", count == 1 ? "is" : "are",
                  fmt::join(shown, ", "), more));
}

}  // namespace sigmax::io
