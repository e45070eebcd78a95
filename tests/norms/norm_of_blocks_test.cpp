// Norms of block-diagonal matrices from those of their blocks.
#include "sigmax/norms/norm_of_blocks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/norms/norm.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

// The blocks on the diagonal of one matrix, which norm() takes as a whole.
TEST(NormOfBlocks, IsThatOfTheBlockDiagonalMatrix) {
  Context context(2);
  for (const auto& [rows, columns, count] : {std::array<std::int64_t, 3>{3, 5, 4}, {5, 3, 2}, {1, 9, 6}, {4, 4, 1}}) {
    std::vector<Tensor> blocks;
    std::vector<double> whole(static_cast<std::size_t>(count * rows * count * columns), 0.0);
    for (std::int64_t b = 0; b < count; ++b) {
      std::vector<double> values = gallery::normal(rows * columns, 61 + static_cast<std::uint64_t>(b));
      for (double& value : values) value *= std::ldexp(1.0, static_cast<int>(3 * b));
      for (std::int64_t i = 0; i < rows * columns; ++i) {
        const std::int64_t row = b * rows + i / columns, column = b * columns + i % columns;
        whole[static_cast<std::size_t>(row * count * columns + column)] = values[static_cast<std::size_t>(i)];
      }
      blocks.push_back(Tensor::copy_of(values, {rows, columns}));
    }
    const Tensor matrix = Tensor::copy_of(whole, {count * rows, count * columns});
    const std::int64_t k = std::min<std::int64_t>(count * rows, 3);
    for (const std::string& ord :
         {std::string("fro"), std::string("nuc"), std::string("2"), std::string("1"), std::string("-1"),
          std::string("inf"), std::string("-inf"), std::string("max"), std::string("schatten:3"),
          std::string("schatten:inf"), "kyfan:" + std::to_string(k), std::string("entrywise:1"),
          std::string("entrywise:2.5"), std::string("mixed:2,1"), std::string("mixed:3,1.5,rows"),
          std::string("induced:1,2"), std::string("induced:2,inf"), "kyfan:" + std::to_string(k) + ",2"}) {
      const NormResult wanted = norm(matrix, parse_norm(ord), context);
      const NormResult found = norm_of_blocks(blocks, parse_norm(ord), context);
      EXPECT_NEAR(found.value, wanted.value, tolerance::of_matrix(count * rows, count * columns, wanted.value, 16))
          << ord;
      EXPECT_EQ(found.meaning, wanted.meaning);
      ASSERT_EQ(found.enclosure.has_value(), wanted.enclosure.has_value()) << ord;
      if (!found.enclosure) continue;
      EXPECT_TRUE(found.enclosure->is_proven());
      EXPECT_LE(found.enclosure->lower.value(), found.value);
      EXPECT_GE(found.enclosure->upper->value(), found.value);
    }
    double smallest = std::numeric_limits<double>::infinity();
    for (const Tensor& block : blocks) smallest = std::min(smallest, norm(block, SmallestSingular{}, context).value);
    EXPECT_EQ(norm_of_blocks(blocks, SmallestSingular{}, context).value, smallest);
  }
}

TEST(NormOfBlocks, RefusesWhatIsNoBlockDiagonal) {
  Context context(1);
  const Tensor a = Tensor::copy_of(std::vector<double>{1, 2, 3, 4}, {2, 2});
  const Tensor b = Tensor::copy_of(std::vector<double>{1, 2}, {1, 2});
  const Tensor bad = Tensor::copy_of(std::vector<double>{1, 2, 3, std::nan("")}, {2, 2});
  const auto refuses = [&](const std::vector<Tensor>& blocks, const Norm& which) {
    EXPECT_THROW(static_cast<void>(norm_of_blocks(blocks, which, context)), Error);
  };
  refuses({}, Frobenius{});
  refuses({a, b}, Frobenius{});
  refuses({a, bad}, Frobenius{});
  refuses({a, bad}, KyFan{1});
  refuses({a, a}, KyFan{5});
  refuses({a, a}, Schatten{0.5});
  EXPECT_DOUBLE_EQ(norm_of_blocks(std::vector<Tensor>{a, a}, KyFan{4}, context).value,
                   norm_of_blocks(std::vector<Tensor>{a, a}, Schatten{1}, context).value);
}

}  // namespace
}  // namespace sigmax::norms
