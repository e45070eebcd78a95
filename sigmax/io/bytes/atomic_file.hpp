// Output files: written whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sigmax::io {

/// A file under construction that takes the place of `path` in one step.
///
/// Bytes go to a temporary file in the same folder; commit() synchronizes it with the disk and renames it, so that a
/// reader sees the old file or the new one. Without a commit, whatever the reason (a full disk, a cancellation, an
/// exception between two writes), the temporary file is removed and what was there stays. A new file has the mode that
/// the umask leaves; a replaced file keeps its own. A symbolic link's target is replaced, not the link. A device or a
/// pipe is written to directly.
///
/// All members except the destructor throw FileError, which names `path`.
class AtomicFile {
 public:
  /// Throws if `path` is a directory or its folder does not allow a file to be created.
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view bytes);

  /// Nothing may be written after this.
  void commit();

 private:
  void open_temporary();

  std::filesystem::path path_;    // as given, for messages
  std::filesystem::path target_;  // the file at the end of a chain of links
  std::string temporary_;         // empty for a device and after the rename
  int descriptor_ = -1;
};

/// Throws FileError if a file could not be written to `path`, so that hours of work do not end in that error. Refuses a
/// directory, a folder that does not exist or cannot be written to, and a path that is one of `inputs`.
void check_writable(const std::filesystem::path& path, const std::vector<std::filesystem::path>& inputs);

/// Replaces the file at `path` with `content`, as AtomicFile does.
void write_file(const std::filesystem::path& path, std::string_view content);

}  // namespace sigmax::io
