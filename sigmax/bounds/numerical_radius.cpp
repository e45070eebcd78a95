#include "sigmax/bounds/numerical_radius.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/matrix_proof/shifted_gram.hpp"
#include "sigmax/bounds/matrix_proof/stored_bounds.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/linalg/lapack.hpp"

namespace sigmax::bounds {
namespace {

// More than the underflow of all products and of the scaling, for entries of at most 1 of which one is at least 1/2.
constexpr double kRadiusUnderflow = 0x1p-900;
constexpr int kMostDoublings = 60;

// s A column-major, its largest entry in [1/2, 1); A^T if the stored matrix is read row by row, which has the same w.
Matrix<double> scaled_copy(const InRange& a, double scale) {
  Matrix<double> b(a.matrix.columns, a.matrix.rows);
  kernels::convert(a.matrix, scale, b.values().data(), b.rows());
  return b;
}

double length_of(std::span<const double> x) {
  const NormRange norm = norm_range(x);
  return round_up(std::ldexp(norm.upper, norm.exponent));
}

// B x, with an error of at most gamma_n |B| |x| in each entry.
std::vector<double> times(const Matrix<double>& b, std::span<const double> x) {
  std::vector<double> y(static_cast<std::size_t>(b.rows()), 0.0);
  for (std::int64_t j = 0; j < b.columns(); ++j) {
    const double factor = x[static_cast<std::size_t>(j)];
    const std::span<const double> column = b.column(j);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += factor * column[i];
  }
  return y;
}

double dot(std::span<const double> x, std::span<const double> y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

// At most |x* B x| / |x|^2, and the computed quotient. Each of the four forms y^T B z has an error of at most
// gamma_{2n} |y| |B|_F |z|; together these are at most (|re| + |im|)^2 <= 2 |x|^2 times gamma_{2n+4} |B|_F.
struct Quotient {
  double lower = 0;
  double computed = 0;
};

Quotient quotient_of(const Matrix<double>& b, double frobenius, std::span<const double> re,
                     std::span<const double> im) {
  const double of_re = length_of(re);
  const double of_im = length_of(im);
  const double square = round_up(of_re * of_re + of_im * of_im);
  if (!(square > 0) || !std::isfinite(square)) return {};
  const std::vector<double> b_re = times(b, re);
  const std::vector<double> b_im = times(b, im);
  const double real = dot(re, b_re) + dot(im, b_im);
  const double imaginary = dot(re, b_im) - dot(im, b_re);
  const double size = std::hypot(real, imaginary);
  const double error = round_up(gamma(2 * b.rows() + 6) * frobenius * 2 * square + kRadiusUnderflow * (1 + square));
  const double numerator = larger_of(round_down(size) - error, 0.0);
  return {round_down(numerator / square), size / square};
}

void solve_lower(const Matrix<double>& l, Matrix<double>& x) {
  cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, static_cast<int>(x.rows()),
              static_cast<int>(x.columns()), 1.0, l.values().data(), static_cast<int>(l.rows()), x.values().data(),
              static_cast<int>(x.rows()));
}

double largest_of(std::span<const double> x) {
  double largest = 0;
  for (const double value : x) largest = larger_of(largest, std::fabs(value));
  return largest;
}

// The maximal solution of Q + B^T Q^{-1} B = 2 r I, nothing where a matrix is not positive definite: w(B) > r, or
// rounding.
//   W = Q - P = L L^T, G = L^{-1} A, H = L^{-1} A^T;  Q -= G^T G, P += H^T H, A = H^T G
std::optional<Matrix<double>> maximal_solution(const Matrix<double>& b, double r, Context& context) {
  const std::int64_t n = b.rows();
  Matrix<double> a = b;
  Matrix<double> q(n, n);
  Matrix<double> p(n, n);
  for (std::int64_t i = 0; i < n; ++i) q(i, i) = 2 * r;
  for (int step = 0; step < kMostDoublings; ++step) {
    context.check_cancel();
    Matrix<double> w(n, n);
    for (std::size_t i = 0; i < w.values().size(); ++i) w.values()[i] = q.values()[i] - p.values()[i];
    if (!cholesky(w.values().data(), n, context)) return std::nullopt;
    Matrix<double> g = a;
    Matrix<double> h = lapack::transposed(std::as_const(a).view());
    solve_lower(w, g);
    solve_lower(w, h);
    const Matrix<double> less = lapack::product(g, g, true);
    const Matrix<double> more = lapack::product(h, h, true);
    for (std::size_t i = 0; i < q.values().size(); ++i) {
      q.values()[i] -= less.values()[i];
      p.values()[i] += more.values()[i];
    }
    if (!(largest_of(less.values()) > 0x1p-56 * r)) break;
    a = lapack::product(h, g, true);
  }
  return largest_of(q.values()) < kInfinity ? std::optional(std::move(q)) : std::nullopt;
}

// An upper end if [[P, B^T], [B, Q]] can be factored, P = (2 r + slack) I - Q off the diagonal's rounding. With half of
// the slack in each block a completed factorization leaves room for its own rounding: M + E >= 0 with |E| <= e, so that
// P + e I and Q + e I do.
double shown_by(const Matrix<double>& b, const Matrix<double>& q, double r, double slack, Context& context) {
  const std::int64_t n = b.rows();
  const std::int64_t order = 2 * n;
  auto m = context.scratch<double>(static_cast<std::size_t>(order * order));
  std::vector<double> diagonal(static_cast<std::size_t>(order));
  double most = 0;
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = j + 1; i < n; ++i) {
      m[static_cast<std::size_t>(i + j * order)] = -q(i, j);
      m[static_cast<std::size_t>(n + i + (n + j) * order)] = q(i, j);
    }
    for (std::int64_t i = 0; i < n; ++i) m[static_cast<std::size_t>(n + i + j * order)] = b(i, j);
    const double lower = q(j, j) + 0.5 * slack;
    const double upper = 2 * r - q(j, j) + 0.5 * slack;
    m[static_cast<std::size_t>(j + j * order)] = diagonal[static_cast<std::size_t>(j)] = upper;
    m[static_cast<std::size_t>(n + j + (n + j) * order)] = diagonal[static_cast<std::size_t>(n + j)] = lower;
    most = larger_of(most, round_up(larger_of(upper, 0.0) + larger_of(lower, 0.0)));
  }
  const double error = factorization_error(diagonal);
  if (!cholesky(m.data(), order, context)) return kInfinity;
  return round_up(0.5 * most + error);
}

