// The tolerances of every numerical test, each derived from the rounding analysis of what is tested. No test states a
// tolerance as a literal.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

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

/// What LAPACK's SVD of a matrix of norm 1 and that order leaves beyond rounding, whatever the processor. dlasdq, as
/// dbdsqr, sets an off-diagonal entry of the bidiagonal matrix to 0 once it is below min(100, u^(-1/8)) u, 49.3 eps, of
/// a value next to it. The dropped entries lie in separate blocks, so m of them have a joint norm of sqrt(m) times
/// this; from order 26 on dbdsdc does this in separate parts of at most 25 rows and joins them to rounding. In small
/// matrices this exceeds 4 n eps: residuals of 49 eps are common at order 6.
inline double of_bidiagonal(std::int64_t order) {
  const double stop = std::exp2(53.0 / 8) * kUnitRoundoff;
  return stop * std::sqrt(static_cast<double>(std::clamp<std::int64_t>(order - 1, 0, 24)));
}

/// The error of values and residuals of triplets computed in T that end in LAPACK's SVD, relative to the norm.
template <class T = double>
double of_triplets(std::int64_t rows, std::int64_t columns, double c = 4) {
  return of_matrix<T>(rows, columns, 1, c) + of_bidiagonal(std::min(rows, columns));
}

/// The error of a singular value taken as the root of an eigenvalue of the Gram matrix: c max(m, n) eps sigma_1^2 is
/// the error of the eigenvalue, and sigma |d sigma| = |d lambda| / 2; for sigma = 0 it is the root of the eigenvalue's
/// error.
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

/// The error of a solver that stops at an estimated relative error of `stop`, which is an estimate, not a bound.
inline double of_estimate(double stop) { return 100 * stop; }

/// The true residual when an iteration stops by the residual of its recurrence; rounding adds to it.
inline double of_stop(double stop) { return 1.01 * stop; }

/// of_matrix and relative for computations in T on entries rounded to T. The constants of Householder's
/// transformations, a few eps each, outweigh max(m, n) where that is small: 8 is the least.
template <class T>
double of_matrix_in(std::int64_t rows, std::int64_t columns, double norm, double c = 4) {
  return c * static_cast<double>(std::max<std::int64_t>(std::max(rows, columns), 8)) *
         static_cast<double>(std::numeric_limits<T>::epsilon()) * norm;
}
template <class T>
double relative_in(std::int64_t rows, std::int64_t columns, double c = 4) {
  return of_matrix_in<T>(rows, columns, 1, c);
}

/// What a value found in a Krylov space of A^T A, computed in T, is short of sigma: rounding turns its vector by
/// e = c max(m, n) eps sigma_1^2 / sigma^2 into directions of smaller values, which costs the value e^2 sigma / 2, and
/// no more than all of it.
template <class T>
double of_projection_in(std::int64_t rows, std::int64_t columns, double largest, double sigma, double c = 4) {
  if (!(sigma > 0)) return 0;
  const double turned = relative_in<T>(rows, columns, c) * (largest / sigma) * (largest / sigma);
  return sigma * std::min(1.0, turned * turned / 2);
}

/// The error of a residual |A^T u - sigma v| over sigma_1 that is evaluated in T, as A^T A v / sigma where sigma is at
/// least the cube root of eps times sigma_1: rounding of the Gram product, over sigma.
template <class T>
double of_residual_in(std::int64_t rows, std::int64_t columns, double c = 4) {
  return relative_in<T>(rows, columns, c) / std::cbrt(static_cast<double>(std::numeric_limits<T>::epsilon()));
}

/// How far the i-th value from a randomized sketch of k + p columns with q steps of subspace iteration stays below
/// sigma_i, except with probability d = 1e-9 (Gu, SIAM J. Sci. Comput. 37, 2015): at least sigma_i /
/// sqrt(1 + C^2 (sigma_{k+1} / sigma_i)^(4 q + 2)), with l = k + p, C = e sqrt(l) / (p + 1) (2 / d)^(1 / (p + 1))
/// (sqrt(n - k) + sqrt(l) + sqrt(2 ln(2 / d))).
inline double of_subspace_iteration(const std::vector<double>& sigma, std::size_t i, std::int64_t k, std::int64_t p,
                                    std::int64_t q) {
  const auto n = static_cast<double>(sigma.size());
  const auto l = static_cast<double>(k + p);
  if (l >= n || !(sigma[i] > 0)) return 0;
  constexpr double kFailure = 1e-9;
  const double c = std::exp(1.0) * std::sqrt(l) / static_cast<double>(p + 1) *
                   std::pow(2 / kFailure, 1 / static_cast<double>(p + 1)) *
                   (std::sqrt(n - static_cast<double>(k)) + std::sqrt(l) + std::sqrt(2 * std::log(2 / kFailure)));
  const double decay = std::pow(sigma[static_cast<std::size_t>(k)] / sigma[i], static_cast<double>(4 * q + 2));
  return sigma[i] * (1 - 1 / std::sqrt(1 + c * c * decay));
}

