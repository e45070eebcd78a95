#include "sigmax/io/bytes/mapping_faults.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "io/test_files.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/io/bytes/mapped_tensor.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/io/numpy/npy_writer.hpp"

namespace sigmax::io {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::raw;
using testing::refusal;
using testing::TempFolder;

const auto kPage = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));

std::size_t count_of(const MappedFile& file, char wanted) {
  const auto bytes = file.bytes();
  return static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), static_cast<std::byte>(wanted)));
}

std::string intactness(const MappedFile& file) {
  return refusal([&] { file.check_intact(); });
}

class TruncatedFile : public ::testing::Test {
 protected:
  void SetUp() override { handle_mapping_faults(); }

  std::shared_ptr<const MappedFile> mapped(std::size_t bytes, const std::string& name = "w.bin") {
    return MappedFile::open(folder_.write(name, std::string(bytes, 'x')));
  }

  void truncate(std::size_t bytes, const std::string& name = "w.bin") { fs::resize_file(folder_.path() / name, bytes); }

  TempFolder folder_;
};

TEST_F(TruncatedFile, IsReadAsZerosAndThenNamed) {
  const auto file = mapped(5 * kPage + 7);
  EXPECT_EQ(intactness(*file), "nothing was thrown");
  truncate(2 * kPage);
  EXPECT_EQ(count_of(*file, 'x'), 2 * kPage);
  EXPECT_EQ(count_of(*file, '\0'), 3 * kPage + 7);
  const std::string message = intactness(*file);
  EXPECT_TRUE(message.starts_with((folder_.path() / "w.bin").string() + ": was truncated while it was read"))
      << message;
  EXPECT_TRUE(
      contains(message, "it had " + std::to_string(5 * kPage + 7) + " bytes and has " + std::to_string(2 * kPage)));
}

TEST_F(TruncatedFile, MayLoseEverything) {
  const auto file = mapped(3 * kPage);
  truncate(0);
  EXPECT_EQ(count_of(*file, '\0'), 3 * kPage);
  EXPECT_TRUE(contains(intactness(*file), "was truncated while it was read"));
}

// Within its last page a shorter file gives zeros without a fault.
TEST_F(TruncatedFile, IsNoticedWhereNothingFaults) {
  const auto file = mapped(100);
  truncate(60);
  EXPECT_EQ(count_of(*file, 'x'), 60U);
  EXPECT_TRUE(contains(intactness(*file), "it had 100 bytes and has 60"));
  EXPECT_TRUE(contains(intactness(*file->subfile(0, 10)), "it had 100 bytes and has 60"));
}

