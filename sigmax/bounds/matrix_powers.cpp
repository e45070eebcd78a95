#include "sigmax/bounds/matrix_powers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/definite.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"
#include "sigmax/linalg/square.hpp"

namespace sigmax::bounds {
namespace {

int exponent_of(const char* who, const Matrix<double>& a) {
  if (a.empty()) throw Error(fmt::format("[{}] the matrix is empty, {}x{}", who, a.rows(), a.columns()));
  require_finite(a.values(), who, "the matrix");
  double largest = 0;
  for (const double value : a.values()) largest = larger_of(largest, std::fabs(value));
  return largest == 0 ? 0 : std::ilogb(largest) + 1;
}

Matrix<double> in_units(const Matrix<double>& a, int exponent) {
  Matrix<double> result = a;
  for (double& value : result.values()) value = std::ldexp(value, -exponent);
  return result;
}

// The ends of kappa(P), P positive definite with entries of at most 1.
std::optional<double> condition_above(const Matrix<double>& p, Context& context) {
  const lapack::SymmetricEigen found = lapack::symmetric_eigen(p);
  const double n = static_cast<double>(p.rows());
  const double top = found.values.back();
  const double unit = n * n * 0x1p-52 * std::fabs(top);
  Matrix<double> negative = p;
  for (double& value : negative.values()) value = -value;
  std::optional<double> most, least;
  for (double slack = unit; !most && slack < std::fabs(top); slack *= 8) {
    most = smallest_eigenvalue_above(negative, -(top + slack), context);
  }
  for (double slack = unit; !least && slack < found.values.front(); slack *= 8) {
    least = smallest_eigenvalue_above(p, found.values.front() - slack, context);
  }
  if (!most || !least || !(*least > 0)) return std::nullopt;
  return round_up(-*most / *least);
}

}  // namespace

// With A = 2^e B and rate = 2^e r, at most of order 1, S = r^2 P - B^T P B is computed from the rounded products P B
// and B^T (P B):
//
//     |S_computed - S|_F <= |B|_F error(P B) + error(B^T (P B)) + 3 u (|r^2 P|_F + |B^T P B|_F) + u |S|_F,
//
// with r^2 rounded downward, which makes S smaller since P >= 0, and the last term for its symmetric part. Entries of B
// that underflowed change B by n 2^-1075 in norm. So S >= 0 if its smallest eigenvalue is at least that error.
std::optional<UpperBound> power_constant(const Matrix<double>& a, const Matrix<double>& p, double rate,
                                         Context& context) {
  const FloatingEnvironment environment;
  require_square("power_constant", a);
  require_square("power_constant", p);
  if (a.rows() != p.rows()) {
    throw Error(fmt::format("[power_constant] the Lyapunov matrix has order {}, the matrix {}", p.rows(), a.rows()));
  }
  if (!(rate > 0) || !std::isfinite(rate)) {
    throw Error(fmt::format("[power_constant] the rate must be positive and finite, got {}", rate));
  }
  // The larger of A and the rate becomes about 1: entries that are negligible next to the rate may underflow.
  const int exponent = std::max(exponent_of("power_constant", a), std::ilogb(rate) + 1);
  const int size_of_p = exponent_of("power_constant", p);
  if (!blas_supports_proofs()) return std::nullopt;
  const SerialBlas serial;
  const std::int64_t n = a.rows();
  const Matrix<double> b = in_units(a, exponent);
  Matrix<double> scaled = in_units(p, size_of_p);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = j + 1; i < n; ++i) scaled(i, j) = scaled(j, i);
  }
  const double r = times_power(rate, -std::int64_t{exponent});
  const double square = round_down(r * r);
  const Matrix<double> pb = lapack::product(scaled, b);
  const Matrix<double> bpb = lapack::product(b, pb, true);
  Matrix<double> s(n, n);
  for (std::size_t i = 0; i < s.values().size(); ++i) {
    s.values()[i] = square * scaled.values()[i] - bpb.values()[i];
  }
  s = symmetrized(s);
  const double of_b = frobenius_above(b);
  const double of_p = frobenius_above(scaled);
  double error = of_b * product_error(scaled, b) + product_error(lapack::transposed(b.view()), pb);
  error += 3 * kUnitRoundoff * (square * of_p + frobenius_above(bpb)) + kUnitRoundoff * frobenius_above(s);
  error += static_cast<double>(n) * 0x1p-1070 * (1 + of_p) * (1 + of_b);
  error = round_up(error);
  context.check_cancel();
  // The largest guess that may succeed: from the computed smallest eigenvalue.
  const double least = lapack::symmetric_eigen(s).values.front();
  const double size = round_up(frobenius_above(s));
  std::optional<double> shown;
  for (double slack = static_cast<double>(n) * 0x1p-52 * size; !shown && slack < least; slack *= 4) {
    shown = smallest_eigenvalue_above(s, least - slack, context);
  }
  if (!shown || !(*shown >= error)) return std::nullopt;
  const std::optional<double> condition = condition_above(scaled, context);
  if (!condition) return std::nullopt;
  return Proof::proven(larger_of(1.0, round_up(std::sqrt(*condition))));
}

