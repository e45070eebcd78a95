#include "sigmax/io/bytes/file_descriptor.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <system_error>

namespace sigmax::io {

FileDescriptor::~FileDescriptor() {
  if (value_ >= 0) ::close(value_);
}

std::filesystem::path path_of_descriptor(int descriptor) { return fmt::format("/proc/self/fd/{}", descriptor); }

std::filesystem::path real_path_of(int descriptor) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::read_symlink(path_of_descriptor(descriptor), error);
  return error || !path.is_absolute() ? std::filesystem::path() : path;
}

}  // namespace sigmax::io
