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

/// A whole file mapped read-only. Kept alive by shared_ptr from every Tensor that points into it.
///
/// A file that is truncated while it is mapped ends the process on the next read behind its new end, unless
/// handle_mapping_faults() was called. What was read of a file that may have changed is to be believed only after
/// check_intact().
class MappedFile : public std::enable_shared_from_this<MappedFile> {
 public:
  /// Maps `path`. Throws FileError if it does not exist, is not a regular file or cannot be mapped. An empty file gives
  /// an empty span.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);

  /// Maps the file that `descriptor` is open on, for reading; `path` names it in messages and to check_intact(). The
  /// descriptor stays the caller's. Throws FileError as open().
  static std::shared_ptr<const MappedFile> of_descriptor(int descriptor, const std::filesystem::path& path);

  /// The same interface over bytes in memory (tests and fuzz targets); `path` is only used in messages.
  static std::shared_ptr<const MappedFile> from_bytes(std::filesystem::path path, std::vector<std::byte> bytes);

  /// The bytes [offset, offset + length) as a file of their own, under the same path, sharing and keeping alive this
  /// one's mapping: nothing is copied. Throws FileError if the range is outside the file.
  std::shared_ptr<const MappedFile> subfile(std::size_t offset, std::size_t length) const;

  /// The living MappedFile whose mapping holds this address, if there is one.
  static std::shared_ptr<const MappedFile> holding(const std::byte* address);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const std::filesystem::path& path() const noexcept { return path_; }
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

  /// Where the file was when it was opened, free of symbolic links; empty for bytes in memory, and where the system
  /// does not say.
  const std::filesystem::path& real_path() const noexcept { return real_path_; }

  /// Throws FileError unless bytes() are what they were when the file was mapped: if it was truncated or written to
  /// since, or a part of it could not be read (handle_mapping_faults). A file that another one took the place of is
  /// intact, since its mapping is. Bytes in memory always are. Cost: one look at the file's status.
  void check_intact() const;

  /// A handle for the bytes [offset, offset + length) that keeps the mapping alive. When the last copy is released the
  /// pages that lie wholly inside the range are given back to the system, so that a program that reads one tensor
  /// after another stays within the largest tensor, not the file. Throws FileError if the range is outside the file.
  std::shared_ptr<const void> region(std::size_t offset, std::size_t length) const;

 private:
  /// What tells whether a file is still the one that was mapped, and as it was.
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
  std::optional<WatchedMapping> watched_;  // if data_ is a mapping of its own
  std::vector<std::byte> owned_;
  std::shared_ptr<const MappedFile> parent_;  // of a subfile: the file whose mapping this one is a part of
};

}  // namespace sigmax::io
