#include "sigmax/norms/vector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/stored_view.hpp"
#include "sigmax/norms/exponent.hpp"

namespace sigmax::norms {
namespace {

void require_same_length(const char* who, std::size_t x, std::size_t y) {
  if (x != y) throw Error(fmt::format("[{}] vectors of {} and {} entries", who, x, y));
}

double largest_of(std::span<const double> x) {
  double largest = 0;
  for (const double value : x) largest = std::max(largest, std::fabs(value));
  return largest;
}

// x 2^-exponent, with the largest entry in [1, 2).
struct Moved {
  std::vector<double> x;
  int exponent = 0;
};

Moved moved(std::span<const double> x) {
  const double largest = largest_of(x);
  Moved result{{x.begin(), x.end()}, largest > 0 ? std::ilogb(largest) : 0};
  for (double& value : result.x) value = std::ldexp(value, -result.exponent);
  return result;
}

double length_of(std::span<const double> x) {
  double sum = 0;
  for (const double value : x) sum += value * value;
  return std::sqrt(sum);
}

// a b + c d, rounded about once (Kahan; Jeannerod, Louvet, Muller, Math. Comp. 82, 2013: 1.5 ulp).
double sum_of_products(double a, double b, double c, double d) {
  const double second = c * d;
  const double error = std::fma(c, d, -second);
  return std::fma(a, b, second) + error;
}

// s + t = a + b exactly (Knuth).
void two_sum(double a, double b, double& s, double& t) {
  s = a + b;
  const double z = s - a;
  t = (a - (s - z)) + (b - z);
}

// For vectors with entries below 2. Products below 2^-1022 lose bits of their errors, at most 2^-1074 each.
double dot2(std::span<const double> x, std::span<const double> y) {
  double sum = 0;
  double rest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double product = x[i] * y[i];
    double error = 0;
    two_sum(sum, product, sum, error);
    rest += std::fma(x[i], y[i], -product) + error;
  }
  return sum + rest;
}

NormResult of_vector(double value, const Enclosure& enclosure, double p) {
  NormResult result;
  result.value = value;
  result.enclose(enclosure);
  result.meaning = fmt::format("vector {}-norm", p);
  result.method = "the powers, outward";
  return result;
}

}  // namespace

void require_power(const char* who, double p) {
  if (!(p >= 1)) throw Error(fmt::format("[{}] p must be at least 1, got {}", who, p));
}

std::vector<double> vector_entries(const char* who, const Tensor& x) {
  const FloatingEnvironment environment;
  if (x.rank() != 1) {
    throw Error(fmt::format("[{}] a vector has one dimension, got the shape {}", who, to_string(x.shape())));
  }
  const Tensor column(x.dtype(), {x.size(), 1}, {x.strides()[0], 1}, x.data(), x.owner());
  const StoredView view = stored_view(column);
  std::vector<double> entries(static_cast<std::size_t>(x.size()));
  if (!entries.empty()) kernels::convert(view.matrix, 1, entries.data(), view.matrix.columns);
  require_finite<double>(entries, who, "the vector");
  return entries;
}

// Relative to the largest, so that no power overflows.
double vector_norm(std::span<const double> x, double p) {
  const FloatingEnvironment environment;
  require_power("vector_norm", p);
  const double largest = largest_of(x);
  if (largest == 0 || std::isinf(p) || std::isinf(largest)) return largest;
  double sum = 0;
  if (p == 1 || p == 2) {
    const int exponent = std::ilogb(largest);
    for (const double value : x) {
      const double magnitude = std::fabs(std::ldexp(value, -exponent));
      sum += p == 1 ? magnitude : magnitude * magnitude;
    }
    return std::ldexp(p == 1 ? sum : std::sqrt(sum), exponent);
  }
  for (const double value : x) sum += std::pow(std::fabs(value) / largest, p);
  return largest * std::pow(sum, 1 / p);
}

NormResult vector_norm(const Tensor& x, double p) {
  const FloatingEnvironment environment;
  require_power("vector_norm", p);
  const std::vector<double> entries = vector_entries("vector_norm", x);
  if (entries.empty()) return of_vector(0, bounds::exactly(0), p);
  return of_vector(vector_norm(entries, p), bounds::p_norm(entries, p), p);
}

