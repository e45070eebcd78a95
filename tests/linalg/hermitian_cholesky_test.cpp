#include "sigmax/linalg/hermitian_cholesky.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <vector>

#include "sigmax/core/rng.hpp"
#include "sigmax/linalg/blas.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using Extended = std::complex<long double>;

// A Hermitian matrix in the layout of hermitian_cholesky(), its lower triangle in full precision.
template <class T>
struct Hermitian {
  std::int64_t n;
  std::vector<T> values;

  explicit Hermitian(std::int64_t order) : n(order), values(static_cast<std::size_t>(2 * order * order)) {}
  void set(std::int64_t i, std::int64_t j, double re, double im) {
    values[static_cast<std::size_t>(i + 2 * j * n)] = static_cast<T>(re);
    values[static_cast<std::size_t>(i + (2 * j + 1) * n)] = static_cast<T>(im);
  }
  Extended at(std::int64_t i, std::int64_t j) const {
    return {values[static_cast<std::size_t>(i + 2 * j * n)], values[static_cast<std::size_t>(i + (2 * j + 1) * n)]};
  }
};

// X X^* + shift I for a Gaussian X of `rank` columns.
template <class T>
Hermitian<T> gram(std::int64_t n, std::int64_t rank, double shift) {
  std::vector<double> x(static_cast<std::size_t>(2 * n * rank));
  static_cast<void>(fill_normal(random_state(static_cast<std::uint64_t>(n)), std::span<double>(x)));
  const auto entry = [&](std::int64_t i, std::int64_t k) {
    const auto at = static_cast<std::size_t>(2 * (i * rank + k));
    return std::complex<double>(x[at], x[at + 1]);
  };
  Hermitian<T> b(n);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = j; i < n; ++i) {
      std::complex<double> sum;
      for (std::int64_t k = 0; k < rank; ++k) sum += entry(i, k) * std::conj(entry(j, k));
      b.set(i, j, sum.real() + (i == j ? shift : 0), i == j ? 0.0 : sum.imag());
    }
  }
  return b;
}

template <class T>
void expect_factor(std::int64_t n) {
  const SerialBlas serial;
  Context context(1);
  const Hermitian<T> b = gram<T>(n, n + 3, 0.5);
  Hermitian<T> l = b;
  ASSERT_TRUE(hermitian_cholesky(l.values.data(), n, context));
  for (std::int64_t i = 0; i < n; ++i) EXPECT_EQ(l.at(i, i).imag(), 0);
  const long double u = std::numeric_limits<T>::epsilon() / 2;
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = j; i < n; ++i) {
      Extended sum;
      long double magnitudes = 0;
      for (std::int64_t k = 0; k <= j; ++k) {
        sum += l.at(i, k) * std::conj(l.at(j, k));
        magnitudes += std::abs(l.at(i, k)) * std::abs(l.at(j, k));
      }
      const std::int64_t terms = std::min<std::int64_t>(2 * (j + 1), 64) + 4;
      const long double allowed = std::sqrt(2.0L) *
                                  (tolerance::gamma_in<T>(terms) + static_cast<long double>((j + 1) / 32 + 1) * u) *
                                  magnitudes;
      ASSERT_LE(std::abs(sum - b.at(i, j)), allowed) << i << " " << j;
    }
  }
}

TEST(HermitianCholesky, IsWithinItsStatedErrorOfTheMatrix) {
  for (const std::int64_t n : {1, 2, 5, 31, 32, 33, 64, 65, 100, 131}) {
    SCOPED_TRACE(n);
    expect_factor<double>(n);
    expect_factor<float>(n);
  }
}

// A band whose blocks are no multiples of a panel, stored compactly: the factor is that of the full matrix, to
// rounding.
TEST(HermitianCholesky, FactorsABandInItsOwnStorage) {
  const SerialBlas serial;
  Context context(1);
  struct Case {
    std::int64_t n, block, below;
  };
  for (const Case& c : {Case{12, 1, 2}, Case{90, 5, 3}, Case{91, 7, 1}, Case{150, 50, 1}, Case{132, 33, 2}}) {
    SCOPED_TRACE(c.n);
    const HermitianBand band = HermitianBand::compact(c.block, c.below);
    Hermitian<double> full = gram<double>(c.n, c.n + 3, 0.5);
    std::vector<double> compact(static_cast<std::size_t>(band.size(c.n)), 0.0);
    for (std::int64_t j = 0; j < c.n; ++j) {
      full.set(j, j, full.at(j, j).real() + static_cast<double>(4 * c.n), 0);
      for (std::int64_t i = j; i < c.n; ++i) {
        if (i >= band.rows_of(j)) {
          full.set(i, j, 0, 0);
          continue;
        }
        compact[static_cast<std::size_t>(i + 2 * j * band.stride)] = static_cast<double>(full.at(i, j).real());
        compact[static_cast<std::size_t>(i + (2 * j + 1) * band.stride)] = static_cast<double>(full.at(i, j).imag());
      }
    }
    const double largest = static_cast<double>(full.at(0, 0).real());
    ASSERT_TRUE(hermitian_cholesky(full.values.data(), c.n, context));
    ASSERT_TRUE(hermitian_cholesky(compact.data(), c.n, band, context));
    for (std::int64_t j = 0; j < c.n; ++j) {
      for (std::int64_t i = j; i < std::min(c.n, band.rows_of(j)); ++i) {
        const auto slack = static_cast<long double>(tolerance::relative(c.n, c.n) * largest);
        ASSERT_NEAR(compact[static_cast<std::size_t>(i + 2 * j * band.stride)], full.at(i, j).real(), slack);
        ASSERT_NEAR(compact[static_cast<std::size_t>(i + (2 * j + 1) * band.stride)], full.at(i, j).imag(), slack);
      }
    }
    compact.assign(compact.size(), 0.0);
    for (std::int64_t j = 0; j < c.n; ++j) compact[static_cast<std::size_t>(j + 2 * j * band.stride)] = 1;
    compact[static_cast<std::size_t>(c.n - 1 + 2 * (c.n - 1) * band.stride)] = -1;
    EXPECT_FALSE(hermitian_cholesky(compact.data(), c.n, band, context));
  }
}

TEST(HermitianCholesky, FailsForAMatrixThatIsNotPositiveDefinite) {
  const SerialBlas serial;
  Context context(1);
  for (const std::int64_t n : {1, 7, 40, 97}) {
    Hermitian<double> b = gram<double>(n, n + 3, 0.5);
    b.set(n - 1, n - 1, -1, 0);
    EXPECT_FALSE(hermitian_cholesky(b.values.data(), n, context)) << n;
    Hermitian<double> indefinite = gram<double>(n, (n + 1) / 2, -0.5);
    EXPECT_FALSE(hermitian_cholesky(indefinite.values.data(), n, context)) << n;
    Hermitian<double> broken = gram<double>(n, n + 3, 0.5);
    broken.set(n - 1, 0, std::nan(""), 0);
    if (n > 1) {
      EXPECT_FALSE(hermitian_cholesky(broken.values.data(), n, context)) << n;
    }
  }
}

}  // namespace
}  // namespace sigmax
