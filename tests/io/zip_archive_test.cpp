#include "sigmax/io/zip/zip_archive.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "io/test_files.hpp"
#include "io/zip_bytes.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
using testing::deflated;
using testing::file_of;
using testing::raw;
using testing::refusal;
using testing::TempFolder;
using testing::zip_of;
using testing::ZipContent;

constexpr const char* kLocal = "PK\3\4";
constexpr const char* kCentral = "PK\1\2";
constexpr const char* kEnd = "PK\5\6";

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

template <class T>
void put(std::string& archive, std::size_t at, T value) {
  archive.replace(at, sizeof value, raw(value));
}

// Writes a field of the one member of `archive` into its local and its directory record.
template <class T>
void put_both(std::string& archive, std::size_t local, std::size_t central, T value) {
  put(archive, archive.find(kLocal) + local, value);
  put(archive, archive.rfind(kCentral) + central, value);
}

// Inserts bytes before the content at `at`, and adjusts the offsets of directory and member.
void insert_counted(std::string& archive, std::size_t at, const std::string& bytes) {
  const std::size_t directory = archive.rfind(kCentral), end = archive.rfind(kEnd);
  put(archive, end + 16, static_cast<std::uint32_t>(directory + bytes.size()));
  if (at == 0) put(archive, directory + 42, static_cast<std::uint32_t>(bytes.size()));
  archive.insert(at, bytes);
}

// The complaint when the archive is opened and all its members are read.
std::string complaint(const std::string& archive) {
  return refusal([&archive] {
    const auto file = file_of(archive);
    for (const ZipMember& member : read_zip_directory(file)) read_zip_member(file, member);
  });
}

TEST(ZipArchive, ListsAndReadsStoredAndDeflatedMembers) {
  const std::string zeros(100000, '\0');
  const auto file = file_of(zip_of({{"a", "hello"}, {"folder/b", zeros, true}, {"c", ""}}));
  ASSERT_TRUE(looks_like_zip(*file));
  const auto members = read_zip_directory(file);
  ASSERT_EQ(members.size(), 3u);
  EXPECT_EQ(members[0].name, "a");
  EXPECT_EQ(members[0].bytes, 5u);
  EXPECT_FALSE(members[0].compressed);
  EXPECT_EQ(members[1].name, "folder/b");
  EXPECT_EQ(members[1].bytes, zeros.size());
  EXPECT_TRUE(members[1].compressed);
  EXPECT_LT(members[1].stored_bytes, 1000u);
  EXPECT_EQ(text_of(*read_zip_member(file, members[0])), "hello");
  EXPECT_EQ(text_of(*read_zip_member(file, members[1])), zeros);
  EXPECT_EQ(text_of(*read_zip_member(file, members[2])), "");
}

TEST(ZipArchive, AStoredMemberIsTheMappingItselfAndKeepsItAlive) {
  const TempFolder folder;
  const std::string content(3 * 4096, 'x');
  auto file = MappedFile::open(folder.write("a.zip", zip_of({{"a", content}, {"b", "tail"}})));
  const auto members = read_zip_directory(file);
  auto member = read_zip_member(file, members[0]);
  EXPECT_EQ(member->bytes().data(), file->bytes().data() + members[0].offset);
  EXPECT_EQ(member->path(), file->path());
  const std::weak_ptr<const MappedFile> watch = file;
  file.reset();
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(text_of(*member), content);
  // The bytes must remain readable after a region's pages are given back.
  member->region(0, content.size()).reset();
  EXPECT_EQ(text_of(*member), content);
  EXPECT_TRUE(contains(refusal([&member] { member->region(1, 3 * 4096); }), "past the end"));
  const auto part = member->subfile(5, 10)->subfile(1, 3);
  member.reset();
  EXPECT_EQ(text_of(*part), "xxx");
}

TEST(ZipArchive, AnEmptyArchiveHasNoMembers) {
  const auto file = file_of(zip_of({}));
  EXPECT_TRUE(looks_like_zip(*file));
  EXPECT_TRUE(read_zip_directory(file).empty());
}

TEST(ZipArchive, OtherFilesDoNotLookLikeArchives) {
  for (const char* content : {"", "P", "PK\1\2", "PK", "hello PK\3\4"}) {
    EXPECT_FALSE(looks_like_zip(*file_of(content))) << content;
  }
}

