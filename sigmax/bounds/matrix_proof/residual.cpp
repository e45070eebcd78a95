#include "sigmax/bounds/matrix_proof/residual.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sigmax/bounds/matrix_proof/rounding.hpp"

namespace sigmax::bounds {
namespace {

constexpr int kNone = std::numeric_limits<int>::min() / 4;

int exponent_of(double x) { return x == 0 ? kNone : std::ilogb(x); }

// hi + lo = a + b exactly (Knuth).
void two_sum(double a, double b, double& hi, double& lo) {
  hi = a + b;
  const double part = hi - a;
  lo = (a - (hi - part)) + (b - part);
}

// hi + lo = a b exactly (Dekker, Veltkamp), for factors below 2^500, except for underflow of at most 5 2^-1074.
void two_product(double a, double b, double& hi, double& lo) {
  constexpr double kSplit = 0x1p27 + 1;
  const double ca = kSplit * a;
  const double cb = kSplit * b;
  const double a1 = ca - (ca - a);
  const double b1 = cb - (cb - b);
  const double a2 = a - a1;
  const double b2 = b - b1;
  hi = a * b;
  lo = a2 * b2 - (((hi - a1 * b1) - a2 * b1) - a1 * b2);
}

}  // namespace

// Row i is a sum of n + 1 terms, b_i and -a_ij x_j. Its exponent is the largest of those of the terms, each of which is
// less than 4 units then. Factors are brought to x_j = x'_j 2^e_j with x'_j in [1, 2), and a_ij 2^(e_j - exponent),
// which is below 2 or underflows by at most 2^-1075.
//
// Products and sums in twice the precision (Ogita, Rump and Oishi, SIAM J. Sci. Comput. 26, 2005, theorem 3.4):
//
//     |value - exact| <= u |exact| + gamma_N^2 S,    S = |A| |x| + |b|, N = n + 1 terms,
//
// so at most 2 u |value| + 2 gamma_{N+1}^2 S, and 5 2^-1074 + 2^-1074 for the underflow of a term.
ResidualRows residual_rows(const Matrix<double>& a, std::span<const double> x, std::span<const double> b) {
  const std::size_t rows = b.size();
  ResidualRows r;
  r.exponent.assign(rows, kNone);
  std::vector<int> of_x(x.size());
  for (std::size_t j = 0; j < x.size(); ++j) of_x[j] = exponent_of(x[j]);
  for (std::size_t i = 0; i < rows; ++i) r.exponent[i] = exponent_of(b[i]);
  for (std::size_t j = 0; j < x.size(); ++j) {
    if (x[j] == 0) continue;
    const std::span<const double> column = a.column(static_cast<std::int64_t>(j));
    for (std::size_t i = 0; i < rows; ++i) {
      if (column[i] != 0) r.exponent[i] = std::max(r.exponent[i], exponent_of(column[i]) + of_x[j]);
    }
  }
  std::vector<double> high(rows), low(rows), size(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    if (r.exponent[i] == kNone) {
      r.exponent[i] = 0;
      continue;
    }
    high[i] = std::ldexp(b[i], -r.exponent[i]);
    size[i] = std::fabs(high[i]);
  }
  for (std::size_t j = 0; j < x.size(); ++j) {
    if (x[j] == 0) continue;
    const std::span<const double> column = a.column(static_cast<std::int64_t>(j));
    const double factor = std::ldexp(x[j], -of_x[j]);
    for (std::size_t i = 0; i < rows; ++i) {
      if (column[i] == 0) continue;
      const double entry = std::ldexp(column[i], of_x[j] - r.exponent[i]);
      double product, rest, sum, lost;
      two_product(-entry, factor, product, rest);
      two_sum(high[i], product, sum, lost);
      high[i] = sum;
      low[i] += lost + rest;
      size[i] += std::fabs(product);
    }
  }
  const auto terms = static_cast<std::int64_t>(x.size()) + 1;
  const double second_order = 2 * gamma(terms + 2) * gamma(terms + 2);
  const double underflow = static_cast<double>(terms) * 6 * 0x1p-1074;
  for (std::size_t i = 0; i < rows; ++i) {
    r.value.push_back(high[i] + low[i]);
    const bool none = size[i] == 0;
    r.most.push_back(none ? 0.0 : round_up(size[i] * (1 + gamma(terms + 1)) + underflow));
    r.least.push_back(round_down(size[i] * (1 - gamma(terms + 1)) - underflow));
    const double radius = 2 * kUnitRoundoff * std::fabs(r.value[i]) + second_order * r.most[i] + underflow;
    r.radius.push_back(none ? 0.0 : round_up(radius));
  }
  return r;
}

Residual in_one_unit(const ResidualRows& rows) {
  Residual result;
  result.exponent = kNone;
  for (std::size_t i = 0; i < rows.value.size(); ++i) {
    if (rows.most[i] > 0) result.exponent = std::max(result.exponent, rows.exponent[i]);
  }
  if (result.exponent == kNone) result.exponent = 0;
  for (std::size_t i = 0; i < rows.value.size(); ++i) {
    if (rows.most[i] == 0) {
      result.value.push_back(0);
      result.radius.push_back(0);
      continue;
    }
    const int down = rows.exponent[i] - result.exponent;
    result.value.push_back(std::ldexp(rows.value[i], down));
    result.radius.push_back(round_up(std::ldexp(rows.radius[i], down)));
  }
  return result;
}

}  // namespace sigmax::bounds
