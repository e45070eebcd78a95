// Unfolding: the place of each entry, and the parts of a weight.
#include "sigmax/nn/weight.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "nn/samples.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax::nn {
namespace {

double entry(const Weight& w, std::int64_t row, std::int64_t column) {
  return gallery::fetch(w.dtype, w.run(row, column / w.inner), static_cast<std::size_t>(column % w.inner));
}

TEST(Weight, TheDimensionComesToTheFrontAndTheOthersAreFlattened) {
  for (const Layout& layout : layouts()) {
    if (*element_count(layout.shape) > 10000) continue;
    for (const DType dtype : gallery::kStorageTypes) {
      const Sample sample(dtype, layout.shape, layout.dimension);
      const Weight w = sample.weight();
      const Vector80 matrix = sample.matrix();
      ASSERT_EQ(w.size(), static_cast<std::int64_t>(matrix.size()));
      EXPECT_TRUE(w.is_contiguous());
      for (std::int64_t i = 0; i < w.rows; ++i) {
        for (std::int64_t j = 0; j < w.columns(); ++j) {
          ASSERT_EQ(entry(w, i, j), static_cast<double>(matrix[static_cast<std::size_t>(i * w.columns() + j)]))
              << sample.what() << " " << i << " " << j;
        }
      }
    }
  }
}

TEST(Weight, RangesAreTheirEntries) {
  const Sample sample(DType::f32, {4, 6, 3}, 1);
  const Weight w = sample.weight();
  const Weight part = column_range(row_range(w, 2, 3), 3, 6);
  EXPECT_EQ(part.rows, 3);
  EXPECT_EQ(part.columns(), 6);
  EXPECT_FALSE(part.is_contiguous());
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t j = 0; j < 6; ++j) EXPECT_EQ(entry(part, i, j), entry(w, 2 + i, 3 + j));
  }
  const Sample flat(DType::f32, {5, 9}, 0);
  const Weight narrow = column_range(flat.weight(), 4, 2);
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_EQ(entry(narrow, i, 1), entry(flat.weight(), i, 5));
}

TEST(Weight, RefusesWhatIsNoWeightOrNoPart) {
  const Sample sample(DType::f32, {4, 6, 3}, 1);
  const std::int64_t shape[] = {4, 6, 3}, negative[] = {4, -1};
  const void* nothing = nullptr;
  EXPECT_THROW(unfold(DType::f32, nothing, shape, 3), Error);
  EXPECT_THROW(unfold(DType::f32, nothing, shape, -4), Error);
  EXPECT_THROW(unfold(DType::i32, nothing, shape, 0), Error);
  EXPECT_THROW(unfold(DType::f32, nothing, negative, 0), Error);
  EXPECT_THROW(row_range(sample.weight(), 4, 3), Error);
  EXPECT_THROW(row_range(sample.weight(), -1, 3), Error);
  EXPECT_THROW(column_range(sample.weight(), 12, 3), Error);
  EXPECT_THROW(column_range(sample.weight(), 1, 3), Error) << "not whole segments";
  EXPECT_THROW(blocks(sample.weight(), {4, 1}), Error);
}

}  // namespace
}  // namespace sigmax::nn
