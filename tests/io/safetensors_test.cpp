#include "sigmax/io/safetensors/safetensors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "io/test_files.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
using testing::file_of;
using testing::raw;
using testing::refusal;

std::string with_length(std::uint64_t length, const std::string& rest) { return raw(length) + rest; }

std::string file_with(const std::string& header, const std::string& data = "") {
  return with_length(header.size(), header) + data;
}

std::string tensor(const std::string& name, const std::string& type, const std::string& shape, std::uint64_t begin,
                   std::uint64_t end) {
  return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})", name, type, shape, begin, end);
}

std::vector<Entry> read(const std::string& content) { return read_safetensors(file_of(content)); }

TEST(Safetensors, ReadsTensorsInTheOrderOfTheirData) {
  const std::string content =
      file_with("{" + tensor("second", "F32", "[2]", 8, 16) + "," + tensor("first", "F64", "[]", 0, 8) + "}   ",
                raw(std::vector<double>{0.5}) + raw(std::vector<float>{1.0F, -2.0F}));
  const std::vector<Entry> entries = read(content);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].name, "first");
  EXPECT_EQ(entries[0].dtype, DType::f64);
  EXPECT_EQ(entries[0].shape, Dimensions{});
  EXPECT_EQ(entries[0].load().at({}), 0.5);
  EXPECT_EQ(entries[1].name, "second");
  EXPECT_EQ(entries[1].dtype_name, "f32");
  ASSERT_TRUE(entries[1].bytes);
  EXPECT_EQ(entries[1].bytes->file, "test.bin");
  EXPECT_EQ(entries[1].bytes->offset, content.size() - 8);
  EXPECT_EQ(entries[1].bytes->length, 8U);
  EXPECT_EQ(entries[1].load().at(std::vector<std::int64_t>{1}), -2.0);
}

TEST(Safetensors, ATensorOutlivesItsEntryAndItsFile) {
  Tensor kept;
  {
    const auto entries = read(file_with("{" + tensor("w", "F32", "[1]", 0, 4) + "}", raw(3.0F)));
    kept = entries[0].load();
  }
  EXPECT_EQ(kept.at(std::vector<std::int64_t>{0}), 3.0);
}

struct TypeCase {
  const char* spelling;
  DType type;
  bool readable;
};

constexpr TypeCase kTypes[] = {
    {"BOOL", DType::boolean, true},
    {"U8", DType::u8, true},
    {"I8", DType::i8, true},
    {"I16", DType::i16, true},
    {"U16", DType::u16, true},
    {"F16", DType::f16, true},
    {"BF16", DType::bf16, true},
    {"I32", DType::i32, true},
    {"U32", DType::u32, true},
    {"F32", DType::f32, true},
    {"C64", DType::c64, true},
    {"F64", DType::f64, true},
    {"I64", DType::i64, true},
    {"U64", DType::u64, true},
    {"F4", DType::f4, false},
    {"F6_E2M3", DType::f6_e2m3, false},
    {"F6_E3M2", DType::f6_e3m2, false},
    {"F8_E5M2", DType::f8_e5m2, false},
    {"F8_E4M3", DType::f8_e4m3, false},
    {"F8_E8M0", DType::f8_e8m0, false},
    {"F8_E4M3FNUZ", DType::f8_e4m3fnuz, false},
    {"F8_E5M2FNUZ", DType::f8_e5m2fnuz, false},
};

