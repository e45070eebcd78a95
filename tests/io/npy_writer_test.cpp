#include "sigmax/io/numpy/npy_writer.hpp"

#include <gtest/gtest.h>

#include <string>

#include "io/test_files.hpp"
#include "io/writer_samples.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
using testing::content_of;
using testing::counted;
using testing::misuse;
using testing::TempFolder;

TEST(NpyWriter, WhatIsWrittenIsReadBack) {
  const TempFolder folder;
  Context context(1);
  for (const OutputTensor& sample : testing::samples()) {
    SCOPED_TRACE(sample.name);
    const auto path = folder.path() / "out.npy";
    write_npy(path, sample.tensor, context);
    const Checkpoint checkpoint = open_checkpoint(path);
    EXPECT_EQ(checkpoint.format, "npy");
    testing::expect_same(sample.tensor, checkpoint.entries.at(0).load());
    EXPECT_EQ(checkpoint.entries.at(0).bytes->offset % 64, 0U);
  }
}

TEST(NpyWriter, EveryTypeOfNumPyKeepsItsNameAndBytes) {
  const TempFolder folder;
  Context context(1);
  static constexpr std::byte kBytes[64] = {};
  for (const DType type : {DType::i64, DType::i32, DType::i16, DType::i8, DType::u64, DType::u32, DType::u16, DType::u8,
                           DType::boolean, DType::c64, DType::c128}) {
    SCOPED_TRACE(name(type));
    const Tensor tensor(type, {4}, kBytes, nullptr);
    write_npy(folder.path() / "out", tensor, context);
    testing::expect_same(tensor, open_checkpoint(folder.path() / "out").entries.at(0).load());
  }
}

// The bytes that numpy.save(file, numpy.array([[1, 2]], dtype='<f4')) writes, except for the blanks that pad its
// header.
TEST(NpyWriter, TheBytesAreNumPysOwn) {
  const TempFolder folder;
  Context context(1);
  write_npy(folder.path() / "out.npy", counted(DType::f32, {1, 2}), context);
  const std::string head = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
  const std::string expected = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + head +
                               std::string(128 - 10 - head.size() - 1, ' ') + "\n" + testing::raw(1.0F) +
                               testing::raw(2.0F);
  EXPECT_EQ(content_of(folder.path() / "out.npy"), expected);
  EXPECT_TRUE(contains(npy_preamble(counted(DType::f64, {3}), "test"), "'shape': (3,), }"));
  EXPECT_TRUE(contains(npy_preamble(counted(DType::f64, {}), "test"), "'shape': (), }"));
}

TEST(NpyWriter, RefusesWhatNumPyHasNot) {
  const TempFolder folder;
  Context context(1);
  const auto path = folder.path() / "out.npy";
  EXPECT_TRUE(contains(misuse([&] { write_npy(path, counted(DType::bf16, {2}), context); }), "NumPy has no type bf16"));
  EXPECT_TRUE(contains(misuse([&] { write_npy(path, counted(DType::f32, Dimensions(33, 1)), context); }),
                       "up to 32 dimensions, got 33"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(NpyWriter, ACanceledWriteLeavesNothing) {
  const TempFolder folder;
  Context context(1);
  context.request_cancel();
  EXPECT_THROW(write_npy(folder.path() / "out.npy", counted(DType::f64, {3, 3}), context), Canceled);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(NpyWriter, APlaceThatCannotBeWrittenIsNamed) {
  const TempFolder folder;
  Context context(1);
  const auto nowhere = folder.path() / "nowhere" / "out.npy";
  EXPECT_TRUE(
      contains(testing::refusal([&] { write_npy(nowhere, counted(DType::f64, {1}), context); }), nowhere.string()));
}

}  // namespace
}  // namespace sigmax::io
