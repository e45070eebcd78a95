// The Gram matrix against long double, with the error bound that its header states and that the proofs rely on.
#include "sigmax/linalg/gram_matrix.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using gallery::Stored;

// Entries (i, j) to check: all of a small matrix; the tile boundaries and a scattered selection of a large one.
std::vector<std::int64_t> indices(std::int64_t order) {
  std::vector<std::int64_t> chosen;
  if (order <= 24) {
    for (std::int64_t i = 0; i < order; ++i) chosen.push_back(i);
    return chosen;
  }
  for (std::int64_t i = 0; i < order; i += order / 5) chosen.push_back(i);
  for (const std::int64_t edge : {127, 128, 255, 256, 512, 1023, 1024}) {
    if (edge < order) chosen.push_back(edge);
  }
  chosen.push_back(order - 1);
  return chosen;
}

void check(const Stored& stored, double scale, Context& context) {
  const kernels::StoredMatrix a = stored.matrix();
  const GramMatrix g = gram_matrix(a, scale, Triangles::both, context);
  const bool of_rows = a.rows <= a.columns;
  ASSERT_EQ(g.order, std::min(a.rows, a.columns));
  ASSERT_EQ(g.terms, std::max(a.rows, a.columns));
  ASSERT_EQ(g.of_rows, of_rows);
  ASSERT_EQ(g.scale, scale);
  const std::vector<double> values = stored.values();
  const auto entry = [&](std::int64_t index, std::int64_t term) {
    const std::int64_t at = of_rows ? index * a.columns + term : term * a.columns + index;
    return static_cast<long double>(values[static_cast<std::size_t>(at)]) * scale;
  };
  const std::vector<std::int64_t> chosen = indices(g.order);
  const long double gamma = tolerance::gamma(g.terms);
  for (const std::int64_t i : chosen) {
    for (const std::int64_t j : chosen) {
      if (j > i) continue;
      long double wanted = 0;
      long double magnitude = 0;
      for (std::int64_t k = 0; k < g.terms; ++k) {
        const long double term = entry(i, k) * entry(j, k);
        wanted += term;
        magnitude += std::fabs(term);
      }
      const double lower = g.values[static_cast<std::size_t>(j * g.order + i)];
      ASSERT_EQ(lower, g.values[static_cast<std::size_t>(i * g.order + j)]) << stored.what();
      const long double underflow = static_cast<long double>(g.terms + 1) * std::numeric_limits<double>::denorm_min();
      ASSERT_LE(std::fabs(lower - wanted), gamma * magnitude + underflow)
          << stored.what() << " entry " << i << ", " << j << " is " << lower;
    }
  }
}

Stored sample(DType dtype, std::int64_t rows, std::int64_t columns) {
  return {dtype, rows, columns, gallery::normal(rows * columns, 23), 2, 1};
}

TEST(GramMatrix, StaysWithinItsErrorBoundInBothOrientations) {
  Context context(2);
  for (const DType dtype : gallery::kStorageTypes) {
    for (std::int64_t rows = 1; rows <= 13; rows += 2) {
      for (std::int64_t columns = 1; columns <= 13; columns += 3) check(sample(dtype, rows, columns), 0.125, context);
    }
    check(sample(dtype, 8, 5000), 0.125, context);
    check(sample(dtype, 5000, 8), 0.125, context);
    check(sample(dtype, 300, 2049), 0.125, context);
  }
}

TEST(GramMatrix, StaysWithinItsErrorBoundAcrossTileBoundaries) {
  Context context(2);
  // Long enough for the work to be cut into tiles.
  for (const std::int64_t order : {127, 128, 129}) check(sample(DType::bf16, order, 34000), 0.125, context);
  for (const std::int64_t order : {255, 256, 257}) check(sample(DType::f32, 8000, order), 0.125, context);
  check(sample(DType::f32, 1030, 1040), 0.125, context);
  check(sample(DType::f16, 1040, 1030), 0.125, context);
}

TEST(GramMatrix, AllowsForUnderflow) {
  Context context(1);
  std::vector<double> values = gallery::normal(7 * 40, 29);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::ldexp(values[i], -8 * static_cast<int>(i % 67) - 4);
  check(Stored(DType::f64, 7, 40, values), 1, context);
  check(Stored(DType::f64, 40, 7, values), 0x1p-10, context);
}

TEST(GramMatrix, GivesTheSameBitsForAnyNumberOfThreads) {
  for (const auto& [rows, columns] : {std::pair{1030, 700}, {129, 34000}, {40, 30}}) {
    const Stored stored = sample(DType::f32, rows, columns);
    std::vector<double> first;
    for (const int threads : {1, 2, 3}) {
      Context context(threads);
      const GramMatrix g = gram_matrix(stored.matrix(), 0.125, Triangles::both, context);
      const std::vector<double> values(g.values.data(), g.values.data() + g.values.size());
      if (threads == 1) first = values;
      EXPECT_TRUE(values == first) << rows << "x" << columns << " with " << threads << " threads";
    }
  }
}

TEST(GramMatrix, RefusesAnEmptyMatrix) {
  Context context(1);
  EXPECT_THROW(gram_matrix({DType::f32, nullptr, 0, 3, 3}, 1, Triangles::both, context), Error);
  EXPECT_THROW(gram_matrix({DType::f32, nullptr, 3, 0, 0}, 1, Triangles::both, context), Error);
}

}  // namespace
}  // namespace sigmax
