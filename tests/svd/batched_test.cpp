// Batches of small matrices: against the reference and the single entry, hostile members, independence from the rest of
// the batch.
#include "sigmax/svd/batched/batched.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "gallery/spectra.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/batched/batched_tridiagonal.hpp"
#include "support/triplets.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using Count = std::optional<std::int64_t>;  // empty: all values

using Size = std::pair<std::int64_t, std::int64_t>;

std::vector<double> values_of(const Tensor& a) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < a.shape()[0]; ++i) {
    for (std::int64_t j = 0; j < a.shape()[1]; ++j) values.push_back(a.at(std::vector<std::int64_t>{i, j}));
  }
  return values;
}

std::vector<long double> reference(const Tensor& a) {
  return gallery::reference_singular_values(values_of(a), static_cast<std::size_t>(a.shape()[0]),
                                            static_cast<std::size_t>(a.shape()[1]));
}

Tensor gaussian(std::int64_t rows, std::int64_t columns, DType dtype, std::uint64_t seed) {
  return Tensor::rounded(gallery::normal(rows * columns, seed), {rows, columns}, dtype);
}

// |A v - sigma u|, |A^T u - sigma v| <= residual sigma_1, orthonormal columns.
void expect_triplets(const Tensor& a, const BatchResult& result, std::int64_t index, double slack,
                     const std::string& what) {
  const auto i = static_cast<std::size_t>(index);
  const Matrix<double>&u = result.u[i], &v = result.v[i];
  const std::vector<double> entries = values_of(a);
  const std::span<const double> sigma = result.values(index);
  for (std::size_t k = 0; k < sigma.size(); ++k) {
    const auto column = static_cast<std::int64_t>(k);
    const auto residuals =
        checks::residuals_of<double>(entries, sigma[k], u.column(column), v.column(column), sigma[0]);
    EXPECT_LE(residuals.larger(), result.residual[i] + slack) << what;
  }
  EXPECT_LE(checks::orthonormality_error(u), slack) << what;
  EXPECT_LE(checks::orthonormality_error(v), slack) << what;
}

TEST(Batched, MeetsTheToleranceForEveryShapeAndStorageType) {
  Context context(2);
  std::vector<Tensor> all;
  std::uint64_t seed = 0;
  for (const DType dtype : gallery::kStorageTypes) {
    for (const auto& [rows, columns] : std::vector<Size>{{1, 1},
                                                         {1, 7},
                                                         {7, 1},
                                                         {2, 2},
                                                         {5, 3},
                                                         {16, 16},
                                                         {17, 40},
                                                         {40, 17},
                                                         {33, 64},
                                                         {64, 33},
                                                         {48, 48},
                                                         {3, 300}}) {
      const std::vector<double> values = gallery::normal(rows * columns, ++seed);
      all.push_back(Tensor::rounded(values, {rows, columns}, dtype));
      all.push_back(gallery::column_major(dtype, rows, columns, values));
      all.push_back(gallery::gapped(dtype, rows, columns, values));
    }
  }
  for (const double stop : {1e-4, 1e-6, 1e-10, 1e-13}) {
    auto options = repeatable<BatchOptions>();
    options.tolerance = stop;
    options.vectors = true;
    const BatchResult result = batched_svd(all, options, context);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto index = static_cast<std::int64_t>(i);
      const std::int64_t rows = all[i].shape()[0], columns = all[i].shape()[1];
      const std::string what = to_string(all[i].shape()) + " " + std::string(name(all[i].dtype()));
      const auto truth = static_cast<double>(reference(all[i])[0]);
      const double rounding = tolerance::relative(rows, columns);
      EXPECT_EQ(result.outcome[i], BatchOutcome::converged) << what;
      // The tolerance itself, not a multiple: the stopping criterion is a bound.
      EXPECT_NEAR(result.values(index)[0], truth, (stop + rounding) * truth) << what;
      EXPECT_LE(result.values(index)[0], truth * (1 + rounding)) << what;
      expect_triplets(all[i], result, index, rounding, what);
    }
  }
}

