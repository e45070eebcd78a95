// A file descriptor that closes itself, and the path of the file that it has open. Internal to io/.
#pragma once

#include <filesystem>

namespace sigmax::io {

/// Owns an open file; a negative value means none.
class FileDescriptor {
 public:
  explicit FileDescriptor(int value) : value_(value) {}
  ~FileDescriptor();
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int value() const noexcept { return value_; }

 private:
  int value_;
};

/// The descriptor's entry in the system's own table of this process's open files (/proc/self/fd). Unlike any path that
/// was given, it names the file that is open, whatever names and links have become since.
std::filesystem::path path_of_descriptor(int descriptor);

/// The path of the open file, absolute and free of symbolic links; empty where /proc is not mounted.
std::filesystem::path real_path_of(int descriptor);

}  // namespace sigmax::io
