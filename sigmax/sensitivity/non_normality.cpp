#include "sigmax/sensitivity/non_normality.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/matrix_powers.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"
#include "sigmax/norms/numerical_radius.hpp"
#include "sigmax/sensitivity/entries.hpp"
#include "sigmax/sensitivity/pseudospectrum.hpp"

namespace sigmax::sensitivity {
namespace {

using Complex = std::complex<double>;

// A in units of 2^exponent, its largest entry in [1/2, 1).
struct InUnits {
  Matrix<double> values;
  int exponent = 0;
};

InUnits in_units(Matrix<double> a) {
  double largest = 0;
  for (const double value : a.values()) largest = std::fmax(largest, std::fabs(value));
  InUnits result{std::move(a), largest == 0 ? 0 : std::ilogb(largest) + 1};
  for (double& value : result.values.values()) value = std::ldexp(value, -result.exponent);
  return result;
}

double radius_of(const std::vector<Complex>& eigenvalues) {
  double largest = 0;
  for (const Complex& value : eigenvalues) largest = std::fmax(largest, std::abs(value));
  return largest;
}

// The norm of the Schur form without its eigenvalues. A block [a b; c a] with b c < 0 has the eigenvalues a +- i
// sqrt(-b c), and 2 a^2 + b^2 + c^2 less their squares is (|b| - |c|)^2.
double departure_of(const Matrix<double>& a) {
  const lapack::Schur schur = lapack::schur(a);
  const std::int64_t n = a.rows();
  double square = 0;
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < j; ++i) {
      const double below = i + 1 == j ? schur.t(j, i) : 0.0;
      const double part = std::fabs(schur.t(i, j)) - std::fabs(below);
      square += part * part;
    }
  }
  return std::sqrt(square);
}

}  // namespace

Departure departure_from_normality(const Tensor& a, Context& context) {
  const FloatingEnvironment environment;
  Matrix<double> values = square_entries("departure_from_normality", a, context);
  const Enclosure proven = bounds::departure_from_normality(values, context);
  const SerialBlas serial;
  const InUnits scaled = in_units(std::move(values));
  const double value = std::ldexp(departure_of(scaled.values), scaled.exponent);
  return {std::fmin(std::fmax(value, proven.lower.value()), proven.upper ? proven.upper->value() : value), proven};
}

bounds::EigenvalueDisks eigenvalue_disks(const Tensor& a, Context& context) {
  const FloatingEnvironment environment;
  return bounds::eigenvalue_disks(square_entries("eigenvalue_disks", a, context), context);
}

PseudospectralRadius pseudospectral_radius(const Tensor& a, double epsilon, Context& context) {
  const FloatingEnvironment environment;
  if (!(epsilon > 0) || std::isinf(epsilon)) {
    throw Error(fmt::format("[pseudospectral_radius] epsilon must be positive and finite, got {}", epsilon));
  }
  const Matrix<double> values = square_entries("pseudospectral_radius", a, context);
  const SerialBlas serial;
  const InUnits scaled = in_units(values);
  const double small = std::ldexp(epsilon, -scaled.exponent);
  if (!(small > 0) || std::isinf(small)) {
    throw Error(fmt::format("[pseudospectral_radius] epsilon = {} is out of range for entries of about 2^{}", epsilon,
                            scaled.exponent));
  }
  const Outermost found = outermost_point(scaled.values, lapack::eigenvalues(scaled.values), small, context);
  const auto in_given_units = [&](Complex z) {
    return Complex(std::ldexp(z.real(), scaled.exponent), std::ldexp(z.imag(), scaled.exponent));
  };
  PseudospectralRadius result{
      std::ldexp(std::abs(found.point), scaled.exponent),
      bounds::pseudospectral_point(values, in_given_units(0), epsilon,
                                   std::vector<Complex>(static_cast<std::size_t>(values.rows()), 1.0)),
      in_given_units(found.point), found.converged};
  // A little inside, so that rounding does not keep the vector from showing it.
  for (double inside = 0x1p-50; inside < 0.01; inside *= 4) {
    const Complex z = found.point * (1 - inside);
    const LowerBound lower =
        bounds::pseudospectral_point(values, in_given_units(z), epsilon, smallest_at(scaled.values, z).right);
    if (!(lower.value() > result.lower.value())) continue;
    result.lower = lower;
    break;
  }
  return result;
}