TEST(Batched, FindsTheTopOfEverySpectrum) {
  Context context(1);
  for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
    for (const auto& [rows, columns] : std::vector<Size>{{1, 1}, {1, 12}, {12, 1}, {20, 20}, {48, 31}, {31, 48}}) {
      const std::vector<double> sigma = spectrum.values(std::min(rows, columns));
      const std::vector<double> values = gallery::with_singular_values(rows, columns, sigma);
      for (const DType dtype : {DType::f64, DType::f32}) {
        if (dtype == DType::f32 && (sigma[0] > 1e30 || sigma[0] < 1e-30)) continue;
        const Tensor a = Tensor::rounded(values, {rows, columns}, dtype);
        const auto truth = static_cast<double>(reference(a)[0]);
        for (const Accuracy accuracy : {Accuracy::values, Accuracy::vectors}) {
          auto options = repeatable<BatchOptions>();
          options.tolerance = 1e-9;
          options.accuracy = accuracy;
          const BatchResult result = batched_svd(std::span(&a, 1), options, context);
          const std::string what = spectrum.name + " " + to_string(a.shape()) + " " + std::string(name(dtype));
          EXPECT_EQ(result.outcome[0], BatchOutcome::converged) << what;
          EXPECT_NEAR(result.sigma[0], truth, (options.tolerance + tolerance::relative(rows, columns)) * truth) << what;
          if (accuracy == Accuracy::vectors) {
            EXPECT_LE(result.residual[0], options.tolerance) << what;
          }
        }
      }
    }
  }
}

TEST(Batched, AgreesWithTheSingleEntry) {
  Context context(2);
  std::vector<Tensor> all;
  for (const auto& [rows, columns] : std::vector<Size>{{10, 10}, {100, 128}, {300, 90}, {150, 140}, {260, 200}}) {
    all.push_back(gaussian(rows, columns, DType::f32, static_cast<std::uint64_t>(rows)));
  }
  const auto options = repeatable<BatchOptions>();
  const BatchResult result = batched_svd(all, options, context);
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto lanczos = repeatable<SvdOptions<double>>();
    lanczos.method = Lanczos{};
    const SvdResult<double> single = svd(*dense<double>(all[i]), lanczos, context);
    EXPECT_EQ(result.outcome[i], BatchOutcome::converged);
    EXPECT_NEAR(result.values(static_cast<std::int64_t>(i))[0], single.sigma[0],
                tolerance::of_estimate(options.tolerance) * single.sigma[0])
        << to_string(all[i].shape());
  }
}

TEST(Batched, GivesAllValuesAndTheirVectors) {
  Context context(2);
  std::vector<Tensor> all;
  for (const auto& [rows, columns] : std::vector<Size>{{1, 1}, {1, 9}, {9, 1}, {12, 12}, {30, 8}, {8, 30}}) {
    all.push_back(gaussian(rows, columns, DType::f32, static_cast<std::uint64_t>(rows + 100 * columns)));
  }
  all.push_back(
      Tensor::rounded(gallery::with_singular_values(20, 15, gallery::geometric(15, 1e12)), {20, 15}, DType::f64));
  for (const bool vectors : {false, true}) {
    for (const Count k : {Count(), Count(3)}) {
      auto options = repeatable<BatchOptions>();
      options.k = k;
      options.vectors = vectors;
      const BatchResult result = batched_svd(all, options, context);
      EXPECT_EQ(result.residual.empty(), !vectors);
      for (std::size_t i = 0; i < all.size(); ++i) {
        const std::int64_t rows = all[i].shape()[0], columns = all[i].shape()[1], least = std::min(rows, columns);
        const std::vector<long double> truth = reference(all[i]);
        const std::span<const double> sigma = result.values(static_cast<std::int64_t>(i));
        ASSERT_EQ(sigma.size(), static_cast<std::size_t>(std::min(k.value_or(least), least)));
        for (std::size_t j = 0; j < sigma.size(); ++j) {
          const double slack =
              tolerance::of_gram_root(rows, columns, static_cast<double>(truth[0]), static_cast<double>(truth[j]));
          EXPECT_NEAR(sigma[j], static_cast<double>(truth[j]), slack) << to_string(all[i].shape()) << " " << j;
        }
        if (vectors) {
          expect_triplets(all[i], result, static_cast<std::int64_t>(i), tolerance::relative(rows, columns),
                          to_string(all[i].shape()));
        }
      }
    }
  }
}

