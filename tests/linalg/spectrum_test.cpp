// Every singular value against extended precision and against LAPACK, with the accuracy that the header states.
#include "sigmax/linalg/spectrum.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "gallery/spectra.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/kernels/scan.hpp"
#include "sigmax/linalg/blas.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using gallery::Stored;
using gallery::with_singular_values;

Spectrum spectrum_of(const Stored& stored, Context& context) {
  const kernels::StoredMatrix a = stored.matrix();
  const double largest = kernels::scan(a, context).max_abs;
  GramMatrix g =
      gram_matrix(a, largest > 0 ? std::ldexp(1.0, -std::ilogb(largest) - 1) : 1.0, Triangles::both, context);
  return spectrum(a, g, context);
}

std::vector<long double> reference_of(const Stored& stored) {
  const kernels::StoredMatrix a = stored.matrix();
  return gallery::reference_singular_values(stored.values(), static_cast<std::size_t>(a.rows),
                                            static_cast<std::size_t>(a.columns));
}

std::vector<double> lapack_values(std::vector<double> a, int rows, int columns) {
  std::vector<double> sigma(static_cast<std::size_t>(std::min(rows, columns)));
  std::vector<int> integer_work(8 * sigma.size());
  std::vector<double> work(static_cast<std::size_t>(200 * (rows + columns)) + 10000);
  const int work_size = static_cast<int>(work.size());
  const int one = 1;
  int info = 0;
  dgesdd_("N", &columns, &rows, a.data(), &columns, sigma.data(), nullptr, &one, nullptr, &one, work.data(), &work_size,
          integer_work.data(), &info);
  EXPECT_EQ(info, 0);
  return sigma;
}

// The largest, the smallest and the sum to the accuracy of a bidiagonal SVD or better, the others as Spectrum states.
void check(const Stored& stored, Context& context, const std::string& name) {
  const kernels::StoredMatrix a = stored.matrix();
  const std::string what = name + " " + stored.what();
  const std::vector<double> computed = spectrum_of(stored, context).values;
  const std::vector<long double> exact = reference_of(stored);
  ASSERT_EQ(computed.size(), exact.size()) << what;
  EXPECT_TRUE(std::is_sorted(computed.rbegin(), computed.rend())) << what;
  const auto top = static_cast<double>(exact[0]);
  const double rounding = tolerance::of_matrix(a.rows, a.columns, top);
  EXPECT_NEAR(computed[0], top, rounding) << what;
  EXPECT_NEAR(computed.back(), static_cast<double>(exact.back()), rounding) << what << " smallest";
  double sum = 0;
  long double exact_sum = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    sum += computed[i];
    exact_sum += exact[i];
    const auto sigma = static_cast<double>(exact[i]);
    const double allowed = top > 0 ? tolerance::of_gram_root(a.rows, a.columns, top, sigma) : 0;
    EXPECT_NEAR(computed[i], sigma, allowed) << what << " value " << i;
    EXPECT_GE(computed[i], 0) << what;
  }
  EXPECT_NEAR(sum, static_cast<double>(exact_sum), tolerance::kSpectrumSum * static_cast<double>(exact_sum)) << what;
}

TEST(Spectrum, KnowsTheSmallestValueForEveryConditionOfF32Storage) {
  Context context(2);
  for (const double kappa : {1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7}) {
    for (const auto& [rows, columns] : {std::pair{48, 48}, {60, 30}, {30, 60}}) {
      const std::vector<double> sigma = gallery::geometric(std::min(rows, columns), kappa);
      const Stored stored(DType::f32, rows, columns, with_singular_values(rows, columns, sigma));
      check(stored, context, "geometric");
      std::vector<double> lone(sigma.size(), 1.0);
      lone.back() = 1 / kappa;
      check(Stored(DType::f32, rows, columns, with_singular_values(rows, columns, lone)), context, "one small value");
    }
  }
}

// The relative error of the smallest value is about eps kappa, also if a second value is as small.
TEST(Spectrum, KnowsTheSmallestValueBesideOthersThatAreAsSmall) {
  Context context(2);
  for (const double kappa : {1e2, 1e4, 1e5, 1e6, 1e9}) {
    for (const std::size_t how_many : {2, 3, 10}) {
      std::vector<double> sigma(60, 1.0);
      for (std::size_t i = sigma.size() - how_many; i < sigma.size(); ++i) sigma[i] = 1 / kappa;
      const Stored stored(DType::f64, 70, 60, with_singular_values(70, 60, sigma));
      check(stored, context, std::to_string(how_many) + " of 1 / " + std::to_string(kappa));
    }
  }
}

TEST(Spectrum, SaysHowTheValuesWereFound) {
  Context context(1);
  const auto method = [&](double kappa, std::size_t small_values) {
    std::vector<double> sigma(40, 1.0);
    for (std::size_t i = sigma.size() - small_values; i < sigma.size(); ++i) sigma[i] = 1 / kappa;
    return spectrum_of(Stored(DType::f64, 50, 40, with_singular_values(50, 40, sigma)), context).method;
  };
  EXPECT_EQ(method(1, 0), SpectrumMethod::gram);
  EXPECT_EQ(method(1e5, 1), SpectrumMethod::gram_refined);
  EXPECT_EQ(method(1e12, 20), SpectrumMethod::bidiagonal);
}

