#include "sigmax/io/pytorch/pickle.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "io/pickle_bytes.hpp"
#include "io/test_files.hpp"

namespace sigmax::io {
namespace {

using namespace std::string_literals;
using testing::contains;
using testing::file_of;
using testing::raw;
using testing::refusal;
namespace pk = testing::pk;

Pickle read(const std::string& bytes) { return Pickle::read(file_of(bytes), 0, "object"); }

std::string complaint(const std::string& bytes) {
  return refusal([&bytes] { read(bytes); });
}

// The value as Python would print it, to the depth that the tests use.
std::string show(const Pickle& p, Pickle::Id id) {
  const auto join = [&p, id](const char* open, const char* close) {
    std::string text = open;
    for (const Pickle::Id item : p.items(id)) text += (text.size() > 1 ? ", " : "") + show(p, item);
    return text + close;
  };
  switch (p.kind(id)) {
    case PickleKind::none: return "None";
    case PickleKind::boolean: return p.integer(id) != 0 ? "True" : "False";
    case PickleKind::integer: return std::to_string(p.integer(id));
    case PickleKind::big_integer: return "big:" + std::to_string(p.text(id).size());
    case PickleKind::real: return std::to_string(p.real(id));
    case PickleKind::text: return "'" + std::string(p.text(id)) + "'";
    case PickleKind::bytes: return "b'" + std::string(p.text(id)) + "'";
    case PickleKind::list: return join("[", "]");
    case PickleKind::tuple: return join("(", ")");
    case PickleKind::set: return join("{", "}");
    case PickleKind::dict: return join("<", ">");
    case PickleKind::persistent_id: return join("@", "");
    case PickleKind::global: return std::string(p.global_module(id)) + "." + std::string(p.global_attribute(id));
    case PickleKind::call: {
      const Pickle::Call call = p.call(id);
      std::string text = show(p, call.callable) + show(p, call.args);
      if (call.state != Pickle::kAbsent) text += "!" + show(p, call.state);
      if (call.entries != Pickle::kAbsent) text += "+" + show(p, call.entries);
      if (call.elements != Pickle::kAbsent) text += "+" + show(p, call.elements);
      return text;
    }
  }
  return "?";
}

std::string shown(const std::string& bytes) {
  const Pickle p = read(bytes);
  return show(p, p.root());
}

TEST(Pickle, EveryOpcodeOfTheListGivesItsValue) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"N.", "None"},
      {"\x88.", "True"},
      {"\x89.", "False"},
      {"I01\n.", "True"},
      {"I-12\n.", "-12"},
      {"L123456789012L\n.", "123456789012"},
      {"L123456789012345678901234567890L\n.", "big:30"},
      {"K\xff.", "255"},
      {"M\xff\xff.", "65535"},
      {"J\xfe\xff\xff\xff.", "-2"},
      {"\x8a\x00."s, "0"},
      {"\x8a\x01\xff.", "-1"},
      {"\x8a\x02\xff\x00."s, "255"},
      {"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01."s, "big:9"},
      {"\x8b\x01\x00\x00\x00\x7f."s, "127"},
      {"F1.5\n.", "1.500000"},
      {"G\x3f\xf8\x00\x00\x00\x00\x00\x00."s, "1.500000"},
      {"X\x02\x00\x00\x00hi."s, "'hi'"},
      {"\x8c\x02hi.", "'hi'"},
      {"\x8d\x02\x00\x00\x00\x00\x00\x00\x00hi."s, "'hi'"},
      {"B\x02\x00\x00\x00hi."s, "b'hi'"},
      {"C\x02hi.", "b'hi'"},
      {"\x8e\x02\x00\x00\x00\x00\x00\x00\x00hi."s, "b'hi'"},
      {"\x96\x02\x00\x00\x00\x00\x00\x00\x00hi."s, "b'hi'"},
      {"T\x02\x00\x00\x00hi."s, "b'hi'"},
      {"U\x02hi.", "b'hi'"},
      {").", "()"},
      {"K\x01\x85.", "(1)"},
      {"K\x01K\x02\x86.", "(1, 2)"},
      {"K\x01K\x02K\x03\x87.", "(1, 2, 3)"},
      {"(K\x01K\x02K\x03K\x04t.", "(1, 2, 3, 4)"},
      {"(K\x01l.", "[1]"},
      {"(K\x01K\x02\x64.", "<1, 2>"},
      {"(K\x01\x91.", "{1}"},
      {"]K\x01\x61(K\x02K\x03\x65.", "[1, 2, 3]"},
      {"}K\x01K\x02s(K\x03K\x04u.", "<1, 2, 3, 4>"},
      {"\x8f(K\x01\x90.", "{1}"},
      {"K\x07q\x00K\x08h\x00\x87."s, "(7, 8, 7)"},
      {"K\x07p1\n0g1\n.", "7"},
      {"K\x07r\x01\x00\x00\x00\x30j\x01\x00\x00\x00."s, "7"},
      {"K\x07\x94K\x08\x94\x86h\x01\x86."s, "((7, 8), 8)"},
      {"K\x07\x32\x86.", "(7, 7)"},
      {"K\x07(K\x08K\x09\x31.", "7"},
      {"K\x07(0.", "7"},
      {"cm\nf\n.", "m.f"},
      {"\x8c\x01m\x8c\x01\x66\x93.", "m.f"},
      {"cm\nf\nK\x01\x85R.", "m.f(1)"},
      {"cm\nf\n)\x81}b.", "m.f()!<>"},
      {"cm\nf\n)}\x92.", "m.f((), <>)"},
      {"(K\x01im\nf\n.", "m.f(1)"},
      {"(cm\nf\nK\x01o.", "m.f(1)"},
      {"cm\nf\n)RK\x01K\x02sK\x03\x61.", "m.f()+<1, 2>+[3]"},
      {"K\x01\x85Q.", "@(1)"},
      {"\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00N."s, "None"},
  };
  for (const auto& [bytes, expected] : cases) EXPECT_EQ(shown(bytes), expected) << ::testing::PrintToString(bytes);
}

