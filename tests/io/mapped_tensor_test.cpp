#include "sigmax/io/bytes/mapped_tensor.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "io/test_files.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
using testing::file_of;
using testing::raw;
using testing::refusal;

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

TEST(ByteCount, IsTheProductInWholeBytes) {
  struct Case {
    DType dtype;
    Dimensions shape;
    std::optional<std::uint64_t> bytes;
  };
  const Case cases[] = {
      {DType::f32, {}, 4},
      {DType::f32, {3, 5}, 60},
      {DType::f64, {0, 7}, 0},
      {DType::f4, {3}, 2},
      {DType::f6_e2m3, {4}, 3},
      {DType::f6_e2m3, {5}, 4},
      {DType::c128, {2}, 32},
      {DType::u8, {kLargest / 8}, static_cast<std::uint64_t>(kLargest / 8)},
      {DType::f16, {kLargest}, std::nullopt},
      {DType::f32, {-1}, std::nullopt},
      {DType::f32, {kLargest, 2}, std::nullopt},
      {DType::f32, {0, kLargest, 2}, std::nullopt},
      {DType::string, {1}, std::nullopt},
      {DType::unknown, {1}, std::nullopt},
  };
  for (const Case& c : cases) EXPECT_EQ(byte_count(c.dtype, c.shape), c.bytes) << name(c.dtype) << to_string(c.shape);
}

TEST(Reach, IsOnePastTheLargestOffset) {
  struct Case {
    Dimensions shape, strides;
    std::optional<std::uint64_t> elements;
  };
  const Case cases[] = {
      {{}, {}, 1},
      {{2, 3}, {3, 1}, 6},
      {{2, 3}, {1, 2}, 6},
      {{2, 3}, {10, 2}, 15},
      {{5}, {0}, 1},
      {{0, 3}, {kLargest, kLargest}, 0},
      {{1}, {kLargest}, 1},
      {{3}, {kLargest}, std::nullopt},
      {{kLargest}, {1}, static_cast<std::uint64_t>(kLargest)},
      {{3, 3}, {kLargest / 2, kLargest / 2}, std::nullopt},
      {{2}, {-1}, std::nullopt},
      {{-2}, {1}, std::nullopt},
      {{2, 2}, {1}, std::nullopt},
  };
  for (const Case& c : cases) EXPECT_EQ(reach(c.shape, c.strides), c.elements) << to_string(c.shape);
}

TEST(MappedTensor, PointsIntoTheFileWhereItCan) {
  const auto file = file_of(raw(std::vector<double>{1, 2, 3, 4}));
  const Tensor tensor = mapped_tensor(file, "w", DType::f64, {3}, 8, 24);
  EXPECT_EQ(tensor.data(), file->bytes().data() + 8);
  EXPECT_EQ(tensor.at(std::vector<std::int64_t>{2}), 4.0);
}

TEST(MappedTensor, CopiesWhatIsNotAligned) {
  for (std::size_t shift = 0; shift < 9; ++shift) {
    const auto file = file_of(std::string(shift, 'x') + raw(std::vector<double>{1, 2}));
    const Tensor tensor = mapped_tensor(file, "w", DType::f64, {2}, shift, 16);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data()) % alignof(double), 0U);
    EXPECT_EQ(tensor.data() == file->bytes().data() + shift, shift % 8 == 0);
    EXPECT_EQ(tensor.at(std::vector<std::int64_t>{1}), 2.0);
  }
}