TEST(Batched, KeepsHostileMatricesFromHarmingTheOthers) {
  Context context(2);
  std::vector<double> values = gallery::normal(5 * 12 * 9, 8);
  const auto piece = [&](int i) { return std::span(values).subspan(static_cast<std::size_t>(i) * 108, 108); };
  std::fill(piece(1).begin(), piece(1).end(), 0.0);
  piece(3)[50] = std::nan("");
  piece(4)[107] = std::numeric_limits<double>::infinity();
  for (const DType dtype : gallery::kStorageTypes) {
    const Tensor batch = Tensor::rounded(values, {5, 12, 9}, dtype);
    for (const Count k : {Count(1), Count()}) {
      auto options = repeatable<BatchOptions>();
      options.k = k;
      options.vectors = true;
      const BatchResult result = batched_svd(batch, options, context);
      for (const std::int64_t i : {0, 2}) {
        const auto truth = static_cast<double>(reference(batch.slice(i))[0]);
        EXPECT_EQ(result.outcome[static_cast<std::size_t>(i)], BatchOutcome::converged);
        EXPECT_NEAR(result.values(i)[0], truth, tolerance::of_estimate(options.tolerance) * truth);
      }
      EXPECT_EQ(result.outcome[1], BatchOutcome::converged);
      EXPECT_EQ(result.values(1)[0], 0);
      EXPECT_EQ(result.residual[1], 0);
      EXPECT_EQ(result.u[1](0, 0), 1);
      for (const std::size_t i : {3, 4}) {
        EXPECT_EQ(result.outcome[i], BatchOutcome::not_finite);
        EXPECT_TRUE(std::isnan(result.values(static_cast<std::int64_t>(i))[0]));
        EXPECT_TRUE(std::isnan(result.residual[i]));
        EXPECT_TRUE(std::isnan(result.v[i](0, 0)));
      }
    }
  }
  // Through svd() as well.
  std::vector<double> large = gallery::normal(200 * 180, 1);
  large[777] = std::nan("");
  const Tensor tensors[] = {Tensor::rounded(large, {200, 180}, DType::f32), gaussian(200, 180, DType::f32, 2)};
  const BatchResult result = batched_svd(tensors, {}, context);
  EXPECT_EQ(result.outcome[0], BatchOutcome::not_finite);
  EXPECT_TRUE(std::isnan(result.sigma[0]));
  EXPECT_EQ(result.outcome[1], BatchOutcome::converged);
}

TEST(Batched, KeepsItsAccuracyAtEitherEndOfTheRange) {
  Context context(1);
  const std::vector<double> values = gallery::normal(20 * 30, 8);
  const auto check = [&](DType dtype, double scale) {
    std::vector<double> scaled = values;
    for (double& value : scaled) value *= scale;
    const Tensor a = Tensor::rounded(scaled, {20, 30}, dtype);
    const auto truth = static_cast<double>(reference(a)[0]);
    for (const Count k : {Count(1), Count()}) {
      auto options = repeatable<BatchOptions>();
      options.k = k;
      const BatchResult result = batched_svd(std::span(&a, 1), options, context);
      EXPECT_EQ(result.outcome[0], BatchOutcome::converged);
      // A subnormal result has only its few digits.
      EXPECT_NEAR(result.sigma[0], truth, tolerance::of_estimate(options.tolerance) * truth + 0x1p-1074) << scale;
    }
  };
  for (const double scale : {1e-44, 1e-40, 1e-30, 1e30, 1e37}) check(DType::f32, scale);
  for (const double scale : {1e-322, 1e-310, 1e-300, 1e-150, 1e150, 1e300, 1e305}) check(DType::f64, scale);
  check(DType::f16, 1e-7);
  check(DType::bf16, 1e-39);
}

