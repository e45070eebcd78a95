// Files that are parts of one model, recognized by their names and by the indices next to them. Internal to io/.
#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/io/entry.hpp"

namespace sigmax::io {

/// The names that are missing of files that call themselves parts of a whole, `model-00002-of-00003.safetensors` or
/// `model_part_1_of_2.bin`, counted from 1, or from 0 where there is one of that number; of each whole no more than
/// kMostMissing.
std::vector<std::string> missing_shards(const std::vector<std::string>& names);
inline constexpr std::size_t kMostMissing = 8;

/// The usual name of the index that names this shard and its siblings: `model.safetensors.index.json` for
/// `model-00002-of-00003.safetensors`; empty for a name that is not a shard's.
std::string index_name_of(std::string_view shard);

/// True of an index of shards: `*.index.json` that says weight_map. Other programs have indices as well.
bool is_index(const std::filesystem::path& path);

/// Collects the files that were read, to find parts of the same model that were not.
class ModelParts {
 public:
  /// A file that was read. `for_itself`: it was named or found in a folder, so it may be part of a larger model. Files
  /// that an index lists are complete with it.
  void add(const std::filesystem::path& file, bool for_itself);

  /// As add(), for a file that the user named: the siblings that its name counts are expected too.
  void add_named(const std::filesystem::path& file);

  /// The siblings that were not read count as unread, with a note that names the way out: those that an index next to
  /// the file, or in the folder above it, lists with it, and those that its name counts. A symbolic link stands for
  /// what it leads to. An index that cannot be read tells nothing.
  void note_missing(Checkpoint& checkpoint) const;

 private:
  void note_listed(Checkpoint& checkpoint, const std::filesystem::path& index) const;
  void note_counted(Checkpoint& checkpoint, const std::filesystem::path& folder) const;

  std::set<std::filesystem::path> read_, alone_, named_;
};

}  // namespace sigmax::io
