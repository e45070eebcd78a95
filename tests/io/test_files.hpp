// Shared by the tests of io/: files made of bytes, folders that vanish, and the message of a refusal.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io::testing {

/// The value's bytes as they lie in memory, little-endian.
template <class T>
std::string raw(T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

template <class T>
std::string raw(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

/// A file in memory.
inline std::shared_ptr<const MappedFile> file_of(std::string_view content, const std::string& name = "test.bin") {
  const auto* first = reinterpret_cast<const std::byte*>(content.data());
  return MappedFile::from_bytes(name, std::vector<std::byte>(first, first + content.size()));
}

/// A new folder, removed with all that is in it.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sigmax-test-").string() + std::string(6, 'X');
    if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    path_ = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }

  /// Writes `content` as the file `name` and returns its path.
  std::filesystem::path write(const std::string& name, std::string_view content) const {
    std::ofstream out(path_ / name, std::ios::binary);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    out.close();
    if (!out) throw std::system_error(errno, std::generic_category(), name);
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

/// The message of the FileError that `action` throws; "nothing was thrown" if it returns. Other exceptions are passed
/// on.
template <class Action>
std::string refusal(Action action) {
  try {
    action();
  } catch (const FileError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

inline ::testing::AssertionResult contains(std::string_view text, std::string_view part) {
  if (text.find(part) != std::string_view::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << '"' << text << "\" does not contain \"" << part << '"';
}

}  // namespace sigmax::io::testing
