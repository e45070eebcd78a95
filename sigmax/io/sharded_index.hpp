// The index of a checkpoint with several files: `*.index.json` with its `weight_map`. Internal to io/.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io {

/// The names of the tensors of each shard, sorted; shards sorted by name. A shard's name is a path below the index's
/// folder, as companion_path() gives it (io/bytes/companion_file.hpp).
using ShardedIndex = std::map<std::string, std::vector<std::string>>;

/// True if the file's first characters are those of a JSON object, with or without a byte order mark.
bool looks_like_json_object(const MappedFile& file) noexcept;

/// Reads the index. Keys other than `weight_map` are skipped. Throws FileError if it is longer than 100 MB, is not
/// JSON, has no `weight_map` of tensor names to file names, names a tensor twice, or names a shard that does not lie in
/// its own folder or below: an index may not refer to other files.
ShardedIndex read_sharded_index(const std::shared_ptr<const MappedFile>& file);

}  // namespace sigmax::io