TEST(Spectrum, MeasuresRankDeficientMatrices) {
  Context context(2);
  for (const DType dtype : gallery::kStorageTypes) {
    std::vector<double> sigma(30, 0.0);
    for (std::size_t i = 0; i < 7; ++i) sigma[i] = 1 / (1.0 + static_cast<double>(i));
    check(Stored(dtype, 30, 44, with_singular_values(30, 44, sigma)), context, "rank 7");
    check(Stored(dtype, 30, 44, std::vector<double>(30 * 44, 0.5)), context, "constant");
    std::vector<double> twice = gallery::normal(12 * 40, 3);
    twice.insert(twice.end(), twice.begin(), twice.end());
    check(Stored(dtype, 24, 40, twice), context, "every row twice");
  }
}

TEST(Spectrum, TakesZeroRowsAndColumnsAsZeroSingularValues) {
  Context context(2);
  for (const auto& [rows, columns] : {std::pair{20, 35}, {35, 20}, {20, 20}}) {
    for (const bool of_rows : {true, false}) {
      for (const double kappa : {1.0, 1e6}) {
        std::vector<double> values =
            with_singular_values(rows, columns, gallery::geometric(std::min(rows, columns), kappa));
        for (int i = 0; i < rows; ++i) {
          for (int j = 0; j < columns; ++j) {
            if ((of_rows ? i : j) % 5 == 2) values[static_cast<std::size_t>(i * columns + j)] = 0;
          }
        }
        const Stored stored(DType::f32, rows, columns, values);
        check(stored, context, "zero rows or columns");
        if (rows == columns) continue;
        const bool on_the_short_side = of_rows == (rows < columns);
        const auto found = spectrum_of(stored, context).values;
        EXPECT_EQ(std::count(found.begin(), found.end(), 0.0), on_the_short_side ? 4 : 0);
      }
    }
  }
}

TEST(Spectrum, MeasuresF64MatricesOfConditionBeyondWhatAGramMatrixHolds) {
  Context context(2);
  check(Stored(DType::f64, 40, 50, with_singular_values(40, 50, gallery::geometric(40, 1e14))), context, "geometric");
  std::vector<double> lone(40, 1.0);
  lone.back() = 1e-14;
  check(Stored(DType::f64, 50, 40, with_singular_values(50, 40, lone)), context, "one small value");
  std::vector<double> hilbert;
  for (int i = 0; i < 12; ++i) {
    for (int j = 0; j < 12; ++j) hilbert.push_back(1.0 / (i + j + 1));
  }
  check(Stored(DType::f64, 12, 12, hilbert), context, "Hilbert");
}

TEST(Spectrum, MeasuresSmallestShapesAndZero) {
  Context context(1);
  for (const DType dtype : gallery::kStorageTypes) {
    for (const auto& [rows, columns] : {std::pair{1, 1}, {1, 9}, {9, 1}, {2, 2}, {2, 100}, {3, 2}}) {
      check(Stored(dtype, rows, columns, gallery::normal(rows * columns, 31), 1, 1), context, "normal");
      check(Stored(dtype, rows, columns, std::vector<double>(static_cast<std::size_t>(rows * columns))), context, "0");
    }
  }
}

TEST(Spectrum, AgreesWithLapackOnNormalMatrices) {
  Context context(2);
  for (const auto& [rows, columns] : {std::pair{200, 150}, {150, 200}, {250, 250}, {30, 3000}}) {
    const Stored stored(DType::f32, rows, columns, gallery::normal(rows * columns, 37));
    const std::vector<double> computed = spectrum_of(stored, context).values;
    const std::vector<double> wanted = lapack_values(stored.values(), rows, columns);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_NEAR(computed[i], wanted[i], tolerance::of_gram_root(rows, columns, wanted[0], wanted[i]))
          << stored.what() << " value " << i;
    }
    EXPECT_NEAR(computed.back(), wanted.back(), tolerance::of_matrix(rows, columns, wanted[0])) << stored.what();
  }
}

TEST(Spectrum, GivesTheSameBitsForAnyNumberOfThreads) {
  const Stored stored(DType::f32, 300, 280, gallery::normal(300 * 280, 43));
  Context one(1);
  const std::vector<double> first = spectrum_of(stored, one).values;
  for (const int threads : {2, 3}) {
    Context context(threads);
    EXPECT_EQ(spectrum_of(stored, context).values, first);
  }
}

TEST(Spectrum, KeepsTheUpperTriangleAndDiagonalOfTheGramMatrix) {
  Context context(1);
  const Stored stored(DType::f32, 9, 14, gallery::normal(9 * 14, 47));
  GramMatrix g = gram_matrix(stored.matrix(), 1, Triangles::both, context);
  const std::vector<double> before(g.values.data(), g.values.data() + g.values.size());
  static_cast<void>(spectrum(stored.matrix(), g, context));
  for (std::size_t j = 0; j < 9; ++j) {
    for (std::size_t i = 0; i <= j; ++i) EXPECT_EQ(g.values[i + 9 * j], before[i + 9 * j]);
  }
}

}  // namespace
}  // namespace sigmax