TEST(ZipArchive, SizesInZip64FieldsAreUnderstood) {
  const std::string data = "hello";
  const auto u16 = [](unsigned value) { return raw(static_cast<std::uint16_t>(value)); };
  const std::uint32_t crc = static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>("hello"), 5));
  const std::string sizes = raw(std::uint64_t{5}) + raw(std::uint64_t{5});
  const std::string common = u16(45) + u16(0) + u16(0) + raw(0u) + raw(crc) + raw(~0u) + raw(~0u) + u16(1);
  const std::string local = kLocal + common + u16(20) + "x" + u16(1) + u16(16) + sizes + data;
  const std::string central = kCentral + u16(45) + common + u16(28) + u16(0) + u16(0) + u16(0) + raw(0u) + raw(~0u) +
                              "x" + u16(1) + u16(24) + sizes + raw(std::uint64_t{0});
  const std::string end64 = "PK\6\6" + raw(std::uint64_t{44}) + u16(45) + u16(45) + raw(0u) + raw(0u) +
                            raw(std::uint64_t{1}) + raw(std::uint64_t{1}) + raw(std::uint64_t{central.size()}) +
                            raw(std::uint64_t{local.size()});
  const std::string locator = "PK\6\7" + raw(0u) + raw(std::uint64_t{local.size() + central.size()}) + raw(1u);
  const std::string end = kEnd + u16(0) + u16(0) + u16(0xffff) + u16(0xffff) + raw(~0u) + raw(~0u) + u16(0);
  const auto file = file_of(local + central + end64 + locator + end);
  const auto members = read_zip_directory(file);
  ASSERT_EQ(members.size(), 1u);
  EXPECT_EQ(members[0].bytes, 5u);
  EXPECT_EQ(text_of(*read_zip_member(file, members[0])), data);

  // Two such archives: the offsets of the last one's records lead into the first.
  const std::string whole = local + central + end64 + locator + end;
  EXPECT_TRUE(contains(complaint(whole + whole), "does not adjoin its locator"));
  EXPECT_TRUE(contains(complaint(whole + whole), "two archives one after another"));
  std::string far = whole;
  put(far, local.size() + central.size() + end64.size() + 8, ~std::uint64_t{0} - 3);
  EXPECT_TRUE(contains(complaint(far), "no zip64 end record"));

  std::string huge = local + central + end64 + locator + end;
  put(huge, local.size() + 46 + 1 + 4, std::uint64_t{1} << 62);      // uncompressed
  put(huge, local.size() + 46 + 1 + 4 + 8, std::uint64_t{1} << 62);  // compressed
  EXPECT_TRUE(contains(complaint(huge), "archive member 'x'"));
}

struct Damage {
  const char* name;
  ZipContent member;
  std::function<void(std::string&)> damage;
  const char* complaint;
};

