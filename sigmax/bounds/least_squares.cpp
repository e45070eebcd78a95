#include "sigmax/bounds/least_squares.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/arithmetic.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/bounds/linear_system.hpp"
#include "sigmax/bounds/matrix_proof/residual.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax::bounds {
namespace {

// The problem in units of 2^p for A and of 2^(p + q) for b and r, x in units of 2^q: phi and the optimal error are in
// units of 2^p, theta in units of 2^-q.
struct Problem {
  Matrix<double> a;
  Residual r;  // its exponent relative to p + q
  std::vector<double> x;
  double theta = 0;
  int exponent = 0;  // p
  Enclosure phi = exactly(0);
  double phi_value = 0;
  bool consistent = false;  // r = 0 exactly
  bool at_origin = false;   // x = 0
};

Problem problem_of(const Matrix<double>& a, std::span<const double> x, std::span<const double> b, double theta) {
  if (!(theta > 0)) throw Error(fmt::format("[least_squares_backward_error] theta must be positive, got {}", theta));
  const ResidualNorm size = residual_norm(a, x, b);  // checks shapes and numbers
  Problem problem{a, in_one_unit(residual_rows(a, x, b)), {x.begin(), x.end()}};
  double largest = 0;
  for (const double value : a.values()) largest = std::fmax(largest, std::fabs(value));
  const int p = largest == 0 ? 0 : std::ilogb(largest) + 1;
  double of_x = 0;
  for (const double value : x) of_x = std::fmax(of_x, std::fabs(value));
  const int q = of_x == 0 ? 0 : std::ilogb(of_x) + 1;
  for (double& value : problem.a.values()) value = std::ldexp(value, -p);
  for (double& value : problem.x) value = std::ldexp(value, -q);
  problem.exponent = p;
  problem.at_origin = of_x == 0;
  problem.consistent = size.norm.upper && size.norm.upper->value() == 0;
  problem.theta = std::isinf(theta) ? theta : times_power(theta, q);
  problem.r.exponent = static_cast<int>(size.exponent) - p - q;
  if (problem.consistent || (problem.at_origin && std::isinf(theta))) return problem;
  // The exact norm of the residual in the new units.
  const double unit = times_power(1, problem.r.exponent);
  if (!(unit > 0x1p-900) || !(unit < 0x1p900)) {
    throw Error(fmt::format("[least_squares_backward_error] the residual is 2^{} times as large as A x; scale b or x",
                            problem.r.exponent));
  }
  const Enclosure norm = product(size.norm, exactly(unit));
  const Enclosure of_solution = p_norm(problem.x, 2);
  if (std::isinf(problem.theta)) {
    problem.phi = quotient(norm, of_solution);
  } else if (problem.theta > 0x1p-400 && problem.theta < 0x1p400) {
    const Enclosure weighted = product(exactly(problem.theta), of_solution);
    problem.phi =
        quotient(product(exactly(problem.theta), norm), square_root(sum(exactly(1), product(weighted, weighted))));
  } else {
    throw Error(
        fmt::format("[least_squares_backward_error] theta |x| is {}: take an infinite theta, or one nearer to "
                    "1 / |x|",
                    problem.theta));
  }
  problem.phi_value = problem.phi.upper ? 0.5 * (problem.phi.lower.value() + problem.phi.upper->value()) : 0;
  if (!problem.phi.upper || !(problem.phi_value < 0x1p400)) {
    throw Error("[least_squares_backward_error] the residual is too large compared with A; scale b or x");
  }
  return problem;
}

// |A^T r| / |r|, r exact up to its radius: |A^T r| within |A| |radius| and rounding.
Enclosure at_origin(const Problem& problem) {
  const std::int64_t n = problem.a.columns();
  std::vector<double> image(static_cast<std::size_t>(n));
  const std::span<const double> r = problem.r.value;
  for (std::int64_t j = 0; j < n; ++j) {
    const std::span<const double> column = problem.a.column(j);
    for (std::size_t i = 0; i < column.size(); ++i) image[static_cast<std::size_t>(j)] += column[i] * r[i];
  }
  const Enclosure size = p_norm(problem.a.values(), 2);
  const Enclosure of_r = p_norm(r, 2);
  const Enclosure loose = p_norm(problem.r.radius, 2);
  const double slack = gamma(problem.a.rows() + 2);
  const Enclosure error = product(size, sum(product(exactly(slack), of_r), sum(loose, exactly(0x1p-1000))));
  return quotient(moved(p_norm(image, 2), error), moved(of_r, loose));
}

// Whether nothing of the computed residual is left, not even its direction.
bool is_rounding(const Problem& problem) {
  return std::ranges::all_of(problem.r.value, [](double value) { return value == 0; });
}

double estimate_of(const Problem& problem) {
  const SerialBlas serial;
  const std::int64_t m = problem.a.rows();
  const std::int64_t n = problem.a.columns();
  Matrix<double> tall(m + n, n);
  for (std::int64_t j = 0; j < n; ++j) {
    std::ranges::copy(problem.a.column(j), tall.column(j).begin());
    tall(m + j, j) = problem.phi_value;
  }
  Matrix<double> right(m + n, 1);
  const double norm = blas::norm(problem.r.value);
  for (std::int64_t i = 0; i < m; ++i) right(i, 0) = problem.r.value[static_cast<std::size_t>(i)] / norm;
  const Matrix<double> q = lapack::orthonormal(std::move(tall));
  const Matrix<double> projected = lapack::product(q, right, true);
  return problem.phi_value * blas::norm(projected.values());
}

}  // namespace