// Random tensors of every type and rank that the test writes come back bit for bit.
TEST(Safetensors, RoundTripsRandomTensorsOfEveryType) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 40; ++round) {
    std::string header = R"({"__metadata__":{"format":"pt","note":"é \" \n"})";
    std::string data;
    std::vector<std::string> pieces;
    std::vector<Dimensions> shapes;
    for (const TypeCase& type : kTypes) {
      Dimensions shape(random() % 4);
      std::uint64_t elements = 1;
      for (auto& extent : shape)
        elements *= static_cast<std::uint64_t>(extent = static_cast<std::int64_t>(random() % 6));
      const std::uint64_t size_in_bits = elements * bits(type.type);
      if (size_in_bits % 8 != 0) {
        shape.push_back(4);
        elements *= 4;
      }
      std::string piece(elements * bits(type.type) / 8, '\0');
      for (char& byte : piece) byte = static_cast<char>(random());
      header += "," + tensor(type.spelling, type.spelling, fmt::format("[{}]", fmt::join(shape, ",")), data.size(),
                             data.size() + piece.size());
      data += piece;
      pieces.push_back(piece);
      shapes.push_back(shape);
    }
    const std::vector<Entry> entries = read(file_with(header + "}" + std::string(random() % 9, ' '), data));
    ASSERT_EQ(entries.size(), std::size(kTypes));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      SCOPED_TRACE(kTypes[i].spelling);
      // Empty tensors share their offsets with a neighbor, so a type may come at another position.
      const auto entry =
          std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.name == kTypes[i].spelling; });
      ASSERT_NE(entry, entries.end());
      EXPECT_EQ(entry->dtype, kTypes[i].type);
      EXPECT_EQ(entry->dtype_name, name(kTypes[i].type));
      EXPECT_EQ(entry->shape, shapes[i]);
      EXPECT_EQ(entry->unreadable.empty(), kTypes[i].readable);
      EXPECT_EQ(static_cast<bool>(entry->load), kTypes[i].readable);
      if (!entry->load) continue;
      const Tensor loaded = entry->load();
      EXPECT_EQ(loaded.shape(), shapes[i]);
      EXPECT_EQ(loaded.dtype(), kTypes[i].type);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(loaded.data()) % size_of(loaded.dtype()), 0U);
      const auto* bytes = reinterpret_cast<const char*>(loaded.data());
      const std::string back =
          loaded.size() == 0 ? ""
                             : std::string(bytes, static_cast<std::size_t>(loaded.size()) * size_of(loaded.dtype()));
      EXPECT_EQ(back, pieces[i]);
    }
  }
}

TEST(Safetensors, AnUnknownTypeIsListedWithItsSpelling) {
  const auto entries =
      read(file_with("{" + tensor("odd", "F3_E1M1", "[5]", 0, 3) + "," + tensor("w", "U8", "[1]", 3, 4) + "}", "abcd"));
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].dtype, DType::unknown);
  EXPECT_EQ(entries[0].dtype_name, "F3_E1M1");
  EXPECT_TRUE(contains(entries[0].unreadable, "'F3_E1M1'"));
  EXPECT_FALSE(entries[0].load);
  EXPECT_EQ(std::to_integer<char>(*entries[1].load().data()), 'd');
}

TEST(Safetensors, AcceptsWhatTheFormatAllows) {
  EXPECT_TRUE(read(file_with("{}")).empty());
  EXPECT_TRUE(read(file_with("{}        ")).empty());
  EXPECT_TRUE(read(file_with(R"({"__metadata__":{}})")).empty());
  EXPECT_EQ(read(file_with("{" + tensor("", "F32", "[0,9223372036854775807]", 0, 0) + "}")).size(), 1U);
  EXPECT_EQ(read(file_with("{" + tensor("a", "F32", "[0]", 0, 0) + "," + tensor("b", "F32", "[]", 0, 4) + "," +
                               tensor("c", "F32", "[3,0]", 4, 4) + "}",
                           "1234"))
                .size(),
            3U);
  EXPECT_EQ(read(file_with("{" + tensor("half bytes", "F4", "[3,2]", 0, 3) + "}", "123")).size(), 1U);
}

// Odd parts that the reference implementation accepts, or that say nothing about the tensors, are read and named.
TEST(Safetensors, ReadsOddHeadersAndSaysWhatIsOdd) {
  const std::string w = tensor("w", "F32", "[1]", 0, 4);
  struct Case {
    std::string header;
    std::vector<const char*> oddities;
  };
  const Case cases[] = {
      {"{" + w + "}", {}},
      {"{" + w + "}    ", {}},
      {"{ \n\t" + w + "\r\n}", {}},
      {"{" + w + "}\n", {"ends with line breaks or tabs"}},
      {"{" + w + "}  \t ", {"ends with line breaks or tabs"}},
      {"{" + w + "}\r\n\r\n", {"ends with line breaks or tabs"}},
      {" \n{" + w + "}", {"begins with white space"}},
      {R"({"__metadata__":null,)" + w + "}", {"not an object of strings"}},
      {R"({"__metadata__":"pt",)" + w + "}", {"not an object of strings"}},
      {R"({"__metadata__":[{"w":{}}],)" + w + "}", {"not an object of strings"}},
      {R"({"__metadata__":{"step":12,"deep":{"w":{"dtype":"F64"}}},)" + w + "}", {"not an object of strings"}},
      {R"({"__metadata__":{"a":null},)" + w + "}", {"not an object of strings"}},
      {R"({"__metadata__":{"a":["x"]},)" + w + "}", {"not an object of strings"}},
      {R"({"__metadata__":{"a":"1","a":"2"},)" + w + "}", {}},
      {R"({"__metadata__":{"a":"1"},)" + w + R"(,"__metadata__":{"b":"2"}})", {"has __metadata__ twice"}},
      {R"({"w":{"dtype":"F32","strides":[1],"shape":[1],"data_offsets":[0,4],"x":{"dtype":"F64","y":[[]]}}})",
       {"by other fields than"}},
      {"{" + w + "," + w + "}", {"describes a tensor twice"}},
      {"{" + w + R"(,"__metadata__":null})" + "\n", {"not an object of strings", "ends with line breaks"}},
  };
  for (const auto& [header, oddities] : cases) {
    SCOPED_TRACE(header);
    std::vector<std::string> notes;
    const auto file = file_of(file_with(header, raw(2.5F)));
    EXPECT_TRUE(looks_like_safetensors(*file));
    const auto entries = read_safetensors(file, &notes);
    ASSERT_EQ(entries.size(), 1U);
    EXPECT_EQ(entries[0].name, "w");
    EXPECT_EQ(entries[0].load().at(std::vector<std::int64_t>{0}), 2.5);
    ASSERT_EQ(notes.size(), oddities.empty() ? 0U : 1U);
    for (const char* oddity : oddities) {
      EXPECT_TRUE(contains(notes[0], "test.bin: read, though its header "));
      EXPECT_TRUE(contains(notes[0], oddity));
    }
  }
}