std::vector<Damage> damages() {
  const ZipContent stored{"name", "0123456789"}, packed{"name", std::string(1000, 'z'), true};
  return {
      {"encrypted", stored, [](auto& a) { put_both(a, 6, 8, std::uint16_t{1}); }, "encrypted"},
      {"method", stored, [](auto& a) { put_both(a, 8, 10, std::uint16_t{93}); }, "compression method 93 is not read"},
      {"offset outside", stored, [](auto& a) { put(a, a.rfind(kCentral) + 42, 0x7fffffffu); }, "local header"},
      {"offset beside", stored, [](auto& a) { put(a, a.rfind(kCentral) + 42, 1u); }, "local header"},
      {"stored sizes differ", stored, [](auto& a) { put_both(a, 22, 24, 11u); }, "10 bytes stand for 11"},
      {"size outside", stored,
       [](auto& a) {
         put_both(a, 18, 20, 1000u);
         put_both(a, 22, 24, 1000u);
       },
       "past the end of the file"},
      {"size into the directory", stored,
       [](auto& a) {
         put_both(a, 18, 20, 20u);
         put_both(a, 22, 24, 20u);
       },
       "overlaps the directory"},
      {"local size", stored, [](auto& a) { put(a, a.find(kLocal) + 18, 9u); }, "disagrees with the directory"},
      {"local name", stored, [](auto& a) { a[a.find(kLocal) + 30] = 'g'; }, "names another member"},
      {"local signature", stored, [](auto& a) { a[a.find(kLocal) + 3] = '!'; }, "local header"},
      {"NUL in the name", stored,
       [](auto& a) {
         a[a.find(kLocal) + 31] = '\0';
         a[a.rfind(kCentral) + 47] = '\0';
       },
       "NUL"},
      {"count above", stored,
       [](auto& a) {
         put(a, a.rfind(kEnd) + 8, std::uint16_t{2});
         put(a, a.rfind(kEnd) + 10, std::uint16_t{2});
       },
       "zip directory"},
      {"count of many", stored,
       [](auto& a) {
         put(a, a.rfind(kEnd) + 8, std::uint16_t{60000});
         put(a, a.rfind(kEnd) + 10, std::uint16_t{60000});
       },
       "claims 60000 members, more than"},
      {"count below", stored,
       [](auto& a) {
         put(a, a.rfind(kEnd) + 8, std::uint16_t{0});
         put(a, a.rfind(kEnd) + 10, std::uint16_t{0});
       },
       "follow the last of its 0 records"},
      {"bytes in front", stored, [](auto& a) { a.insert(0, "in front"); }, "zip directory"},
      {"bytes in front, counted", stored, [](auto& a) { insert_counted(a, 0, "in front"); },
       "the 8 bytes at byte 0 belong to no member"},
      {"bytes behind a member", stored, [](auto& a) { insert_counted(a, a.rfind(kCentral), "hidden"); },
       "the 6 bytes at byte 44 belong to no member"},
      {"encrypted in one place", stored, [](auto& a) { put(a, a.find(kLocal) + 6, std::uint16_t{1}); }, "disagrees"},
      {"bomb", packed, [](auto& a) { put_both(a, 22, 24, 0x70000000u); }, "no deflate stream can"},
      {"inflates to more", packed, [](auto& a) { put_both(a, 22, 24, 999u); }, "more than the 999 bytes"},
      {"inflates to less", packed, [](auto& a) { put_both(a, 22, 24, 1001u); }, "less than the 1001 bytes"},
      {"inflates to more than nothing", packed, [](auto& a) { put_both(a, 22, 24, 0u); }, "more than the 0 bytes"},
      {"checksum", packed, [](auto& a) { put_both(a, 14, 16, 1u); }, "checksum"},
      {"deflate data", packed, [](auto& a) { a[a.find(kLocal) + 34] = '\xff'; }, "damaged or cut short"},
  };
}

TEST(ZipArchive, DamageIsRefusedByName) {
  for (const Damage& damage : damages()) {
    std::string archive = zip_of({damage.member});
    damage.damage(archive);
    EXPECT_TRUE(contains(complaint(archive), damage.complaint)) << damage.name;
  }
}

TEST(ZipArchive, EveryPrefixIsRefused) {
  const std::string archive = zip_of({{"a", "hello"}, {"b", "hello hello hello", true}});
  for (std::size_t length = 0; length < archive.size(); ++length) {
    EXPECT_NE(complaint(archive.substr(0, length)), "nothing was thrown") << length;
  }
}

// A streaming writer leaves some values out of the local header and writes them after the data.
TEST(ZipArchive, AStreamedMemberHasItsSizesFromTheDirectory) {
  std::string archive = zip_of({{"a", "hello"}});
  put_both(archive, 6, 8, std::uint16_t{8});
  for (const std::size_t field : {14u, 18u, 22u}) put(archive, archive.find(kLocal) + field, 0u);
  const auto file = file_of(archive);
  const auto members = read_zip_directory(file);
  ASSERT_EQ(members.size(), 1u);
  EXPECT_EQ(text_of(*read_zip_member(file, members[0])), "hello");
}

TEST(ZipArchive, ACommentMayFollowTheEndRecord) {
  std::string archive = zip_of({{"a", "hello"}});
  put(archive, archive.size() - 2, std::uint16_t{9});
  EXPECT_EQ(complaint(archive + "a comment"), "nothing was thrown");
  EXPECT_TRUE(contains(complaint(archive + "a comment and more"), "no end record"));
}

// A reader that trusts the last end record reads one of the archives and says nothing about the others.
TEST(ZipArchive, ArchivesOneAfterAnotherAreRefused) {
  const std::string one = zip_of({{"a", "hello"}}), two = zip_of({{"b", std::string(1000, 'x'), true}, {"c", ""}});
  const std::string empty = zip_of({});
  for (const std::string& archive : {one + one, one + two, two + one, one + two + one, empty + one, one + empty}) {
    EXPECT_TRUE(contains(complaint(archive), "two archives one after another"));
  }
}