UpperBound two_norm_upper(const Matrix<double>& a, Context& context) {
  const FloatingEnvironment environment;
  const int exponent = exponent_of("two_norm_upper", a);
  const SerialBlas serial;
  const Matrix<double> b = in_units(a, exponent);
  const double norm = sharp_two_norm_above(b, context);
  if (norm == 0) return Proof::proven(0);
  const double lost = std::sqrt(static_cast<double>(a.rows()) * static_cast<double>(a.columns())) * 0x1p-1070;
  return Proof::proven(round_up(times_power(round_up(norm + lost), exponent)));
}

namespace {

// At most |v| / |(z I - A) v|, with A = 2^e B and z = 2^e w, in units of 2^-e; 0 if nothing is shown, infinite if the
// image is 0 to rounding.
double quotient_below(const char* who, const Matrix<double>& a, std::complex<double> z,
                      std::span<const std::complex<double>> v, int exponent) {
  require_square(who, a);
  if (std::ssize(v) != a.rows()) {
    throw Error(fmt::format("[{}] the vector must have {} entries, got {}", who, a.rows(), v.size()));
  }
  if (!std::isfinite(z.real()) || !std::isfinite(z.imag())) {
    throw Error(fmt::format("[{}] z must be finite, got {} + {} i", who, z.real(), z.imag()));
  }
  const auto n = static_cast<std::size_t>(a.rows());
  std::vector<double> parts(2 * n);  // real parts, and imaginary parts after them
  double largest = 0;
  for (std::size_t i = 0; i < n; ++i)
    largest = larger_of(largest, std::fmax(std::fabs(v[i].real()), std::fabs(v[i].imag())));
  if (!(largest > 0) || !std::isfinite(largest)) {
    throw Error(fmt::format("[{}] the vector must have finite entries and not be 0", who));
  }
  const int of_v = std::ilogb(largest);
  for (std::size_t i = 0; i < n; ++i) {
    parts[i] = std::ldexp(v[i].real(), -of_v);
    parts[n + i] = std::ldexp(v[i].imag(), -of_v);
  }
  const double re = std::ldexp(z.real(), -exponent);
  const double im = std::ldexp(z.imag(), -exponent);
  std::vector<double> image(2 * n);
  for (std::size_t j = 0; j < n; ++j) {
    const std::span<const double> column = a.column(static_cast<std::int64_t>(j));
    for (std::size_t i = 0; i < n; ++i) {
      const double entry = std::ldexp(column[i], -exponent);
      image[i] -= entry * parts[j];
      image[n + i] -= entry * parts[n + j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    image[i] += re * parts[i] - im * parts[n + i];
    image[n + i] += re * parts[n + i] + im * parts[i];
  }
  // n + 2 terms in each sum: gamma_{n+4} (|B|_F + |re| + |im|) |v|, and underflow.
  const NormRange of_parts = norm_range(parts);
  const NormRange of_image = norm_range(image);
  const double length = std::ldexp(of_parts.upper, of_parts.exponent);
  const double size = frobenius_above(in_units(a, exponent)) + std::fabs(re) + std::fabs(im);
  const double error = round_up(gamma(a.rows() + 4) * size * length + static_cast<double>(n) * 0x1p-1060);
  const double most = round_up(std::ldexp(of_image.upper, of_image.exponent) + error);
  return round_down(std::ldexp(of_parts.lower, of_parts.exponent) / most);
}

}  // namespace

LowerBound resolvent_norm(const Matrix<double>& a, std::complex<double> z, std::span<const std::complex<double>> v) {
  const FloatingEnvironment environment;
  const int exponent = exponent_of("resolvent_norm", a);
  const double quotient = quotient_below("resolvent_norm", a, z, v, exponent);
  return Proof::lower(smaller_of(round_down(times_power(quotient, -std::int64_t{exponent})), kLargest));
}

// |z| by hypot, whose error is below 2 units in the last place; the difference is exact up to one rounding.
LowerBound kreiss_quotient(const Matrix<double>& a, std::complex<double> z, std::span<const std::complex<double>> v) {
  const FloatingEnvironment environment;
  const LowerBound resolvent = resolvent_norm(a, z, v);
  const double beyond = std::hypot(z.real(), z.imag()) * (1 - 0x1p-50) - 1;
  if (!(beyond > 0)) return Proof::lower(0);
  return Proof::lower(smaller_of(round_down(beyond * resolvent.value()), kLargest));
}

LowerBound pseudospectral_point(const Matrix<double>& a, std::complex<double> z, double epsilon,
                                std::span<const std::complex<double>> v) {
  const FloatingEnvironment environment;
  if (!(epsilon > 0)) throw Error(fmt::format("[pseudospectral_point] epsilon must be positive, got {}", epsilon));
  const LowerBound resolvent = resolvent_norm(a, z, v);
  if (!(round_down(resolvent.value() * epsilon) >= 1)) return Proof::lower(0);
  return Proof::lower(smaller_of(std::hypot(z.real(), z.imag()) * (1 - 0x1p-50), kLargest));
}

}  // namespace sigmax::bounds
