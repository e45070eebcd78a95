// Matrices in extended precision with a scale that no chain of factors exhausts, and a bound on their error.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "sigmax/core/bound.hpp"

namespace sigmax::hunt {

/// 2^exponent (values + E), |E|_F <= error, row-major, the largest value in [1/2, 1) or all zero.
struct WideMatrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<long double> values;
  std::int64_t exponent = 0;
  long double error = 0;
  /// At least |A|_F, by the algebra of norms, in the same units: the rounding errors of an operator's products are
  /// relative to this.
  long double magnitude = 0;

  long double frobenius() const {
    long double sum = 0;
    for (const long double value : values) sum += value * value;
    return std::sqrt(sum);
  }
};

namespace wide {

/// The rounding of one operation in long double, and of the sums that bound it.
inline constexpr long double kRounding = 0x1p-62L;
/// More than the loss of an operation that underflows.
inline constexpr long double kUnderflow = 0x1p-16370L;

inline long double times_power(long double x, std::int64_t exponent) {
  return std::ldexp(x, static_cast<int>(std::clamp<std::int64_t>(exponent, -40000, 40000)));
}

inline WideMatrix normalized(WideMatrix a) {
  long double largest = 0;
  for (const long double value : a.values) largest = std::max(largest, std::fabs(value));
  if (largest == 0) largest = a.error;
  if (largest == 0) {
    a.exponent = 0;
    a.magnitude = 0;
    return a;
  }
  const int exponent = std::ilogb(largest) + 1;
  for (long double& value : a.values) value = std::ldexp(value, -exponent);
  a.error = std::ldexp(a.error, -exponent) + (exponent > 0 ? kUnderflow : 0);
  a.magnitude = std::ldexp(a.magnitude, -exponent) * (1 + kRounding);
  a.exponent += exponent;
  return a;
}

inline WideMatrix of(std::size_t rows, std::size_t columns, std::vector<long double> values) {
  WideMatrix a{rows, columns, std::move(values)};
  a.magnitude = a.frobenius() * (1 + kRounding);
  return normalized(std::move(a));
}

/// In units of 2^exponent, which is not less than a's own.
inline WideMatrix in_units(WideMatrix a, std::int64_t exponent) {
  const std::int64_t down = exponent - a.exponent;
  if (down == 0) return a;
  for (long double& value : a.values) value = times_power(value, -down);
  a.error = times_power(a.error, -down) + kUnderflow * static_cast<long double>(a.values.size());
  a.magnitude = times_power(a.magnitude, -down) + kUnderflow;
  a.exponent = exponent;
  return a;
}

inline bool is_zero(const WideMatrix& a) { return a.error == 0 && a.frobenius() == 0; }

inline std::int64_t common_exponent(const WideMatrix& a, const WideMatrix& b) {
  if (is_zero(a)) return b.exponent;
  if (is_zero(b)) return a.exponent;
  return std::max(a.exponent, b.exponent);
}

inline WideMatrix sum(WideMatrix a, WideMatrix b) {
  const std::int64_t exponent = common_exponent(a, b);
  a = is_zero(a) ? a : in_units(std::move(a), exponent);
  b = is_zero(b) ? b : in_units(std::move(b), exponent);
  a.exponent = exponent;
  for (std::size_t i = 0; i < a.values.size(); ++i) a.values[i] += b.values[i];
  a.error += b.error + kRounding * a.frobenius();
  a.magnitude += b.magnitude;
  return normalized(std::move(a));
}

inline WideMatrix product(const WideMatrix& a, const WideMatrix& b) {
  WideMatrix c{a.rows, b.columns, std::vector<long double>(a.rows * b.columns, 0.0L), a.exponent + b.exponent};
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t k = 0; k < a.columns; ++k) {
      for (std::size_t j = 0; j < b.columns; ++j) {
        c.values[i * c.columns + j] += a.values[i * a.columns + k] * b.values[k * b.columns + j];
      }
    }
  }
  if (is_zero(a) || is_zero(b)) return normalized(std::move(c));
  const long double left = a.frobenius();
  const long double right = b.frobenius();
  c.error = a.error * (right + b.error) + left * b.error +
            kRounding * static_cast<long double>(a.columns + 1) * left * right +
            kUnderflow * static_cast<long double>(c.values.size() * (a.columns + 1));
  c.magnitude = a.magnitude * b.magnitude * (1 + kRounding);
  return normalized(std::move(c));
}

/// Entry (i, j), (k, l) is a(i, k) b(j, l).
inline WideMatrix kronecker(const WideMatrix& a, const WideMatrix& b) {
  WideMatrix c{a.rows * b.rows, a.columns * b.columns, {}, a.exponent + b.exponent};
  for (std::size_t i = 0; i < c.rows; ++i) {
    for (std::size_t j = 0; j < c.columns; ++j) {
      c.values.push_back(a.values[i / b.rows * a.columns + j / b.columns] *
                         b.values[i % b.rows * b.columns + j % b.columns]);
    }
  }
  if (is_zero(a) || is_zero(b)) return normalized(std::move(c));
  const long double left = a.frobenius();
  const long double right = b.frobenius();
  c.error = a.error * (right + b.error) + left * b.error + 2 * kRounding * left * right +
            kUnderflow * static_cast<long double>(c.values.size());
  c.magnitude = a.magnitude * b.magnitude * (1 + kRounding);
  return normalized(std::move(c));
}

inline WideMatrix times(double factor, WideMatrix a) {
  for (long double& value : a.values) value *= factor;
  a.error = std::fabs(static_cast<long double>(factor)) * a.error + kRounding * a.frobenius();
  a.magnitude *= std::fabs(static_cast<long double>(factor));
  return normalized(std::move(a));
}

inline WideMatrix transposed(const WideMatrix& a) {
  WideMatrix t = a;
  std::swap(t.rows, t.columns);
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t j = 0; j < a.columns; ++j) t.values[j * a.rows + i] = a.values[i * a.columns + j];
  }
  return t;
}

inline WideMatrix below(WideMatrix a, WideMatrix b) {
  const std::int64_t exponent = common_exponent(a, b);
  a = is_zero(a) ? a : in_units(std::move(a), exponent);
  b = is_zero(b) ? b : in_units(std::move(b), exponent);
  a.exponent = exponent;
  a.rows += b.rows;
  a.values.insert(a.values.end(), b.values.begin(), b.values.end());
  a.error += b.error;
  a.magnitude += b.magnitude;
  return normalized(std::move(a));
}

}  // namespace wide

/// sigma_max = 2^exponent (value +- error).
struct WideTruth {
  long double value = 0;
  long double error = 0;
  std::int64_t exponent = 0;
};

inline WideTruth sigma_max(const WideMatrix& a) {
  const long double value = gallery::reference_singular_values(a.values, a.rows, a.columns)[0];
  return {value, a.error + 0x1p-56L * value, a.exponent};
}

/// `slack`: an additional allowed error of the lower end, in the truth's units.
inline bool contains(const Enclosure& e, const WideTruth& truth, long double slack = 0) {
  const long double lower = wide::times_power(e.lower.value(), -truth.exponent);
  if (!(lower <= truth.value + truth.error + slack)) return false;
  return !e.upper || wide::times_power(e.upper->value(), -truth.exponent) >= truth.value - truth.error;
}

}  // namespace sigmax::hunt
