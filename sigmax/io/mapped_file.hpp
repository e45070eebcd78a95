// A read-only memory mapping of a regular file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace sigmax::io {

/// A whole file mapped read-only. Kept alive by shared_ptr from every Tensor that points into it.
///
/// The file must not be truncated while it is mapped: no portable program can survive that.
class MappedFile : public std::enable_shared_from_this<MappedFile> {
 public:
  /// Maps `path`. Throws FileError if it does not exist, is not a regular file or cannot be mapped. An empty file gives
  /// an empty span. With `follow_links` false a symbolic link as the last component is refused.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path, bool follow_links = true);

  /// The same interface over bytes in memory (tests and fuzz targets); `path` is only used in messages.
  static std::shared_ptr<const MappedFile> from_bytes(std::filesystem::path path, std::vector<std::byte> bytes);

  /// The bytes [offset, offset + length) as a file of their own, under the same path, sharing and keeping alive this
  /// one's mapping: nothing is copied. Throws FileError if the range is outside the file.
  std::shared_ptr<const MappedFile> subfile(std::size_t offset, std::size_t length) const;

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const std::filesystem::path& path() const noexcept { return path_; }
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

  /// A handle for the bytes [offset, offset + length) that keeps the mapping alive. When the last copy is released the
  /// pages that lie wholly inside the range are given back to the system, so that a program that reads one tensor
  /// after another stays within the largest tensor, not the file. Throws FileError if the range is outside the file.
  std::shared_ptr<const void> region(std::size_t offset, std::size_t length) const;

 private:
  explicit MappedFile(std::filesystem::path path) : path_(std::move(path)) {}

  void check_range(std::size_t offset, std::size_t length) const;

  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::vector<std::byte> owned_;
  std::shared_ptr<const MappedFile> parent_;  // of a subfile: the file whose mapping this one is a part of
};

}  // namespace sigmax::io
