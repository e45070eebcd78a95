// Pseudo-inverses in about twice the precision of long double: the truth for condition numbers beyond 1e16.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "gallery/reference_svd.hpp"

namespace sigmax::hunt {

/// high + low, |low| <= ulp(high) / 2: 128 bits with x87's long double. Dekker 1971, Knuth.
struct Wide {
  long double high = 0;
  long double low = 0;

  Wide() = default;
  Wide(long double value) : high(value) {}  // NOLINT(google-explicit-constructor)
  Wide(long double h, long double l) : high(h), low(l) {}

  static Wide of_sum(long double a, long double b) {
    const long double s = a + b;
    const long double part = s - a;
    return {s, (a - (s - part)) + (b - part)};
  }
  static Wide of_product(long double a, long double b) {
    const long double p = a * b;
    return {p, std::fma(a, b, -p)};
  }
  friend Wide operator+(Wide a, Wide b) {
    const Wide s = of_sum(a.high, b.high);
    return of_sum(s.high, s.low + (a.low + b.low));
  }
  friend Wide operator-(Wide a, Wide b) { return a + Wide(-b.high, -b.low); }
  friend Wide operator*(Wide a, Wide b) {
    const Wide p = of_product(a.high, b.high);
    return of_sum(p.high, p.low + (a.high * b.low + a.low * b.high));
  }
  friend Wide operator/(Wide a, Wide b) {
    const long double first = a.high / b.high;
    const Wide rest = a - b * Wide(first);
    const long double second = rest.high / b.high;
    return of_sum(first, second);
  }
};

/// Row-major.
struct WideEntries {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<Wide> values;
  Wide& at(std::size_t i, std::size_t j) { return values[i * columns + j]; }
  const Wide& at(std::size_t i, std::size_t j) const { return values[i * columns + j]; }
};

inline WideEntries product(const WideEntries& a, const WideEntries& b) {
  WideEntries c{a.rows, b.columns, std::vector<Wide>(a.rows * b.columns)};
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t j = 0; j < b.columns; ++j) {
      for (std::size_t k = 0; k < a.columns; ++k) c.at(i, j) = c.at(i, j) + a.at(i, k) * b.at(k, j);
    }
  }
  return c;
}

inline WideEntries transposed(const WideEntries& a) {
  WideEntries t{a.columns, a.rows, std::vector<Wide>(a.values.size())};
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t j = 0; j < a.columns; ++j) t.at(j, i) = a.at(i, j);
  }
  return t;
}

inline long double frobenius(const WideEntries& a) {
  long double square = 0;
  for (const Wide& value : a.values) square += value.high * value.high;
  return std::sqrt(square);
}

/// Gauss and Jordan with all pivots to choose from; nothing if the rest of the matrix is exactly 0.
inline std::optional<WideEntries> inverse(WideEntries a) {
  const std::size_t n = a.rows;
  WideEntries x{n, n, std::vector<Wide>(n * n)};
  for (std::size_t i = 0; i < n; ++i) x.at(i, i) = Wide(1);
  std::vector<std::size_t> order(n);
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t row = k, column = k;
    for (std::size_t i = k; i < n; ++i) {
      for (std::size_t j = k; j < n; ++j) {
        if (std::fabs(a.at(i, j).high) > std::fabs(a.at(row, column).high)) row = i, column = j;
      }
    }
    if (a.at(row, column).high == 0) return std::nullopt;
    for (std::size_t j = 0; j < n; ++j) {
      std::swap(a.at(k, j), a.at(row, j));
      std::swap(x.at(k, j), x.at(row, j));
    }
    for (std::size_t i = 0; i < n; ++i) std::swap(a.at(i, k), a.at(i, column));
    order[k] = column;
    const Wide pivot = a.at(k, k);
    for (std::size_t j = 0; j < n; ++j) {
      a.at(k, j) = a.at(k, j) / pivot;
      x.at(k, j) = x.at(k, j) / pivot;
    }
    for (std::size_t i = 0; i < n; ++i) {
      const Wide factor = a.at(i, k);
      if (i == k || factor.high == 0) continue;
      for (std::size_t j = 0; j < n; ++j) {
        a.at(i, j) = a.at(i, j) - factor * a.at(k, j);
        x.at(i, j) = x.at(i, j) - factor * x.at(k, j);
      }
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    if (order[k] == k) continue;
    for (std::size_t j = 0; j < n; ++j) std::swap(x.at(k, j), x.at(order[k], j));
  }
  return x;
}

/// The norms of A^+ for a row-major A of full rank: 1, infinity, Frobenius, 2.
struct WideNorms {
  long double inverted = 0;  // the Frobenius norm of the matrix that was inverted, times that of its inverse
  long double one = 0;
  long double inf = 0;
  long double frobenius = 0;
  long double two = 0;
};

/// (A^T A)^-1 A^T, or A^T (A A^T)^-1. Its relative error is about 2^-120 times WideNorms::inverted. Nothing where A is
/// singular. The entries, doubles or wide, are expected not to be far from 1.
template <class Element>
std::optional<WideNorms> norms_of_pseudo_inverse(const std::vector<Element>& entries, std::size_t rows,
                                                 std::size_t columns) {
  WideEntries a{rows, columns, std::vector<Wide>(entries.begin(), entries.end())};
  const WideEntries t = transposed(a);
  const WideEntries b = rows == columns ? a : rows > columns ? product(t, a) : product(a, t);
  const std::optional<WideEntries> inverted = inverse(b);
  if (!inverted) return std::nullopt;
  const std::optional<WideEntries> x = rows == columns  ? inverted
                                       : rows > columns ? product(*inverted, t)
                                                        : product(t, *inverted);
  WideNorms norms;
  norms.inverted = frobenius(b) * frobenius(*inverted);
  std::vector<long double> plain;
  std::vector<long double> sums(x->columns, 0.0L);
  for (std::size_t i = 0; i < x->rows; ++i) {
    long double row = 0;
    for (std::size_t j = 0; j < x->columns; ++j) {
      const long double value = std::fabs(x->at(i, j).high);
      plain.push_back(x->at(i, j).high);
      row += value;
      sums[j] += value;
      norms.frobenius += value * value;
    }
    norms.inf = std::max(norms.inf, row);
  }
  norms.one = *std::max_element(sums.begin(), sums.end());
  norms.frobenius = std::sqrt(norms.frobenius);
  norms.two = gallery::reference_singular_values(plain, x->rows, x->columns)[0];
  return norms;
}

}  // namespace sigmax::hunt
