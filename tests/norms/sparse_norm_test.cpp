// Norms of sparse matrices against those of the same dense ones: where both are proven, the ends agree to rounding.
#include "sigmax/norms/sparse_norm.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/norm.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// The matrix in both forms. Some rows and columns have no place, some stored entries are zero.
struct Both {
  std::int64_t rows, columns;
  std::vector<std::int64_t> row, column;
  std::vector<double> value;
  std::vector<double> dense;  // row-major

  Both(std::int64_t m, std::int64_t n, double share, double scale, std::uint64_t seed)
      : rows(m), columns(n), dense(static_cast<std::size_t>(m * n), 0.0) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    std::uniform_real_distribution<double> uniform;
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        if (uniform(random) >= share || (m > 2 && i == 1) || (n > 2 && j == 2)) continue;
        row.push_back(i);
        column.push_back(j);
        value.push_back(uniform(random) < 0.1 ? 0 : scale * normal(random));
        dense[static_cast<std::size_t>(i * n + j)] = value.back();
      }
    }
  }
  SparseMatrix sparse() const { return {{rows, columns}, row, column, value}; }
  Tensor tensor() const { return Tensor::view_of(std::span<const double>(dense), {rows, columns}); }
};

std::vector<Norm> norms_of_entries() {
  std::vector<Norm> all{Frobenius{},      MaxAbs{},         Entrywise{1},       Entrywise{3.5},
                        Entrywise{kInf},  ColumnSum{},      ColumnSum{true},    RowSum{},
                        RowSum{true},     Induced{1, 1},    Induced{1, 2},      Induced{1, 3.5},
                        Induced{1, kInf}, Induced{2, kInf}, Induced{1.5, kInf}, Induced{kInf, kInf}};
  for (const By by : {By::rows, By::columns}) {
    for (const auto& [p, q] : {std::pair{2.0, 1.0}, {1.0, 2.0}, {3.0, kInf}, {kInf, 1.5}, {2.5, 4.0}}) {
      all.push_back(Mixed{p, q, by});
    }
  }
  return all;
}

TEST(SparseNorm, OfEntriesIsThatOfTheDenseMatrixWithProof) {
  Context context(2);
  std::uint64_t seed = 1;
  for (const auto& [m, n, share] : {std::tuple<std::int64_t, std::int64_t, double>{1, 1, 1},
                                    {1, 9, 0.5},
                                    {7, 1, 0.5},
                                    {6, 5, 0.4},
                                    {20, 31, 0.1},
                                    {40, 40, 0.02}}) {
    for (const double scale : {1.0, 1e-300, 1e300}) {
      const Both both(m, n, share, scale, seed++);
      for (const Norm& which : norms_of_entries()) {
        SCOPED_TRACE(spelling_of(which) + " " + std::to_string(m) + "x" + std::to_string(n) + " " +
                     std::to_string(std::log10(scale)));
        const NormResult dense = norm(both.tensor(), which, NormOptions{}, context);
        const NormResult found = norm(both.sparse(), which, NormOptions{}, context);
        ASSERT_TRUE(found.enclosure.has_value());
        EXPECT_EQ(found.kind(), dense.kind());
        EXPECT_EQ(found.meaning, dense.meaning);
        EXPECT_LE(found.enclosure->lower.value(), found.value);
        if (!dense.enclosure->upper || !found.enclosure->upper) {
          // The sum leaves the range of double for both.
          EXPECT_EQ(dense.enclosure->upper.has_value(), found.enclosure->upper.has_value());
          continue;
        }
        // The same number is in both intervals, and lines by themselves cost a little width at most.
        EXPECT_LE(found.enclosure->lower.value(), dense.enclosure->upper->value());
        EXPECT_GE(found.enclosure->upper->value(), dense.enclosure->lower.value());
        EXPECT_GE(found.enclosure->upper->value(), found.value);
        const double width = found.enclosure->upper->value() - found.enclosure->lower.value();
        const double of_dense = dense.enclosure->upper->value() - dense.enclosure->lower.value();
        EXPECT_LE(width, 2 * of_dense + tolerance::relative(m, n, 1, 64) * found.value + 1e-320);
      }
    }
  }
}

TEST(SparseNorm, OfSingularValuesIsThatOfTheDenseMatrix) {
  Context context(2);
  const Both both(30, 22, 0.2, 1, 5);
  auto options = repeatable<NormOptions>();
  const NormResult spectral = norm(both.sparse(), Spectral{}, options, context);
  ASSERT_TRUE(spectral.enclosure && spectral.enclosure->is_proven());
  const NormResult dense = norm(both.tensor(), Spectral{}, options, context);
  EXPECT_LE(spectral.enclosure->lower.value(), dense.enclosure->upper->value());
  EXPECT_GE(spectral.enclosure->upper->value(), dense.enclosure->lower.value());
  const NormResult nuclear = norm(both.sparse(), Nuclear{}, options, context);
  EXPECT_NEAR(nuclear.value, norm(both.tensor(), Nuclear{}, options, context).value,
              tolerance::of_matrix(30, 22, dense.value) * 22);
}

TEST(SparseNorm, OfNothingIsZero) {
  const SparseMatrix none({3, 2}, std::vector<std::int64_t>{}, std::vector<std::int64_t>{}, std::vector<double>{});
  Context context(1);
  for (const Norm& which : norms_of_entries()) {
    const NormResult found = norm(none, which, NormOptions{}, context);
    EXPECT_EQ(found.value, 0) << spelling_of(which);
    ASSERT_TRUE(found.enclosure && found.enclosure->is_proven()) << spelling_of(which);
    EXPECT_EQ(found.enclosure->upper->value(), 0) << spelling_of(which);
  }
}

TEST(SparseNorm, RefusesWhatHasNoNorm) {
  Context context(1);
  const std::vector<std::int64_t> zero{0};
  const SparseMatrix bad({2, 2}, zero, zero, std::vector<double>{std::numeric_limits<double>::quiet_NaN()});
  EXPECT_THROW(static_cast<void>(norm(bad, RowSum{}, NormOptions{}, context)), Error);
  const SparseMatrix empty({0, 2}, std::vector<std::int64_t>{}, std::vector<std::int64_t>{}, std::vector<double>{});
  EXPECT_THROW(static_cast<void>(norm(empty, RowSum{}, NormOptions{}, context)), Error);
  const SparseMatrix good({2, 2}, zero, zero, std::vector<double>{1});
  EXPECT_THROW(static_cast<void>(norm(good, Entrywise{0.5}, NormOptions{}, context)), Error);
}

TEST(SparseNorm, HasTheSameBitsForAnyNumberOfThreads) {
  const Both both(50, 40, 0.3, 1, 9);
  Context one(1);
  Context three(3);
  for (const Norm& which : norms_of_entries()) {
    const NormResult first = norm(both.sparse(), which, NormOptions{}, one);
    const NormResult again = norm(both.sparse(), which, NormOptions{}, three);
    EXPECT_EQ(first.value, again.value) << spelling_of(which);
    EXPECT_EQ(first.enclosure->lower.value(), again.enclosure->lower.value()) << spelling_of(which);
    EXPECT_EQ(first.enclosure->upper->value(), again.enclosure->upper->value()) << spelling_of(which);
  }
}

}  // namespace
}  // namespace sigmax::norms
