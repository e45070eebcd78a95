#include "sigmax/io/numpy/npz_writer.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "io/test_files.hpp"
#include "io/writer_samples.hpp"
#include "sigmax/io/zip/zip_archive.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
using testing::content_of;
using testing::counted;
using testing::misuse;
using testing::TempFolder;

TEST(NpzWriter, WhatIsWrittenIsReadBack) {
  const TempFolder folder;
  Context context(1);
  const std::vector<OutputTensor> samples = testing::samples();
  write_npz(folder.path() / "out.npz", samples, context);
  testing::expect_read_back(folder.path() / "out.npz", "npz", samples);
}

// Our own reader checks only the checksums of compressed members.
TEST(NpzWriter, TheChecksumsAreThoseOfTheMembers) {
  const TempFolder folder;
  Context context(1);
  write_npz(folder.path() / "out.npz", testing::samples(), context);
  const std::string content = content_of(folder.path() / "out.npz");
  for (const ZipMember& member : read_zip_directory(testing::file_of(content))) {
    ASSERT_FALSE(member.compressed);
    const auto* first = reinterpret_cast<const Bytef*>(content.data() + member.offset);
    EXPECT_EQ(::crc32_z(0, first, member.bytes), member.crc) << member.name;
  }
}

TEST(NpzWriter, EqualTensorsGiveEqualBytes) {
  const TempFolder folder;
  Context one(1), three(3);
  write_npz(folder.path() / "a", testing::samples(), one);
  write_npz(folder.path() / "b", testing::samples(), three);
  EXPECT_EQ(content_of(folder.path() / "a"), content_of(folder.path() / "b"));
}

TEST(NpzWriter, AnArchiveOfNothingIsAnArchive) {
  const TempFolder folder;
  Context context(1);
  write_npz(folder.path() / "out.npz", {}, context);
  EXPECT_TRUE(open_checkpoint(folder.path() / "out.npz").entries.empty());
}

TEST(NpzWriter, RefusesNamesThatCannotBeToldApartOrRead) {
  const TempFolder folder;
  Context context(1);
  const auto message = [&](std::vector<std::string> names) {
    std::vector<OutputTensor> tensors;
    for (std::string& name : names) tensors.push_back({std::move(name), counted(DType::f64, {1})});
    return misuse([&] { write_npz(folder.path() / "out.npz", tensors, context); });
  };
  EXPECT_TRUE(contains(message({"u", "s", "u"}), "'u' is given twice"));
  EXPECT_TRUE(contains(message({""}), "is empty"));
  EXPECT_TRUE(contains(message({std::string("a\0b", 3)}), "NUL"));
  EXPECT_TRUE(contains(message({"\xFF"}), "not valid UTF-8"));
  EXPECT_TRUE(contains(message({std::string(70'000, 'x')}), "70004 bytes"));
  EXPECT_TRUE(contains(misuse([&] {
                         const std::vector<OutputTensor> tensors = {{"w", counted(DType::bf16, {1})}};
                         write_npz(folder.path() / "out.npz", tensors, context);
                       }),
                       "bf16"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(NpzWriter, ACanceledWriteLeavesNothing) {
  const TempFolder folder;
  Context context(1);
  context.request_cancel();
  EXPECT_THROW(write_npz(folder.path() / "out.npz", testing::samples(), context), Canceled);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace sigmax::io