struct BadFile {
  const char* what;
  std::string content;
  const char* message;
};

std::vector<BadFile> bad_lengths() {
  return {
      {"empty file", "", "header: a file of 0 bytes is too short"},
      {"seven bytes", "1234567", "too short"},
      {"no header", with_length(0, ""), "must start with '{'"},
      {"header past the end", with_length(100, "{}"), "its 100 bytes reach past the end of the file (10 bytes)"},
      {"header one byte too long", with_length(3, "{}"), "reach past the end"},
      {"length above the limit", with_length(100'000'001, "{}"), "above the format's limit of 100000000"},
      {"length that overflows", with_length(~std::uint64_t{0}, "{}"), "above the format's limit"},
      {"length that overflows with its own bytes", with_length(~std::uint64_t{0} - 7, "{}"),
       "above the format's limit"},
      {"file cut inside the data", file_with("{" + tensor("w", "F32", "[2]", 0, 8) + "}", "1234"), "cut short?"},
      {"trailing data", file_with("{}", "x"), "1 bytes follow the header, but the tensors take 0"},
      {"hole at the end", file_with("{" + tensor("w", "U8", "[1]", 0, 1) + "}", "12"), "2 bytes follow the header"},
  };
}

std::vector<BadFile> bad_json() {
  return {
      {"text before the brace", file_with("x{}"), "must start with '{'"},
      {"white space alone", file_with(" \n"), "must start with '{'"},
      {"an array", file_with("[]"), "must start with '{'"},
      {"byte order mark", file_with("\xEF\xBB\xBF{}"), "must start with '{'"},
      {"padding of form feeds", file_with("{}\f"), "must end with '}' and spaces"},
      {"padding of NUL", file_with(std::string("{}\0\0", 4)), "must end with '}' and spaces"},
      {"text hidden behind NUL", file_with(std::string("{}\0}", 4)), "NUL at byte 2"},
      {"two objects", file_with("{}{}"), "not valid JSON"},
      {"one brace", file_with("{"), "must end with '}'"},
      {"no closing brace", file_with("{\"__metadata__\":{}"), "not valid JSON"},
      {"trailing comma", file_with("{" + tensor("w", "U8", "[0]", 0, 0) + ",}"), "not valid JSON"},
      {"a comment", file_with("{/* */}"), "not valid JSON"},
      {"invalid UTF-8", file_with("{\"\xFF\":{}}"), "not valid JSON"},
      {"a lone surrogate", file_with(R"({"\ud800":{}})"), "not valid JSON"},
      {"NaN", file_with(R"({"w":{"dtype":NaN}})"), "not valid JSON"},
      {"deep nesting in a tensor", file_with("{\"w\":{\"shape\":" + std::string(100'000, '[') + "}}"),
       "'shape' must hold sizes, holds an array"},
      {"deep nesting in an unknown field", file_with("{\"w\":{\"x\":" + std::string(100'000, '[') + "}}"),
       "nests deeper than 64 levels"},
      {"deep nesting in metadata", file_with("{\"__metadata__\":" + std::string(100'000, '[') + "}"),
       "nests deeper than 64 levels"},
  };
}

std::vector<BadFile> bad_structure() {
  const std::string w = tensor("w", "U8", "[0]", 0, 0);
  return {
      {"two tensors of one name", file_with("{" + w + "," + tensor("w", "U8", "[0,2]", 0, 0) + "}"),
       "header: 'w' appears twice"},
      {"one name by escape", file_with("{" + w + "," + tensor("\\u0077", "I8", "[0]", 0, 0) + "}"),
       "'w' appears twice"},
      {"one name, other bytes",
       file_with("{" + tensor("w", "U8", "[1]", 0, 1) + "," + tensor("w", "U8", "[1]", 1, 2) + "}", "ab"),
       "'w' appears twice"},
      {"tensor is a number", file_with(R"({"w":1})"), "tensor 'w': must be an object, is an integer"},
      {"tensor is an array", file_with(R"({"w":[]})"), "tensor 'w': must be an object, is an array"},
      {"duplicate dtype", file_with(R"({"w":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
       "tensor 'w': 'dtype' appears twice"},
      {"duplicate shape", file_with(R"({"w":{"shape":[1],"shape":[2],"dtype":"U8","data_offsets":[0,0]}})"),
       "'shape' appears twice"},
      {"no dtype", file_with(R"({"w":{"shape":[0],"data_offsets":[0,0]}})"), "tensor 'w': has no dtype"},
      {"no shape", file_with(R"({"w":{"dtype":"U8","data_offsets":[0,0]}})"), "has no shape"},
      {"no offsets", file_with(R"({"w":{"dtype":"U8","shape":[0]}})"), "has no data_offsets"},
      {"empty tensor object", file_with(R"({"w":{}})"), "has no dtype"},
      {"unknown fields alone", file_with(R"({"w":{"Dtype":"U8","sizes":[0],"offsets":[0,0]}})"), "has no dtype"},
      {"dtype is a number", file_with(R"({"w":{"dtype":8}})"), "dtype must be a string, got an integer"},
      {"dtype is an array", file_with(R"({"w":{"dtype":["U8"]}})"), "'dtype' must not be an array"},
      {"dtype is empty", file_with(R"({"w":{"dtype":""}})"), "dtype '' is not the name of a type"},
      {"dtype is long", file_with("{\"w\":{\"dtype\":\"" + std::string(1000, 'F') + "\"}}"),
       "is not the name of a type"},
      {"shape is a string", file_with(R"({"w":{"shape":"[1]"}})"), "'shape' must be an array, is a string"},
      {"shape is an object", file_with(R"({"w":{"shape":{}}})"), "'shape' must not be an object"},
      {"offsets are an integer", file_with(R"({"w":{"data_offsets":0}})"), "'data_offsets' must be an array"},
      {"one offset", file_with(R"({"w":{"data_offsets":[0]}})"), "data_offsets must be two integers, got 1"},
      {"three offsets", file_with(R"({"w":{"data_offsets":[0,1,2]}})"), "data_offsets must be two integers, got more"},
  };
}

std::vector<BadFile> bad_numbers() {
  const auto one = [](const std::string& shape, std::uint64_t begin, std::uint64_t end, const std::string& data = "",
                      const char* type = "F32") {
    return file_with("{" + tensor("w", type, shape, begin, end) + "}", data);
  };
  std::string ranks = "[1";
  for (int i = 0; i < 64; ++i) ranks += ",1";
  return {
      {"negative dimension", one("[-1]", 0, 0), "'shape' must hold sizes, holds a negative integer"},
      {"negative zero", one("[-0]", 0, 0), "holds a negative integer"},
      {"fractional dimension", one("[1.0]", 0, 4), "holds a number that is not a 64-bit integer"},
      {"dimension beyond 64 bits", one("[18446744073709551616]", 0, 0), "holds a number that is not a 64-bit integer"},
      {"dimension beyond 63 bits", one("[9223372036854775808]", 0, 0), "is larger than 2^63 - 1"},
      {"dimension is a string", one("[\"1\"]", 0, 4), "holds a string"},
      {"dimension is an array", one("[[1]]", 0, 4), "'shape' must hold sizes, holds an array"},
      {"dimension is an object", one("[{}]", 0, 4), "'shape' must hold sizes, holds an object"},
      {"65 dimensions", one(ranks + "]", 0, 4), "has more than 64 dimensions"},
      {"product that wraps to zero", one("[4294967296,4294967296]", 0, 0), "the product of shape"},
      {"product that wraps to four", one("[4611686018427387905,4]", 0, 4, "1234"), "the product of shape"},
      {"bytes that wrap", one("[4611686018427387905]", 0, 4, "1234"), "overflows"},
      {"overflow hidden by a zero", one("[0,9223372036854775807,2]", 0, 0), "the product of shape"},
      {"size too small", one("[2]", 0, 4, "1234"), "takes 8 bytes, but data_offsets [0, 4] hold 4"},
      {"size too large", one("[1]", 0, 8, "12345678"), "takes 4 bytes, but data_offsets [0, 8] hold 8"},
      {"end before begin", one("[1]", 4, 0, "1234"), "end before they begin"},
      {"end far outside", one("[1]", 18446744073709551611U, 18446744073709551615U), "begins at byte"},
      {"data missing", one("[1000000000000]", 0, 4000000000000), "the tensors take 4000000000000: cut short?"},
      {"does not start at zero", one("[1]", 4, 8, "12345678"), "begins at byte 4 of the data"},
      {"odd number of 4-bit elements", one("[3]", 0, 2, "12", "F4"), "do not fill whole bytes"},
      {"6-bit elements off a byte", one("[3]", 0, 3, "123", "F6_E2M3"), "do not fill whole bytes"},
      {"overlap",
       file_with("{" + tensor("a", "U8", "[4]", 0, 4) + "," + tensor("b", "U8", "[4]", 2, 6) + "}", "123456"),
       "tensor 'b': begins at byte 2 of the data, but the one before it ends at 4"},
      {"same bytes twice",
       file_with("{" + tensor("a", "U8", "[4]", 0, 4) + "," + tensor("b", "U8", "[4]", 0, 4) + "}", "1234"),
       "tensors must neither overlap nor leave holes"},
      {"hole", file_with("{" + tensor("a", "U8", "[1]", 0, 1) + "," + tensor("b", "U8", "[1]", 2, 3) + "}", "123"),
       "tensor 'b': begins at byte 2 of the data, but the one before it ends at 1"},
      {"empty tensor inside another",
       file_with("{" + tensor("a", "U8", "[4]", 0, 4) + "," + tensor("b", "U8", "[0]", 2, 2) + "}", "1234"),
       "begins at byte 2"},
  };
}

void expect_refused(const std::vector<BadFile>& files) {
  for (const BadFile& bad : files) {
    SCOPED_TRACE(bad.what);
    const std::string message = refusal([&] { read(bad.content); });
    EXPECT_TRUE(contains(message, bad.message));
    EXPECT_TRUE(message.starts_with("test.bin: ")) << message;
  }
}

TEST(Safetensors, RefusesBadLengths) { expect_refused(bad_lengths()); }
TEST(Safetensors, RefusesBadJson) { expect_refused(bad_json()); }
TEST(Safetensors, RefusesBadStructure) { expect_refused(bad_structure()); }
TEST(Safetensors, RefusesBadNumbersAndLayouts) { expect_refused(bad_numbers()); }

TEST(Safetensors, MessagesNeitherCarryControlCharactersNorGrow) {
  const std::string name = "\\u001b[31m" + std::string(100'000, 'x');
  const std::string message = refusal([&] { read(file_with("{\"" + name + "\":1}")); });
  EXPECT_TRUE(contains(message, "tensor '?[31mxxx"));
  EXPECT_LT(message.size(), 300U);
}

// Every cut and every changed byte gives entries or a FileError, never anything else.
TEST(Safetensors, SurvivesEveryCutAndEveryChangedByte) {
  const std::string good = file_with("{\"__metadata__\":{\"a\":\"b\"}," + tensor("w", "F32", "[2]", 0, 8) + "," +
                                         tensor("b", "BF16", "[1]", 8, 10) + "}",
                                     "0123456789");
  const auto attempt = [](const std::string& content) {
    return refusal([&] {
      for (const Entry& entry : read(content)) {
        if (entry.load) entry.load();
      }
    });
  };
  EXPECT_EQ(attempt(good), "nothing was thrown");
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_NE(attempt(good.substr(0, length)), "nothing was thrown") << length;
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char change : {'\0', '\x01', '"', '9', '\xFF'}) {
      std::string changed = good;
      changed[i] = change;
      attempt(changed);
    }
  }
}

TEST(Safetensors, IsKnownByItsFirstBytes) {
  EXPECT_TRUE(looks_like_safetensors(*file_of(file_with("{}"))));
  EXPECT_TRUE(looks_like_safetensors(*file_of(with_length(500, "{\"cut short"))));
  EXPECT_TRUE(looks_like_safetensors(*file_of(with_length(200'000'000, "{\"too long"))));
  EXPECT_FALSE(looks_like_safetensors(*file_of("")));
  EXPECT_FALSE(looks_like_safetensors(*file_of("12345678")));
  EXPECT_FALSE(looks_like_safetensors(*file_of(with_length(2, "[]"))));
  EXPECT_FALSE(looks_like_safetensors(*file_of("{\"weight_map\":{\"a\":\"b\"}}")));
}

}  // namespace
}  // namespace sigmax::io