TEST(Batched, TakesAnyStridesOfATensor) {
  Context context(1);
  const std::vector<double> values = gallery::normal(6 * 11 * 7, 8);
  const Tensor plain = Tensor::rounded(values, {6, 11, 7}, DType::f32);
  // The same bytes as 11 matrices of 6 x 7, and of 7 x 6; one matrix four times; every other matrix.
  const Tensor across(DType::f32, {11, 6, 7}, {7, 77, 1}, plain.data(), plain.owner());
  const Tensor turned(DType::f32, {11, 7, 6}, {7, 1, 77}, plain.data(), plain.owner());
  const Tensor expanded(DType::f32, {4, 11, 7}, {0, 7, 1}, plain.data(), plain.owner());
  const Tensor second(DType::f32, {3, 11, 7}, {154, 7, 1}, plain.data(), plain.owner());
  for (const Tensor& batch : {plain, across, turned, expanded, second}) {
    const BatchResult result = batched_svd(batch, {}, context);
    ASSERT_EQ(result.size(), batch.shape()[0]);
    for (std::int64_t i = 0; i < result.size(); ++i) {
      const auto truth = static_cast<double>(reference(batch.slice(i))[0]);
      EXPECT_NEAR(result.values(i)[0], truth, tolerance::of_estimate(repeatable<BatchOptions>().tolerance) * truth);
    }
  }
}

TEST(Batched, DoesNotDependOnTheThreadsOrOnTheOthers) {
  Context one(1), three(3);
  std::vector<Tensor> all;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const auto rows = static_cast<std::int64_t>(1 + i % 40), columns = static_cast<std::int64_t>(1 + (i * 7) % 50);
    all.push_back(gaussian(rows, columns, i % 3 == 0 ? DType::bf16 : DType::f32, i));
  }
  all.push_back(gaussian(300, 150, DType::f32, 1));  // for svd()
  auto options = repeatable<BatchOptions>();
  options.vectors = true;
  options.random = random_state(4);
  const BatchResult first = batched_svd(all, options, one), second = batched_svd(all, options, three);
  EXPECT_EQ(first.sigma, second.sigma);
  EXPECT_EQ(first.residual, second.residual);
  EXPECT_EQ(first.u, second.u);
  EXPECT_EQ(first.v, second.v);
  // The other matrices are replaced.
  std::vector<Tensor> changed(all.size(), gaussian(9, 9, DType::f64, 1));
  for (const std::size_t i : {std::size_t{17}, std::size_t{140}, all.size() - 1}) changed[i] = all[i];
  const BatchResult third = batched_svd(changed, options, three);
  for (const std::size_t i : {std::size_t{17}, std::size_t{140}, all.size() - 1}) {
    EXPECT_EQ(third.values(static_cast<std::int64_t>(i))[0], first.values(static_cast<std::int64_t>(i))[0]);
    EXPECT_EQ(third.v[i], first.v[i]);
  }
}

TEST(Batched, TakesEmptyBatchesAndEmptyMatrices) {
  Context context(1);
  EXPECT_EQ(batched_svd(std::span<const Tensor>(), {}, context).size(), 0);
  for (const Dimensions& shape : {Dimensions{0, 3, 4}, Dimensions{2, 0, 4}, Dimensions{2, 3, 0}}) {
    auto options = repeatable<BatchOptions>();
    options.vectors = true;
    const BatchResult result = batched_svd(Tensor::copy_of(std::span<const double>(), shape), options, context);
    EXPECT_EQ(result.size(), shape[0]);
    EXPECT_TRUE(result.sigma.empty());
  }
}

