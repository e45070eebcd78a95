#include "sigmax/io/bytes/mapped_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/file_descriptor.hpp"

namespace sigmax::io {
namespace {

// Every file that has a mapping of its own, by the address at which the mapping begins.
struct Mappings {
  std::mutex mutex;
  std::map<const std::byte*, const MappedFile*> files;
};

// Never destroyed: a mapping may outlive every static object.
Mappings& mappings() {
  static Mappings* const instance = new Mappings;
  return *instance;
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a FIFO that is named like a model must not hang before fstat can refuse it.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.value() < 0) throw FileError(path.string(), "", std::strerror(errno));
  return of_descriptor(file.value(), path);
}

std::shared_ptr<const MappedFile> MappedFile::of_descriptor(int descriptor, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw FileError(path.string(), "", std::strerror(errno));
  if (!S_ISREG(status.st_mode)) throw FileError(path.string(), "", "not a regular file");

  std::shared_ptr<MappedFile> mapped(new MappedFile(path));
  mapped->real_path_ = real_path_of(descriptor);
  mapped->identity_ = {status.st_dev, status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return mapped;
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (address == MAP_FAILED) {
    throw FileError(path.string(), "", fmt::format("cannot be mapped: {}", std::strerror(errno)));
  }
  mapped->data_ = static_cast<const std::byte*>(address);
  mapped->size_ = size;
  mapped->watched_.emplace(mapped->data_, size);
  const std::scoped_lock lock(mappings().mutex);
  mappings().files.emplace(mapped->data_, mapped.get());
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
  if (data_ == nullptr || !owned_.empty() || parent_) return;
  {
    const std::scoped_lock lock(mappings().mutex);
    mappings().files.erase(data_);
  }
  watched_.reset();
  ::munmap(const_cast<std::byte*>(data_), size_);
}

std::shared_ptr<const MappedFile> MappedFile::holding(const std::byte* address) {
  const std::scoped_lock lock(mappings().mutex);
  auto after = mappings().files.upper_bound(address);
  if (after == mappings().files.begin()) return nullptr;
  const MappedFile& file = *std::prev(after)->second;
  return address < file.data_ + file.size_ ? file.weak_from_this().lock() : nullptr;
}

void MappedFile::check_intact() const {
  if (parent_) return parent_->check_intact();
  if (!watched_) return;
  const bool broken = watched_->is_broken();
  struct stat now {};
  const bool same = ::stat(path_.c_str(), &now) == 0 && now.st_dev == identity_.device && now.st_ino == identity_.node;
  const auto size = static_cast<std::uint64_t>(same ? now.st_size : 0);
  const auto refuse = [this](const std::string& problem) {
    throw FileError(path_.string(), "", problem + "; read it again when nothing writes to it");
  };
  if (same && size < size_) {
    refuse(fmt::format("was truncated while it was read: it had {} bytes and has {}", size_, size));
  }
  if (same &&
      (now.st_mtim.tv_sec != identity_.modified_seconds || now.st_mtim.tv_nsec != identity_.modified_nanoseconds)) {
    refuse("was written to while it was read");
  }
  if (broken) refuse("could not be read to its end: it was truncated, or its disk or server failed");
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
  // Pages are those of the whole mapping: only its start is known to lie on a page boundary.
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