TEST(MappedTensor, HoldsAFileOnDiskWhileItLives) {
  const testing::TempFolder folder;
  const auto path = folder.write("w.bin", raw(std::vector<float>(10'000, 2.5F)));
  const Tensor tensor = mapped_tensor(MappedFile::open(path), "w", DType::f32, {100, 100}, 0, 40'000);
  std::filesystem::remove(path);
  EXPECT_EQ(tensor.at(std::vector<std::int64_t>{99, 99}), 2.5);
}

TEST(MappedTensor, StridesReachWithinTheirBytes) {
  const auto file = file_of(raw(std::vector<float>{1, 2, 3, 4, 5, 6}));
  const Tensor expanded = mapped_tensor(file, "w", DType::f32, {1000, 2}, {0, 1}, 0, 24);
  EXPECT_EQ(expanded.at(std::vector<std::int64_t>{999, 1}), 2.0);
  const Tensor transposed = mapped_tensor(file, "w", DType::f32, {3, 2}, {1, 3}, 0, 24);
  EXPECT_EQ(transposed.at(std::vector<std::int64_t>{1, 1}), 5.0);
}

TEST(MappedTensor, AnEmptyTensorNeedsNoBytes) {
  const auto file = file_of("");
  EXPECT_EQ(mapped_tensor(file, "w", DType::f32, {0, 5}, 0, 0).size(), 0);
}

TEST(MappedTensor, RefusesWhatIsNotThere) {
  const auto file = file_of(std::string(16, '\0'));
  constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
  const auto message = [&](DType dtype, Dimensions shape, std::uint64_t offset, std::uint64_t length) {
    return refusal([&] { mapped_tensor(file, "w", dtype, shape, offset, length); });
  };
  EXPECT_TRUE(contains(message(DType::f32, {4}, 4, 16), "test.bin: tensor 'w': bytes [4, 4 + 16) reach past the end"));
  EXPECT_TRUE(contains(message(DType::f32, {0}, 17, 0), "reach past the end"));
  EXPECT_TRUE(contains(message(DType::f32, {1}, kHuge, 4), "reach past the end"));
  EXPECT_TRUE(contains(message(DType::f32, {1}, 4, kHuge), "reach past the end"));
  EXPECT_TRUE(contains(message(DType::f32, {4}, 0, 15), "needs more than its 15 bytes"));
  EXPECT_TRUE(contains(message(DType::f32, {kLargest}, 0, 16), "needs more than its 16 bytes"));
  EXPECT_TRUE(contains(message(DType::f32, {kLargest, 4}, 0, 16), "is not valid"));
  EXPECT_TRUE(contains(message(DType::f32, {-1}, 0, 16), "is not valid"));
  EXPECT_TRUE(contains(message(DType::f4, {2}, 0, 1), "type f4 cannot be read"));
  EXPECT_TRUE(contains(refusal([&] {
                         mapped_tensor(file, "w", DType::f32, {2, 2}, {4, 1}, 0, 16);
                       }),
                       "shape [2, 2] with strides [4, 1] needs more than its 16 bytes"));
  EXPECT_TRUE(contains(refusal([&] { mapped_tensor(file, "w", DType::f32, {2}, {-1}, 0, 16); }), "needs more"));
}

TEST(MappedFile, RefusesWhatIsNoRegularFile) {
  const testing::TempFolder folder;
  EXPECT_TRUE(contains(refusal([&] { MappedFile::open(folder.path() / "absent"); }), "No such file"));
  EXPECT_TRUE(contains(refusal([&] { MappedFile::open(folder.path()); }), "not a regular file"));
  EXPECT_TRUE(contains(refusal([&] { MappedFile::open("/dev/zero"); }), "not a regular file"));
  EXPECT_TRUE(MappedFile::open(folder.write("empty", ""))->bytes().empty());
}

TEST(MappedFile, ASubfileIsAWindowThatKeepsItsFile) {
  auto file = file_of("0123456789");
  const auto part = file->subfile(2, 5);
  EXPECT_TRUE(contains(refusal([&] { file->subfile(8, 3); }), "reach past the end"));
  file.reset();
  EXPECT_EQ(std::to_integer<char>(part->bytes()[0]), '2');
  EXPECT_EQ(part->bytes().size(), 5U);
  EXPECT_TRUE(contains(refusal([&] { part->region(3, 3); }), "reach past the end"));
}

}  // namespace
}  // namespace sigmax::io
