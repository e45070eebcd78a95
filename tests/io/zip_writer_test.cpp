#include "sigmax/io/zip/zip_writer.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "io/test_files.hpp"
#include "sigmax/io/zip/zip_archive.hpp"

namespace sigmax::io {
namespace {

using testing::TempFolder;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

// An archive whose members are holes: their sizes are real, but they take no space on the disk.
std::filesystem::path archive_of_holes(const TempFolder& folder, const std::vector<std::uint64_t>& sizes) {
  const auto path = folder.path() / "holes.zip";
  std::ofstream out(path, std::ios::binary);
  const auto put = [&](const std::string& bytes) {
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  };
  std::string directory;
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const StoredMember member{"m" + std::to_string(i), sizes[i], 0, offset};
    const std::string header = local_header(member);
    put(header);
    offset += header.size() + sizes[i];
    out.seekp(static_cast<std::streamoff>(offset));
    directory += central_header(member);
  }
  put(directory);
  put(end_of_archive(sizes.size(), directory.size(), offset));
  out.close();
  EXPECT_TRUE(out);
  return path;
}

void expect_sizes(const std::vector<std::uint64_t>& sizes) {
  const TempFolder folder;
  const auto members = read_zip_directory(MappedFile::open(archive_of_holes(folder, sizes)));
  ASSERT_EQ(members.size(), sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(members[i].name, "m" + std::to_string(i));
    EXPECT_EQ(members[i].bytes, sizes[i]);
    EXPECT_EQ(members[i].stored_bytes, sizes[i]);
  }
}

TEST(ZipWriter, SmallArchivesDoWithoutZip64) {
  expect_sizes({0, 1, 1000});
  const StoredMember member{"m", 1000, 0, 0};
  EXPECT_EQ(local_header(member).size(), 30U + 1U);
  EXPECT_EQ(central_header(member).size(), 46U + 1U);
  EXPECT_EQ(end_of_archive(1, 47, 1031).size(), 22U);
}

TEST(ZipWriter, AMemberAboveFourGibibytesIsReadBack) { expect_sizes({5 * kGiB, 10}); }

TEST(ZipWriter, AMemberThatBeginsBeyondFourGibibytesIsReadBack) { expect_sizes({3 * kGiB, 3 * kGiB, 7}); }

// The largest values of 32 bits are the ones that refer to zip64.
TEST(ZipWriter, TheSizesAroundTheLimitAreReadBack) {
  for (const std::uint64_t bytes : {4 * kGiB - 2, 4 * kGiB - 1, 4 * kGiB}) expect_sizes({bytes, 1});
}

TEST(ZipWriter, MoreMembersThanSixteenBitsCountAreReadBack) {
  expect_sizes(std::vector<std::uint64_t>(65'535, 0));
  expect_sizes(std::vector<std::uint64_t>(65'534, 0));
}

}  // namespace
}  // namespace sigmax::io
