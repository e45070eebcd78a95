// The facts about a stored matrix after one read, and the parts that are computed on demand.
#include "sigmax/linalg/scanned_matrix.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string message_of(const kernels::Scan& facts, std::string_view what) {
  try {
    require_finite(facts, "somebody", what);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(ScannedMatrix, SumsAreThoseOfTheTensorInEitherOrder) {
  Context context(1);
  const std::vector<double> values = {3, -4, 0, 12, 0, 0};
  for (const Tensor& tensor : {Tensor::copy_of(values, {2, 3}), gallery::column_major(DType::f64, 2, 3, values)}) {
    const ScannedMatrix scanned(stored_view(tensor), context);
    EXPECT_TRUE(scanned.is_finite());
    EXPECT_FALSE(scanned.first_non_finite().has_value());
    EXPECT_EQ(scanned.frobenius(), 13);
    EXPECT_EQ(scanned.norm_1(), 15);
    EXPECT_EQ(scanned.norm_inf(), 12);
    EXPECT_EQ(message_of(scanned.facts(), "matrix"), "");
  }
}

TEST(ScannedMatrix, ANonFiniteEntryHasAPlaceInTheTensorAndOneMessage) {
  Context context(1);
  const std::vector<double> values = {1, 2, 3, 4, 5, kNan, -kInfinity, 8, 9, 10, 11, kNan};
  // In row-major order the NaN at [1, 2] comes first, in column-major order the infinity at [2, 0].
  const ScannedMatrix rows(stored_view(Tensor::copy_of(values, {4, 3})), context);
  EXPECT_EQ(rows.first_non_finite(), 1 * 3 + 2);
  const ScannedMatrix columns(stored_view(gallery::column_major(DType::f64, 4, 3, values)), context);
  EXPECT_EQ(columns.first_non_finite(), 2 * 3 + 0);
  for (const ScannedMatrix* scanned : {&rows, &columns}) {
    EXPECT_FALSE(scanned->is_finite());
    EXPECT_EQ(message_of(scanned->facts(), "weight"), "[somebody] the weight has 2 NaN and 1 infinite entries");
  }
  for (const auto& [bad, text] : {std::pair{kNan, "1 NaN entry"}, {kInfinity, "1 infinite entry"}}) {
    const ScannedMatrix scanned(stored_view(Tensor::copy_of(std::vector<double>{1, bad, 3}, {1, 3})), context);
    EXPECT_EQ(message_of(scanned.facts(), "matrix"), std::string("[somebody] the matrix has ") + text);
  }
}

TEST(ScannedMatrix, IsInRangeWhereItLiesUnlessSquaresLeaveIt) {
  Context context(2);
  const gallery::Stored plain(DType::f32, 30, 20, gallery::normal(600, 1));
  ScannedMatrix ordinary(plain.matrix(), context);
  EXPECT_EQ(ordinary.in_range(context).matrix.data, plain.matrix().data);
  EXPECT_EQ(ordinary.in_range(context).factor, 1);
  EXPECT_EQ(ordinary.in_range(context).owner, nullptr);
  for (const double size : {0x1p900, 0x1p-900}) {
    std::vector<double> values = gallery::normal(600, 1);
    for (double& value : values) value *= size;
    const gallery::Stored far(DType::f64, 30, 20, values, 3);
    ScannedMatrix scanned(far.matrix(), context);
    const InRange& range = scanned.in_range(context);
    EXPECT_NE(range.owner, nullptr);
    EXPECT_EQ(range.facts.scale, 1);
    EXPECT_EQ(&scanned.in_range(context), &range) << "made once";
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(gallery::fetch(DType::f64, range.matrix.data, i) * range.factor, values[i]);
    }
    EXPECT_NO_THROW(require_unchanged(range, context)) << "a copy cannot change";
  }
}

TEST(ScannedMatrix, MakesItsGramMatrixOnce) {
  Context context(2);
  const gallery::Stored a(DType::bf16, 40, 90, gallery::normal(40 * 90, 2));
  ScannedMatrix scanned(a.matrix(), context);
  GramMatrix& g = scanned.gram(context);
  EXPECT_EQ(&scanned.gram(context), &g);
  EXPECT_EQ(g.order, 40);
  EXPECT_TRUE(g.of_rows);
  const double largest = scanned.facts().max_abs * g.scale;
  EXPECT_GE(largest, 0.5);
  EXPECT_LT(largest, 1);
  const GramMatrix wanted = gram_matrix(a.matrix(), g.scale, Triangles::both, context);
  for (std::size_t j = 0; j < 40; ++j) {
    for (std::size_t i = 0; i <= j; ++i) ASSERT_EQ(g.values[i + 40 * j], wanted.values[i + 40 * j]);
  }
  ScannedMatrix empty(kernels::StoredMatrix{DType::f32, nullptr, 0, 3, 3}, context);
  EXPECT_THROW(static_cast<void>(empty.gram(context)), Error);
}

}  // namespace
}  // namespace sigmax
