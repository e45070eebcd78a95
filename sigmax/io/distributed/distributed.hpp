// Checkpoints of torch.distributed.checkpoint: a folder of shards (.distcp) and the .metadata that describes them.
// Internal to io/.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/entry.hpp"

namespace sigmax::io {

/// What a folder of shards holds. Every entry names its own file.
struct DistributedCheckpoint {
  std::vector<Entry> entries;
  std::vector<SourceFile> files;
  std::vector<std::string> notes;
};

/// Reads the folder that `metadata` (its .metadata file) lies in: every tensor whole and under its own name, whatever
/// processes its chunks were cut for. A shard holds archives of torch.save one after another, one per chunk. Each
/// archive is examined here; load() reads its values.
///
/// A tensor of one chunk is a window into its shard; several chunks are copied together. A tensor is listed as
/// unreadable, with the reason, if its chunks are stored through a transform (compression, for example) or in a way
/// that read_pytorch_archive lists as unreadable. Tensors inside pickled objects are listed after the others. A note
/// reports bytes of a shard that .metadata does not name.
///
/// Throws FileError as read_distributed_metadata does; if a shard is missing, or a chunk lies outside its shard or
/// overlaps another; and if a chunk's archive is malformed or holds anything but one tensor of the type and sizes
/// promised.
DistributedCheckpoint read_distributed(const std::shared_ptr<const MappedFile>& metadata);

/// Returns the shard with this relative name, or null if there is none.
using OpenShard = std::function<std::shared_ptr<const MappedFile>(const std::string& name)>;

/// As above, with shards that the caller supplies: tests and fuzz targets do not keep them in a folder.
DistributedCheckpoint read_distributed(const std::shared_ptr<const MappedFile>& metadata, const OpenShard& open);

}  // namespace sigmax::io
