// What the solvers that factorize promise of their triplets, whichever end of the spectrum they are of.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"
#include "tolerance.hpp"

namespace sigmax::checks {

/// The rounding errors of T in a computation with an m x n matrix, relative to its norm.
template <Real T>
double unit(const Shape& shape) {
  const double of_double = tolerance::relative(shape.rows, shape.columns);
  return std::same_as<T, double> ? of_double
                                 : of_double + 4 * static_cast<double>(std::numeric_limits<float>::epsilon());
}

/// |X^T X - I|, the largest entry.
template <Real T>
double away_from_orthonormal(const Matrix<T>& x) {
  double worst = 0;
  for (std::int64_t i = 0; i < x.columns(); ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      double sum = i == j ? -1 : 0;
      for (std::int64_t r = 0; r < x.rows(); ++r) sum += static_cast<double>(x(r, i)) * static_cast<double>(x(r, j));
      worst = std::fmax(worst, std::fabs(sum));
    }
  }
  return worst;
}

/// Largest |A v_i - sigma_i u_i| and |A^T u_i - sigma_i v_i| of triplets of the row-major matrix `a`.
template <Real T>
double residual(const std::vector<double>& a, const Shape& shape, const SvdResult<T>& result) {
  long double worst = 0;
  for (std::size_t k = 0; k < result.sigma.size(); ++k) {
    const auto column = static_cast<std::int64_t>(k);
    std::vector<long double> left(static_cast<std::size_t>(shape.rows)), right(static_cast<std::size_t>(shape.columns));
    for (std::int64_t i = 0; i < shape.rows; ++i) {
      for (std::int64_t j = 0; j < shape.columns; ++j) {
        const long double entry = a[static_cast<std::size_t>(i * shape.columns + j)];
        left[static_cast<std::size_t>(i)] += entry * static_cast<long double>(result.v(j, column));
        right[static_cast<std::size_t>(j)] += entry * static_cast<long double>(result.u(i, column));
      }
    }
    long double sum_left = 0, sum_right = 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
      const long double d =
          left[i] - result.sigma[k] * static_cast<long double>(result.u(static_cast<std::int64_t>(i), column));
      sum_left += d * d;
    }
    for (std::size_t j = 0; j < right.size(); ++j) {
      const long double d =
          right[j] - result.sigma[k] * static_cast<long double>(result.v(static_cast<std::int64_t>(j), column));
      sum_right += d * d;
    }
    worst = std::max({worst, std::sqrt(sum_left), std::sqrt(sum_right)});
  }
  return static_cast<double>(worst);
}

/// Solves for k triplets at one end of the matrix with singular values `sigma` and holds them against it.
template <Real T>
SvdResult<T> expect_triplets(const std::vector<double>& sigma, const Shape& shape, const SvdOptions<T>& options,
                             const std::string& name, Context& context) {
  const std::string what = name + " " + std::to_string(shape.rows) + "x" + std::to_string(shape.columns) + " k " +
                           std::to_string(options.k) + (options.which == Which::largest ? " largest" : " smallest");
  const std::vector<double> values = gallery::with_singular_values(shape.rows, shape.columns, sigma);
  std::vector<double> sorted = sigma;
  std::sort(sorted.rbegin(), sorted.rend());
  const double top = sorted.front();
  const Operator<T> a = dense<T>(Tensor::copy_of(values, {shape.rows, shape.columns}));
  const SvdResult<T> result = svd(*a, options, context);
  const double allowed = unit<T>(shape) * top;
  EXPECT_EQ(result.outcome, SvdOutcome::converged) << what;
  EXPECT_EQ(static_cast<std::int64_t>(result.sigma.size()), options.k) << what;
  EXPECT_TRUE(std::is_sorted(result.sigma.rbegin(), result.sigma.rend())) << what;
  const std::size_t first = options.which == Which::largest ? 0 : sorted.size() - static_cast<std::size_t>(options.k);
  for (std::size_t i = 0; i < result.sigma.size(); ++i) {
    EXPECT_NEAR(result.sigma[i], sorted[first + i], allowed) << what << " value " << i;
    EXPECT_LE(result.residual[i], unit<T>(shape)) << what << " value " << i;
  }
  EXPECT_LE(away_from_orthonormal(result.u), unit<T>(shape)) << what;
  EXPECT_LE(away_from_orthonormal(result.v), unit<T>(shape)) << what;
  EXPECT_LE(residual(values, shape, result), allowed) << what;
  return result;
}

/// The numbers of triplets that are worth a try.
inline std::vector<std::int64_t> counts_of(const Shape& shape) {
  const std::int64_t least = std::min(shape.rows, shape.columns);
  std::vector<std::int64_t> counts = {1};
  if (least > 2) counts.push_back(3);
  if (least > 3) counts.push_back(least);
  return counts;
}

inline const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {{24, 24}, {40, 15}, {15, 40}, {30, 27}, {27, 30}, {1, 9}, {9, 1}, {1, 1}};
  return all;
}

}  // namespace sigmax::checks
