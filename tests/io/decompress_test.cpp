#include "sigmax/io/zip/decompress.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "io/test_files.hpp"
#include "io/zip_bytes.hpp"
#include "sigmax/io/zip/zip_archive.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
using testing::file_of;
using testing::raw;
using testing::refusal;
using testing::zip_of;
using End = Decompressed::End;

constexpr Compression kMethods[] = {Compression::deflate, Compression::bzip2, Compression::lzma};

std::string compressed(const std::string& bytes, Compression method) {
  return testing::compressed(bytes, static_cast<unsigned>(method));
}

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Decompressed all(const std::string& stream, Compression method, std::uint64_t claimed) {
  return decompress(method, bytes_of(stream), claimed, true);
}

std::vector<std::string> contents() {
  std::string noise(300'000, '\0');
  std::mt19937 random(1);
  for (char& c : noise) c = static_cast<char>(random());
  return {"", "x", "hello hello hello", std::string(2'500'000, '\0'), noise};
}

TEST(Decompress, EveryMethodGivesBackWhatWentIn) {
  for (const Compression method : kMethods) {
    for (const std::string& content : contents()) {
      const std::string stream = compressed(content, method);
      const Decompressed result = all(stream, method, content.size());
      EXPECT_EQ(result.end, End::exact) << static_cast<int>(method) << " " << content.size();
      EXPECT_TRUE(text_of(result.bytes) == content);
      for (const std::size_t count : {std::size_t{0}, content.size() / 3, content.size()}) {
        const Decompressed prefix = decompress_prefix(method, bytes_of(stream), content.size(), count, true);
        EXPECT_EQ(prefix.end, End::exact);
        EXPECT_TRUE(text_of(prefix.bytes) == content.substr(0, count));
      }
    }
  }
}

TEST(Decompress, FalseClaimsDamageAndWhatFollowsAreToldApart) {
  const std::string content = "some text, and some text once more, and some";
  for (const Compression method : kMethods) {
    const std::string stream = compressed(content, method);
    EXPECT_EQ(all(stream, method, content.size() + 1).end, End::less);
    EXPECT_EQ(all(stream + "more", method, content.size()).end, End::leftover);
    EXPECT_EQ(all(stream, method, 0).end, End::more);
    EXPECT_EQ(decompress_prefix(method, bytes_of(stream), content.size(), content.size() + 1, true).end, End::damaged);
    for (std::size_t length = 0; length < stream.size(); ++length) {
      EXPECT_NE(all(stream.substr(0, length), method, content.size()).end, End::exact) << length;
    }
    // Either the decoder notices the change or the checksum of the archive does.
    for (std::size_t at = 0; at < stream.size(); ++at) {
      std::string changed = stream;
      changed[at] = static_cast<char>(changed[at] ^ 0x55);
      EXPECT_LE(all(changed, method, content.size()).bytes.size(), content.size());
    }
  }
  EXPECT_EQ(all(compressed(content, Compression::deflate), Compression::deflate, content.size() - 1).end, End::more);
  EXPECT_EQ(all(compressed(content, Compression::bzip2), Compression::bzip2, content.size() - 1).end, End::more);
}

TEST(Decompress, AnLzmaStreamMayHaveADictionaryOfAnySizeAndNoEndMarker) {
  const std::string content(10'000, 'z');
  std::string stream = testing::lzmaed(content, 1u << 28);
  EXPECT_EQ(all(stream, Compression::lzma, content.size()).end, End::exact);
  for (std::size_t i = 5; i < 9; ++i) stream[i] = '\xff';  // 4 GiB: the decoder takes only the memory claimed
  EXPECT_EQ(all(stream, Compression::lzma, content.size()).end, End::exact);
  // If the decoder knows the size, it needs no marker but accepts one.
  EXPECT_EQ(decompress(Compression::lzma, bytes_of(stream), content.size(), false).end, End::exact);
  stream[2] = 6;
  EXPECT_EQ(all(stream, Compression::lzma, content.size()).end, End::damaged);
}

TEST(Decompress, MembersOfArchivesAreReadByEveryMethod) {
  const std::string zeros(100'000, '\0');
  const auto file = file_of(zip_of({{"b", zeros, true, 12}, {"l", zeros, true, 14}, {"d", zeros, true, 8}}));
  const auto members = read_zip_directory(file);
  ASSERT_EQ(members.size(), 3u);
  for (const ZipMember& member : members) {
    EXPECT_TRUE(member.compressed && member.unreadable.empty());
    const auto content = read_zip_member(file, member);
    EXPECT_EQ(content->bytes().size(), zeros.size());
    EXPECT_TRUE(std::equal(content->bytes().begin(), content->bytes().end(), bytes_of(zeros).begin()));
    EXPECT_EQ(read_zip_prefix(*file, member, 10).size(), 10u);
  }
}

TEST(Decompress, ClaimsThatWouldTakeMemoryForNothingAndWrongSumsAreRefused) {
  for (const unsigned method : {12u, 14u}) {
    const auto spoiled = [method](std::size_t local, std::size_t central, std::uint32_t value) {
      std::string archive = zip_of({{"m", "hello hello", true, method}});
      archive.replace(archive.find("PK\3\4") + local, 4, raw(value));
      archive.replace(archive.rfind("PK\1\2") + central, 4, raw(value));
      const auto file = file_of(archive);
      const auto members = read_zip_directory(file);
      return refusal([&] { read_zip_member(file, members.at(0)); });
    };
    EXPECT_TRUE(contains(spoiled(22, 24, 0x7fffffff), "no honest stream can"));
    EXPECT_TRUE(contains(spoiled(22, 24, 12), "claimed"));
    EXPECT_TRUE(contains(spoiled(14, 16, 1), "checksum"));
  }
}

}  // namespace
}  // namespace sigmax::io
