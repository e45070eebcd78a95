// A gradient checker for any scalar function: derivatives by extrapolated differences, with their own error, compared
// with the claimed ones.
#pragma once

#include <complex>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/core/rng.hpp"

namespace sigmax::grad {

/// f(x). Called with x plus small multiples of directions; in double, and as exact as possible: the differences contain
/// every rounding error divided by the step.
using ScalarFunction = std::function<double(std::span<const double> x)>;

/// The same function for complex arguments, analytic: no abs, no max, no conjugation.
using ComplexFunction = std::function<std::complex<double>(std::span<const std::complex<double>> x)>;

struct CheckOptions {
  double tolerance = 1e-7;              ///< of the relative error
  std::int64_t directions = 8;          ///< random ones, of unit length
  std::int64_t coordinates_up_to = 64;  ///< with at most this many parameters, each one is also tried on its own
  /// First step, in units of x: halved until the extrapolation settles. 0: a tenth of the root mean square of x (0.1
  /// for x = 0). Kinks and gaps much nearer than that are detected if they lie beyond about 2^-24 of it.
  double step = 0;
  RandomState random{};
};

enum class Verdict {
  agree,
  undecided,           ///< the numerical derivative is not accurate enough to decide
  not_differentiable,  ///< the one-sided derivatives differ, and the claimed one lies between them
  disagree,
};

/// What it means, in words.
std::string_view message(Verdict verdict);

/// d/dt f(x + t d) at t = 0 along one direction d.
struct DirectionalCheck {
  std::optional<std::int64_t> coordinate{};  ///< of the unit vector d; nothing for a random direction
  double analytic = 0;                       ///< claimed gradient . d
  double numerical = 0;                      ///< central differences, extrapolated
  double error = 0;     ///< estimated error of `numerical`: spread of the extrapolation and rounding of f
  double forward = 0;   ///< one-sided derivative for t > 0
  double backward = 0;  ///< one-sided derivative for t < 0; the two differ at a kink
  /// |analytic - numerical| over max(|analytic|, |numerical|, |gradient| / sqrt(n), 1e-6 |f| / |x|_rms, 1e-6 of f's
  /// change over the first step divided by the step). It is relative to a direction's average derivative if its own
  /// derivative happens to be small, and absolute if f is at a stationary point.
  double relative_error = 0;
  Verdict verdict = Verdict::agree;
};

struct CheckResult {
  Verdict verdict = Verdict::agree;          ///< the most severe of all directions
  std::vector<DirectionalCheck> directions;  ///< coordinates first
  std::size_t worst = 0;                     ///< most severe verdict, parameters first, largest relative error
  double relative_error = 0;                 ///< of the worst direction
  std::string message;                       ///< verdict, worst direction and its numbers
  RandomState random;                        ///< the next random numbers

  bool agrees() const noexcept { return verdict == Verdict::agree; }
};

/// Compares `gradient` with differences of `f` at `x`.
///
/// Central differences D(h) = (f(x + h d) - f(x - h d)) / 2h for h, h/2, h/4, ... are extrapolated in h^2 (Richardson;
/// the entry with the smallest spread is taken, as in Ridders, Advances in Engineering Software 4, 1982), one-sided
/// ones in h. The error of f itself is measured first and enters every estimate: an f that is exact to rounding gives
/// the derivative of a smooth function to 1e-12 or better, an f computed in float about three digits. At a kink the
/// one-sided differences stay apart as h falls.
///
/// Cost: 8 to 48 evaluations of f per direction, plus 7 to 49; one direction for each parameter up to
/// `coordinates_up_to`, and `directions` random ones. Throws Error if the lengths differ or are 0, if an option is out
/// of range, or if f or the gradient is not finite.
CheckResult check_gradient(const ScalarFunction& f, std::span<const double> x, std::span<const double> gradient,
                           const CheckOptions& options = {});

/// As above by a complex step: Im f(x + i h d) / h with h = 2^-300 has no cancellation, so its only error is f's own
/// rounding (Squire and Trapp, SIAM Review 40, 1998). One evaluation per direction; kinks are not detected, and
/// `forward` and `backward` equal the derivative.
CheckResult check_gradient_by_complex_step(const ComplexFunction& f, std::span<const double> x,
                                           std::span<const double> gradient, const CheckOptions& options = {});

}  // namespace sigmax::grad
