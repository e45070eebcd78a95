#include "sigmax/io/bytes/companion_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/file_descriptor.hpp"

namespace sigmax::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxLocation = 4096;

[[noreturn]] void refuse(const MappedFile& model, std::string problem) {
  throw FileError(model.path().string(), "", std::move(problem));
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool is_below(const fs::path& file, const fs::path& folder) {
  const auto [in_folder, in_file] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  return in_folder == folder.end() && in_file != file.end();
}

// `cache/models--NAME/blobs` for a folder `cache/models--NAME/snapshots/REVISION/...`; otherwise empty.
fs::path blobs_of(fs::path folder) {
  for (; folder.has_relative_path(); folder = folder.parent_path()) {
    if (folder.filename() != "snapshots") continue;
    const std::string repository = folder.parent_path().filename().string();
    for (const char* kind : {"models--", "datasets--", "spaces--"}) {
      if (repository.starts_with(kind)) return folder.parent_path() / "blobs";
    }
  }
  return {};
}

bool may_lie_at(const fs::path& file, const fs::path& named_folder, const fs::path& real_model) {
  std::vector<fs::path> folders = {named_folder};
  if (!real_model.empty()) folders.push_back(real_model.parent_path());
  for (std::size_t i = folders.size(); i-- > 0;) folders.push_back(blobs_of(folders[i]));
  return std::any_of(folders.begin(), folders.end(),
                     [&file](const fs::path& folder) { return !folder.empty() && is_below(file, folder); });
}

}  // namespace

fs::path companion_path(const MappedFile& model, std::string_view location) {
  if (location.empty() || location.size() > kMaxLocation) refuse(model, "is not a file name");
  if (std::any_of(location.begin(), location.end(), [](char c) { return c == '\\' || is_control(c); })) {
    refuse(model, "has a backslash, NUL or another control character; give a path with '/'");
  }
  const fs::path relative(location);
  if (relative.is_absolute()) refuse(model, "is absolute; it must lie in the model's folder");
  fs::path path;
  for (const fs::path& component : relative) {
    if (component == "..") refuse(model, "has '..'; it must lie in the model's folder");
    if (!component.empty() && component != ".") path /= component;
  }
  if (path.empty()) refuse(model, "is not a file name");
  return path;
}

bool lies_in_model(const MappedFile& file, const fs::path& folder) {
  std::error_code error;
  if (file.real_path().empty()) return !fs::is_symlink(file.path(), error) && !error;
  const fs::path real_folder = fs::canonical(folder, error);
  if (error) return false;
  if (may_lie_at(file.real_path(), real_folder, {})) return true;
  const fs::path blobs = fs::canonical(folder / "config.json", error).parent_path();
  return !error && blobs.filename() == "blobs" && blobs.parent_path().filename().string().starts_with("models--") &&
         is_below(file.real_path(), blobs);
}

std::shared_ptr<const MappedFile> open_companion(const MappedFile& model, std::string_view location) {
  const fs::path path = companion_path(model, location);
  const fs::path folder = model.path().parent_path();
  const fs::path shown = folder / path;
  const auto missing = [&] { refuse(model, fmt::format("is missing: there is no '{}'", shown.string())); };
  const FileDescriptor root(::open(folder.empty() ? "." : folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root.value() < 0) missing();
  // O_PATH finds the file without doing anything to it, whatever it is, until it is known to be a file that may be
  // read.
  const FileDescriptor found(::openat(root.value(), path.c_str(), O_PATH | O_CLOEXEC));
  if (found.value() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) missing();
    refuse(model, fmt::format("cannot be read: {}", std::strerror(errno)));
  }
  struct stat status {};
  if (::fstat(found.value(), &status) != 0) refuse(model, fmt::format("cannot be read: {}", std::strerror(errno)));
  if (!S_ISREG(status.st_mode)) refuse(model, "is not a regular file");
  const fs::path real = real_path_of(found.value());
  const fs::path real_folder = real_path_of(root.value());
  if (real.empty() || real_folder.empty()) {
    refuse(model, "cannot be read: its real location is not known without /proc; mount it");
  }
  if (!may_lie_at(real, real_folder, model.real_path())) {
    refuse(model, fmt::format("is a symbolic link that leads out of the model's folder, to '{}'; put the file itself "
                              "into the model's folder",
                              real.string()));
  }
  const FileDescriptor file(::open(path_of_descriptor(found.value()).c_str(), O_RDONLY | O_CLOEXEC));
  if (file.value() < 0) refuse(model, fmt::format("cannot be read: {}", std::strerror(errno)));
  return MappedFile::of_descriptor(file.value(), shown);
}

}  // namespace sigmax::io
