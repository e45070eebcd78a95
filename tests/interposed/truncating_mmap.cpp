// Preloaded into the command: truncates a file while the command reads it, at a deterministic moment.
//
// SIGMAX_TRUNCATE=NAME:BYTES:LOOKS gives the file by the end of its path, the number of bytes that are left, and the
// moment: as soon as the file is mapped (LOOKS 0), or after the command has read its status LOOKS times since then.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

namespace {

std::atomic<bool> is_mapped{false};
std::atomic<long> looks{0};

// Part number `index` of the colon-separated SIGMAX_TRUNCATE, counted from 0.
std::string part(int index) {
  const char* const order = std::getenv("SIGMAX_TRUNCATE");
  std::string text = order == nullptr ? "" : order;
  for (; index > 0; --index) text.erase(0, text.find(':') + 1);
  return text.substr(0, text.find(':'));
}

bool is_meant(const std::string& path) { return !part(0).empty() && path.ends_with(part(0)); }

void truncate_it(const std::string& path) { static_cast<void>(!::truncate(path.c_str(), std::stol(part(1)))); }

void note_mapping(int file) {
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  std::string path(4096, '\0');
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  if (size < 0) return;
  path.resize(static_cast<std::size_t>(size));
  if (!is_meant(path)) return;
  is_mapped = true;
  if (std::stol(part(2)) == 0) truncate_it(path);
}

}  // namespace

extern "C" void* mmap(void* address, std::size_t length, int protection, int flags, int file, off_t offset) noexcept {
  void* const mapped = reinterpret_cast<void*>(::syscall(SYS_mmap, address, length, protection, flags, file, offset));
  if (mapped != MAP_FAILED && file >= 0) note_mapping(file);
  return mapped;
}

extern "C" void* mmap64(void* address, std::size_t length, int protection, int flags, int file, off_t offset) noexcept {
  return mmap(address, length, protection, flags, file, offset);
}

extern "C" int stat(const char* path, struct stat* status) noexcept {
  const int result = ::fstatat(AT_FDCWD, path, status, 0);
  if (is_mapped && is_meant(path) && ++looks == std::stol(part(2))) truncate_it(path);
  return result;
}
