// The whole decomposition by its defining equations and against extended precision, real and complex.
#include "sigmax/linalg/whole_svd.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "gallery/spectra.hpp"
#include "sigmax/linalg/inverse.hpp"
#include "sigmax/linalg/spectrum.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using Complex = std::complex<double>;

template <class T>
struct Parts {
  std::vector<double> sigma;
  std::vector<T> u, vh;
  std::int64_t u_columns = 0, vh_rows = 0;
};

template <class T>
Parts<T> decomposed(std::vector<T> a, std::int64_t rows, std::int64_t columns, WholeVectors vectors) {
  const std::int64_t k = std::min(rows, columns);
  Parts<T> found;
  found.u_columns = vectors == WholeVectors::full ? rows : k;
  found.vh_rows = vectors == WholeVectors::full ? columns : k;
  found.sigma.resize(static_cast<std::size_t>(k));
  found.u.resize(static_cast<std::size_t>(rows * found.u_columns));
  found.vh.resize(static_cast<std::size_t>(found.vh_rows * columns));
  whole_svd(a.data(), rows, columns, vectors, found.sigma.data(), found.u.data(), found.vh.data());
  return found;
}

double conjugate(double x) { return x; }
Complex conjugate(const Complex& x) { return std::conj(x); }

// max |A - U S V^H| and the departures of U^H U and V^H V from the identity, in units of the largest value.
template <class T>
void expect_decomposition(const std::vector<T>& a, std::int64_t rows, std::int64_t columns, const Parts<T>& found) {
  const std::int64_t k = std::min(rows, columns);
  const double unit = k > 0 && found.sigma[0] > 0 ? found.sigma[0] : 1;
  const double allowed = 2 * tolerance::of_triplets(rows, columns);
  const auto u = [&](std::int64_t i, std::int64_t j) {
    return found.u[static_cast<std::size_t>(i * found.u_columns + j)];
  };
  const auto vh = [&](std::int64_t i, std::int64_t j) { return found.vh[static_cast<std::size_t>(i * columns + j)]; };
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      T sum = -a[static_cast<std::size_t>(i * columns + j)] / unit;
      for (std::int64_t l = 0; l < k; ++l)
        sum += u(i, l) * (found.sigma[static_cast<std::size_t>(l)] / unit) * vh(l, j);
      ASSERT_LE(std::abs(sum), allowed) << rows << "x" << columns << " at " << i << ", " << j;
    }
  }
  for (std::int64_t p = 0; p < found.u_columns; ++p) {
    for (std::int64_t q = 0; q < found.u_columns; ++q) {
      T sum = p == q ? -1 : 0;
      for (std::int64_t i = 0; i < rows; ++i) sum += conjugate(u(i, p)) * u(i, q);
      ASSERT_LE(std::abs(sum), allowed);
    }
  }
  for (std::int64_t p = 0; p < found.vh_rows; ++p) {
    for (std::int64_t q = 0; q < found.vh_rows; ++q) {
      T sum = p == q ? -1 : 0;
      for (std::int64_t j = 0; j < columns; ++j) sum += vh(p, j) * conjugate(vh(q, j));
      ASSERT_LE(std::abs(sum), allowed);
    }
  }
  EXPECT_TRUE(std::is_sorted(found.sigma.rbegin(), found.sigma.rend()));
}

TEST(WholeSvd, DecomposesEveryShapeAtEveryScale) {
  for (const auto& [rows, columns] : {std::pair{1, 1}, {1, 5}, {4, 1}, {3, 7}, {9, 2}, {12, 12}, {40, 30}}) {
    for (const double scale : {1.0, 0x1p-1000, 0x1p1000}) {
      std::vector<double> a = gallery::normal(rows * columns, static_cast<std::uint64_t>(100 * rows + columns));
      for (double& value : a) value *= scale;
      const std::vector<double> more = gallery::normal(rows * columns, 7);
      std::vector<Complex> b;
      for (std::size_t i = 0; i < a.size(); ++i) b.emplace_back(a[i], more[i] * scale);
      for (const WholeVectors vectors : {WholeVectors::thin, WholeVectors::full}) {
        const Parts<double> found = decomposed(a, rows, columns, vectors);
        expect_decomposition(a, rows, columns, found);
        expect_decomposition(b, rows, columns, decomposed(b, rows, columns, vectors));
        const auto exact =
            gallery::reference_singular_values(a, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns));
        for (std::size_t i = 0; i < exact.size(); ++i) {
          EXPECT_LE(std::fabs(found.sigma[i] - exact[i]), tolerance::of_triplets(rows, columns) * exact[0]);
        }
        const Parts<double> values = decomposed(a, rows, columns, WholeVectors::none);
        for (std::size_t i = 0; i < exact.size(); ++i) {
          EXPECT_LE(std::fabs(values.sigma[i] - exact[i]), tolerance::of_triplets(rows, columns) * exact[0]);
        }
      }
    }
  }
}

