#include "sigmax/io/numpy/npy_type.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "io/npy_bytes.hpp"
#include "io/test_files.hpp"
#include "sigmax/io/numpy/npy.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
using testing::dictionary;
using testing::file_of;
using testing::file_with;

Entry read(const std::string& content) { return read_npy(file_of(content, "w.npy")).at(0); }

double at(const Tensor& tensor, const std::vector<std::int64_t>& index) { return tensor.at(index); }

// A type that nobody knows does not keep its file or its folder from being listed.
TEST(NpyType, UnknownNamesAreListed) {
  for (const char* type : {"",         "<",        "<f3",   "<i0",          "<q4",    "<>f4",
                           "<f4x",     "<U4[x]",   "|S-1",  "|S4294967295", "float8", "|S99999999999999999999",
                           "<float32", ">float64", "F4",    "Float32",      " f4",    "f4 ",
                           "<f4<",     "bfloat16", "<long", "<datetime",    "u",      "r",
                           "b8",       "<object"}) {
    const Entry entry = read(file_with(dictionary(type, "(1,)"), "1234"));
    EXPECT_EQ(entry.dtype, DType::unknown) << type;
    EXPECT_TRUE(contains(entry.unreadable, fmt::format("its type '{}' is none of NumPy's", type)));
    EXPECT_FALSE(entry.load);
  }
}

// What numpy.dtype() of NumPy 2.4 and of earlier versions makes of each.
TEST(NpyType, NumbersAreReadUnderEachOfTheirNames) {
  struct Case {
    DType type;
    std::vector<const char*> spellings;
  };
  const Case cases[] = {
      {DType::f64, {"<d", "d", "=d", "|d", "double", "float64", "float", "float_", "=f8", "|f8"}},
      {DType::f32, {"f", "<f", "=f", "|f", "float32", "single", "f4", "=f4"}},
      {DType::f16, {"e", "<e", "=e", "half", "float16", "|f2"}},
      {DType::i64, {"q", "<q", "l", "p", "n", "int64", "int", "int_", "intp", "long", "longlong"}},
      {DType::i32, {"i", "<i", "int32", "intc"}},
      {DType::i16, {"h", "<h", "int16", "short"}},
      {DType::i8, {"b", "|b", "int8", "byte", "<i1"}},
      {DType::u64, {"Q", "L", "P", "N", "uint64", "uint", "uintp", "ulong", "ulonglong"}},
      {DType::u32, {"I", "<I", "uint32", "uintc"}},
      {DType::u16, {"H", "uint16", "ushort"}},
      {DType::u8, {"B", "|B", "uint8", "ubyte", "<u1"}},
      {DType::boolean, {"?", "<?", "bool", "bool_", "bool8", "|b1", "<b1"}},
      {DType::c64, {"F", "<F", "complex64", "csingle", "singlecomplex"}},
      {DType::c128, {"D", "<D", "complex128", "complex", "complex_", "cdouble", "cfloat"}},
  };
  for (const auto& [type, spellings] : cases) {
    for (const char* spelling : spellings) {
      SCOPED_TRACE(spelling);
      const std::string data(2 * size_of(type), '\1');
      const Entry entry = read(file_with(dictionary(spelling, "(2,)"), data));
      EXPECT_EQ(entry.dtype, type);
      ASSERT_TRUE(entry.load) << entry.unreadable;
      const Tensor tensor = entry.load();
      EXPECT_EQ(std::string(reinterpret_cast<const char*>(tensor.data()), data.size()), data);
    }
  }
  const std::string swapped("\x40\0\0\0\0\0\0\0", 8);
  EXPECT_EQ(at(read(file_with(dictionary(">d", "(1,)"), swapped)).load(), {0}), 2.0);
  EXPECT_EQ(at(read(file_with(dictionary(">f", "(1,)"), swapped.substr(0, 4))).load(), {0}), 2.0);
  EXPECT_EQ(at(read(file_with(dictionary(">e", "(1,)"), swapped.substr(0, 2))).load(), {0}), 2.0);
}

TEST(NpyType, WhatAreNoNumbersSayWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"g", "extended"},
      {"longdouble", "extended"},
      {"float128", "extended"},
      {"G", "extended"},
      {"clongdouble", "extended"},
      {"object", "Python objects"},
      {"object_", "Python objects"},
      {"str", "text"},
      {"bytes_", "text"},
      {"c", "text"},
      {"T", "text"},
      {"M8", "dates"},
      {"datetime64[ns]", "dates"},
      {"timedelta64", "time"},
      {"void", "raw bytes"},
      {"S", "text"},
      {"U", "text"},
  };
  for (const auto& [spelling, reason] : cases) {
    const Entry entry = read(file_with(dictionary(spelling, "(0,)"), ""));
    EXPECT_TRUE(contains(entry.unreadable, reason)) << spelling;
  }
}

}  // namespace
}  // namespace sigmax::io
