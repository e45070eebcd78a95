#include "sigmax/io/mapped_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sigmax/core/error.hpp"

namespace sigmax::io {
namespace {

struct FileDescriptor {
  int value;
  ~FileDescriptor() {
    if (value >= 0) ::close(value);
  }
};

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path, bool follow_links) {
  // O_NONBLOCK: opening a FIFO that somebody named like a model must not hang before fstat can refuse it.
  const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (follow_links ? 0 : O_NOFOLLOW);
  const FileDescriptor file{::open(path.c_str(), flags)};
  if (file.value < 0) throw FileError(path.string(), "", std::strerror(errno));
  struct stat status {};
  if (::fstat(file.value, &status) != 0) throw FileError(path.string(), "", std::strerror(errno));
  if (!S_ISREG(status.st_mode)) throw FileError(path.string(), "", "not a regular file");

  std::shared_ptr<MappedFile> mapped(new MappedFile(path));
  mapped->size_ = static_cast<std::size_t>(status.st_size);
  if (mapped->size_ > 0) {
    void* address = ::mmap(nullptr, mapped->size_, PROT_READ, MAP_PRIVATE, file.value, 0);
    if (address == MAP_FAILED) {
      throw FileError(path.string(), "", fmt::format("cannot be mapped: {}", std::strerror(errno)));
    }
    mapped->data_ = static_cast<const std::byte*>(address);
  }
  return mapped;
}

std::shared_ptr<const MappedFile> MappedFile::from_bytes(std::filesystem::path path, std::vector<std::byte> bytes) {
  std::shared_ptr<MappedFile> file(new MappedFile(std::move(path)));
  file->owned_ = std::move(bytes);
  file->data_ = file->owned_.data();
  file->size_ = file->owned_.size();
  return file;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr && owned_.empty() && !parent_) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::check_range(std::size_t offset, std::size_t length) const {
  if (offset > size_ || length > size_ - offset) {
    throw FileError(path_.string(), fmt::format("byte {}", offset),
                    fmt::format("{} bytes reach past the end of the file ({} bytes)", length, size_));
  }
}

std::shared_ptr<const MappedFile> MappedFile::subfile(std::size_t offset, std::size_t length) const {
  check_range(offset, length);
  std::shared_ptr<MappedFile> part(new MappedFile(path_));
  part->data_ = data_ + offset;
  part->size_ = length;
  part->parent_ = shared_from_this();
  return part;
}

std::shared_ptr<const void> MappedFile::region(std::size_t offset, std::size_t length) const {
  check_range(offset, length);
  // Pages are those of the whole mapping, whose start alone is known to lie on a page.
  if (parent_) return parent_->region(static_cast<std::size_t>(data_ - parent_->data_) + offset, length);
  auto self = shared_from_this();
  return {data_ + offset, [self, offset, length](const void*) {
            if (!self->owned_.empty()) return;
            const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
            const std::size_t first = (offset + page - 1) / page * page;
            const std::size_t last = (offset + length) / page * page;
            // Failure is harmless: the pages stay resident until the file is unmapped.
            if (last > first) ::madvise(const_cast<std::byte*>(self->data_ + first), last - first, MADV_DONTNEED);
          }};
}

}  // namespace sigmax::io
