// One way into every checkpoint format: named tensors, read lazily, from untrusted files.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "sigmax/io/entry.hpp"

namespace sigmax::io {

struct OpenOptions {
  /// Which tensors' values are compared where a directory holds them as safetensors and as PyTorch files; empty: all.
  /// It is asked once for each, and may throw to stop.
  std::function<bool(const std::string& name)> compares;
};

/// Opens one or more files, a directory, or an index file (`*.index.json`) as one checkpoint.
///
/// The format is found from the content, never from the extension. A directory stands for its index file if it holds
/// one, for its shards if it holds the .metadata of torch.distributed.checkpoint, otherwise for every file in it (not
/// below it) whose content is a known format. Nothing in a file is ever executed. Every length, offset, count and depth
/// is checked before use. Files that say by name or metadata that each holds one process's part of the weights are
/// refused.
///
/// Of a directory with one model as safetensors and as PyTorch files, tensors of the same name and shape are compared
/// (io/copies.hpp): what is the same bit for bit is there once. Cost: one read of both, as far as they are the same.
///
/// What is odd does not keep the rest from being read: an element of unknown type and a tensor that an index lists and
/// no shard holds have entries with `unreadable`; notes name archives in a folder that are none of a checkpoint's, and
/// what a header has that its format has not.
///
/// Throws FileError naming the file, the place and the problem if a file does not exist, is of no known format, or is
/// malformed; Error if `paths` is empty. Here and in load(), FileError too if a file is truncated or written to while
/// it is read (MappedFile::check_intact); whoever computes on a tensor asks that once more afterwards
/// (io/bytes/intact.hpp).
Checkpoint open_checkpoint(const std::vector<std::filesystem::path>& paths, const OpenOptions& options = {});
Checkpoint open_checkpoint(const std::filesystem::path& path, const OpenOptions& options = {});

/// The formats that open_checkpoint reads, one a name, as `--version` prints them.
std::vector<std::string> known_formats();

}  // namespace sigmax::io