namespace {

// (|z| - 1) / sigma_min(z I - A), infinite at an eigenvalue.
double quotient_at(const Resolvent& a, Complex z, double tolerance) {
  return (std::abs(z) - 1) / a.smallest(z, tolerance);
}

// The best |z| - 1 on a ray, by golden sections of its logarithm around `beyond`.
double best_distance(const Resolvent& a, double theta, double beyond) {
  constexpr double kGolden = 0.6180339887498949;
  double low = std::log(beyond) - 1.5;
  double high = std::log(beyond) + 1.5;
  const auto value = [&](double t) { return quotient_at(a, std::polar(1 + std::exp(t), theta), 1e-12); };
  double left = high - kGolden * (high - low);
  double right = low + kGolden * (high - low);
  double of_left = value(left);
  double of_right = value(right);
  for (int section = 0; section < 40; ++section) {
    if (of_left > of_right) {
      high = right;
      right = left;
      of_right = of_left;
      left = high - kGolden * (high - low);
      of_left = value(left);
    } else {
      low = left;
      left = right;
      of_left = of_right;
      right = low + kGolden * (high - low);
      of_right = value(right);
    }
  }
  return std::exp(0.5 * (low + high));
}

}  // namespace

// z <- the best point of the grid
// repeat: epsilon <- sigma_min(z I - A); z <- the outermost point of that pseudospectrum; |z| <- the best on its ray
Kreiss kreiss_constant(const Tensor& tensor, Context& context) {
  const FloatingEnvironment environment;
  const Matrix<double> a = square_entries("kreiss_constant", tensor, context);
  const auto n = static_cast<std::size_t>(a.rows());
  const SerialBlas serial;
  const InUnits scaled = in_units(a);
  std::vector<Complex> eigenvalues = lapack::eigenvalues(scaled.values);
  Complex top = 0;
  for (Complex& value : eigenvalues) {
    value = {std::ldexp(value.real(), scaled.exponent), std::ldexp(value.imag(), scaled.exponent)};
    if (std::abs(value) > std::abs(top)) top = value;
  }
  // K >= 1 for every matrix: (|z| - 1) |(z I - A)^-1| goes to 1 as z does to infinity.
  Kreiss result{bounds::exactly(1).lower, std::numeric_limits<double>::infinity(), std::abs(top)};
  const auto offer = [&](Complex z) {
    if (!std::isfinite(z.real()) || !std::isfinite(z.imag())) return false;
    const LowerBound lower = bounds::kreiss_quotient(a, z, smallest_at(a, z).right);
    if (!(lower.value() > result.lower.value())) return false;
    result.lower = lower;
    result.point = z;
    return true;
  };
  if (std::abs(top) > 1) {
    offer(top);
    return result;
  }
  const double norm = blas::norm(scaled.values.values());
  const double farthest = std::fmax(1.0, std::ldexp(norm, scaled.exponent));
  if (!(farthest < 1e150)) {
    offer(Complex(2 * farthest, 0));  // far above any |z| at which a search in double makes sense
    return result;
  }
  Complex best = 1 + farthest;
  const Resolvent resolvent(a);
  constexpr double kRough = 1e-3;
  double best_value = quotient_at(resolvent, best, kRough);
  for (int direction = 0; direction <= 24; ++direction) {
    context.check_cancel();
    const double theta = std::numbers::pi * direction / 24;  // the lower half plane is its mirror image
    for (int step = 0; step < 16; ++step) {
      const double beyond = 1e-4 * std::pow(4e4 * farthest, step / 15.0);
      const Complex z = std::polar(1 + beyond, theta);
      const double value = quotient_at(resolvent, z, kRough);
      if (!(value > best_value)) continue;
      best_value = value;
      best = z;
    }
  }
  const int rounds = n <= 40 ? 6 : 2;  // an eigenvalue problem of order 2 n or more each
  for (int round = 0; round < rounds; ++round) {
    const double theta = std::arg(best);
    best = std::polar(1 + best_distance(resolvent, theta, std::abs(best) - 1), theta);
    if (!offer(best)) break;
    const double epsilon = smallest_at(a, best).sigma;
    if (!(epsilon > 0)) break;
    const Outermost outer = outermost_point(a, eigenvalues, epsilon, context);
    if (!(std::abs(outer.point) > std::abs(best))) break;
    best = outer.point;
    if (!offer(best)) break;
  }
  return result;
}

