#include "sigmax/io/model_parts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/folder.hpp"
#include "sigmax/io/sharded_index.hpp"

namespace sigmax::io {
namespace {

namespace fs = std::filesystem;

// `before`-00002-of-00003`after`
struct Shard {
  std::string_view before;
  std::string_view after;
  char separator = '-';
  std::string_view of;
  std::int64_t count = 0;
  std::size_t digits = 0;

  std::string named(std::int64_t i) const {
    const std::string number = fmt::format("{:0{}}{}{:0{}}", i, digits, of, count, digits);
    return fmt::format("{}{}{}{}", before, separator, number, after);
  }
};

std::optional<Shard> shard_of(std::string_view name) {
  constexpr std::array<std::string_view, 3> kOf = {"-of-", "_of_", ".of."};
  constexpr std::size_t kMostDigits = 6;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (const std::string_view of : kOf) {
    const std::size_t at = name.find(of);
    if (at == std::string_view::npos) continue;
    std::size_t begin = at, end = at + of.size();
    while (begin > 0 && is_digit(name[begin - 1])) --begin;
    while (end < name.size() && is_digit(name[end])) ++end;
    const std::size_t number = at - begin, total = end - at - of.size();
    if (number == 0 || total == 0 || number > kMostDigits || total > kMostDigits) continue;
    // Both are filled up with zeros, or neither is.
    const bool padded = number == total;
    if (!padded && (number > total || name[begin] == '0' || name[at + of.size()] == '0')) continue;
    if (begin == 0 || (name[begin - 1] != '-' && name[begin - 1] != '_' && name[begin - 1] != '.')) continue;
    Shard shard{name.substr(0, begin - 1), name.substr(end), name[begin - 1], of, 0, padded ? number : 1};
    for (std::size_t i = at + of.size(); i < end; ++i) shard.count = 10 * shard.count + (name[i] - '0');
    return shard;
  }
  return std::nullopt;
}

// To compare by; messages have the path as it was given.
fs::path plain(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  return (error ? path : whole).lexically_normal();
}

// The path and, of a symbolic link, all that it leads to.
std::vector<fs::path> links_of(const fs::path& path) {
  constexpr std::size_t kMostLinks = 40;
  std::vector<fs::path> paths = {path};
  std::error_code error;
  while (paths.size() < kMostLinks && fs::is_symlink(paths.back(), error) && !error) {
    const fs::path target = fs::read_symlink(paths.back(), error);
    if (error) break;
    paths.push_back((paths.back().parent_path() / target).lexically_normal());
  }
  return paths;
}

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : "."; }

fs::path above(const fs::path& folder) {
  return folder.has_parent_path() && folder.filename() != ".." ? folder.parent_path()
                                                               : (folder / "..").lexically_normal();
}

std::vector<fs::path> indices_in(const fs::path& folder) {
  std::vector<fs::path> indices;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->path().filename().string().ends_with(".index.json") && it->is_regular_file(ignored)) {
      indices.push_back(it->path());
    }
  }
  std::sort(indices.begin(), indices.end());
  return indices;
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error) && !error;
}

// Adds the siblings that are not known yet; returns the names of those.
std::vector<std::string> add_unread(Checkpoint& checkpoint, const std::vector<fs::path>& siblings,
                                    const std::string& reason) {
  std::vector<std::string> names;
  for (const fs::path& sibling : siblings) {
    const auto same = [&](const UnreadFile& file) { return plain(file.path) == plain(sibling); };
    if (std::any_of(checkpoint.unread_files.begin(), checkpoint.unread_files.end(), same)) continue;
    checkpoint.unread_files.push_back({sibling, is_there(sibling) ? reason : "a part that is missing"});
    names.push_back(in_quotes(sibling.filename().string()));
  }
  return names;
}

void note(Checkpoint& checkpoint, const std::vector<std::string>& names, const fs::path& whole) {
  if (names.empty()) return;
  checkpoint.notes.push_back(
      fmt::format("parts of the same model were not named, so they were not read: {}; name '{}' to read all",
                  fmt::join(names, ", "), whole.string()));
}

}  // namespace

