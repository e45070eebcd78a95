#include "sigmax/kernels/hermitian.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/rng.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

using Extended = std::complex<long double>;

std::vector<double> random_numbers(std::int64_t count, std::uint64_t seed) {
  std::vector<double> values(static_cast<std::size_t>(count));
  static_cast<void>(fill_normal(random_state(seed), std::span<double>(values)));
  return values;
}

template <class T>
Extended entry_of(const T* panels, std::int64_t i, std::int64_t j) {
  if (i < j) return std::conj(entry_of(panels, j, i));
  const T* const at = panels + hermitian_place(i, j);
  return {at[0], i == j ? T(0) : at[kHermitianRows]};
}

// Entries in every place that the layout has, whether it counts or not; imaginary parts of the diagonal are zeros.
template <class T>
void fill(T* panels, std::int64_t n, std::uint64_t seed) {
  const std::vector<double> values = random_numbers(hermitian_size(n), seed);
  for (std::size_t i = 0; i < values.size(); ++i) panels[i] = static_cast<T>(values[i]);
  for (std::int64_t i = 0; i < hermitian_order(n); ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      if (i >= n) panels[hermitian_place(i, j)] = panels[hermitian_place(i, j) + kHermitianRows] = 0;
      if (i == j) panels[hermitian_place(i, j) + kHermitianRows] = 0;
    }
  }
}

TEST(HermitianPanels, HaveAPlaceOfItsOwnForEachElement) {
  for (const std::int64_t n : {1, 16, 17, 50}) {
    std::vector<std::int64_t> places;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j <= i; ++j) {
        places.push_back(hermitian_place(i, j));
        places.push_back(hermitian_place(i, j) + kHermitianRows);
      }
    }
    std::sort(places.begin(), places.end());
    EXPECT_EQ(std::adjacent_find(places.begin(), places.end()), places.end());
    EXPECT_LT(places.back(), hermitian_size(n));
    EXPECT_GE(places.front(), 0);
  }
}

template <class T>
void expect_sums(std::int64_t n, std::int64_t evens, std::int64_t odds, std::int64_t points) {
  Context context(1);
  const std::int64_t groups = hermitian_groups(n);
  const std::int64_t matrices = evens + odds;
  const std::vector<double> c = random_numbers(groups * matrices * 16, 1);
  const std::vector<double> w = random_numbers(matrices * points, 2);
  const std::vector<T> coefficients(c.begin(), c.end()), weights(w.begin(), w.end());
  auto out = context.scratch<T>(static_cast<std::size_t>(hermitian_size(n) * points));
  hermitian_sums(coefficients.data(), groups, evens, odds, weights.data(), points, out.data(), hermitian_size(n));
  for (std::int64_t point = 0; point < points; ++point) {
    for (std::int64_t at = 0; at < hermitian_size(n); ++at) {
      const bool is_odd = at % 32 >= 16;
      long double sum = 0, magnitudes = 0;
      for (std::int64_t q = is_odd ? evens : 0; q < (is_odd ? matrices : evens); ++q) {
        const long double term =
            static_cast<long double>(coefficients[static_cast<std::size_t>((at / 32 * matrices + q) * 16 + at % 16)]) *
            static_cast<long double>(weights[static_cast<std::size_t>(q * points + point)]);
        sum += term;
        magnitudes += std::fabs(term);
      }
      const long double allowed = tolerance::gamma_in<T>(matrices) * magnitudes;
      ASSERT_LE(
          std::fabs(static_cast<long double>(out[static_cast<std::size_t>(point * hermitian_size(n) + at)]) - sum),
          allowed)
          << at << " of point " << point;
    }
  }
}

TEST(HermitianSums, AreWeightedSumsOfTheirMatrices) {
  for (const std::int64_t points : {1, 3, 4, 8, 13}) {
    expect_sums<float>(20, 5, 4, points);
    expect_sums<double>(20, 5, 4, points);
  }
  expect_sums<double>(3, 1, 0, 2);
}

template <class T>
void expect_product(std::int64_t n) {
  Context context(1);
  const std::int64_t order = hermitian_order(n);
  auto b = context.scratch<T>(static_cast<std::size_t>(hermitian_size(n)));
  fill(b.data(), n, static_cast<std::uint64_t>(n));
  auto x = context.scratch<T>(static_cast<std::size_t>(2 * order));
  auto y = context.scratch<T>(static_cast<std::size_t>(2 * order));
  auto work = context.scratch<T>(static_cast<std::size_t>(32 * order));
  const std::vector<double> values = random_numbers(2 * order, 3);
  for (std::int64_t i = 0; i < 2 * order; ++i) {
    x[static_cast<std::size_t>(i)] = i % order < n ? static_cast<T>(values[static_cast<std::size_t>(i)]) : T(0);
  }
  hermitian_multiply(b.data(), n, x.data(), y.data(), work.data());
  for (std::int64_t i = 0; i < n; ++i) {
    Extended sum;
    long double magnitudes = 0;
    for (std::int64_t j = 0; j < n; ++j) {
      const Extended of_x(x[static_cast<std::size_t>(j)], x[static_cast<std::size_t>(order + j)]);
      sum += entry_of(b.data(), i, j) * of_x;
      magnitudes += std::abs(entry_of(b.data(), i, j)) * std::abs(of_x);
    }
    const Extended computed(y[static_cast<std::size_t>(i)], y[static_cast<std::size_t>(order + i)]);
    ASSERT_LE(std::abs(computed - sum), 2 * tolerance::gamma_in<T>(2 * n + 4) * magnitudes) << i << " of " << n;
  }
}

TEST(HermitianMultiply, TakesEachElementOfTheTriangleTwice) {
  for (const std::int64_t n : {1, 2, 15, 16, 17, 40, 65}) {
    expect_product<float>(n);
    expect_product<double>(n);
  }
}

// Collatz: at least the norm of |L| |L|^T by a power iteration, and no more than its largest row sum.
TEST(HermitianAbsoluteSquare, LiesBetweenTheNormAndTheLargestRowSum) {
  Context context(1);
  for (const std::int64_t n : {1, 5, 16, 33, 70}) {
    const auto order = static_cast<std::size_t>(n);
    auto l = context.scratch<float>(static_cast<std::size_t>(hermitian_size(n)));
    fill(l.data(), n, 7);
    std::vector<long double> m(order * order, 0.0L), x(order, 1.0L);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        long double& sum = m[static_cast<std::size_t>(i * n + j)];
        for (std::int64_t k = 0; k <= std::min(i, j); ++k) {
          sum += std::abs(entry_of(l.data(), i, k)) * std::abs(entry_of(l.data(), j, k));
        }
      }
    }
    long double norm = 0, largest_sum = 0;
    for (int step = 0; step < 200; ++step) {
      std::vector<long double> y(order, 0.0L);
      for (std::size_t i = 0; i < order; ++i) {
        for (std::size_t j = 0; j < order; ++j) y[i] += m[i * order + j] * x[j];
      }
      norm = *std::max_element(y.begin(), y.end());
      if (step == 0) largest_sum = norm;
      for (std::size_t i = 0; i < order; ++i) x[i] = y[i] / norm;
    }
    auto work = context.scratch<float>(static_cast<std::size_t>(18 * hermitian_order(n)));
    const long double quotient = hermitian_absolute_square(l.data(), n, work.data());
    const long double slack = 1 + tolerance::gamma_in<float>(8 * n + 32);
    EXPECT_GE(quotient * slack, norm) << n;
    EXPECT_LE(quotient, largest_sum * slack) << n;
  }
}

}  // namespace
}  // namespace sigmax::kernels