// At least w(B), for a computed quotient as the guess.
double upper_end(const Matrix<double>& b, double guess, Context& context) {
  const double n = static_cast<double>(b.rows());
  // w >= max |b_ij| / 2 >= 1/4.
  const double base = larger_of(guess, 0.25);
  for (double distance = 16 * n * kUnitRoundoff; distance < 1; distance *= 16) {
    const double r = base * (1 + distance);
    const std::optional<Matrix<double>> q = maximal_solution(b, r, context);
    if (!q) continue;
    const double shown = shown_by(b, *q, r, 4 * distance * base, context);
    if (shown < kInfinity) return shown;
  }
  return kInfinity;
}

}  // namespace

Enclosure enclose_numerical_radius(const InRange& a, std::span<const double> re, std::span<const double> im,
                                   Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  const std::int64_t n = a.matrix.rows;
  if (n != a.matrix.columns || n < 1 || static_cast<std::int64_t>(re.size()) != n || re.size() != im.size()) {
    throw Error(fmt::format("[enclose_numerical_radius] a matrix of {}x{} and vectors of {} and {} entries", n,
                            a.matrix.columns, re.size(), im.size()));
  }
  if (a.facts.max_abs == 0) return zero_enclosure();
  const double scale = gram_scale(a.facts);
  const Matrix<double> b = scaled_copy(a, scale);
  const double frobenius = round_up(scale * frobenius_upper_bound(a));
  // The stored rows are columns here: for a real A, x* A^T x is the conjugate of x* A x.
  const Quotient found = quotient_of(b, frobenius, re, im);
  double upper = round_up(scale * norm_upper_bound(a).value());
  if (blas_supports_proofs()) upper = smaller_of(upper, upper_end(b, found.computed, context));
  const Enclosure in_range = Proof::enclosure(widened_lower(round_down(found.lower / scale)),
                                              Proof::proven(widened_upper(round_up(upper + kRadiusUnderflow) / scale)));
  return scaled(Measured{in_range, 0}, a.factor).sigma_max;
}

}  // namespace sigmax::bounds
