// Singular values in extended precision: the truth that enclosures must contain.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

namespace sigmax::gallery {

static_assert(std::numeric_limits<long double>::digits >= 64, "the reference needs more than double precision");

/// Singular values, descending, of the row-major rows x columns matrix `a`, by one-sided Jacobi rotations in long
/// double (Hestenes 1958): relative error of sigma_max of the order of 1e-18. For orders up to about a hundred.
/// `Element` is double or long double.
template <class Element>
std::vector<long double> reference_singular_values(const std::vector<Element>& a, std::size_t rows,
                                                   std::size_t columns) {
  const std::size_t n = std::min(rows, columns);
  const std::size_t m = std::max(rows, columns);
  // Work on n vectors of length m; scaled, so that squares stay in range for any entries.
  Element largest = 0;
  for (const Element value : a) largest = std::max(largest, std::fabs(value));
  std::vector<long double> sigma(n, 0.0L);
  if (largest == 0) return sigma;
  std::vector<std::vector<long double>> x(n, std::vector<long double>(m));
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      const long double value = static_cast<long double>(a[i * columns + j]) / largest;
      (rows <= columns ? x[i][j] : x[j][i]) = value;
    }
  }
  const auto dot = [m](const std::vector<long double>& p, const std::vector<long double>& q) {
    long double sum = 0;
    for (std::size_t i = 0; i < m; ++i) sum += p[i] * q[i];
    return sum;
  };
  constexpr long double kEpsilon = std::numeric_limits<long double>::epsilon();
  for (int sweep = 0; sweep < 60; ++sweep) {
    bool rotated = false;
    for (std::size_t p = 0; p + 1 < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        const long double alpha = dot(x[p], x[p]);
        const long double beta = dot(x[q], x[q]);
        const long double gamma = dot(x[p], x[q]);
        if (std::fabs(gamma) <= 4 * kEpsilon * std::sqrt(alpha * beta)) continue;
        rotated = true;
        const long double zeta = (beta - alpha) / (2 * gamma);
        const long double t = std::copysign(1 / (std::fabs(zeta) + std::hypot(1.0L, zeta)), zeta);
        const long double c = 1 / std::hypot(1.0L, t);
        const long double s = c * t;
        for (std::size_t i = 0; i < m; ++i) {
          const long double before = x[p][i];
          x[p][i] = c * before - s * x[q][i];
          x[q][i] = s * before + c * x[q][i];
        }
      }
    }
    if (!rotated) break;
  }
  for (std::size_t i = 0; i < n; ++i) sigma[i] = std::sqrt(dot(x[i], x[i])) * largest;
  std::sort(sigma.begin(), sigma.end(), std::greater<>());
  return sigma;
}

}  // namespace sigmax::gallery