TEST(Batched, RefusesWhatDoesNotFitAndStopsWhenAskedTo) {
  Context context(1);
  const Tensor matrix = gaussian(3, 4, DType::f32, 1);
  const Tensor batch = matrix.reshaped({1, 3, 4});
  EXPECT_THROW(batched_svd(matrix, {}, context), Error);
  EXPECT_THROW(batched_svd(std::span(&batch, 1), {}, context), Error);
  auto options = repeatable<BatchOptions>();
  for (const std::int64_t k : {-1, 0}) {
    options.k = k;
    EXPECT_THROW(batched_svd(batch, options, context), Error);
  }
  options = {};
  options.tolerance = 0;
  EXPECT_THROW(batched_svd(batch, options, context), Error);
  const Tensor integers(DType::i32, {1, 2, 2}, matrix.data(), matrix.owner());
  EXPECT_THROW(batched_svd(integers, {}, context), Error);
  context.request_cancel();
  EXPECT_THROW(batched_svd(batch, {}, context), Canceled);
}

// The basis of the direct method's certainty about the top: the tridiagonal eigenvalue and the counts around it.
TEST(BatchedTridiagonal, LargestEigenvalueIsThatOfTheSecondDifference) {
  for (const std::size_t n : {1, 2, 3, 10, 64, 128, 300}) {
    const std::vector<double> diagonal(n, 2.0), off(n - 1, -1.0);
    const double angle = 3.141592653589793 * static_cast<double>(n) / static_cast<double>(n + 1);
    const double top = 2 - 2 * std::cos(angle);
    const double rounding = tolerance::of_matrix(static_cast<std::int64_t>(n), 1, 4);
    EXPECT_NEAR(tridiagonal_largest(diagonal, off), top, rounding) << n;
    const CountAbove count = tridiagonal_count_above(diagonal, off, top + rounding, top - rounding);
    EXPECT_EQ(count.of_first, 0);
    EXPECT_EQ(count.of_second, 1);
    EXPECT_EQ(tridiagonal_count_above(diagonal, off, -1, 5).of_first, static_cast<int>(n));
    std::vector<double> work(2 * n), x(n);
    tridiagonal_vector(diagonal, off, top, work, x);
    double squares = 0, residual = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double before = i > 0 ? x[i - 1] : 0, after = i + 1 < n ? x[i + 1] : 0;
      residual += std::pow(2 * x[i] - before - after - top * x[i], 2);
      squares += x[i] * x[i];
    }
    EXPECT_LE(std::sqrt(residual / squares), rounding) << n;
  }
}

TEST(BatchedTridiagonal, LargestEigenvalueOfMultipleAndCloseOnes) {
  for (const std::size_t n : {2, 20, 128}) {
    const double rounding = tolerance::of_matrix(static_cast<std::int64_t>(n), 1, 2);
    std::vector<double> diagonal(n, 1.0), off(n - 1, 0.0);
    EXPECT_NEAR(tridiagonal_largest(diagonal, off), 1, rounding);
    std::fill(off.begin(), off.end(), 1e-9);
    EXPECT_GT(tridiagonal_largest(diagonal, off), 1);
    EXPECT_LE(tridiagonal_largest(diagonal, off), 1 + 2e-9 + rounding);  // Gershgorin
    for (std::size_t i = 0; i < n; ++i) diagonal[i] = i < n / 2 ? 2 : -1;
    std::fill(off.begin(), off.end(), 0.0);
    EXPECT_NEAR(tridiagonal_largest(diagonal, off), 2, rounding);
    std::fill(diagonal.begin(), diagonal.end(), -1.0);
    EXPECT_NEAR(tridiagonal_largest(diagonal, off), -1, rounding);
    std::fill(diagonal.begin(), diagonal.end(), 0.0);
    EXPECT_EQ(tridiagonal_largest(diagonal, off), 0);
  }
}

}  // namespace
}  // namespace sigmax