TEST(ZipArchive, PaddingAndTheRecordsOfStreamingWritersBelongToAnArchive) {
  const std::string hello = zip_of({{"a", "hello"}});
  const auto crc = static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>("hello"), 5));
  const std::string sizes = raw(std::uint32_t{5}) + raw(std::uint32_t{5});
  const std::string large = raw(std::uint64_t{5}) + raw(std::uint64_t{5});
  for (const std::string& bytes :
       {std::string(64, '\0'), raw(crc) + sizes, "PK\7\10" + raw(crc) + sizes, raw(crc) + large,
        "PK\7\10" + raw(crc) + large, "PK\7\10" + raw(crc) + sizes + std::string(7, '\0')}) {
    std::string archive = hello;
    insert_counted(archive, archive.rfind(kCentral), bytes);
    EXPECT_EQ(complaint(archive), "nothing was thrown") << bytes.size();
  }
  std::string archive = hello;
  insert_counted(archive, archive.rfind(kCentral), "PK\7\10" + raw(crc + 1) + sizes);
  EXPECT_TRUE(contains(complaint(archive), "belong to no member"));
}

TEST(ZipArchive, AMemberThatCannotBeReadLeavesTheOthersReadable) {
  std::string archive = zip_of({{"a", "hello"}, {"b", "other"}});
  put_both(archive, 8, 10, std::uint16_t{93});  // the first local and the last directory record: two members
  EXPECT_TRUE(contains(complaint(archive), "local header disagrees"));
  archive = zip_of({{"a", "hello"}, {"b", "other"}});
  put(archive, archive.find(kLocal) + 8, std::uint16_t{93});
  put(archive, archive.find(kCentral) + 10, std::uint16_t{93});
  const auto file = file_of(archive);
  const auto members = read_zip_directory(file);
  ASSERT_EQ(members.size(), 2u);
  EXPECT_TRUE(contains(members[0].unreadable, "compression method 93"));
  EXPECT_TRUE(contains(refusal([&] { read_zip_member(file, members[0]); }), "member 'a': compression method 93"));
  EXPECT_EQ(text_of(*read_zip_member(file, members[1])), "other");
}

TEST(ZipArchive, TwoMembersOfOneNameAreRefusedAndAThirdIsRead) {
  const std::string archive = zip_of({{"a", "1"}, {"b", "2"}, {"a", "3"}});
  EXPECT_TRUE(contains(complaint(archive), "'a': two members have this name"));
  const auto file = file_of(archive);
  const auto members = read_zip_directory(file);
  ASSERT_EQ(members.size(), 3u);
  EXPECT_EQ(text_of(*read_zip_member(file, members[1])), "2");
  for (const std::size_t twin : {0u, 2u}) {
    EXPECT_TRUE(contains(refusal([&] { read_zip_member(file, members[twin]); }), "two members have this name"));
  }
}

// The data of `outer` are the local header and the data of `inner`: this is how a quine bomb multiplies itself.
TEST(ZipArchive, OverlappingMembersAreRefused) {
  const std::string inner = zip_of({{"inner", "0123456789"}});
  const std::string inner_record = inner.substr(0, inner.find(kCentral));
  std::string archive = zip_of({{"outer", inner_record}, {"inner", "0123456789"}});
  const std::size_t record = archive.rfind(kCentral);
  put(archive, record + 42, static_cast<std::uint32_t>(30 + 5));
  EXPECT_TRUE(contains(complaint(archive), "overlaps member 'inner'"));
}

TEST(ZipArchive, ADeflateStreamWithBytesBehindItIsRefused) {
  const std::string data = deflated("hello");
  std::string archive = zip_of({{"a", data + "more"}});
  put_both(archive, 8, 10, std::uint16_t{8});
  put_both(archive, 22, 24, 5u);
  EXPECT_TRUE(contains(complaint(archive), "behind the end"));
}

TEST(ZipArchive, AMemberMadeUpByTheCallerStaysWithinTheFile) {
  const auto file = file_of("short");
  ZipMember member;
  member.name = "m";
  member.offset = 4;
  member.stored_bytes = member.bytes = ~std::uint64_t{0};
  EXPECT_TRUE(contains(refusal([&] { read_zip_member(file, member); }), "past the end of the file"));
}

}  // namespace
}  // namespace sigmax::io
