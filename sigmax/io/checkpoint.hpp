// One way into every checkpoint format: named tensors, read lazily, from untrusted files.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "sigmax/io/entry.hpp"

namespace sigmax::io {

struct OpenOptions {
  /// Selects the tensors whose values are compared where a directory holds them both as safetensors and as PyTorch
  /// files; an empty function selects all. Called once for each, and may throw to stop.
  std::function<bool(const std::string& name)> compares;
};

/// Opens one or more files, a directory, or an index file (`*.index.json`) as one checkpoint.
///
/// The format is found from the content, never from the extension. If a directory holds an index file, that file is
/// read; if it holds the .metadata of torch.distributed.checkpoint, its shards; otherwise every file in it (not below
/// it) whose content is a known format. Nothing in a file is ever executed. Every length, offset, count and depth is
/// checked before use. Files are refused if their name or metadata says that each holds one process's part of the
/// weights.
///
/// If a directory holds one model both as safetensors and as PyTorch files, tensors of the same name and shape are
/// compared (io/copies.hpp), and tensors that are equal bit for bit are listed once. Cost: one read of both, as far as
/// they are equal.
///
/// Odd parts do not keep the rest from being read: an element of unknown type, and a tensor that an index lists and no
/// shard holds, have entries with `unreadable`; notes name archives in a folder that do not belong to a checkpoint, and
/// parts of a header that its format does not have.
///
/// Throws FileError naming the file, the place and the problem if a file does not exist, has no known format, or is
/// malformed; Error if `paths` is empty. Here and in load(), also throws FileError if a file is truncated or written to
/// while it is read (MappedFile::check_intact); code that computes on a tensor must check that once more afterwards
/// (io/bytes/intact.hpp).
Checkpoint open_checkpoint(const std::vector<std::filesystem::path>& paths, const OpenOptions& options = {});
Checkpoint open_checkpoint(const std::filesystem::path& path, const OpenOptions& options = {});

/// The formats that open_checkpoint reads, one per name, as `--version` prints them.
std::vector<std::string> known_formats();

}  // namespace sigmax::io
