#include "sigmax/io/numpy/npz.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "io/test_files.hpp"
#include "io/zip_bytes.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
using testing::file_of;
using testing::raw;
using testing::refusal;
using testing::zip_of;

std::string array(const std::string& type, const std::string& shape, const std::string& data) {
  const std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}   \n", type, shape);
  return std::string("\x93NUMPY\1\0", 8) + raw(static_cast<std::uint16_t>(header.size())) + header + data;
}

std::vector<Entry> read(const std::string& content) {
  const auto file = file_of(content, "test.npz");
  return read_npz(file, read_zip_directory(file));
}

TEST(Npz, ReadsStoredAndCompressedMembers) {
  const std::string values = raw(std::vector<float>(10'000, 1.5F));
  const std::string content = zip_of({{"layer/weight.npy", array("<f4", "(100, 100)", values), true},
                                      {"bias.npy", array(">f4", "(1,)", std::string("\x40\0\0\0", 4)), false},
                                      {"flag.npy", array("|b1", "()", "\1"), true}});
  const auto entries = read(content);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].name, "layer/weight");
  EXPECT_EQ(entries[0].shape, (Dimensions{100, 100}));
  EXPECT_LT(entries[0].bytes->length, 1000U);
  EXPECT_EQ(entries[0].load().at(std::vector<std::int64_t>{99, 99}), 1.5);
  EXPECT_EQ(entries[1].name, "bias");
  EXPECT_EQ(content.substr(entries[1].bytes->offset, entries[1].bytes->length), std::string("\x40\0\0\0", 4));
  EXPECT_EQ(entries[1].load().at(std::vector<std::int64_t>{0}), 2.0);
  EXPECT_EQ(entries[2].dtype, DType::boolean);
  EXPECT_EQ(std::to_integer<int>(*entries[2].load().data()), 1);
}

TEST(Npz, ListsMembersThatAreNotNumbers) {
  const std::string structured = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }";
  const auto entries = read(zip_of({
      {"readme.txt", "hello", true},
      {"folder/", "", false},
      {"objects.npy", array("|O", "(2,)", "a pickle"), true},
      {"table.npy",
       std::string("\x93NUMPY\1\0", 8) + raw(static_cast<std::uint16_t>(structured.size())) + structured + "1234"},
      {"empty.npy", "", true},
      {"format.npy", array("|S3", "()", "csr"), false},
  }));
  ASSERT_EQ(entries.size(), 5U);
  const char* const names[] = {"readme.txt", "objects", "table", "empty.npy", "format"};
  const char* const reasons[] = {"not an array", "Python objects", "structured", "not an array", "text"};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(entries[i].name, names[i]);
    EXPECT_TRUE(contains(entries[i].unreadable, reasons[i]));
    EXPECT_FALSE(entries[i].load);
  }
  EXPECT_EQ(entries[1].shape, Dimensions{2});
}

