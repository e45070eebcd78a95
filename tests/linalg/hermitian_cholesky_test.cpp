#include "sigmax/linalg/hermitian_cholesky.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/kernels/hermitian.hpp"
#include "sigmax/linalg/blas.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using Extended = std::complex<long double>;

// A Hermitian matrix in panels, its lower triangle in full precision.
template <class T>
struct Hermitian {
  std::int64_t n;
  std::vector<T> values;

  explicit Hermitian(std::int64_t order) : n(order), values(static_cast<std::size_t>(kernels::hermitian_size(order))) {
    for (std::int64_t j = n; j < kernels::hermitian_order(n); ++j) set(j, j, 1, 0);
  }
  void set(std::int64_t i, std::int64_t j, double re, double im) {
    values[static_cast<std::size_t>(kernels::hermitian_place(i, j))] = static_cast<T>(re);
    values[static_cast<std::size_t>(kernels::hermitian_place(i, j) + 16)] = static_cast<T>(im);
  }
  Extended at(std::int64_t i, std::int64_t j) const {
    const auto place = static_cast<std::size_t>(kernels::hermitian_place(i, j));
    return {values[place], values[place + 16]};
  }

  // In memory that is aligned as the kernel wants it.
  bool factor() {
    Context context(1);
    auto panels = context.scratch<T>(values.size());
    std::copy(values.begin(), values.end(), panels.begin());
    const bool is_definite = hermitian_cholesky(panels.data(), n, context);
    std::copy(panels.begin(), panels.end(), values.begin());
    return is_definite;
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
  const Hermitian<T> b = gram<T>(n, n + 3, 0.5);
  Hermitian<T> l = b;
  ASSERT_TRUE(l.factor());
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

TEST(HermitianCholesky, EndsWhenItIsCanceled) {
  Context context(1);
  auto panels = context.scratch<double>(static_cast<std::size_t>(kernels::hermitian_size(40)));
  std::fill(panels.begin(), panels.end(), 0.0);
  context.request_cancel();
  EXPECT_THROW(static_cast<void>(hermitian_cholesky(panels.data(), 40, context)), Canceled);
}

// 290: more panels than are factored between two checks for cancellation.
TEST(HermitianCholesky, IsWithinItsStatedErrorOfTheMatrix) {
  for (const std::int64_t n : {1, 2, 5, 15, 16, 17, 31, 32, 33, 48, 49, 64, 65, 100, 131, 290}) {
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
    ASSERT_TRUE(full.factor());
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
  for (const std::int64_t n : {1, 7, 40, 97}) {
    Hermitian<double> b = gram<double>(n, n + 3, 0.5);
    b.set(n - 1, n - 1, -1, 0);
    EXPECT_FALSE(b.factor()) << n;
    Hermitian<double> indefinite = gram<double>(n, (n + 1) / 2, -0.5);
    EXPECT_FALSE(indefinite.factor()) << n;
    Hermitian<double> broken = gram<double>(n, n + 3, 0.5);
    broken.set(n - 1, 0, std::nan(""), 0);
    if (n > 1) {
      EXPECT_FALSE(broken.factor()) << n;
    }
  }
}

}  // namespace
}  // namespace sigmax
