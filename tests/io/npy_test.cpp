#include "sigmax/io/numpy/npy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "io/npy_bytes.hpp"
#include "io/test_files.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
using testing::dictionary;
using testing::file_of;
using testing::file_with;
using testing::raw;
using testing::refusal;

std::string tuple(const Dimensions& shape) {
  return shape.size() == 1 ? fmt::format("({},)", shape[0]) : fmt::format("({})", fmt::join(shape, ", "));
}

Entry read(const std::string& content) {
  std::vector<Entry> entries = read_npy(file_of(content, "some/folder/weights.v2.npy"));
  EXPECT_EQ(entries.size(), 1U);
  return entries.at(0);
}

double at(const Tensor& tensor, const std::vector<std::int64_t>& index) { return tensor.at(index); }

TEST(Npy, ReadsAnArrayOfEachVersion) {
  const std::string data = raw(std::vector<float>{1, 2, 3, 4, 5, 6});
  for (const int version : {1, 2, 3}) {
    const Entry entry = read(file_with(dictionary("<f4", "(2, 3)") + "   \n", data, version));
    EXPECT_EQ(entry.name, "weights.v2");
    EXPECT_EQ(entry.dtype, DType::f32);
    EXPECT_EQ(entry.dtype_name, "f32");
    EXPECT_EQ(entry.shape, (Dimensions{2, 3}));
    ASSERT_TRUE(entry.bytes);
    EXPECT_EQ(entry.bytes->length, 24U);
    EXPECT_EQ(at(entry.load(), {1, 0}), 4.0);
  }
}

TEST(Npy, FortranOrderGivesStrides) {
  const std::string data = raw(std::vector<double>{1, 2, 3, 4, 5, 6});
  const Tensor tensor = read(file_with(dictionary("<f8", "(2, 3)", true), data)).load();
  EXPECT_EQ(tensor.strides(), (Dimensions{1, 2}));
  EXPECT_EQ(at(tensor, {0, 1}), 3.0);
  EXPECT_EQ(at(tensor, {1, 2}), 6.0);
  const Tensor cube = read(file_with(dictionary("<f8", "(3, 1, 2)", true), data)).load();
  EXPECT_EQ(at(cube, {1, 0, 1}), 5.0);
}

TEST(Npy, BigEndianIsSwapped) {
  const auto swapped = [](auto value) {
    std::string bytes = raw(value);
    std::reverse(bytes.begin(), bytes.end());
    return bytes;
  };
  const Entry entry = read(file_with(dictionary(">f4", "(2,)"), swapped(1.5F) + swapped(-3e30F)));
  EXPECT_EQ(at(entry.load(), {0}), 1.5);
  EXPECT_EQ(at(entry.load(), {1}), static_cast<double>(-3e30F));
  EXPECT_EQ(at(read(file_with(dictionary(">f8", "()"), swapped(1e-300))).load(), {}), 1e-300);
  EXPECT_EQ(at(read(file_with(dictionary(">f2", "(1,)"), std::string("\x3C\x00", 2))).load(), {0}), 1.0);
  const Tensor order =
      read(file_with(dictionary(">f4", "(2, 2)", true), swapped(1.F) + swapped(2.F) + swapped(3.F) + swapped(4.F)))
          .load();
  EXPECT_EQ(at(order, {0, 1}), 3.0);
  const Tensor complex = read(file_with(dictionary(">c8", "(1,)"), swapped(1.F) + swapped(2.F))).load();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(complex.data()), 8), raw(1.F) + raw(2.F));
  EXPECT_EQ(read(file_with(dictionary(">f8", "(0, 3)"), "")).load().size(), 0);
  EXPECT_EQ(std::to_integer<int>(*read(file_with(dictionary(">u1", "(1,)"), "\x07")).load().data()), 7);
}

struct TypeCase {
  const char* code;
  DType type;
};

