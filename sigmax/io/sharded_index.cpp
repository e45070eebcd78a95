#include "sigmax/io/sharded_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/companion_file.hpp"
#include "sigmax/io/bytes/json_events.hpp"
#include "sigmax/io/bytes/message.hpp"

namespace sigmax::io {
namespace {

constexpr std::size_t kMaxIndexBytes = 100'000'000;
constexpr std::string_view kMap = "weight_map";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // for UTF-8, as editors on Windows write it

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

class IndexEvents : public JsonEvents {
 public:
  explicit IndexEvents(const MappedFile& file) : file_(file) {}

  ShardedIndex take() {
    if (!has_map_) refuse(std::string(kMap), "is missing: this is not the index of a sharded checkpoint");
    // Sorted, not hashed: no choice of names makes sorting slow.
    std::sort(tensors_.begin(), tensors_.end());
    const auto twice = std::adjacent_find(tensors_.begin(), tensors_.end(),
                                          [](const auto& a, const auto& b) { return a.first == b.first; });
    if (twice != tensors_.end()) refuse(place(twice->first), "appears twice");
    ShardedIndex index;
    for (auto& [tensor, shard] : tensors_) index[shard].push_back(std::move(tensor));
    return index;
  }

  void open(bool object, int depth) override {
    if (depth == 0 && !object) refuse("", "must be an object, is an array");
    if (!in_map_) return;
    if (depth == 1 && !object) refuse(std::string(kMap), "must be an object, is an array");
    if (depth > 1) refuse(place(tensor_), "must be given the name of a file");
  }

  void close(int) override {}

  void key(std::string&& name, int depth) override {
    if (depth == 1) {
      in_map_ = name == kMap;
      if (in_map_ && std::exchange(has_map_, true)) refuse(std::string(kMap), "appears twice");
    } else if (in_map_) {
      tensor_ = std::move(name);
    }
  }

  void value(JsonValue value, int depth) override {
    if (depth == 0) refuse("", fmt::format("must be an object, is {}", value.kind));
    if (!in_map_) return;
    if (depth == 1) refuse(std::string(kMap), fmt::format("must be an object, is {}", value.kind));
    if (value.text == nullptr) refuse(place(tensor_), fmt::format("must be given a file name, is {}", value.kind));
    std::string shard = checked_shard(*value.text);
    tensors_.emplace_back(std::move(tensor_), std::move(shard));
  }

 private:
  [[noreturn]] void refuse(const std::string& where, std::string problem) const {
    throw FileError(file_.path().string(), where, std::move(problem));
  }

  static std::string place(const std::string& tensor) { return fmt::format("{}: {}", kMap, in_quotes(tensor)); }

  // Gives each file one spelling.
  std::string checked_shard(const std::string& location) const {
    try {
      return companion_path(file_, location).string();
    } catch (const FileError& problem) {
      refuse(place(tensor_), fmt::format("shard {} {}", in_quotes(location), problem.problem()));
    }
  }

  const MappedFile& file_;
  std::vector<std::pair<std::string, std::string>> tensors_;  // name, shard
  std::string tensor_;
  bool in_map_ = false;
  bool has_map_ = false;
};

}  // namespace

bool looks_like_json_object(const MappedFile& file) noexcept {
  constexpr std::string_view kSpaces = " \t\r\n";
  std::string_view text = text_of(file).substr(0, 4096);
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const std::size_t brace = text.find_first_not_of(kSpaces);
  if (brace == std::string_view::npos || text[brace] != '{') return false;
  const std::size_t next = text.find_first_not_of(kSpaces, brace + 1);
  return next != std::string_view::npos && (text[next] == '"' || text[next] == '}');
}

ShardedIndex read_sharded_index(const std::shared_ptr<const MappedFile>& file) {
  if (file->bytes().size() > kMaxIndexBytes) {
    throw FileError(
        file->path().string(), "",
        fmt::format("{} bytes are too many for an index, at most {} are read", file->bytes().size(), kMaxIndexBytes));
  }
  IndexEvents events(*file);
  read_json(*file, "", text_of(*file), kDeepestJson, events);
  return events.take();
}

}  // namespace sigmax::io
