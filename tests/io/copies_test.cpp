#include "sigmax/io/copies.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "io/test_files.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
using Names = std::vector<std::string>;
using Compares = std::function<bool(const std::string&)>;

Entry entry(std::string name, std::string file, Tensor values) {
  Entry e;
  e.name = std::move(name);
  e.dtype = values.dtype();
  e.shape = values.shape();
  e.file = std::move(file);
  e.load = [values] { return values; };
  return e;
}

// A matrix of two rows.
Tensor matrix(const std::vector<float>& values) {
  return Tensor::copy_of(std::span<const float>(values), {2, static_cast<std::int64_t>(values.size()) / 2});
}

// These values, stored column by column.
Tensor by_columns(const Tensor& a) {
  const std::int64_t rows = a.shape()[0], columns = a.shape()[1];
  std::vector<float> values;
  for (std::int64_t j = 0; j < columns; ++j) {
    for (std::int64_t i = 0; i < rows; ++i) {
      values.push_back(static_cast<float>(a.at(std::vector<std::int64_t>{i, j})));
    }
  }
  const Tensor stored = Tensor::copy_of(std::span<const float>(values), {columns, rows});
  return {stored.dtype(), a.shape(), {1, rows}, stored.data(), stored.owner()};
}

const Tensor kA = matrix({1, 2, 3, 4, 5, 6});
const Tensor kB = matrix({1, -1});

Checkpoint checkpoint_of(std::vector<SourceFile> files, std::vector<Entry> entries) {
  Checkpoint checkpoint;
  checkpoint.files = std::move(files);
  checkpoint.entries = std::move(entries);
  return checkpoint;
}

Checkpoint twice(Entry copy, const char* format = "pytorch") {
  std::vector<SourceFile> files = {{"m.safetensors", "safetensors", 1}, {copy.file, format, 1}};
  return checkpoint_of(std::move(files), {entry("a", "m.safetensors", kA), std::move(copy)});
}

// `name file` of each entry.
Names places(const Checkpoint& checkpoint) {
  Names all;
  for (const Entry& e : checkpoint.entries) all.push_back(e.name + " " + e.file.string());
  return all;
}

TEST(Copies, WhatIsTheSameBitForBitIsLeftOutWithANote) {
  for (const char* format : {"pytorch", "pytorch-legacy", "torchscript"}) {
    Checkpoint checkpoint = checkpoint_of({{"m.safetensors", "safetensors", 1}, {"p.bin", format, 1}},
                                          {entry("a", "m.safetensors", kA), entry("b", "m.safetensors", kB),
                                           entry("b", "p.bin", kB), entry("a", "p.bin", by_columns(kA))});
    leave_out_copies(checkpoint, 0, {});
    EXPECT_EQ(places(checkpoint), (Names{"a m.safetensors", "b m.safetensors"}));
    ASSERT_EQ(checkpoint.files.size(), 1u);
    ASSERT_EQ(checkpoint.notes.size(), 1u);
    EXPECT_TRUE(contains(checkpoint.notes[0], "p.bin: its 2 tensors are in safetensors files here too, identical bit"));
  }
}

TEST(Copies, AnotherValueAnotherTypeAndWhatCannotBeReadStay) {
  Tensor other = matrix({1, 2, 3, 4, 5, std::nextafter(6.0F, 7.0F)});
  const Entry fine = entry("a", "p.bin", by_columns(kA));
  Entry unread = fine;
  unread.load = nullptr;
  unread.unreadable = "a reason";
  const std::vector<double> values = {1, 2, 3, 4, 5, 6};
  for (const Entry& copy : {entry("a", "p.bin", other), entry("a", "p.bin", by_columns(other)), unread,
                            entry("a", "p.bin", Tensor::rounded(values, {2, 3}, DType::f16)),
                            entry("a", "p.bin", Tensor::copy_of(std::span<const double>(values), {2, 3}))}) {
    Checkpoint checkpoint = twice(copy);
    leave_out_copies(checkpoint, 0, {});
    EXPECT_EQ(places(checkpoint), (Names{"a m.safetensors", "a p.bin"}));
    EXPECT_EQ(checkpoint.files.size(), 2u);
    ASSERT_EQ(checkpoint.notes.size(), 1u);
    EXPECT_TRUE(contains(checkpoint.notes[0],
                         "p.bin: its tensor has the name and shape of a tensor in safetensors "
                         "files here, but other values or another type ('a'), and is read too"));
  }
}