std::string index_name_of(std::string_view shard) {
  const std::optional<Shard> parts = shard_of(shard);
  return parts ? fmt::format("{}{}.index.json", parts->before, parts->after) : std::string();
}

std::vector<std::string> missing_shards(const std::vector<std::string>& names) {
  const std::set<std::string, std::less<>> present(names.begin(), names.end());
  std::set<std::string> seen;  // wholes
  std::vector<std::string> missing;
  for (const std::string& name : names) {
    const std::optional<Shard> shard = shard_of(name);
    if (!shard || !seen.insert(shard->named(0)).second) continue;
    const std::int64_t first = present.contains(shard->named(0)) ? 0 : 1;
    std::size_t listed = 0;
    // Ends early however many parts the name claims: it skips only names that are present.
    for (std::int64_t i = 0; i < shard->count && listed < kMostMissing; ++i) {
      std::string sibling = shard->named(first + i);
      if (present.contains(sibling)) continue;
      missing.push_back(std::move(sibling));
      ++listed;
    }
  }
  return missing;
}

bool is_index(const fs::path& path) {
  if (!path.filename().string().ends_with(".index.json")) return false;
  const auto file = MappedFile::open(path);
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  // In UTF-16 it cannot be read, and is refused for what it is, not ignored.
  const bool is_utf16 = text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
  return is_utf16 || text.find("weight_map") != std::string_view::npos;
}

void ModelParts::add(const fs::path& file, bool for_itself) {
  for (const fs::path& path : links_of(file)) {
    read_.insert(plain(path));
    if (for_itself) alone_.insert(path);
  }
}

void ModelParts::add_named(const fs::path& file) {
  add(file, true);
  for (const fs::path& path : links_of(file)) named_.insert(path);
}

void ModelParts::note_listed(Checkpoint& checkpoint, const fs::path& index) const {
  ShardedIndex shards;
  try {
    if (!is_index(index)) return;
    shards = read_sharded_index(MappedFile::open(index));
  } catch (const FileError&) {
    return;
  }
  std::set<fs::path> alone;
  for (const fs::path& file : alone_) alone.insert(plain(file));
  const auto is_alone = [&](const auto& shard) { return alone.contains(plain(index.parent_path() / shard.first)); };
  if (std::none_of(shards.begin(), shards.end(), is_alone)) return;
  std::vector<fs::path> siblings;
  for (const auto& [shard, tensors] : shards) {
    const fs::path path = (index.parent_path() / shard).lexically_normal();
    if (!read_.contains(plain(path)) && siblings.size() < kMostMissing) siblings.push_back(path);
  }
  note(checkpoint, add_unread(checkpoint, siblings, "a part of the same model, which was not named"), index);
}

void ModelParts::note_counted(Checkpoint& checkpoint, const fs::path& folder) const {
  std::vector<std::string> names;
  for (const fs::path& file : named_) {
    if (folder_of(file) == folder) names.push_back(file.filename().string());
  }
  std::erase_if(names, [](const std::string& name) { return !is_named_like_weights(name); });
  const std::vector<std::string> missing = missing_shards(names);
  if (missing.empty()) return;
  std::vector<fs::path> siblings;
  siblings.reserve(missing.size());
  for (const std::string& name : missing) siblings.push_back((folder / name).lexically_normal());
  const fs::path index = folder / index_name_of(missing.front());
  // The user did not name it, whether or not it exists.
  const std::string reason = "a part of the same model, which was not named";
  note(checkpoint, add_unread(checkpoint, siblings, reason), is_there(index) ? index : folder);
}

void ModelParts::note_missing(Checkpoint& checkpoint) const {
  std::set<fs::path> seen, folders;
  for (const fs::path& file : alone_) {
    for (const fs::path& folder : {folder_of(file), above(folder_of(file))}) {
      if (!seen.insert(plain(folder)).second) continue;
      for (const fs::path& index : indices_in(folder)) note_listed(checkpoint, index);
    }
  }
  for (const fs::path& file : named_) folders.insert(folder_of(file));
  for (const fs::path& folder : folders) note_counted(checkpoint, folder);
}

}  // namespace sigmax::io