namespace {

// P = sum_k (B^T)^k B^k by doubling: P_{j+1} = P_j + (B^T)^(2^j) P_j B^(2^j). Missing if the powers do not vanish: 60
// doublings are 10^18 powers.
std::optional<Matrix<double>> lyapunov(Matrix<double> b) {
  const std::int64_t n = b.rows();
  Matrix<double> p(n, n);
  for (std::int64_t i = 0; i < n; ++i) p(i, i) = 1;
  for (int doubling = 0; doubling < 60; ++doubling) {
    const Matrix<double> step = lapack::product(b, lapack::product(p, b), true);
    for (std::size_t i = 0; i < p.values().size(); ++i) p.values()[i] += step.values()[i];
    const double size = blas::norm(p.values());
    if (!std::isfinite(size) || size > 1e30) return std::nullopt;
    if (blas::norm(step.values()) <= 1e-17 * size) break;
    b = lapack::product(b, b);
  }
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < j; ++i) p(i, j) = p(j, i) = 0.5 * (p(i, j) + p(j, i));
  }
  return p;
}

PowerBound power_bound_of(const Matrix<double>& a, double rate, Context& context) {
  if (!(rate > 0) || std::isinf(rate)) {
    throw Error(fmt::format("[power_bound] the rate must be positive and finite, got {}", rate));
  }
  Matrix<double> b = a;
  for (double& value : b.values()) value /= rate;
  for (const double value : b.values()) {
    if (!std::isfinite(value)) return {rate, std::nullopt};
  }
  std::optional<Matrix<double>> p;
  {
    const SerialBlas serial;
    p = lyapunov(std::move(b));
  }
  if (!p) return {rate, std::nullopt};
  return {rate, bounds::power_constant(a, *p, rate, context)};
}

}  // namespace

PowerBound power_bound(const Tensor& a, double rate, Context& context) {
  const FloatingEnvironment environment;
  return power_bound_of(square_entries("power_bound", a, context), rate, context);
}

PowerBound power_bound(const Tensor& a, const Tensor& p, double rate, Context& context) {
  const FloatingEnvironment environment;
  const Matrix<double> lyapunov_matrix = square_entries("power_bound", p, context);
  return {rate, bounds::power_constant(square_entries("power_bound", a, context), lyapunov_matrix, rate, context)};
}

NonNormality non_normality(const Tensor& a, Context& context) {
  const FloatingEnvironment environment;
  const Matrix<double> values = square_entries("non_normality", a, context);
  const bounds::EigenvalueDisks disks = bounds::eigenvalue_disks(values, context);
  const norms::NormResult radius = norms::numerical_radius(a, norms::NormOptions{}, context);
  NonNormality result{radius_of(disks.values),
                      departure_from_normality(a, context),
                      *radius.enclosure,
                      disks.condition,
                      kreiss_constant(a, context),
                      std::nullopt,
                      power_bound_of(values, 1, context)};
  if (result.spectral_radius < 1) {
    const double rate = result.spectral_radius > 0 ? std::sqrt(result.spectral_radius) : 0.5;
    result.decay = power_bound_of(values, rate, context);
  }
  return result;
}

}  // namespace sigmax::sensitivity
