// The tolerances of every numerical test, each derived from the rounding analysis of what is tested. No test states a
// tolerance as a literal.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace sigmax::tolerance {

inline constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
inline constexpr double kUnitRoundoff = kEpsilon / 2;

/// gamma_n = n u / (1 - n u) with T's unit roundoff u: the error of a sum of n products, relative to the sum of their
/// absolute values. References in long double are wrong by 2^-11 of that, which is allowed for.
template <class T = double>
long double gamma(std::int64_t n) {
  const long double nu = static_cast<long double>(n) * std::numeric_limits<T>::epsilon() / 2;
  return nu / (1 - nu) * (1 + 0x1p-9L);
}

/// The same for sums in T.
template <class T>
long double gamma_in(std::int64_t n) {
  const long double nu = static_cast<long double>(n) * (std::numeric_limits<T>::epsilon() / 2);
  return nu / (1 - nu) * (1 + 0x1p-9L);
}

/// c max(m, n) eps |A|: what backward-stable computations with an m x n matrix of norm `norm` are wrong by in T.
template <class T = double>
double of_matrix(std::int64_t rows, std::int64_t columns, double norm, double c = 4) {
  return c * static_cast<double>(std::max(rows, columns)) * std::numeric_limits<T>::epsilon() * norm;
}

/// The same relative to a quantity of a problem of condition kappa: c max(m, n) eps kappa.
inline double relative(std::int64_t rows, std::int64_t columns, double kappa = 1, double c = 4) {
  return of_matrix(rows, columns, kappa, c);
}

/// The error of a singular value taken as the root of an eigenvalue of the Gram matrix: c max(m, n) eps sigma_1^2 is
/// the error of the eigenvalue, and sigma |d sigma| = |d lambda| / 2; of sigma = 0 it is the root itself.
inline double of_gram_root(std::int64_t rows, std::int64_t columns, double largest, double sigma, double c = 4) {
  const double relative_to_largest = sigma / largest;
  const double lambda = relative(rows, columns, 1, c);
  return largest * std::min(relative_to_largest > 0 ? lambda / relative_to_largest : 1.0, std::sqrt(lambda));
}

/// How much coarser the unit roundoff of T is than that of double.
template <class T>
double coarseness() {
  return static_cast<double>(std::numeric_limits<T>::epsilon()) / kEpsilon;
}

/// What a solver that stops at an estimated relative error of `stop` is wrong by: the estimate is one, not a bound.
inline double of_estimate(double stop) { return 100 * stop; }

/// Relative error that the audit promises of the sum of all singular values, whatever the matrix.
inline constexpr double kSpectrumSum = 1e-10;

}  // namespace sigmax::tolerance
