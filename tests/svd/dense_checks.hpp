// What the solvers that factorize promise about their triplets, at both ends of the spectrum.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"
#include "support/triplets.hpp"
#include "tolerance.hpp"

namespace sigmax::checks {

/// The rounding errors of T in a computation with an m x n matrix, relative to its norm.
template <Real T>
double unit(const Shape& shape) {
  const double of_double = tolerance::relative(shape.rows, shape.columns);
  return std::same_as<T, double> ? of_double
                                 : of_double + 4 * static_cast<double>(std::numeric_limits<float>::epsilon());
}

/// Solves for k triplets at one end of the matrix with singular values `sigma` and compares them with it.
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
  const double of_triplets = unit<T>(shape) + tolerance::of_bidiagonal(std::min(shape.rows, shape.columns));
  const double allowed = of_triplets * top;
  EXPECT_EQ(result.outcome, SvdOutcome::converged) << what;
  EXPECT_EQ(static_cast<std::int64_t>(result.sigma.size()), options.k) << what;
  EXPECT_TRUE(std::is_sorted(result.sigma.rbegin(), result.sigma.rend())) << what;
  const std::size_t first = options.which == Which::largest ? 0 : sorted.size() - static_cast<std::size_t>(options.k);
  for (std::size_t i = 0; i < result.sigma.size(); ++i) {
    EXPECT_NEAR(result.sigma[i], sorted[first + i], allowed) << what << " value " << i;
    EXPECT_LE(result.residual[i], of_triplets) << what << " value " << i;
  }
  EXPECT_LE(orthonormality_error(result.u), unit<T>(shape)) << what;
  EXPECT_LE(orthonormality_error(result.v), unit<T>(shape)) << what;
  EXPECT_LE(largest_residual<T>(values, result), allowed) << what;
  return result;
}

/// The numbers of triplets that are worth trying.
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

/// expect_triplets() of options_of(k) for every spectrum that T holds, every shape and every number of triplets.
template <Real T, class Options>
void expect_triplets_of_every_spectrum(const Options& options_of, Context& context) {
  for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
    const bool beyond_float = spectrum.name.ends_with("00") || spectrum.name.ends_with("50");
    if (std::same_as<T, float> && beyond_float) continue;
    for (const Shape& shape : shapes()) {
      const std::vector<double> sigma = spectrum.values(std::min(shape.rows, shape.columns));
      for (const std::int64_t k : counts_of(shape)) {
        expect_triplets<T>(sigma, shape, options_of(k), spectrum.name, context);
      }
    }
  }
}

}  // namespace sigmax::checks
