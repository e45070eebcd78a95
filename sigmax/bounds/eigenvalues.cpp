#include "sigmax/bounds/eigenvalues.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/bounds/matrix_proof/definite.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/matrix_proof/stretches.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"

namespace sigmax::bounds {
namespace {

// The matrix with its largest entry in [1/2, 1): values * 2^exponent, except for underflow of 2^-1075 per entry.
struct InUnits {
  Matrix<double> values;
  int exponent = 0;
};

InUnits in_units(const char* who, const Matrix<double>& a) {
  if (a.rows() != a.columns() || a.empty()) {
    throw Error(fmt::format("[{}] the matrix must be square and not empty, got {}x{}", who, a.rows(), a.columns()));
  }
  require_finite(a.values(), who, "the matrix");
  double largest = 0;
  for (const double value : a.values()) largest = larger_of(largest, std::fabs(value));
  InUnits result{a, largest == 0 ? 0 : std::ilogb(largest) + 1};
  for (double& value : result.values.values()) value = std::ldexp(value, -result.exponent);
  return result;
}

// An upper bound in the units of the given matrix; its underflow of n 2^-1074 in norm included.
UpperBound in_given_units(double value, const InUnits& a) {
  if (!std::isfinite(value)) return Proof::proven(kInfinity);
  const double lost = static_cast<double>(a.values.rows()) * 0x1p-1074;
  return Proof::proven(round_up(times_power(round_up(value + lost), a.exponent)));
}

}  // namespace

// With the polar factor U of Q, |Q - U| <= d = |Q^T Q - I|, A U - U L = R + A (U - Q) - (U - Q) L. So A differs from
// the symmetric U L U^T by at most |R| + d (|A| + |L|).
SymmetricEigenvalues symmetric_eigenvalues(const Matrix<double>& a, Context& context) {
  const FloatingEnvironment environment;
  const InUnits scaled = in_units("symmetric_eigenvalues", a);
  const std::int64_t n = a.rows();
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < j; ++i) {
      if (a(i, j) != a(j, i)) {
        throw Error(fmt::format("[symmetric_eigenvalues] the matrix is not symmetric: {} at ({}, {}), {} at ({}, {})",
                                a(i, j), i, j, a(j, i), j, i));
      }
    }
  }
  context.check_cancel();
  const SerialBlas serial;
  lapack::SymmetricEigen found = lapack::symmetric_eigen(scaled.values);
  SymmetricEigenvalues result{{}, Proof::proven(kInfinity), Matrix<double>(n, n)};
  for (std::int64_t i = 0; i < n; ++i) {
    std::ranges::copy(found.vectors.column(n - 1 - i), result.vectors.column(i).begin());
    result.values.push_back(found.values[static_cast<std::size_t>(n - 1 - i)]);
  }
  if (blas_supports_proofs()) {
    const double largest = larger_of(std::fabs(result.values.front()), std::fabs(result.values.back()));
    Matrix<double> r = lapack::product(scaled.values, result.vectors);
    double error = product_error(scaled.values, result.vectors);
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = 0; i < n; ++i) r(i, j) -= result.values[static_cast<std::size_t>(j)] * result.vectors(i, j);
    }
    // One product and one difference per entry.
    const double size = frobenius_above(result.vectors);
    error += 2 * kUnitRoundoff * (frobenius_above(r) + largest * size) + static_cast<double>(n) * 0x1p-1070;
    const double defect = defect_of(result.vectors);
    const double norm = two_norm_above(scaled.values);
    if (defect < 0.5) {
      const double radius = round_up(frobenius_above(r) + error + defect * (norm + largest));
      result.radius = in_given_units(radius, scaled);
    }
  }
  // The values are moved by an exact power of two, or underflow by 2^-1075, which the radius covers.
  for (double& value : result.values) value = times_power(value, scaled.exponent);
  return result;
}

namespace {

// A V - V D: columns v_j of a real eigenvalue, and for a pair a +- ib the columns x, y of v = x + i y, for which A x =
// a x - b y, A y = b x + a y. Computed entry by entry from A V, at most five operations each.
struct RealBasis {
  Matrix<double> v;
  Matrix<double> residual;
  double error = 0;
};

RealBasis real_basis(const Matrix<double>& a, const lapack::Eigen& found) {
  const std::int64_t n = a.rows();
  RealBasis basis{found.vectors, Matrix<double>(n, n)};
  // Both columns of a pair times sqrt 2: the real basis is the complex one times a unitary matrix then.
  for (std::int64_t j = 0; j < n; ++j) {
    if (found.values[static_cast<std::size_t>(j)].imag() == 0) continue;
    for (double& value : basis.v.column(j)) value *= std::sqrt(2.0);
  }
  basis.residual = lapack::product(a, basis.v);
  double largest = 0;
  for (std::int64_t j = 0; j < n; ++j) {
    const std::complex<double> lambda = found.values[static_cast<std::size_t>(j)];
    const bool pair = lambda.imag() != 0 && j + 1 < n;
    largest = larger_of(largest, round_up(std::fabs(lambda.real()) + std::fabs(lambda.imag())));
    for (std::int64_t i = 0; i < n; ++i) {
      const double x = basis.v(i, j);
      if (!pair) {
        basis.residual(i, j) -= lambda.real() * x;
        continue;
      }
      const double y = basis.v(i, j + 1);
      basis.residual(i, j) -= lambda.real() * x - lambda.imag() * y;
      basis.residual(i, j + 1) -= lambda.imag() * x + lambda.real() * y;
    }
    if (pair) ++j;
  }
  basis.error =
      round_up(product_error(a, basis.v) +
               4 * kUnitRoundoff * (frobenius_above(basis.residual) + 2 * largest * frobenius_above(basis.v)) +
               static_cast<double>(n) * 0x1p-1070);
  return basis;
}

}  // namespace

