#include "sigmax/bounds/radius_dual.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <optional>

#include "sigmax/bounds/matrix_proof/definite.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax::bounds {
namespace {

// More than what the entries lose when they are scaled: at most 2^-1075 each, so at most 2 n^2 times that in w*.
constexpr double kDualUnderflow = 0x1p-900;

// trace (P + e I) for the e that makes the matrix semidefinite. Sums of n terms, each below the last bound.
double upper_end(const Matrix<double>& b, const Matrix<double>& p, Context& context) {
  const std::int64_t n = b.rows();
  Matrix<double> m(2 * n, 2 * n);
  double trace = 0;
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < n; ++i) {
      m(i, j) = m(n + i, n + j) = p(i, j);
      m(n + i, j) = m(j, n + i) = b(i, j);
    }
    if (!(p(j, j) >= 0)) return kInfinity;
    trace = round_up(trace + p(j, j));
  }
  if (!std::isfinite(trace)) return kInfinity;
  const double typical = trace / static_cast<double>(n);
  for (double distance = 4 * static_cast<double>(n) * kUnitRoundoff; distance < 16; distance *= 8) {
    const std::optional<double> least = smallest_eigenvalue_above(m, -distance * typical, context);
    if (!least) continue;
    const double missing = *least < 0 ? -*least : 0.0;
    return round_up(trace + round_up(static_cast<double>(n) * missing) + kDualUnderflow);
  }
  return kInfinity;
}

// <X, B> with an error of at most gamma_{n^2} sum |x_ij b_ij|.
double inner_product_below(const Matrix<double>& x, const Matrix<double>& b) {
  double sum = 0;
  double magnitude = 0;
  for (std::size_t i = 0; i < b.values().size(); ++i) {
    const double term = x.values()[i] * b.values()[i];
    sum += term;
    magnitude += std::fabs(term);
  }
  const auto terms = static_cast<std::int64_t>(b.values().size());
  const double error = round_up(gamma(terms + 2) * round_up(magnitude * (1 + gamma(terms + 2))) + kDualUnderflow);
  return larger_of(round_down(larger_of(sum, 0.0)) - error, 0.0);
}

}  // namespace

Matrix<double> radius_dual_matrix(const InRange& y) {
  Matrix<double> b(y.matrix.columns, y.matrix.rows);
  kernels::convert(y.matrix, gram_scale(y.facts), b.values().data(), b.rows());
  return b;
}

Enclosure enclose_radius_dual(const InRange& y, const Matrix<double>& p, const Matrix<double>& x,
                              const Enclosure& radius_of_x, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  const std::int64_t n = y.matrix.rows;
  const auto fits = [n](std::int64_t rows, std::int64_t columns) { return rows == n && columns == n; };
  if (n < 1 || !fits(y.matrix.rows, y.matrix.columns) || !fits(p.rows(), p.columns()) || !fits(x.rows(), x.columns())) {
    throw Error(fmt::format("[enclose_radius_dual] matrices of {}x{}, {}x{} and {}x{}", n, y.matrix.columns, p.rows(),
                            p.columns(), x.rows(), x.columns()));
  }
  if (y.facts.max_abs == 0) return zero_enclosure();
  const double scale = gram_scale(y.facts);
  const Matrix<double> b = radius_dual_matrix(y);
  const double upper = upper_end(b, symmetrized(p), context);
  const bool has_radius = radius_of_x.upper && radius_of_x.is_proven() && radius_of_x.upper->value() > 0;
  // w* of what scaling lost is at most kDualUnderflow; so is its inner product with X / w(X).
  const double quotient = has_radius ? round_down(inner_product_below(x, b) / radius_of_x.upper->value()) : 0.0;
  const double lower = larger_of(quotient - kDualUnderflow, 0.0);
  const Enclosure in_range =
      Proof::enclosure(widened_lower(round_down(lower / scale)), Proof::proven(widened_upper(round_up(upper) / scale)));
  return scaled(Measured{in_range, 0}, y.factor).sigma_max;
}

}  // namespace sigmax::bounds