double karlson_walden(const Matrix<double>& a, std::span<const double> x, std::span<const double> b, double theta) {
  const FloatingEnvironment environment;
  const Problem problem = problem_of(a, x, b, theta);
  if (problem.consistent || is_rounding(problem)) return 0;
  if (problem.phi_value == 0) return times_power(at_origin(problem).lower.value(), problem.exponent);
  return times_power(estimate_of(problem), problem.exponent);
}

// M = [A, phi (I - r r^+)] is formed with rounded entries. |r r^+ - s s^+| <= 2 |r - s| / |s| for the computed s;
// forming phi (I - s s^+) from a norm with an error of gamma_{m+2} has an error of less than m (m + 64) 2^-50 phi; and
// phi has its enclosure. The smallest singular value moves by no more than the sum (Weyl).
LeastSquaresBackwardError least_squares_backward_error(const Matrix<double>& a, std::span<const double> x,
                                                       std::span<const double> b, double theta,
                                                       const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const Problem problem = problem_of(a, x, b, theta);
  if (problem.consistent) return {exactly(0), 0};
  if (is_rounding(problem)) return {scaled(no_more_than(problem.phi), problem.exponent), 0};
  if (problem.phi_value == 0) {
    const Enclosure error = scaled(at_origin(problem), problem.exponent);
    return {error, error.lower.value()};
  }
  const std::int64_t m = a.rows();
  const std::int64_t n = a.columns();
  const Enclosure of_r = p_norm(problem.r.value, 2);
  const NormRange computed = norm_range(problem.r.value);
  const double norm = std::ldexp(computed.computed, computed.exponent);
  Matrix<double> wide(m, n + m);
  std::ranges::copy(problem.a.values(), wide.values().begin());
  for (std::int64_t j = 0; j < m; ++j) {
    const double s = problem.r.value[static_cast<std::size_t>(j)] / norm;
    for (std::int64_t i = 0; i < m; ++i) {
      const double outer = problem.r.value[static_cast<std::size_t>(i)] / norm * s;
      wide(i, n + j) = problem.phi_value * ((i == j ? 1.0 : 0.0) - outer);
    }
  }
  const double rounding = static_cast<double>(m) * static_cast<double>(m + 64) * 0x1p-50;
  const Enclosure loose = quotient(product(exactly(2), p_norm(problem.r.radius, 2)), of_r);
  const Enclosure width = difference(problem.phi, exactly(problem.phi.lower.value()));
  const Enclosure error = sum(sum(product(problem.phi, sum(exactly(rounding), loose)), width), exactly(0x1p-900));
  SvdOptions<double> solve;
  solve.which = Which::smallest;
  solve.random = options.random;
  CertifyOptions certify = options;
  certify.method = CertifyMethod::proven;
  const Tensor tensor = Tensor::view_of(wide.values(), {m, n + m}, {1, m});
  const CertifiedSvd<double> least = certified_svd(*dense<double>(tensor), solve, certify, context);
  const Enclosure sigma = moved(least.sigma.front(), no_more_than(error));
  const Enclosure pair[] = {problem.phi, sigma};
  return {scaled(smallest(pair), problem.exponent), times_power(estimate_of(problem), problem.exponent)};
}

}  // namespace sigmax::bounds