// One member of an unsupported type does not keep the others from being read.
TEST(Npz, ReadsWhatStandsBesideOddMembers) {
  const std::string weight = array("<f4", "(1,)", raw(2.5F));
  const std::pair<std::string, const char*> odd[] = {
      {array("<f1", "(3,)", "abc"), "8-bit floats"},
      {array("<V1", "(3,)", "abc"), "float8"},
      {array("|V2", "(1,)", "ab"), "bfloat16"},
      {array("float8_e4m3fn", "(3,)", "abc"), "none of NumPy's"},
      {array("f4,i8", "(1,)", std::string(12, 'x')), "structured"},
      {array("object", "(1,)", "a pickle"), "Python objects"},
      {array("<f16", "(1,)", std::string(16, 'x')), "extended"},
      {array("T", "(1,)", "text"), "text"},
      {array("f4", "(1,)" + std::string(10'000, ' '), "1234"), "above the limit"},
  };
  for (const auto& [member, reason] : odd) {
    for (const bool compressed : {false, true}) {
      const auto entries =
          read(zip_of({{"a.npy", weight, compressed}, {"odd.npy", member, compressed}, {"b.npy", weight, compressed}}));
      ASSERT_EQ(entries.size(), 3U);
      EXPECT_TRUE(contains(entries[1].unreadable, reason));
      EXPECT_FALSE(entries[1].load);
      for (const std::size_t i : {std::size_t{0}, std::size_t{2}}) {
        EXPECT_EQ(entries[i].load().at(std::vector<std::int64_t>{0}), 2.5);
      }
    }
  }
}

TEST(Npz, RefusesMalformedMembersAndNamesThem) {
  const std::string good = array("<f4", "(2,)", "12345678");
  for (const bool compressed : {false, true}) {
    const auto message = [compressed](const std::string& member) {
      return refusal([&] { read(zip_of({{"w.npy", member, compressed}})); });
    };
    EXPECT_EQ(message(good), "nothing was thrown");
    EXPECT_TRUE(contains(message(good + "x"), "test.npz: archive member 'w.npy': shape [2] of '<f4' takes 8 bytes"));
    EXPECT_TRUE(contains(message(good.substr(0, 20)), "archive member 'w.npy': its"));
    EXPECT_TRUE(contains(message(array("<f8", "(1000000000000,)", "12345678")), "cut short?"));
  }
}

// A bomb: header and directory agree on gigabytes, for which there are only a few bytes.
TEST(Npz, ACompressedMemberCannotClaimMoreThanItHas) {
  const std::string member = array("<f4", "(1000000000,)", std::string(20'000, '\0'));
  const std::size_t header = member.size() - 20'000;
  const auto claiming = [&](std::uint64_t bytes) {
    std::string archive = zip_of({{"w.npy", member, true}});
    const std::string honest = raw(static_cast<std::uint32_t>(member.size()));
    for (std::size_t at; (at = archive.find(honest)) != std::string::npos;) {
      archive.replace(at, 4, raw(static_cast<std::uint32_t>(bytes)));
    }
    return archive;
  };
  EXPECT_TRUE(
      contains(refusal([&] { read(claiming(member.size() + 1)); }), "takes 4000000000 bytes, but 20001 follow"));
  const auto entries = read(claiming(header + 4'000'000'000));
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_TRUE(contains(refusal([&] { entries[0].load(); }), "archive member 'w.npy': claims that"));
  // A claim beyond what a short member's prefix can hold is noticed at once.
  EXPECT_TRUE(contains(refusal([&] { read(zip_of({{"w.npy", member.substr(0, header - 1), true}})); }), "cut short"));
}

TEST(Npz, DamagedCompressedDataAreRefused) {
  const std::string good = zip_of({{"w.npy", array("<f4", "(4096,)", std::string(16'384, 'x')), true}});
  const std::size_t data = 30 + 5;
  for (std::size_t i = data; i < good.find("PK\1\2"); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(~bad[i]);
    const std::string message = refusal([&] {
      for (const Entry& entry : read(bad)) entry.load ? void(entry.load()) : throw FileError("", "", entry.unreadable);
    });
    EXPECT_NE(message, "nothing was thrown") << i;
  }
}

// As numpy.load does; for compressed members the decompressor compares it.
TEST(Npz, TheChecksumOfStoredMembersIsComparedWhenTheyAreLoaded) {
  const std::string good = zip_of({{"w.npy", array("<f4", "(2,)", raw(std::vector<float>{1.5F, 7}))}, {"e.npy", ""}});
  EXPECT_EQ(read(good)[0].load().at(std::vector<std::int64_t>{1}), 7);
  for (const char* what : {"value", "sign", "header"}) {
    std::string bad = good;
    const std::size_t at = good.find(raw(7.0F));
    if (what[0] == 'v') bad.replace(at, 4, raw(8.0F));
    if (what[0] == 's') bad[at + 3] = static_cast<char>(bad[at + 3] ^ 0x80);
    if (what[0] == 'h') bad[bad.find("False") - 1] = '\t';
    const auto entries = read(bad);
    ASSERT_TRUE(entries[0].load) << what;
    EXPECT_TRUE(contains(refusal([&] { entries[0].load(); }), "archive member 'w.npy': its checksum does not match"));
    EXPECT_TRUE(contains(refusal([&] { entries[0].load(); }), "its checksum")) << "the second time too";
  }
}

// What is in them is not known, so that nobody may take them for something else than weights.
TEST(Npz, MembersThatCannotBeOpenedAreOpaqueAndNamedAsArrays) {
  const std::string stored = zip_of({{"v.npy", array("<f4", "(1,)", raw(1.0F))}, {"fc.weight.npy", "x"}});
  const auto patched = [&stored](std::size_t directory, std::size_t local, char value) {
    std::string archive = stored;
    archive[archive.rfind("PK\1\2") + directory] = value;
    archive[archive.rfind("PK\3\4") + local] = value;
    return archive;
  };
  const std::pair<std::string, const char*> archives[] = {
      {patched(8, 6, 1), "encrypted"},
      {patched(10, 8, 93), "compression method 93"},
      {patched(10, 8, 95), "compression method 95"},
      {zip_of({{"v.npy", array("<f4", "(1,)", raw(1.0F))}, {"fc.weight.npy", "x"}, {"fc.weight.npy", "y"}}),
       "two members"},
  };
  for (const auto& [archive, reason] : archives) {
    const auto entries = read(archive);
    EXPECT_EQ(entries.back().name, "fc.weight");
    EXPECT_TRUE(entries.back().opaque);
    EXPECT_TRUE(contains(entries.back().unreadable, reason));
    EXPECT_FALSE(entries.front().opaque);
    EXPECT_TRUE(entries.front().load);
  }
  const auto others = read(zip_of({{"w.npy", "no array"}, {"empty.npy", ""}, {"readme.txt", "no array"}}));
  EXPECT_TRUE(others[0].opaque) << "damaged, perhaps";
  EXPECT_FALSE(others[1].opaque);
  EXPECT_FALSE(others[2].opaque);
}

TEST(Npz, ObjectsAndRecordsWithArraysAreOpaque) {
  const auto described = [](const std::string& descr, const std::string& shape) {
    const std::string header = fmt::format("{{'descr': {}, 'fortran_order': False, 'shape': {}, }}", descr, shape);
    const auto entries =
        read(zip_of({{"w.npy", std::string("\x93NUMPY\1\0", 8) + raw(static_cast<std::uint16_t>(header.size())) +
                                   header + "data"}}));
    EXPECT_FALSE(entries[0].unreadable.empty());
    return entries[0].opaque;
  };
  EXPECT_TRUE(described("'|O'", "()")) << "a dictionary of arrays";
  EXPECT_TRUE(described("'|O'", "(3,)")) << "a list of matrices";
  EXPECT_TRUE(described("'object'", "(3, 3)"));
  EXPECT_TRUE(described("[('w', '<f4', (8, 8))]", "()"));
  EXPECT_TRUE(described("[('layer', [('w', '<f4')])]", "(2,)"));
  EXPECT_TRUE(described("[('name', '<U8'), ('w', '|O')]", "(2,)"));
  EXPECT_FALSE(described("'|O'", "(0,)"));
  EXPECT_FALSE(described("[('step', '<i4'), ('loss', '<f4')]", "(2,)")) << "a table of numbers";
}

TEST(Npz, IsKnownByItsMembers) {
  EXPECT_TRUE(is_npz_archive({}));
  EXPECT_TRUE(is_npz_archive({{"a.txt"}, {"w.npy"}}));
  EXPECT_FALSE(is_npz_archive({{"a.txt"}, {"npy"}}));
}

}  // namespace
}  // namespace sigmax::io
