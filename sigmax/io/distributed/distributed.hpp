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

/// Reads the folder that `metadata` (its .metadata file) lies in: every tensor whole, under its own name, whatever
/// processes its chunks were cut for. A shard holds archives of torch.save one after another, one a chunk; each is
/// looked at here, and its values are read by load().
///
/// A tensor of one chunk is a window of its shard; several are copied together. A tensor whose chunks are stored
/// through a transform (compression, say), or in a way that read_pytorch_archive lists as unreadable, is listed with
/// that reason. Tensors inside pickled objects are listed behind the others. Bytes of a shard that .metadata does not
/// name are told in a note.
///
/// Throws FileError as read_distributed_metadata does; if a shard is missing, a chunk lies outside of it or overlaps
/// another; and if a chunk's archive is malformed or holds anything but one tensor of the type and sizes promised.
DistributedCheckpoint read_distributed(const std::shared_ptr<const MappedFile>& metadata);

/// Gives the shard of a relative name, or null if there is none.
using OpenShard = std::function<std::shared_ptr<const MappedFile>(const std::string& name)>;

/// The same with shards of the caller's: tests and fuzz targets have none in a folder.
DistributedCheckpoint read_distributed(const std::shared_ptr<const MappedFile>& metadata, const OpenShard& open);

}  // namespace sigmax::io
