// Matrices with known singular values: diagonal matrices between random orthogonal ones.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "gallery/stored.hpp"

namespace sigmax::gallery {

/// `count` orthonormal vectors of `length` entries, uniformly distributed: the Q factor of a normal matrix, by
/// Gram-Schmidt in long double, twice.
inline std::vector<std::vector<long double>> orthonormal(std::int64_t length, std::int64_t count, std::uint64_t seed) {
  std::vector<std::vector<long double>> q;
  const std::vector<double> entries = normal(length * count, seed);
  for (std::int64_t k = 0; k < count; ++k) {
    std::vector<long double> x(entries.begin() + k * length, entries.begin() + (k + 1) * length);
    const auto dot = [&x](const std::vector<long double>& y) {
      long double sum = 0;
      for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
      return sum;
    };
    for (int pass = 0; pass < 2; ++pass) {
      for (const auto& other : q) {
        const long double c = dot(other);
        for (std::size_t i = 0; i < x.size(); ++i) x[i] -= c * other[i];
      }
    }
    const long double norm = std::sqrt(dot(x));
    for (long double& value : x) value /= norm;
    q.push_back(std::move(x));
  }
  return q;
}

/// The row-major rows x columns matrix U diag(sigma) V^T with random orthogonal U and V, computed in long double and
/// rounded once, so that its singular values are `sigma` up to u |sigma|_2. `sigma` has min(rows, columns) entries.
inline std::vector<double> with_singular_values(std::int64_t rows, std::int64_t columns,
                                                const std::vector<double>& sigma, std::uint64_t seed = 1) {
  const auto count = static_cast<std::int64_t>(sigma.size());
  const auto u = orthonormal(rows, count, 2 * seed);
  const auto v = orthonormal(columns, count, 2 * seed + 1);
  std::vector<double> a;
  std::vector<long double> row(static_cast<std::size_t>(columns));
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
    std::fill(row.begin(), row.end(), 0.0L);
    for (std::size_t k = 0; k < sigma.size(); ++k) {
      const long double weight = u[k][i] * sigma[k];
      for (std::size_t j = 0; j < row.size(); ++j) row[j] += weight * v[k][j];
    }
    for (const long double value : row) a.push_back(static_cast<double>(value));
  }
  return a;
}

/// 1 down to 1 / kappa in equal ratios.
inline std::vector<double> geometric(std::int64_t count, double kappa) {
  std::vector<double> sigma;
  for (std::int64_t i = 0; i < count; ++i) {
    const double share = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0.0;
    sigma.push_back(std::pow(kappa, -share));
  }
  return sigma;
}

/// A spectrum of any length, with the name that a failing test shows.
struct NamedSpectrum {
  std::string name;
  std::function<std::vector<double>(std::int64_t count)> values;  ///< descending
};

namespace detail {
// sigma_i = f(i), i = 0, 1, ...
template <class F>
NamedSpectrum spectrum_of(std::string name, F f) {
  return {std::move(name), [f](std::int64_t count) {
            std::vector<double> sigma;
            for (std::int64_t i = 0; i < count; ++i) sigma.push_back(f(static_cast<double>(i)));
            return sigma;
          }};
}
}  // namespace detail

/// Spectra that a solver for the largest singular value may encounter.
inline const std::vector<NamedSpectrum>& spectra() {
  using detail::spectrum_of;
  static const std::vector<NamedSpectrum> all = {
      spectrum_of("flat", [](double) { return 1.0; }),
      spectrum_of("zero", [](double) { return 0.0; }),
      spectrum_of("rank_one", [](double i) { return i == 0 ? 3.0 : 0.0; }),
      spectrum_of("double_top", [](double i) { return i < 2 ? 2.0 : 1 / i; }),
      spectrum_of("clustered_top", [](double i) { return i < 8 ? 1 - 1e-9 * i : 0.5 / i; }),
      spectrum_of("tiny_gap", [](double i) { return i == 0 ? 1 + 1e-6 : 1 - 1e-6 * i; }),
      spectrum_of("linear", [](double i) { return 1 / (1 + 0.01 * i); }),
      spectrum_of("power_law", [](double i) { return std::pow(1 + i, -0.8); }),
      spectrum_of("exponential", [](double i) { return std::exp2(-i); }),
      spectrum_of("spike", [](double i) { return i == 0 ? 1e6 : 1.0; }),
      spectrum_of("huge_150", [](double i) { return 1e150 / (1 + i); }),
      spectrum_of("tiny_150", [](double i) { return 1e-150 / (1 + i); }),
      spectrum_of("huge_300", [](double i) { return 1e300 / (1 + i); }),
      spectrum_of("tiny_300", [](double i) { return 1e-300 / (1 + i); }),
  };
  return all;
}

/// The entry of spectra() with that name. Throws std::out_of_range if there is none.
inline const NamedSpectrum& spectrum(std::string_view name) {
  for (const NamedSpectrum& each : spectra()) {
    if (each.name == name) return each;
  }
  throw std::out_of_range("no spectrum is called " + std::string(name));
}

}  // namespace sigmax::gallery