constexpr TypeCase kTypes[] = {
    {"f8", DType::f64}, {"f4", DType::f32},     {"f2", DType::f16}, {"i8", DType::i64},   {"i4", DType::i32},
    {"i2", DType::i16}, {"i1", DType::i8},      {"u8", DType::u64}, {"u4", DType::u32},   {"u2", DType::u16},
    {"u1", DType::u8},  {"b1", DType::boolean}, {"c8", DType::c64}, {"c16", DType::c128},
};

// Random arrays of every type, rank, order and byte order that the test writes come back bit for bit.
TEST(Npy, RoundTripsRandomArraysOfEveryType) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 60; ++round) {
    for (const TypeCase& type : kTypes) {
      Dimensions shape(random() % 4);
      std::size_t count = 1;
      for (auto& extent : shape) count *= static_cast<std::size_t>(extent = static_cast<std::int64_t>(random() % 5));
      const std::size_t width = size_of(type.type);
      const std::size_t part = std::string_view(type.code).starts_with('c') ? width / 2 : width;
      const char order = part == 1 ? '|' : "<>="[random() % 3];
      std::string data(count * width, '\0');
      for (char& byte : data) byte = static_cast<char>(random());
      std::string stored = data;
      for (std::size_t i = 0; order == '>' && i < data.size(); i += part) {
        std::reverse(stored.begin() + static_cast<std::ptrdiff_t>(i),
                     stored.begin() + static_cast<std::ptrdiff_t>(i + part));
      }
      const std::string spelling = order + std::string(type.code);
      SCOPED_TRACE(spelling + tuple(shape));
      const std::string padding(random() % 20, ' ');  // data need not be aligned
      const Tensor tensor = read(file_with(dictionary(spelling, tuple(shape)) + padding, stored)).load();
      EXPECT_EQ(tensor.dtype(), type.type);
      EXPECT_EQ(tensor.shape(), shape);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data()) % part, 0U);
      const auto* bytes = reinterpret_cast<const char*>(tensor.data());
      EXPECT_EQ(data.empty() ? "" : std::string(bytes, data.size()), data);
    }
  }
}

TEST(Npy, ReadsTheSpellingsThatWritersUse) {
  const std::string one = raw(2.0F);
  const char* const headers[] = {
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }                \n",
      "{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (1,)}",
      "{'shape': (1,), 'fortran_order': True, 'descr': '<f4'}",
      "{'descr':'<f4','fortran_order':False,'shape':(1,)}",
      "{ 'descr' : '<f4' , 'fortran_order' : False , 'shape' : ( 1 , ) , }\n",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1L,), }\n",
      "{'descr': '=f4', 'fortran_order': False, 'shape': (1,), }\n",
      "{'descr': 'f4', 'fortran_order': False, 'shape': (1, 1), }\n",
      "{'descr': '|f4', 'fortran_order': False, 'shape': (), }\n",
      "{u'descr': u'<f4', u'fortran_order': False, U\"shape\": (1,), }\n",
  };
  for (const char* header : headers) {
    SCOPED_TRACE(header);
    const Tensor tensor = read(file_with(header, one)).load();
    EXPECT_EQ(tensor.size(), 1);
    EXPECT_EQ(tensor.at(Dimensions(tensor.rank(), 0)), 2.0);
  }
}

TEST(Npy, ListsArraysThatAreNotNumbers) {
  struct Case {
    const char* type;
    std::size_t bytes;
    DType dtype;
    const char* dtype_name;
    const char* reason;
  };
  const Case cases[] = {
      {"<U5", 20, DType::string, "string", "text"},          {"|S3", 3, DType::string, "string", "text"},
      {"<V2", 2, DType::unknown, "<V2", "bfloat16"},         {"|V4", 4, DType::unknown, "|V4", "raw bytes"},
      {"<M8[ns]", 8, DType::unknown, "<M8[ns]", "dates"},    {"<m8[us]", 8, DType::unknown, "<m8[us]", "time"},
      {"<f16", 16, DType::unknown, "<f16", "extended"},      {"<c32", 32, DType::unknown, "<c32", "extended"},
      {"<U0", 0, DType::string, "string", "text"},           {"|V1", 1, DType::unknown, "|V1", "float8"},
      {"<f1", 1, DType::unknown, "<f1", "8-bit floats"},     {"|O", 30, DType::unknown, "|O", "Python objects"},
      {"<O8", 8, DType::unknown, "<O8", "Python objects"},   {"f4,f4", 8, DType::unknown, "f4,f4", "structured"},
      {"(2,)f4", 8, DType::unknown, "(2,)f4", "structured"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.type);
    const Entry entry = read(file_with(dictionary(c.type, "(1,)"), std::string(c.bytes, 'x')));
    EXPECT_EQ(entry.dtype, c.dtype);
    EXPECT_EQ(entry.dtype_name, c.dtype_name);
    EXPECT_TRUE(contains(entry.unreadable, c.reason));
    EXPECT_FALSE(entry.load);
  }
}

