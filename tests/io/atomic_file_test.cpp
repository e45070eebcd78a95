#include "sigmax/io/bytes/atomic_file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "io/test_files.hpp"

namespace sigmax::io {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::refusal;
using testing::TempFolder;

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777;
}

// While one of these exists, no file may grow beyond `bytes`: to a writer that is a full disk, at a size of our choice.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(AtomicFile, AppearsWholeAtTheCommit) {
  const TempFolder folder;
  const fs::path path = folder.path() / "out";
  AtomicFile file(path);
  file.write("one, ");
  file.write("two");
  EXPECT_FALSE(fs::exists(path));
  file.commit();
  EXPECT_EQ(content_of(path), "one, two");
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST(AtomicFile, LeavesWhatWasThereWithoutACommit) {
  const TempFolder folder;
  const fs::path path = folder.write("out", "old");
  EXPECT_THROW(
      {
        AtomicFile file(path);
        file.write("new");
        throw std::runtime_error("between two writes");
      },
      std::runtime_error);
  EXPECT_EQ(content_of(path), "old");
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST(AtomicFile, AFullDiskIsAnErrorThatNamesTheFileAndLeavesNothing) {
  const TempFolder folder;
  const fs::path path = folder.write("out", "old");
  const std::string message = [&] {
    const SmallDisk disk(1000);
    return refusal([&] { write_file(path, std::string(5000, 'x')); });
  }();
  EXPECT_TRUE(contains(message, path.string() + ": cannot write: "));
  EXPECT_EQ(content_of(path), "old");
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST(AtomicFile, ANewFileHasTheModeThatTheUmaskLeaves) {
  const TempFolder folder;
  const mode_t before = ::umask(027);
  write_file(folder.path() / "out", "x");
  ::umask(before);
  EXPECT_EQ(mode_of(folder.path() / "out"), 0640U);
}

TEST(AtomicFile, AReplacedFileKeepsItsMode) {
  const TempFolder folder;
  const fs::path path = folder.write("out", "old");
  ::chmod(path.c_str(), 0604);
  write_file(path, "new");
  EXPECT_EQ(content_of(path), "new");
  EXPECT_EQ(mode_of(path), 0604U);
}

TEST(AtomicFile, ALinkStaysALinkAndItsTargetIsReplaced) {
  const TempFolder folder;
  fs::create_directory(folder.path() / "real");
  const fs::path target = folder.write("real/out", "old");
  fs::create_symlink("real/out", folder.path() / "second");
  fs::create_symlink(folder.path() / "second", folder.path() / "first");
  write_file(folder.path() / "first", "new");
  EXPECT_TRUE(fs::is_symlink(folder.path() / "first"));
  EXPECT_TRUE(fs::is_symlink(folder.path() / "second"));
  EXPECT_EQ(content_of(target), "new");
  EXPECT_EQ(files_in(folder.path() / "real"), 1U);
}

TEST(AtomicFile, ALinkToNothingGetsItsTarget) {
  const TempFolder folder;
  fs::create_symlink("target", folder.path() / "link");
  check_writable(folder.path() / "link", {});
  write_file(folder.path() / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder.path() / "link"));
  EXPECT_EQ(content_of(folder.path() / "target"), "new");
}

TEST(AtomicFile, LinksThatLeadInACircleAreRefused) {
  const TempFolder folder;
  fs::create_symlink("b", folder.path() / "a");
  fs::create_symlink("a", folder.path() / "b");
  EXPECT_TRUE(contains(refusal([&] { write_file(folder.path() / "a", "x"); }), "cannot follow the link"));
}

TEST(AtomicFile, RefusesWhatIsNoPlaceForAFileAndNamesIt) {
  const TempFolder folder;
  for (const fs::path& path : {folder.path(), fs::path("."), fs::path("..")}) {
    EXPECT_TRUE(contains(refusal([&] { write_file(path, "x"); }), path.string() + ": is a directory"));
    EXPECT_TRUE(contains(refusal([&] { check_writable(path, {}); }), "is a directory"));
  }
  EXPECT_TRUE(contains(refusal([&] { write_file("", "x"); }), "is not a file name"));
  const fs::path nowhere = folder.path() / "nowhere" / "out";
  EXPECT_TRUE(contains(refusal([&] { write_file(nowhere, "x"); }), nowhere.string() + ": cannot create"));
  EXPECT_TRUE(contains(refusal([&] { check_writable(nowhere, {}); }), nowhere.string() + ": cannot create"));
  // A file in the place of a folder.
  const fs::path below = folder.write("file", "") / "out";
  EXPECT_TRUE(contains(refusal([&] { write_file(below, "x"); }), below.string() + ": cannot create"));
}

TEST(AtomicFile, AFolderWithoutPermissionIsRefused) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const TempFolder folder;
  ::chmod(folder.path().c_str(), 0500);
  EXPECT_TRUE(contains(refusal([&] { write_file(folder.path() / "out", "x"); }), "Permission denied"));
  EXPECT_TRUE(contains(refusal([&] { check_writable(folder.path() / "out", {}); }), "Permission denied"));
  ::chmod(folder.path().c_str(), 0700);
}

TEST(AtomicFile, ADeviceIsWrittenToAsItIs) {
  write_file("/dev/null", "x");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_TRUE(contains(refusal([] { write_file("/dev/full", "x"); }), "/dev/full: cannot write: No space"));
}

TEST(AtomicFile, AnInputIsNotToBeOverwritten) {
  const TempFolder folder;
  const fs::path input = folder.write("model", "weights");
  fs::create_symlink(input, folder.path() / "alias");
  EXPECT_TRUE(contains(refusal([&] { check_writable(folder.path() / "alias", {input}); }), "overwrite"));
  EXPECT_EQ(refusal([&] { check_writable(folder.path() / "other", {input}); }), "nothing was thrown");
}

}  // namespace
}  // namespace sigmax::io
