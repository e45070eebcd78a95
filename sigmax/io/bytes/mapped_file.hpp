// A read-only memory mapping of a regular file.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/io/bytes/mapping_faults.hpp"

namespace sigmax::io {

/// A whole file mapped read-only. Every Tensor that points into it keeps it alive by a shared_ptr.
///
/// If a file is truncated while it is mapped, the next read behind its new end ends the process, unless
/// handle_mapping_faults() was called. Values read from a file that may have changed can be trusted only after
/// check_intact().
class MappedFile : public std::enable_shared_from_this<MappedFile> {
 public:
  /// Maps `path`. Throws FileError if it does not exist, is not a regular file or cannot be mapped. An empty file gives
  /// an empty span.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);

  /// Maps the file that `descriptor` has open for reading; messages and check_intact() use the name `path`. The caller
  /// keeps the descriptor. Throws FileError as open() does.
  static std::shared_ptr<const MappedFile> of_descriptor(int descriptor, const std::filesystem::path& path);

  /// The same interface to bytes in memory (for tests and fuzz targets); `path` is only used in messages.
  static std::shared_ptr<const MappedFile> from_bytes(std::filesystem::path path, std::vector<std::byte> bytes);

  /// The bytes [offset, offset + length) as a separate file with the same path. It shares this file's mapping and keeps
  /// it alive; nothing is copied. Throws FileError if the range is outside the file.
  std::shared_ptr<const MappedFile> subfile(std::size_t offset, std::size_t length) const;

  /// The existing MappedFile whose mapping holds this address, if there is one.
  static std::shared_ptr<const MappedFile> holding(const std::byte* address);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const std::filesystem::path& path() const noexcept { return path_; }
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

  /// Path of the file when it was opened, free of symbolic links; empty for bytes in memory, and where the system does
  /// not say.
  const std::filesystem::path& real_path() const noexcept { return real_path_; }

  /// Throws FileError if bytes() are not what they were when the file was mapped: the file was truncated or written to
  /// since, or a part of it could not be read (handle_mapping_faults). A file that was replaced by another one is
  /// intact, since its mapping is. Bytes in memory always are. Cost: one query of the file's status.
  void check_intact() const;

  /// A handle for the bytes [offset, offset + length) that keeps the mapping alive. When the last copy is released, the
  /// pages that lie wholly inside the range are given back to the system, so that a program that reads one tensor after
  /// another needs memory for the largest tensor, not for the file. Throws FileError if the range is outside the file.
  std::shared_ptr<const void> region(std::size_t offset, std::size_t length) const;

 private:
  /// Tells whether a file is still the one that was mapped, and unchanged.
  struct Identity {
    dev_t device = 0;
    ino_t node = 0;
    std::int64_t modified_seconds = 0;
    std::int64_t modified_nanoseconds = 0;
  };

  explicit MappedFile(std::filesystem::path path) : path_(std::move(path)) {}

  void check_range(std::size_t offset, std::size_t length) const;

  std::filesystem::path path_;
  std::filesystem::path real_path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  Identity identity_;
  std::optional<WatchedMapping> watched_;  // if this file has a mapping of its own
  std::vector<std::byte> owned_;
  std::shared_ptr<const MappedFile> parent_;  // for a subfile: the file whose mapping it shares
};

}  // namespace sigmax::io