// NumPy does not parse longer headers either, unless it is told to.
TEST(Npy, ListsWhatHasAHeaderAboveTheLimit) {
  for (const int version : {1, 2, 3}) {
    const Entry entry = read(file_with(dictionary("<f4", "(1,)") + std::string(10'000, ' '), "1234", version));
    EXPECT_TRUE(
        contains(entry.unreadable, "bytes is above the limit of 10000 (is this a record type with many fields?)"));
    EXPECT_EQ(entry.bytes->length, 4U);
    EXPECT_FALSE(entry.load);
  }
  const std::string fits = dictionary("<f4", "(1,)");
  EXPECT_TRUE(read(file_with(fits + std::string(10'000 - fits.size(), ' '), "1234")).load);
}

TEST(Npy, ListsRecords) {
  for (const char* descr : {"[('a', '<f4'), ('b', '|O')]", "('<f4', (1,))", "[('x', [('y', '<f8')], (2, 3))]"}) {
    const Entry entry =
        read(file_with(fmt::format("{{'descr': {}, 'fortran_order': False, 'shape': (1,), }}", descr), "1234"));
    EXPECT_TRUE(contains(entry.unreadable, "structured"));
    EXPECT_EQ(entry.shape, Dimensions{1});
    EXPECT_FALSE(entry.load);
  }
}

// numpy.save called several times on one open file.
TEST(Npy, ReadsArraysOneAfterAnother) {
  const std::string content = file_with(dictionary("<f4", "(2,)"), raw(std::vector<float>{1, 2})) +
                              file_with(dictionary(">f8", "(1, 1)"), std::string("\x40\0\0\0\0\0\0\0", 8), 2) +
                              file_with(dictionary("<f4", "(0, 5)"), "") + file_with(dictionary("<f1", "(3,)"), "abc") +
                              file_with(dictionary("<f4", "(2, 2)", true), raw(std::vector<float>{5, 6, 7, 8}), 3);
  std::vector<std::string> notes;
  const std::vector<Entry> entries = read_npy(file_of(content, "some/w.npy"), &notes);
  ASSERT_EQ(entries.size(), 5U);
  const char* const names[] = {"w", "w[1]", "w[2]", "w[3]", "w[4]"};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(entries[i].name, names[i]);
    EXPECT_EQ(entries[i].appended, i != 0);
    EXPECT_EQ(static_cast<bool>(entries[i].load), i != 3);
  }
  EXPECT_EQ(at(entries[0].load(), {1}), 2.0);
  EXPECT_EQ(at(entries[1].load(), {0, 0}), 2.0);
  EXPECT_EQ(entries[2].load().shape(), (Dimensions{0, 5}));
  EXPECT_EQ(at(entries[4].load(), {1, 0}), 6.0);
  EXPECT_EQ(content.substr(entries[3].bytes->offset, entries[3].bytes->length), "abc");
  EXPECT_EQ(content.substr(entries[4].bytes->offset, entries[4].bytes->length), raw(std::vector<float>{5, 6, 7, 8}));
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_TRUE(contains(notes[0], "some/w.npy: holds 5 arrays one after another, of which numpy.load gives the first"));
  read(content.substr(0, content.find("NUMPY", 20) - 1));
}

TEST(Npy, RefusesWhatBeginsAnotherArrayAndIsNone) {
  const std::string first = file_with(dictionary("<f4", "(1,)"), "1234");
  const auto message = [&](const std::string& rest) {
    return refusal([&] { read_npy(file_of(first + rest, "w.npy")); });
  };
  EXPECT_EQ(message(first), "nothing was thrown");
  EXPECT_TRUE(contains(message("\x93NUMPY"), "w.npy: array 1 of the file: cut short inside the version"));
  EXPECT_TRUE(contains(message(first + first.substr(0, first.size() - 1)), "w.npy: array 2 of the file: shape [1] of"));
  EXPECT_TRUE(contains(message(first + "x"), "array 1 of the file: shape [1] of '<f4' takes 4 bytes, but 5 follow"));
  EXPECT_TRUE(contains(message("\x93NUMP"), "w.npy: header: shape [1] of '<f4' takes 4 bytes, but 9 follow"));
}

struct BadFile {
  const char* what;
  std::string content;
  const char* message;
};

std::vector<BadFile> bad_prefixes() {
  const std::string good = dictionary("<f4", "(1,)");
  std::string version_four = file_with(good, "1234");
  version_four[6] = 4;
  std::string version_zero = version_four;
  version_zero[6] = 0;
  std::string minor = file_with(good, "1234");
  minor[7] = 1;
  std::string past = file_with(good, "");
  past[8] = '\x7F';
  std::string huge = file_with(good, "1234", 2);
  huge[11] = '\x7F';
  return {
      {"magic alone", "\x93NUMPY", "cut short inside the version"},
      {"no length", std::string("\x93NUMPY\1\0", 8), "cut short inside the header's length"},
      {"half a length", std::string("\x93NUMPY\2\0\1\0", 10), "cut short inside the header's length"},
      {"wrong magic", "\x93NUMPX" + good, "magic bytes"},
      {"version 4", version_four, "version 4.0 is not 1.0, 2.0 or 3.0"},
      {"version 0", version_zero, "version 0.0"},
      {"minor version", minor, "version 1.1"},
      {"header past the end", past, "reach past the end of the file"},
      {"header above the limit and past the end", huge, "reach past the end of the file"},
      {"no header", file_with("", "1234"), "'{' expected at byte 0"},
  };
}

std::vector<BadFile> bad_dictionaries() {
  const auto bad = [](const std::string& header) { return file_with(header, "1234"); };
  return {
      {"not a dictionary", bad("('<f4', False, (1,))"), "'{' expected"},
      {"no end", bad("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)"), "'}' expected"},
      {"nothing", bad("{}"), "is missing"},
      {"no shape", bad("{'descr': '<f4', 'fortran_order': False}"), "is missing"},
      {"no order", bad("{'descr': '<f4', 'shape': (1,)}"), "is missing"},
      {"unknown key", bad("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}"), "the key 'x' is none of"},
      {"a key twice", bad("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (1,)}"),
       "the key 'descr' appears twice"},
      {"text behind", bad(dictionary("<f4", "(1,)") + "x"), "more text than a dictionary"},
      {"a call behind", bad(dictionary("<f4", "(1,)") + ".pop('shape')"), "more text than a dictionary"},
      {"a call inside", bad("{'descr': __import__('os').system('id'), 'fortran_order': False, 'shape': (1,)}"),
       "a string expected"},
      {"string without end", bad("{'descr"), "a string has no end"},
      {"a prefix alone", bad("{u"), "a string expected"},
      {"a prefix of bytes", bad("{b'descr': '<f4', 'fortran_order': False, 'shape': (1,)}"), "a string expected"},
      {"escape in a string", bad("{'descr': '\\x3cf4', 'fortran_order': False, 'shape': (1,)}"), "escapes"},
      {"order is an integer", bad("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}"), "True or False expected"},
      {"order in lower case", bad("{'descr': '<f4', 'fortran_order': false, 'shape': (1,)}"), "True or False expected"},
      {"NUL inside", bad(std::string("{'descr': '<f4', \0 'fortran_order': False, 'shape': (1,)}", 57)), "expected"},
      {"bracket not closed", bad("{'descr': [('a', '<f4'"), "a bracket is not closed"},
      {"brackets, brackets", bad("{'descr': " + std::string(9000, '[')), "a bracket is not closed"},
      {"one brace", bad("{"), "a string expected"},
      {"shape is an integer", bad(dictionary("<f4", "1")), "'(' expected"},
      {"shape is a list", bad(dictionary("<f4", "[1]")), "'(' expected"},
      {"shape is no tuple", bad(dictionary("<f4", "(1)")), "needs a comma"},
      {"shape has a hole", bad(dictionary("<f4", "(1,,1)")), "a size expected"},
      {"shape does not end", bad(dictionary("<f4", "(1, 2")), "expected"},
      {"negative size", bad(dictionary("<f4", "(-1,)")), "a size expected"},
      {"fractional size", bad(dictionary("<f4", "(1.0,)")), "needs a comma"},
      {"size in hexadecimal", bad(dictionary("<f4", "(0x1,)")), "needs a comma"},
      {"size beyond 63 bits", bad(dictionary("<f4", "(9223372036854775808,)")), "a size above 2^63 - 1"},
      {"size of thousand digits", bad(dictionary("<f4", "(" + std::string(1000, '9') + ",)")), "above 2^63 - 1"},
      {"nested tuple", bad(dictionary("<f4", "((1,),)")), "a size expected"},
      {"65 dimensions", bad(dictionary("<f4", tuple(Dimensions(65, 1)))), "more than 64 dimensions"},
  };
}

std::vector<BadFile> bad_types_and_sizes() {
  const auto array = [](const std::string& type, const std::string& shape, std::size_t bytes) {
    return file_with(dictionary(type, shape), std::string(bytes, '\0'));
  };
  return {
      {"data cut short", array("<f4", "(2,)", 7), "takes 8 bytes, but 7 follow the header: cut short?"},
      {"trailing byte", array("<f4", "(2,)", 9), "takes 8 bytes, but 9 follow the header"},
      {"data behind an empty array", array("<f4", "(0,)", 1), "takes 0 bytes, but 1 follow"},
      {"rank 0 without data", array("<f4", "()", 0), "takes 4 bytes, but 0 follow"},
      {"a size that memory has not", array("<f8", "(1000000000000,)", 8), "cut short?"},
      {"product that wraps to zero", array("<f4", "(4294967296, 4294967296)", 0), "the product of shape"},
      {"bytes that wrap", array("<f4", "(4611686018427387905,)", 4), "the size of shape"},
      {"overflow hidden by a zero", array("<f4", "(0, 9223372036854775807, 2)", 0), "the product of shape"},
      {"text that overflows", array("<U2000000000", "(4611686018427387905,)", 4), "the size of shape"},
  };
}

void expect_refused(const std::vector<BadFile>& files) {
  for (const BadFile& bad : files) {
    SCOPED_TRACE(bad.what);
    const std::string message = refusal([&] { read(bad.content); });
    EXPECT_TRUE(contains(message, bad.message));
    EXPECT_TRUE(message.starts_with("some/folder/weights.v2.npy: header: ")) << message;
  }
}

TEST(Npy, RefusesBadPrefixes) { expect_refused(bad_prefixes()); }
TEST(Npy, RefusesBadDictionaries) { expect_refused(bad_dictionaries()); }
TEST(Npy, RefusesBadTypesAndSizes) { expect_refused(bad_types_and_sizes()); }

TEST(Npy, SurvivesEveryCutAndEveryChangedByte) {
  const std::string good = file_with(dictionary(">f4", "(2, 2)", true) + "\n", std::string(16, 'x'));
  const auto attempt = [](const std::string& content) {
    return refusal([&] {
      const Entry entry = read(content);
      if (entry.load) entry.load();
    });
  };
  EXPECT_EQ(attempt(good), "nothing was thrown");
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_NE(attempt(good.substr(0, length)), "nothing was thrown") << length;
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char change : {'\0', '\x01', '\'', '(', '9', ' ', '\xFF'}) {
      std::string changed = good;
      changed[i] = change;
      attempt(changed);
    }
  }
}

}  // namespace
}  // namespace sigmax::io
