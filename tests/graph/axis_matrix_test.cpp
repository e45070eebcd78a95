#include "sigmax/graph/onnx/axis_matrix.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <variant>

#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/graph/onnx/linear_parts.hpp"
#include "sigmax/ops/materialize.hpp"

namespace sigmax::graph::testing {
namespace {

using onnx::AxisMatrix;
using onnx::AxisOperator;

AxisMatrix random_matrix(std::mt19937_64& random, std::int64_t divisor) {
  const auto pick = [&](std::int64_t count) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(count));
  };
  AxisMatrix matrix{2 + pick(9), {}};
  const std::int64_t rows = 1 + pick(9);
  for (std::int64_t i = 0; i < rows; ++i) {
    AxisMatrix::Row row{{}, divisor == 0 ? 1 + pick(9) : divisor};
    for (std::int64_t k = pick(5); k > 0; --k) row.entries.emplace_back(pick(matrix.columns), pick(7) - 2);
    matrix.rows.push_back(std::move(row));
  }
  return matrix;
}

// Each row of the operator's matrix is the exact one times a number near 1, stored whole or as selections.
TEST(AxisMatrix, IsItsRationalRowsUpToTheStatedRoundings) {
  std::mt19937_64 random(3);
  Context context(1);
  for (int i = 0; i < 300; ++i) {
    const AxisMatrix matrix = random_matrix(random, i % 3 == 0 ? 1 : i % 3 == 1 ? 4 : 0);
    for (const std::int64_t most_stored : {onnx::kMostStored, std::int64_t{1}}) {
      const AxisOperator along = onnx::axis_operator(matrix, most_stored);
      const Matrix<double> found = materialize(*along.map, context);
      ASSERT_EQ(found.rows(), static_cast<std::int64_t>(matrix.rows.size()));
      ASSERT_EQ(found.columns(), matrix.columns);
      if (i % 3 != 2) {
        ASSERT_EQ(along.roundings, 0) << "divisors are powers of two";
      }
      for (std::int64_t row = 0; row < found.rows(); ++row) {
        const AxisMatrix::Row& exact = matrix.rows[static_cast<std::size_t>(row)];
        for (std::int64_t column = 0; column < found.columns(); ++column) {
          long double wanted = 0;
          for (const auto& [at, numerator] : exact.entries) wanted += at == column ? numerator : 0;
          wanted /= exact.divisor;
          // One more rounding where materialize() multiplies by the diagonal.
          const double error = onnx::rounding_error(along.roundings) + (along.roundings > 0 ? 0x1p-52 : 0);
          ASSERT_LE(std::fabs(found(row, column) - wanted), error * std::fabs(wanted)) << row << " " << column;
        }
      }
    }
  }
}

TEST(AxisMatrix, OfManyEntriesKeepsATightNorm) {
  // Means of two of 40000 entries each: 1 / sqrt(2), and nothing like 20000 x 40000 numbers.
  AxisMatrix means{40000, {}};
  for (std::int64_t i = 0; i < 20000; ++i) means.rows.push_back({{{2 * i, 1}, {2 * i + 1, 1}}, 2});
  const Enclosure norm = sigma_max(*onnx::axis_operator(means).map);
  ASSERT_TRUE(norm.upper.has_value());
  EXPECT_EQ(norm.upper->failure_probability(), 0);
  EXPECT_LE(norm.lower.value(), std::sqrt(0.5));
  EXPECT_GE(norm.upper->value(), std::sqrt(0.5));
  EXPECT_LE(norm.upper->value(), std::sqrt(0.5) * (1 + 1e-6));
}

TEST(AxisMatrix, RefusesWeightsThatADoubleDoesNotHold) {
  const std::int64_t large = (std::int64_t{1} << 53) + 1;
  AxisMatrix matrix{1, {{{{0, large}}, 3}}};
  EXPECT_THROW(onnx::axis_operator(matrix), onnx::RefusedNode);
  matrix.rows[0] = {{{0, 3}}, large};
  EXPECT_THROW(onnx::axis_operator(matrix), onnx::RefusedNode);
}

}  // namespace
}  // namespace sigmax::graph::testing
