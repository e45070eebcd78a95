#include "sigmax/bounds/interval.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "sigmax/bounds/arithmetic.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"

namespace sigmax::bounds {
namespace {

double upper_value(const Enclosure& e) { return e.upper ? e.upper->value() : kInfinity; }
double upper_failure(const Enclosure& e) { return e.upper ? e.upper->failure_probability() : 0.0; }
double lower_failure(const Enclosure& e) { return e.lower.failure_probability(); }

// 0 stays 0: nothing was rounded.
double up(double x) { return x == 0 ? 0.0 : round_up(x); }

// x y, where 0 times an unknown is 0 only for an exact 0 on the known side.
double product_up(double x, double y) { return x == 0 || y == 0 ? 0.0 : round_up(x * y); }

}  // namespace

Enclosure at_most(double value) {
  if (!(value >= 0)) throw Error(fmt::format("[at_most] a bound must not be negative, got {}", value));
  return Proof::enclosure(Proof::lower(0), Proof::proven(value));
}

Enclosure no_more_than(const Enclosure& limit) { return Proof::enclosure(Proof::lower(0), limit.upper); }

Enclosure sum(const Enclosure& a, const Enclosure& b) {
  const FloatingEnvironment environment;
  return Proof::enclosure(lower_end(round_down(a.lower.value() + b.lower.value()), lower_failure(a) + lower_failure(b)),
                          upper_end(up(upper_value(a) + upper_value(b)), upper_failure(a) + upper_failure(b)));
}

// A subtraction of two doubles is rounded once, so it has a relative error of u like every other operation here.
Enclosure difference(const Enclosure& a, const Enclosure& b) {
  const FloatingEnvironment environment;
  const double least = a.lower.value() - upper_value(b);
  const double most = upper_value(a) - b.lower.value();
  return Proof::enclosure(lower_end(least > 0 ? round_down(least) : 0.0, lower_failure(a) + upper_failure(b)),
                          upper_end(most > 0 ? up(most) : 0.0, upper_failure(a) + lower_failure(b)));
}

Enclosure product(const Enclosure& a, const Enclosure& b) {
  const FloatingEnvironment environment;
  return Proof::enclosure(lower_end(round_down(a.lower.value() * b.lower.value()), lower_failure(a) + lower_failure(b)),
                          upper_end(product_up(upper_value(a), upper_value(b)), upper_failure(a) + upper_failure(b)));
}

Enclosure condition(const Enclosure& norm, const Enclosure& norm_of_pseudo_inverse) {
  const FloatingEnvironment environment;
  const Enclosure both = product(norm, norm_of_pseudo_inverse);
  const LowerBound lower = both.lower.value() < 1 ? Proof::lower(1) : both.lower;
  // A factor without an upper end is finite, but nothing more is known, whatever the other is.
  const bool is_open = !norm.upper || !norm_of_pseudo_inverse.upper;
  return Proof::enclosure(lower, is_open ? std::nullopt : both.upper);
}

Enclosure square_root(const Enclosure& a) {
  const FloatingEnvironment environment;
  return Proof::enclosure(lower_end(round_down(std::sqrt(a.lower.value())), lower_failure(a)),
                          upper_end(up(std::sqrt(upper_value(a))), upper_failure(a)));
}

Enclosure moved(const Enclosure& a, const Enclosure& size) {
  const FloatingEnvironment environment;
  return Proof::enclosure(difference(a, size).lower, sum(a, size).upper);
}

namespace {

// The least t >= 0 with sum_j max(0, t - d_j)^2 >= size^2 over ascending d_0 = 0 <= d_1 <= ... For m terms that count,
// t is the larger root of m t^2 - 2 D1 t + D2 = size^2, D1 and D2 the sums of d_j and d_j^2; m grows until t no longer
// exceeds the next d. `distance(j)` is infinite after the last.
template <class Distance>
double lift(const Distance& distance, std::int64_t terms, double size) {
  double first = 0;
  double second = 0;
  double t = size;
  for (std::int64_t m = 1; m <= terms; ++m) {
    const double d = distance(m - 1) / size;
    if (m > 1 && !(d * size < t)) break;
    first += d;
    second += d * d;
    const auto count = static_cast<double>(m);
    const double root = first * first - count * (second - 1);
    const double next = (first + std::sqrt(root > 0 ? root : 0.0)) / count * size;
    t = next < t ? next : t;
  }
  return t;
}

// Whether sum_j max(0, |x - s_j|)^2 >= size^2 for the s_j that x has passed, s_j given by descending or ascending
// order from its own: proven. Each term has one subtraction, one quotient and one product.
template <class Passed>
bool reaches(const Passed& passed, std::int64_t terms, double size) {
  double squares = 0;
  std::int64_t m = 0;
  for (; m < terms; ++m) {
    const double beyond = passed(m);
    if (!(beyond > 0)) break;
    squares += (beyond / size) * (beyond / size);
  }
  return squares * (1 - gamma(m + 8)) >= 1;
}

}  // namespace

std::vector<Enclosure> mirsky(std::span<const Enclosure> sigma, const Enclosure& size) {
  const FloatingEnvironment environment;
  const auto n = static_cast<std::int64_t>(sigma.size());
  const double most = upper_value(size);
  std::vector<Enclosure> result;
  // The ends by which s_1 >= s_2 >= ... also hold: an upper end of s_j bounds every later one.
  std::vector<double> upper;
  std::vector<double> lower(sigma.size());
  double upper_failures = upper_failure(size);
  double lower_failures = upper_failure(size);
  for (std::int64_t i = 0; i < n; ++i) {
    const Enclosure& e = sigma[static_cast<std::size_t>(i)];
    upper.push_back(i == 0 ? upper_value(e) : smaller_of(upper.back(), upper_value(e)));
    upper_failures += upper_failure(e);
    lower_failures += lower_failure(e);
  }
  for (std::int64_t i = n; i-- > 0;) {
    const auto at = static_cast<std::size_t>(i);
    lower[at] = i + 1 == n ? sigma[at].lower.value() : larger_of(lower[at + 1], sigma[at].lower.value());
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const Enclosure simple = moved(sigma[at], size);
    if (most == 0 || most == kInfinity) {
      result.push_back(simple);
      continue;
    }
    double above = kInfinity;
    if (upper[at] < kInfinity) {
      const double t =
          lift([&](std::int64_t j) { return upper[at - static_cast<std::size_t>(j)] - upper[at]; }, i + 1, most);
      double x = round_up(upper[at] + t);
      // Three widenings cover the rounding of `lift`; otherwise the plain bound remains.
      for (int attempt = 0; attempt < 4 && above == kInfinity; ++attempt) {
        const auto passed = [&](std::int64_t j) { return x - upper[at - static_cast<std::size_t>(j)]; };
        if (reaches(passed, i + 1, most)) above = x;
        x = round_up(x + t * 0x1p-40);
      }
    }
    double below = 0;
    const double t =
        lift([&](std::int64_t j) { return lower[at] - lower[at + static_cast<std::size_t>(j)]; }, n - i, most);
    double x = lower[at] - t;
    for (int attempt = 0; attempt < 4 && x > 0 && below == 0; ++attempt) {
      x = round_down(x);
      const auto passed = [&](std::int64_t j) { return lower[at + static_cast<std::size_t>(j)] - x; };
      if (reaches(passed, n - i, most)) below = x;
      x -= t * 0x1p-40;
    }
    result.push_back(
        tighter(simple, Proof::enclosure(lower_end(below, lower_failures), upper_end(above, upper_failures))));
  }
  return result;
}

}  // namespace sigmax::bounds