TEST(Pickle, MalformedStreamsAreRefusedWithPlaceAndByte) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "object, byte 0: the pickle is cut short"},
      {"N", "object, byte 1: the pickle is cut short: 1 bytes wanted, 0 left"},
      {".", "empty stack"},
      {"0.", "empty stack"},
      {"\x85.", "empty stack"},
      {"K\x01\x86.", "empty stack"},
      {"K\x01(R.", "empty stack"},
      {"N(.", "empty stack"},
      {"R.", "empty stack"},
      {"b.", "empty stack"},
      {"\x32.", "empty stack"},
      {"q\x01.", "empty stack"},
      {"N(q\x00."s, "empty stack"},
      {"t.", "never set"},
      {"u.", "never set"},
      {"1.", "never set"},
      {"h\x00."s, "memo key 0, which was never stored"},
      {"Nq\x00h\x01."s, "memo key 1, which was never stored"},
      {"Nr\xff\xff\xff\xff.", "memo key 4294967295 is larger"},
      {"Np99999999999999999999\n.", "not a number"},
      {"g-1\n.", "not a number"},
      {"X\xff\xff\xff\xff", "4294967295 bytes wanted"},
      {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "18446744073709551615 bytes wanted"},
      {"\x8b\xff\xff\xff\xff.", "cut short"},
      {"\x80\x06N.", "protocol 6"},
      {"\x80\x04\x95\xff\x00\x00\x00\x00\x00\x00\x00N."s, "frame of 255 bytes"},
      {"(K\x01\x64.", "key that has no value"},
      {"}(K\x01u.", "key that has no value"},
      {"]K\x01K\x02s.", "sets items of something that is not a dict"},
      {"K\x01K\x02\x61.", "appends to something that is not a list"},
      {")K\x02\x61.", "appends to something that is not a list"},
      {"}K\x02\x61.", "appends to something that is not a list"},
      {"K\x01}b.", "not an object"},
      {"K\x01K\x02\x93.", "name is not text"},
      {"(o.", "without a class"},
      {"cos\n", "a line without an end"},
      {"Fx\n.", "not a number"},
      {"I1x\n.", "not made of digits"},
      {"S'text'\n.", "opcode 0x53"},
      {"Pid\n.", "opcode 0x50"},
      {"\x82\x01.", "opcode 0x82"},
      {"\x97.", "opcode 0x97"},
  };
  for (const auto& [bytes, expected] : cases) {
    EXPECT_TRUE(contains(complaint(bytes), expected)) << ::testing::PrintToString(bytes);
  }
}