TEST(Copies, NaNIsTheSameAndMinusZeroIsNot) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Checkpoint checkpoint =
      checkpoint_of({{"m.safetensors", "safetensors", 1}, {"p.bin", "pytorch", 1}},
                    {entry("n", "m.safetensors", matrix({nan, 1})), entry("z", "m.safetensors", matrix({0.0F, 1})),
                     entry("n", "p.bin", matrix({nan, 1})), entry("z", "p.bin", matrix({-0.0F, 1}))});
  leave_out_copies(checkpoint, 0, {});
  EXPECT_EQ(places(checkpoint), (Names{"n m.safetensors", "z m.safetensors", "z p.bin"}));
  ASSERT_EQ(checkpoint.notes.size(), 2u);
  EXPECT_TRUE(contains(checkpoint.notes[0], "p.bin: 1 of its 2 tensors is in safetensors files here too"));
  EXPECT_TRUE(contains(checkpoint.notes[1], "p.bin: 1 of its 2 tensors has the name and shape of a tensor"));
}

TEST(Copies, OneOfSeveralOriginalsIsEnough) {
  Checkpoint checkpoint =
      checkpoint_of({{"m.safetensors", "safetensors", 1}, {"n.safetensors", "safetensors", 1}, {"p.bin", "pytorch", 1}},
                    {entry("a", "m.safetensors", matrix({6, 5, 4, 3, 2, 1})), entry("a", "n.safetensors", kA),
                     entry("a", "p.bin", kA)});
  leave_out_copies(checkpoint, 0, {});
  EXPECT_EQ(places(checkpoint), (Names{"a m.safetensors", "a n.safetensors"}));
}

TEST(Copies, WhatOnlyTheOtherFileHoldsStays) {
  Checkpoint checkpoint = checkpoint_of({{"p.bin", "pytorch", 1}, {"m.safetensors", "safetensors", 1}},
                                        {entry("a", "p.bin", kA), entry("tied", "p.bin", kA), entry("b", "p.bin", kB),
                                         entry("a", "m.safetensors", kA), entry("b", "m.safetensors", kA)});
  leave_out_copies(checkpoint, 0, {});
  EXPECT_EQ(places(checkpoint), (Names{"tied p.bin", "b p.bin", "a m.safetensors", "b m.safetensors"}));
  EXPECT_EQ(checkpoint.files.size(), 2u);
  ASSERT_EQ(checkpoint.notes.size(), 1u);
  EXPECT_TRUE(contains(checkpoint.notes[0], "p.bin: 1 of its 3 tensors"));
}

TEST(Copies, OtherFormatsAndWhatCameBeforeAreNoCopies) {
  Checkpoint checkpoint = checkpoint_of(
      {{"p.bin", "pytorch", 1}, {"m.safetensors", "safetensors", 1}, {"n.npz", "npz", 1}, {"o.onnx", "onnx", 1}},
      {entry("a", "p.bin", kA), entry("a", "m.safetensors", kA), entry("a", "n.npz", kA), entry("a", "o.onnx", kA),
       entry("a", "unlisted", kA)});
  leave_out_copies(checkpoint, 1, {});
  EXPECT_EQ(checkpoint.entries.size(), 5u);
  EXPECT_TRUE(checkpoint.notes.empty());
}

TEST(Copies, WhatIsNotToBeComparedIsNotReadAndTheNoteSaysSo) {
  Entry copy = entry("a", "p.bin", kA);
  copy.load = []() -> Tensor { throw Error("was read"); };
  Checkpoint checkpoint = twice(copy);
  leave_out_copies(checkpoint, 0, [](const std::string&) { return false; });
  EXPECT_EQ(places(checkpoint), Names{"a m.safetensors"});
  ASSERT_EQ(checkpoint.notes.size(), 1u);
  EXPECT_TRUE(contains(checkpoint.notes[0], "was left out as a copy (values were not compared)"));
  checkpoint = twice(copy);
  EXPECT_THROW(leave_out_copies(checkpoint, 0, [](const std::string& name) { return name == "a"; }), Error);
}

}  // namespace
}  // namespace sigmax::io