/// What a few operations on enclosures move their ends outward by, relatively: about 2^-46 each.
inline constexpr double kOutward = 0x1p-40;

/// What a few hundred operations in long double are wrong by, relatively.
inline constexpr long double kExtended = 0x1p-55L;

/// Half a unit of the last digit of a golden value that is given with that many digits behind the point.
inline double of_digits(int digits) { return 0.5 * std::pow(10.0, -digits); }

/// A value, relative to itself, that svd() calls `converged` after its check: docs/proofs.md lets the bound that was
/// shown exceed it by 32 tolerances, or by 5e-7 of the value (5e-3 in float) where rounding keeps it from coming
/// closer.
inline constexpr double kConfirmingTolerances = 32;
template <class T>
double of_converged(double stop) {
  return std::max(kConfirmingTolerances * stop, coarseness<T>() > 1 ? 5e-3 : 5e-7);
}

/// Any value of a result, relative to the largest: of_estimate() of its stop, or the root of the rounding of products
/// with A^T A, which is what small values are known to.
template <class T>
double of_small_values(std::int64_t rows, std::int64_t columns, double stop) {
  return std::max(of_estimate(stop), std::sqrt(relative_in<T>(rows, columns)));
}

/// The least value that a check of an m x n matrix of that norm tells from rounding: 16 (m + n + 256) u |A|
/// (docs/proofs.md).
inline double of_check(std::int64_t rows, std::int64_t columns, double norm) {
  return 16 * static_cast<double>(rows + columns + 256) * kUnitRoundoff * norm;
}

/// The relative width of an enclosure of sigma_max proven by one Cholesky factorization of tau I - G, G the Gram matrix
/// of order n with sums of t terms. tau exceeds theta = sigma^2 by at most 4 (n (n + 9) u + 2^-46) theta, or 16 times
/// that after a factorization that failed; the factorization is wrong by (n + 9) u trace(G) <= (n + 9) n u theta, and G
/// by t u trace(G). Half of the sum counts for sigma.
inline double of_gram_proof(std::int64_t rows, std::int64_t columns) {
  const auto n = static_cast<double>(std::min(rows, columns));
  const auto t = static_cast<double>(std::max(rows, columns));
  const double shift = 64 * (n * (n + 9) * kUnitRoundoff + 0x1p-46);
  return (shift + (n + 9 + t) * n * kUnitRoundoff) / 2;
}

/// Half a unit of the eighth digit behind the point, the last that the source text's example prints.
inline constexpr double kPrintedDigits = 0.51e-8;

/// What derivatives promise of their agreement with finite differences in double.
inline constexpr double kFiniteDifference = 1e-7;

/// The same where what is differentiated is itself rounded, by relative() of a condition kappa: that over the step, `h`
/// times the distance over which it changes.
inline double of_difference(std::int64_t rows, std::int64_t columns, double kappa, double h) {
  return kFiniteDifference + relative(rows, columns, kappa) / h;
}

/// What derivatives of triplets promise of their agreement with the sum over all triplets, relative, in double.
inline constexpr double kSumOverTriplets = 1e-10;

/// The relative gap from which on derivatives keep their promises as they stand; below, they are divided by the gap.
inline constexpr double kOrdinaryGap = 0.1;

/// Relative error that the audit promises of the sum of all singular values, whatever the matrix.
inline constexpr double kSpectrumSum = 1e-10;

/// The error of the entropy of p_i = sigma_i / sum sigma over n singular values, if sum |d p_i| <= 2 t with t =
/// kSpectrumSum: at most t log(n - 1) - t log t - (1 - t) log(1 - t) <= t (log n + 1 - log t) (Fannes; Audenaert, J.
/// Phys. A 40, 2007).
inline double of_entropy(std::int64_t n) {
  return kSpectrumSum * (std::log(static_cast<double>(n)) + 1 - std::log(kSpectrumSum));
}

}  // namespace sigmax::tolerance
