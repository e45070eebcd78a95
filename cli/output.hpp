// Report files: written whole or not at all.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace sigmax::cli {

/// Throws FileError if a report could not be written to `path`: before the hours of work, not after them. Refuses a
/// directory, a folder that does not exist or cannot be written to, and a path that is one of `inputs`.
void check_writable(const std::filesystem::path& path, const std::vector<std::filesystem::path>& inputs);

/// Replaces the file at `path` by `content` in one step: a temporary file beside it is written, synchronised and
/// renamed, so that a reader sees the old report or the new one. A symbolic link's target is replaced, not the link;
/// the mode of an existing file is kept; a device or pipe is written to as it is. Throws FileError, and leaves what was
/// there.
void write_file(const std::filesystem::path& path, std::string_view content);

}  // namespace sigmax::cli
