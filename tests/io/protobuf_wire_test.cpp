#include "sigmax/io/onnx/protobuf_wire.hpp"

#include <gtest/gtest.h>

#include "io/onnx_bytes.hpp"

namespace sigmax::io {
namespace {

using namespace testing;

std::vector<std::uint64_t> varints(const std::string& content) {
  const auto file = file_of(content);
  std::vector<std::uint64_t> values;
  WireCursor cursor(*file, file->bytes(), "Test");
  while (cursor.next()) cursor.each_varint([&](std::uint64_t value) { values.push_back(value); });
  return values;
}

std::string walk_refusal(const std::string& content) {
  const auto file = file_of(content, "a.bin");
  return refusal([&] {
    WireCursor cursor(*file, file->bytes(), "Test");
    while (cursor.next()) {
    }
  });
}

TEST(WireCursor, ReadsEveryWireType) {
  const Message message = Message{}.integer(1, -1).text(2, "abc").fixed32(3, 1.5F);
  const auto file = file_of(message.bytes + varint(4 << 3 | 1) + raw(2.5));
  WireCursor cursor(*file, file->bytes(), "Test");
  ASSERT_TRUE(cursor.next());
  EXPECT_EQ(cursor.field(), 1U);
  EXPECT_EQ(cursor.int64(), -1);
  EXPECT_EQ(cursor.int32(), -1);
  ASSERT_TRUE(cursor.next());
  EXPECT_EQ(cursor.text(), "abc");
  ASSERT_TRUE(cursor.next());
  cursor.each_fixed32([](std::uint32_t word) { EXPECT_EQ(std::bit_cast<float>(word), 1.5F); });
  ASSERT_TRUE(cursor.next());
  cursor.each_fixed64([](std::uint64_t word) { EXPECT_EQ(std::bit_cast<double>(word), 2.5); });
  EXPECT_FALSE(cursor.next());
}

TEST(WireCursor, ReadsRepeatedFieldsPackedOrNot) {
  const std::vector<std::uint64_t> expected = {1, 300, ~std::uint64_t{0}};
  EXPECT_EQ(varints(Message{}.integer(1, 1).integer(1, 300).integer(1, -1).bytes), expected);
  EXPECT_EQ(varints(Message{}.text(1, varint(1) + varint(300)).integer(1, -1).bytes), expected);
}

TEST(WireCursor, CountsWithoutDecoding) {
  const auto file = file_of(Message{}.text(1, varint(1) + varint(300) + varint(1U << 30)).text(2, "12345678").bytes);
  WireCursor cursor(*file, file->bytes(), "Test");
  cursor.next();
  EXPECT_EQ(cursor.count(WireType::varint), 3U);
  cursor.next();
  EXPECT_EQ(cursor.count(WireType::fixed32), 2U);
  EXPECT_EQ(cursor.count(WireType::fixed64), 1U);
  EXPECT_EQ(cursor.count(WireType::bytes), 1U);
}

TEST(WireCursor, RefusesMalformedBytesAndSaysWhere) {
  struct Case {
    const char* what;
    std::string bytes;
    const char* problem;
  };
  const Case cases[] = {
      {"tag cut off", "\x80", "a varint is cut off"},
      {"value cut off", std::string("\x08\xff"), "a varint is cut off"},
      {"value missing", std::string("\x08"), "a varint is cut off"},
      {"eleven bytes", "\x08" + std::string(10, '\xff') + "\x01", "longer than 64 bits"},
      {"more than 64 bits", "\x08" + std::string(9, '\xff') + "\x02", "longer than 64 bits"},
      {"field number 0", std::string("\x00\x01", 2), "field number 0"},
      {"field number 2^29", varint(std::uint64_t{1} << 32) + "\x01", "field number 536870912"},
      {"group", std::string("\x0b\x0c"), "wire type 3"},
      {"wire type 7", std::string("\x0f"), "wire type 7"},
      {"length past the end", std::string("\x12\x05") + "abcd", "takes 5 bytes, but its message has only 4 left"},
      {"length 2^64 - 1", "\x12" + varint(~std::uint64_t{0}), "takes 18446744073709551615 bytes"},
      {"fixed32 cut off", std::string("\x1d") + "abc", "takes 4 bytes"},
      {"fixed64 cut off", std::string("\x19") + "abcdefg", "takes 8 bytes"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_TRUE(contains(walk_refusal(c.bytes), "a.bin: Test at byte 0: "));
    EXPECT_TRUE(contains(walk_refusal(c.bytes), c.problem));
  }
  EXPECT_TRUE(contains(walk_refusal(Message{}.text(1, "abc").bytes + "\x80"), "Test at byte 5: "));
}

TEST(WireCursor, RefusesAFieldAskedForAsSomethingElse) {
  const auto file = file_of(Message{}.integer(1, 5).text(2, "abcde").bytes);
  WireCursor cursor(*file, file->bytes(), "Test");
  cursor.next();
  EXPECT_TRUE(contains(refusal([&] { cursor.bytes(); }), "field 1 must be length-delimited"));
  EXPECT_TRUE(contains(refusal([&] { cursor.count(WireType::fixed32); }), "must be length-delimited"));
  cursor.next();
  EXPECT_TRUE(contains(refusal([&] { cursor.uint64(); }), "field 2 must be an integer"));
  EXPECT_TRUE(contains(refusal([&] { cursor.each_fixed32([](std::uint32_t) {}); }), "not a multiple of 4"));
  EXPECT_TRUE(contains(refusal([&] { cursor.count(WireType::fixed64); }), "not a multiple of 8"));
}

TEST(WireCursor, CapsTheDepth) {
  Message message;
  for (int i = 0; i < 300; ++i) message = Message{}.child(1, message);
  const auto file = file_of(message.bytes);
  const std::string problem = refusal([&] {
    WireCursor cursor(*file, file->bytes(), "Test");
    while (cursor.next()) cursor = cursor.message("Test");
  });
  EXPECT_TRUE(contains(problem, "deeper than 256 levels"));
}

}  // namespace
}  // namespace sigmax::io