TEST(Pickle, WhatPythonWouldRunIsANameHere) {
  const Pickle p = read("cos\nsystem\nX\x06\x00\x00\x00rm -rf\x85R."s);
  EXPECT_TRUE(p.is(p.root(), PickleKind::call));
  EXPECT_TRUE(p.is_global(p.call(p.root()).callable, "os", "system"));
}

TEST(Pickle, PicklesMayFollowEachOther) {
  const auto file = file_of("K\x01.K\x02.");
  const Pickle first = Pickle::read(file, 0, "first");
  EXPECT_EQ(first.end(), 3u);
  const Pickle second = Pickle::read(file, first.end(), "second");
  EXPECT_EQ(second.integer(second.root()), 2);
  EXPECT_EQ(second.length(), 3u);
  EXPECT_TRUE(contains(refusal([&] { Pickle::read(file, 600, "third"); }), "third, byte 6: the pickle is cut short"));
}

TEST(Pickle, AKeyWrittenTwiceHasItsLastValue) {
  const Pickle p = read("}(U\x01\x61K\x01X\x01\x00\x00\x00\x61K\x02u."s);
  EXPECT_EQ(p.integer(p.find(p.root(), "a")), 2);
  EXPECT_EQ(p.find(p.root(), "b"), Pickle::kAbsent);
}

// A recursive reader or destructor would overflow its stack.
TEST(Pickle, AMillionNestedTuplesAreOnlyData) {
  constexpr std::size_t kDepth = 1000000;
  const Pickle p = read(")" + std::string(kDepth, '\x85') + ".");
  std::size_t depth = 0;
  for (Pickle::Id id = p.root(); !p.items(id).empty(); id = p.items(id)[0]) ++depth;
  EXPECT_EQ(depth, kDepth);
}

// A walk that unfolded what the pickle shares would find 2^200 leaves.
TEST(Pickle, SharedValuesStayShared) {
  std::string bytes = ")";
  for (int i = 0; i < 200; ++i) bytes += "\x32\x86";
  EXPECT_LT(read(bytes + ".").size(), 210u);
}

TEST(Pickle, AListMayContainItself) {
  const Pickle p = read("]q\x00h\x00\x61."s);
  ASSERT_EQ(p.items(p.root()).size(), 1u);
  EXPECT_EQ(p.items(p.root())[0], p.root());
}

// Lists that grow in turns move through the pool; their values must follow.
TEST(Pickle, ListsThatGrowInTurnsKeepTheirValues) {
  std::string bytes = "(]q\x00]q\x01"s;
  for (unsigned i = 0; i < 100; ++i) bytes += "h\x00M"s + raw(static_cast<std::uint16_t>(i)) + "a0";
  for (unsigned i = 0; i < 200; ++i) {
    bytes += (i % 2 == 0 ? "h\x00M"s : "h\x01M"s) + raw(static_cast<std::uint16_t>(1000 + i)) + "a0";
  }
  const Pickle p = read(bytes + "t.");
  const auto first = p.items(p.items(p.root())[0]), second = p.items(p.items(p.root())[1]);
  ASSERT_EQ(first.size(), 200u);
  ASSERT_EQ(second.size(), 100u);
  EXPECT_EQ(p.integer(first[99]), 99);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(p.integer(first[static_cast<std::size_t>(100 + i)]), 1000 + 2 * i);
    EXPECT_EQ(p.integer(second[static_cast<std::size_t>(i)]), 1001 + 2 * i);
  }
}

TEST(Pickle, EveryPrefixOfAPickleIsRefused) {
  const std::string bytes = pk::whole(pk::dict({pk::str("w"), pk::tensor(pk::storage("0", 6), 0, {2, 3}, {3, 1})}));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_NE(complaint(bytes.substr(0, length)), "nothing was thrown") << length;
  }
  EXPECT_EQ(complaint(bytes), "nothing was thrown");
}

TEST(Pickle, MoreValuesThanACheckpointHasAreRefused) {
  EXPECT_TRUE(contains(complaint(std::string(1 << 24, ']') + "."), "more than 16777216 values"));
}

}  // namespace
}  // namespace sigmax::io