// The eigenvalues of the real block diagonal D, which is normal, are `values`. If z is an eigenvalue of A + E,
//
//     0 = det(D + V^-1 (A V - V D) + V^-1 E V - z I),
//
// so the norm of the perturbation of the normal D - z I is at least min |z - d_j|.
EigenvalueDisks eigenvalue_disks(const Matrix<double>& a, Context& context) {
  const FloatingEnvironment environment;
  const InUnits scaled = in_units("eigenvalue_disks", a);
  context.check_cancel();
  const SerialBlas serial;
  const std::int64_t n = a.rows();
  const lapack::Eigen found = lapack::eigen(scaled.values);
  EigenvalueDisks result{{}, Proof::enclosure(Proof::lower(1), std::nullopt), Proof::proven(kInfinity)};
  for (const std::complex<double>& value : found.values) {
    result.values.emplace_back(times_power(value.real(), scaled.exponent), times_power(value.imag(), scaled.exponent));
  }
  if (!blas_supports_proofs()) return result;
  const RealBasis basis = real_basis(scaled.values, found);
  const std::optional<Matrix<double>> inverse = lapack::inverse(basis.v);
  if (!inverse) return result;
  Matrix<double> rest = lapack::product(*inverse, basis.v);
  for (std::int64_t i = 0; i < n; ++i) rest(i, i) -= 1;
  const double away = round_up(two_norm_above(rest) + product_error(*inverse, basis.v) +
                               kUnitRoundoff * static_cast<double>(n) * (1 + frobenius_above(rest)));
  if (!(away < 0.999)) return result;
  context.check_cancel();
  // |V^-1| <= |X| / (1 - |I - X V|), and at least |X| / (1 + |I - X V|).
  const auto exponent = static_cast<std::int64_t>(std::ilogb(frobenius_above(*inverse))) + 1;
  Matrix<double> small = *inverse;
  for (double& value : small.values()) value = times_power(value, -exponent);
  const double inverse_norm =
      round_up(times_power(round_up(sharp_two_norm_above(small, context) + 0x1p-1000), exponent));
  Matrix<double> half = basis.v;
  for (double& value : half.values()) value *= 0.5;
  const double norm = round_up(2 * sharp_two_norm_above(half, context));
  const double left = round_down(1 - away);
  const double below =
      round_down(2 * two_norm_below(half) * times_power(two_norm_below(small), exponent) / round_up(1 + away));
  result.condition =
      Proof::enclosure(Proof::lower(larger_of(1.0, smaller_of(below, std::numeric_limits<double>::max()))),
                       Proof::proven(larger_of(1.0, round_up(norm * inverse_norm / left))));
  // |V^-1 R| <= |X R| / (1 - |I - X V|), as V^-1 = (X V)^-1 X.
  const Matrix<double> image = lapack::product(*inverse, basis.residual);
  const double residual =
      round_up(two_norm_above(image) + product_error(*inverse, basis.residual) + inverse_norm * basis.error);
  // The loss to underflow, n 2^-1074 in norm, is multiplied by the condition number as any E is.
  const double lost = static_cast<double>(n) * 0x1p-1074 * result.condition.upper->value();
  result.residual = in_given_units(round_up(residual / left + lost), scaled);
  return result;
}

// The lower end. With A = U (D + N) U^*, C has the norm of X + X^* + (N^* N - N N^*), X = D^* N - N D^*. X is strictly
// upper with entries (conj d_i - conj d_j) n_ij, so |X + X^*|_F <= sqrt 2 2 rho |N|_F, and |N^* N - N N^*|_F <=
// sqrt 2 |N|_F^2 (Boettcher and Wenzel 2008). So |N|^2 + 2 rho |N| >= |C| / sqrt 2, rho the spectral radius or more.
Enclosure departure_from_normality(const Matrix<double>& a, Context& context) {
  const FloatingEnvironment environment;
  const InUnits scaled = in_units("departure_from_normality", a);
  context.check_cancel();
  const SerialBlas serial;
  const Matrix<double>& b = scaled.values;
  const Matrix<double> t = lapack::transposed(b.view());
  Matrix<double> c = lapack::product(b, b, true);
  const Matrix<double> other = lapack::product(t, t, true);
  for (std::size_t i = 0; i < c.values().size(); ++i) c.values()[i] -= other.values()[i];
  const double n = static_cast<double>(a.rows());
  const double size = frobenius_above(b);
  const bool scalar = a.rows() == 1;
  const double commutator = frobenius_above(c);
  // Two products and one difference per entry; entries lost to underflow change each product by 2 n 2^-1074 |B|.
  const double error =
      blas_supports_proofs()
          ? round_up(product_error(t, b) + product_error(b, t) + kUnitRoundoff * commutator + n * n * 0x1p-1060)
          : kInfinity;
  if (scalar || size == 0) return Proof::enclosure(Proof::lower(0), Proof::proven(0));
  const NormRange range = norm_range(c.values());
  const double least = std::ldexp(range.lower, range.exponent) - error;
  double lower = 0;
  if (least > 0) {
    const double half = round_down(least / std::sqrt(2.0));
    const double rho = two_norm_above(b);
    lower = round_down(half / round_up(rho + std::sqrt(rho * rho + half)));
  }
  // The fourth root of (n^3 - n) / 12 is taken of a number rounded up.
  const double factor = round_up(std::sqrt(std::sqrt(round_up((n * n * n - n) / 12))));
  const double upper = smaller_of(size, round_up(factor * std::sqrt(round_up(commutator + error))));
  return Proof::enclosure(Proof::lower(round_down(times_power(lower, scaled.exponent))), in_given_units(upper, scaled));
}

}  // namespace sigmax::bounds
