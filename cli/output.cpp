#include "cli/output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "sigmax/core/error.hpp"

namespace sigmax::cli {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, std::string_view action, int error) {
  throw FileError(path.string(), "", std::string(action) + ": " + std::strerror(error));
}

void write_all(int descriptor, const fs::path& path, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "cannot write", errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// A file that is removed again unless it is renamed to where it belongs.
class Temporary {
 public:
  explicit Temporary(const fs::path& target) : target_(target) {
    // Exclusive creation: a name that exists already, a planted link among them, is never opened.
    for (int attempt = 0; descriptor_ < 0 && attempt < 100; ++attempt) {
      path_ = (target.parent_path() / fmt::format(".sigmax-{}-{}", ::getpid(), attempt)).string();
      descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
      if (descriptor_ < 0 && errno != EEXIST) break;
    }
    if (descriptor_ < 0) fail(target, "cannot create a file in its folder", errno);
  }

  ~Temporary() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  void write(std::string_view content) {
    write_all(descriptor_, target_, content);
    ::fchmod(descriptor_, mode());
    if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) fail(target_, "cannot write", errno);
    const int descriptor = descriptor_;
    descriptor_ = -1;
    if (::close(descriptor) != 0) fail(target_, "cannot write", errno);
  }

  void rename() {
    if (::rename(path_.c_str(), target_.c_str()) != 0) fail(target_, "cannot replace", errno);
    path_.clear();
  }

 private:
  // The mode that open() would have given the file, or that of the file which is replaced.
  mode_t mode() const {
    struct stat status {};
    if (::stat(target_.c_str(), &status) == 0) return status.st_mode & 07777;
    const mode_t mask = ::umask(0);
    ::umask(mask);
    return 0666 & ~mask;
  }

  fs::path target_;
  std::string path_;
  int descriptor_ = -1;
};

fs::path resolved(const fs::path& path) {
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  const fs::path target = fs::weakly_canonical(path, error);
  return error ? path : target;
}

}  // namespace

void check_writable(const fs::path& path, const std::vector<fs::path>& inputs) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) throw FileError(path.string(), "", "is a directory; name a file for the report");
  for (const fs::path& input : inputs) {
    if (fs::equivalent(path, input, error)) {
      throw FileError(path.string(), "", "is one of the files to be read; a report would overwrite it");
    }
  }
  if (fs::exists(status) && !fs::is_regular_file(status)) return;
  fs::path folder = resolved(path).parent_path();
  if (folder.empty()) folder = ".";
  if (::access(folder.c_str(), W_OK | X_OK) != 0) fail(path, "cannot create a file in its folder", errno);
}

void write_file(const fs::path& path, std::string_view content) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) fail(path, "cannot open for writing", errno);
    try {
      write_all(descriptor, path, content);
    } catch (...) {
      ::close(descriptor);
      throw;
    }
    ::close(descriptor);
    return;
  }
  Temporary temporary(resolved(path));
  temporary.write(content);
  temporary.rename();
}

}  // namespace sigmax::cli