TEST(WholeSvd, ABasisIsGivenWhereThereIsNothingToDecompose) {
  const Parts<double> tall = decomposed<double>({}, 3, 0, WholeVectors::full);
  EXPECT_EQ(tall.u, (std::vector<double>{1, 0, 0, 0, 1, 0, 0, 0, 1}));
  const Parts<Complex> wide = decomposed<Complex>({}, 0, 2, WholeVectors::full);
  EXPECT_EQ(wide.vh, (std::vector<Complex>{1, 0, 0, 1}));
  const Parts<double> zero = decomposed<double>({0, 0, 0, 0}, 2, 2, WholeVectors::full);
  expect_decomposition({0, 0, 0, 0}, 2, 2, zero);
}

TEST(WholeSvd, EntriesThatAreNotFiniteGiveNan) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    const Parts<double> real = decomposed<double>({1, 2, bad, 4, 5, 6}, 2, 3, WholeVectors::thin);
    const Parts<Complex> complex = decomposed<Complex>({1, Complex(0, bad), 3, 4}, 2, 2, WholeVectors::full);
    for (const double value : real.sigma) EXPECT_TRUE(std::isnan(value));
    for (const double value : real.vh) EXPECT_TRUE(std::isnan(value));
    for (const Complex& value : complex.u) EXPECT_TRUE(std::isnan(value.real()));
  }
}

// Values that the Gram matrix loses beside the largest: in units of sigma_1, the error stays that of a bidiagonal SVD.
TEST(SingularValuesEach, EveryValueHasTheAccuracyOfTheLargest) {
  Context context;
  for (const auto& [rows, columns] : {std::pair{90, 30}, {30, 90}, {40, 36}}) {
    for (const double smallest : {0.3, 1e-2, 1e-6, 1e-10, 1e-14, 0.0}) {
      const auto k = static_cast<std::size_t>(std::min(rows, columns));
      std::vector<double> sigma(k, 1.0);
      for (std::size_t i = 0; i < 6; ++i) sigma[k - 1 - i] = smallest * std::ldexp(1.0, static_cast<int>(i));
      std::sort(sigma.rbegin(), sigma.rend());
      std::vector<double> entries = gallery::with_singular_values(rows, columns, sigma);
      ScannedMatrix a(stored_view(Tensor::view_of(entries, {rows, columns})), context);
      const std::vector<double> found = singular_values_each(a, context);
      ASSERT_EQ(found.size(), k);
      for (std::size_t i = 0; i < k; ++i) {
        EXPECT_LE(std::fabs(found[i] - sigma[i]), 32 * tolerance::of_triplets(rows, columns) * sigma[0])
            << rows << "x" << columns << ", " << smallest << ": " << i;
      }
    }
  }
}

TEST(Inverse, TimesTheMatrixIsTheIdentity) {
  Context context;
  for (const std::int64_t n : {1, 2, 5, 33, 150}) {
    std::vector<double> sigma(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < sigma.size(); ++i) sigma[i] = 1 + static_cast<double>(n) - static_cast<double>(i);
    const std::vector<double> entries = gallery::with_singular_values(n, n, sigma);
    Matrix<double> a(n, n);
    std::copy(entries.begin(), entries.end(), a.values().begin());
    const auto x = inverse(a, context);
    ASSERT_TRUE(x);
    const double kappa = sigma.front() / sigma.back();
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        long double sum = i == j ? -1 : 0;
        for (std::int64_t l = 0; l < n; ++l) sum += static_cast<long double>(a(i, l)) * (*x)(l, j);
        // n u |L| |U| |X| with entries of L up to 1 and a growth of a few in matrices like these.
        ASSERT_LE(std::fabs(sum), tolerance::relative(n, n, kappa * std::sqrt(static_cast<double>(n)))) << n;
      }
    }
  }
}

TEST(Inverse, ASingularMatrixHasNone) {
  Context context;
  EXPECT_FALSE(inverse(Matrix<double>(3, 3), context));
  Matrix<double> ones(2, 2);
  std::fill(ones.values().begin(), ones.values().end(), 1.0);
  EXPECT_FALSE(inverse(ones, context));
}

}  // namespace
}  // namespace sigmax