NormResult dual_vector_norm(const Tensor& x, double p) {
  const FloatingEnvironment environment;
  require_power("dual_vector_norm", p);
  const Bracket dual = conjugate_bracket(p);
  const std::vector<double> entries = vector_entries("dual_vector_norm", x);
  if (entries.empty()) return of_vector(0, bounds::exactly(0), conjugate(p));
  Enclosure known = bounds::p_norm(entries, dual.down);
  if (!dual.is_exact()) known = bounds::between(bounds::p_norm(entries, dual.up), known);
  return of_vector(vector_norm(entries, conjugate(p)), known, conjugate(p));
}

std::vector<double> dual_maximizer(std::span<const double> x, double p) {
  const FloatingEnvironment environment;
  require_power("dual_maximizer", p);
  std::vector<double> y(x.size(), 0.0);
  if (x.empty()) return y;
  const auto at = std::ranges::max_element(x, {}, [](double value) { return std::fabs(value); });
  const auto first = static_cast<std::size_t>(at - x.begin());
  if (p == 1 || *at == 0) {
    y[first] = std::copysign(1.0, x[first]);
    return y;
  }
  const double dual = conjugate(p);
  const double largest = std::fabs(x[first]);
  // |x|_{p*} / largest, which is in range.
  std::vector<double> share(x.begin(), x.end());
  for (double& value : share) value /= largest;
  const double length = vector_norm(share, dual);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] != 0) y[i] = std::copysign(dual == 1 ? 1.0 : std::pow(std::fabs(share[i]) / length, dual - 1), x[i]);
  }
  return y;
}

double inner_product(std::span<const double> x, std::span<const double> y) {
  const FloatingEnvironment environment;
  require_same_length("inner_product", x.size(), y.size());
  const Moved a = moved(x);
  const Moved b = moved(y);
  // In two steps, so that a sum of exponents beyond the range of one does not overflow between them.
  return std::ldexp(std::ldexp(dot2(a.x, b.x), a.exponent / 2 + b.exponent / 2),
                    a.exponent - a.exponent / 2 + b.exponent - b.exponent / 2);
}

namespace {

struct TwoLists {
  std::vector<double> x;
  std::vector<double> y;
};

TwoLists lists_of(const char* who, const Tensor& x, const Tensor& y) {
  if (x.shape() != y.shape()) {
    throw Error(
        fmt::format("[{}] tensors of different shapes, {} and {}", who, to_string(x.shape()), to_string(y.shape())));
  }
  return {vector_entries(who, x.reshaped({x.size()})), vector_entries(who, y.reshaped({y.size()}))};
}

}  // namespace

double inner_product(const Tensor& x, const Tensor& y) {
  const FloatingEnvironment environment;
  const TwoLists lists = lists_of("inner_product", x, y);
  return inner_product(lists.x, lists.y);
}

Hoelder hoelder(std::span<const double> x, std::span<const double> y, double p) {
  const FloatingEnvironment environment;
  require_same_length("hoelder", x.size(), y.size());
  require_power("hoelder", p);
  const Moved a = moved(x);
  const Moved b = moved(y);
  const double inner = dot2(a.x, b.x);
  const double product = vector_norm(a.x, p) * vector_norm(b.x, conjugate(p));
  const int exponent = a.exponent + b.exponent;
  return {std::ldexp(inner, exponent), std::ldexp(product, exponent),
          std::ldexp(std::max(product - inner, 0.0), exponent)};
}

// With |x| and |y| wrong by a relative error of d, the differences are wrong by d along x, which is orthogonal to the
// difference of the two directions up to the angle: the length of the difference is wrong by d^2 / angle, or by d.
double angle(std::span<const double> x, std::span<const double> y) {
  const FloatingEnvironment environment;
  require_same_length("angle", x.size(), y.size());
  const Moved a = moved(x);
  const Moved b = moved(y);
  const double of_a = length_of(a.x);
  const double of_b = length_of(b.x);
  if (of_a == 0 || of_b == 0) throw Error("[angle] a vector is 0 and has no direction");
  std::vector<double> difference(a.x.size());
  std::vector<double> sum(a.x.size());
  for (std::size_t i = 0; i < a.x.size(); ++i) {
    difference[i] = sum_of_products(a.x[i], of_b, -b.x[i], of_a);
    sum[i] = sum_of_products(a.x[i], of_b, b.x[i], of_a);
  }
  return 2 * std::atan2(vector_norm(difference, 2), vector_norm(sum, 2));
}

double angle(const Tensor& x, const Tensor& y) {
  const FloatingEnvironment environment;
  const TwoLists lists = lists_of("angle", x, y);
  return angle(lists.x, lists.y);
}

}  // namespace sigmax::norms
