#include "sigmax/io/bytes/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "sigmax/core/error.hpp"

namespace sigmax::io {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, std::string_view action, int error) {
  throw FileError(path.string(), "", std::string(action) + ": " + std::strerror(error));
}

// The file at the end of a chain of links; it need not exist.
fs::path resolved(const fs::path& path) {
  constexpr int kMostLinks = 40;
  fs::path target = path;
  for (int links = 0; links < kMostLinks; ++links) {
    std::error_code error;
    const fs::path link = fs::read_symlink(target, error);
    if (error) return target;
    target = target.parent_path() / link;
  }
  fail(path, "cannot follow the link", ELOOP);
}

void refuse_folder(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) throw FileError(path.string(), "", "is a directory; name a file");
  if (path.filename().empty()) throw FileError(path.string(), "", "is not a file name");
}

bool is_device(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  return fs::exists(status) && !fs::is_regular_file(status);
}

}  // namespace

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  refuse_folder(path_);
  if (is_device(path_)) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) fail(path_, "cannot open for writing", errno);
    return;
  }
  target_ = resolved(path_);
  open_temporary();
}

// Created exclusively, so that an existing name, such as a planted link, is never opened. A new file gets its mode from
// the umask at once; a file that will take the mode of the one it replaces stays private until then.
void AtomicFile::open_temporary() {
  constexpr int kMostAttempts = 100;
  struct stat status {};
  const mode_t mode = ::stat(target_.c_str(), &status) == 0 ? 0600 : 0666;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    std::string name = (target_.parent_path() / fmt::format(".sigmax-{}-{}", ::getpid(), attempt)).string();
    descriptor_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor_ >= 0) {
      temporary_ = std::move(name);
      return;
    }
    if (errno != EEXIST) break;
  }
  fail(path_, "cannot create a file in its folder", errno);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path_, "cannot write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::write(std::string_view bytes) { write(std::as_bytes(std::span(bytes))); }

void AtomicFile::commit() {
  if (!temporary_.empty()) {
    struct stat status {};
    if (::stat(target_.c_str(), &status) == 0) ::fchmod(descriptor_, status.st_mode & 07777);
    // Not every file system can synchronize.
    if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) fail(path_, "cannot write", errno);
  }
  const int descriptor = std::exchange(descriptor_, -1);
  if (::close(descriptor) != 0) fail(path_, "cannot write", errno);
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail(path_, "cannot replace", errno);
  temporary_.clear();
}

void check_writable(const fs::path& path, const std::vector<fs::path>& inputs) {
  refuse_folder(path);
  std::error_code ignored;
  for (const fs::path& input : inputs) {
    if (fs::equivalent(path, input, ignored)) {
      throw FileError(path.string(), "", "is one of the files to be read, which it would overwrite");
    }
  }
  if (is_device(path)) return;
  fs::path folder = resolved(path).parent_path();
  if (folder.empty()) folder = ".";
  if (::access(folder.c_str(), W_OK | X_OK) != 0) fail(path, "cannot create a file in its folder", errno);
}

void write_file(const fs::path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content);
  file.commit();
}

}  // namespace sigmax::io
