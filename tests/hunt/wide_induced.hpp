// Induced norms in long double: what a vector reaches, what no vector exceeds.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace sigmax::hunt {

using Wide = std::vector<long double>;

inline long double norm_of(const Wide& x, long double p) {
  long double largest = 0;
  for (const long double value : x) largest = std::max(largest, std::fabs(value));
  if (largest == 0 || std::isinf(p)) return largest;
  long double sum = 0;
  for (const long double value : x) sum += std::pow(std::fabs(value) / largest, p);
  return largest * std::pow(sum, 1 / p);
}

inline long double conjugate(long double p) {
  if (p == 1) return std::numeric_limits<long double>::infinity();
  return std::isinf(p) ? 1 : p / (p - 1);
}

/// A matrix, row-major, and exponents 1 <= p, q.
struct WideInduced {
  std::size_t rows = 1;
  std::size_t columns = 1;
  Wide a;
  long double p = 1;
  long double q = 1;

  Wide row(std::size_t i) const {
    const auto first = a.begin() + static_cast<std::ptrdiff_t>(i * columns);
    return {first, first + static_cast<std::ptrdiff_t>(columns)};
  }

  Wide column(std::size_t j) const {
    Wide x;
    for (std::size_t i = 0; i < rows; ++i) x.push_back(a[i * columns + j]);
    return x;
  }

  Wide product(const Wide& x) const {
    Wide y(rows, 0.0L);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) y[i] += a[i * columns + j] * x[j];
    }
    return y;
  }

  Wide adjoint_product(const Wide& y) const {
    Wide x(columns, 0.0L);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) x[j] += a[i * columns + j] * y[i];
    }
    return x;
  }
};

// The quotient that Boyd's iteration in long double reaches from x: at most the norm.
inline long double reached(const WideInduced& s, Wide x) {
  const auto dualize = [](Wide& v, long double p) {
    const long double largest = norm_of(v, std::numeric_limits<long double>::infinity());
    if (p == 1) {
      bool found = false;
      for (long double& value : v) {
        const bool here = !found && std::fabs(value) == largest;
        found = found || here;
        value = here ? std::copysign(1.0L, value) : 0;
      }
      return;
    }
    for (long double& value : v) {
      const long double size =
          std::isinf(p) ? 1 : (largest > 0 ? std::pow(std::fabs(value) / largest, 1 / (p - 1)) : 1);
      value = std::copysign(size, value);
    }
  };
  long double best = 0;
  for (int step = 0; step < 20; ++step) {
    Wide y = s.product(x);
    const long double length = norm_of(x, s.p);
    if (!(length > 0) || !std::isfinite(length)) break;
    best = std::max(best, norm_of(y, s.q) / length);
    dualize(y, conjugate(s.q));
    x = s.adjoint_product(y);
    dualize(x, s.p);
  }
  return best;
}

// An upper bound that none of the proofs uses: |A|_{p->q} is at most the q-norm of the p*-norms of the rows, and the
// p*-norm of the q-norms of the columns.
inline long double at_most(const WideInduced& s) {
  Wide rows;
  for (std::size_t i = 0; i < s.rows; ++i) rows.push_back(norm_of(s.row(i), conjugate(s.p)));
  Wide columns;
  for (std::size_t j = 0; j < s.columns; ++j) columns.push_back(norm_of(s.column(j), s.q));
  return std::min(norm_of(rows, s.q), norm_of(columns, conjugate(s.p)));
}

/// Sums of a few products and powers with exponents up to 2^12, and roots: the exponent of a power of a number relative
/// to the largest multiplies its error, and the root divides by it.
inline constexpr long double kSlack = 4096 * std::numeric_limits<long double>::epsilon();

}  // namespace sigmax::hunt