TEST_F(TruncatedFile, IsReadByManyThreadsAtOnce) {
  for (int round = 0; round < 20; ++round) {
    const auto file = mapped(64 * kPage);
    truncate(kPage);
    std::vector<std::thread> threads;
    std::vector<std::size_t> zeros(8);
    for (std::size_t t = 0; t < zeros.size(); ++t) {
      threads.emplace_back([&, t] {
        // Backward, so that each read faults before the pages after it are there.
        for (std::size_t page = 64; page-- > 1;) {
          zeros[t] += file->bytes()[page * kPage + t] == std::byte{0} ? 1U : 0U;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(zeros, std::vector<std::size_t>(8, 63));
    EXPECT_TRUE(contains(intactness(*file), "was truncated"));
  }
}

TEST_F(TruncatedFile, BreaksNoOtherMapping) {
  for (int round = 0; round < 50; ++round) mapped(kPage, "before.bin");  // slots in the registry are reused
  const auto other = mapped(4 * kPage, "other.bin");
  const auto file = mapped(4 * kPage);
  const auto third = mapped(4 * kPage, "third.bin");
  truncate(0);
  EXPECT_EQ(count_of(*file, 'x'), 0U);
  EXPECT_EQ(count_of(*other, 'x'), 4 * kPage);
  EXPECT_EQ(count_of(*third, 'x'), 4 * kPage);
  EXPECT_EQ(intactness(*other), "nothing was thrown");
  EXPECT_EQ(intactness(*third), "nothing was thrown");
}

// A file that was truncated and then got its length back, as `cp` over it does.
TEST_F(TruncatedFile, StaysBrokenIfItGrowsAgain) {
  const auto file = mapped(4 * kPage);
  truncate(0);
  EXPECT_EQ(count_of(*file, '\0'), 4 * kPage);
  folder_.write("w.bin", std::string(4 * kPage, 'x'));
  const std::string message = intactness(*file);
  EXPECT_TRUE(contains(message, "w.bin: "));
  EXPECT_TRUE(message != "nothing was thrown");
}

TEST_F(TruncatedFile, IsToldFromOneThatWasWrittenToReplacedOrRemoved) {
  const auto written = mapped(kPage);
  fs::last_write_time(folder_.path() / "w.bin", fs::file_time_type::clock::now() + std::chrono::seconds(5));
  EXPECT_TRUE(contains(intactness(*written), "w.bin: was written to while it was read"));
  const auto replaced = mapped(kPage, "r.bin");
  fs::rename(folder_.write("new.bin", "y"), folder_.path() / "r.bin");
  EXPECT_EQ(count_of(*replaced, 'x'), kPage);
  EXPECT_EQ(intactness(*replaced), "nothing was thrown");
  fs::remove(folder_.path() / "r.bin");
  EXPECT_EQ(intactness(*replaced), "nothing was thrown");
}

TEST_F(TruncatedFile, IsFoundFromItsTensors) {
  const auto path = folder_.write("w.bin", raw(std::vector<float>(4 * kPage, 1.5F)));
  const auto size = static_cast<std::int64_t>(4 * kPage);
  const Tensor tensor = mapped_tensor(MappedFile::open(path), "w", DType::f32, {4, size / 4}, 0, 16 * kPage);
  const Tensor row = tensor.slice(3);
  const Tensor copy = Tensor::copy_of(std::vector<double>{1}, {1});
  check_intact(tensor);
  EXPECT_EQ(while_intact(tensor, [&] { return 7; }), 7);
  truncate(kPage);
  EXPECT_EQ(row.at(std::vector<std::int64_t>{size / 4 - 1}), 0.0);
  EXPECT_TRUE(contains(refusal([&] { check_intact(tensor); }), "w.bin: was truncated"));
  EXPECT_TRUE(contains(refusal([&] { check_intact(row); }), "w.bin: was truncated"));
  check_intact(copy);
  check_intact(Tensor());
  // Neither a result of the changed values nor the error that they led to comes through.
  EXPECT_TRUE(contains(refusal([&] { while_intact(tensor, [] { return 7; }); }), "w.bin: was truncated"));
  EXPECT_TRUE(contains(refusal([&] { while_intact(tensor, [] { throw InternalError("a contradiction"); }); }),
                       "w.bin: was truncated"));
  EXPECT_THROW(while_intact(tensor, [] { throw Canceled(); }), Canceled);
}

TEST_F(TruncatedFile, IsNoCheckpointToLoadOrToWriteFrom) {
  Context context(1);
  const Tensor values = Tensor::copy_of(std::vector<double>(3 * kPage, 1.0), {3, static_cast<std::int64_t>(kPage)});
  const auto path = folder_.path() / "w.npy";
  write_npy(path, values, context);
  const Checkpoint checkpoint = open_checkpoint(path);
  const Tensor loaded = checkpoint.entries.at(0).load();
  fs::resize_file(path, 2 * kPage);
  EXPECT_TRUE(contains(refusal([&] { checkpoint.entries.at(0).load(); }), "w.npy: was truncated"));
  EXPECT_TRUE(
      contains(refusal([&] { write_npy(folder_.path() / "copy.npy", loaded, context); }), "w.npy: was truncated"));
  EXPECT_FALSE(fs::exists(folder_.path() / "copy.npy"));
}

// Makes a fault that is not ours, in a mapping that the program made itself.
void touch_a_foreign_truncated_mapping(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDWR);
  const auto* bytes = static_cast<const volatile char*>(::mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE, file, 0));
  static_cast<void>(::ftruncate(file, 0));
  static_cast<void>(bytes[0]);
}

class OtherFaults : public TruncatedFile {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(OtherFaults, EndTheProcessAsBefore) {
  const auto path = folder_.write("foreign", std::string(kPage, 'x'));
  const auto act = [&] {
    std::signal(SIGBUS, SIG_DFL);
    handle_mapping_faults();
    const auto file = mapped(kPage);
    touch_a_foreign_truncated_mapping(path);
  };
  EXPECT_EXIT(act(), ::testing::KilledBySignal(SIGBUS), "");
}

TEST_F(OtherFaults, GoToTheHandlerThatWasThere) {
  const auto path = folder_.write("foreign", std::string(kPage, 'x'));
  const auto act = [&] {
    struct sigaction action {};
    action.sa_sigaction = [](int, siginfo_t* info, void*) { ::_exit(info->si_code == BUS_ADRERR ? 7 : 8); };
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGBUS, &action, nullptr);
    handle_mapping_faults();
    const auto file = mapped(2 * kPage);
    truncate(0);
    if (count_of(*file, '\0') != 2 * kPage) ::_exit(9);
    touch_a_foreign_truncated_mapping(path);
  };
  EXPECT_EXIT(act(), ::testing::ExitedWithCode(7), "");
}

TEST_F(OtherFaults, SignalsThatAreSentDoWhatTheyDid) {
  const auto ends = [] {
    std::signal(SIGBUS, SIG_DFL);
    handle_mapping_faults();
    std::raise(SIGBUS);
  };
  EXPECT_EXIT(ends(), ::testing::KilledBySignal(SIGBUS), "");
  const auto ignores = [] {
    std::signal(SIGBUS, SIG_IGN);
    handle_mapping_faults();
    std::raise(SIGBUS);
    ::_exit(5);
  };
  EXPECT_EXIT(ignores(), ::testing::ExitedWithCode(5), "");
  const auto handles = [] {
    std::signal(SIGBUS, [](int) { ::_exit(6); });
    handle_mapping_faults();
    std::raise(SIGBUS);
  };
  EXPECT_EXIT(handles(), ::testing::ExitedWithCode(6), "");
}

}  // namespace
}  // namespace sigmax::io
