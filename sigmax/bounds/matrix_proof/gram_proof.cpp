#include "sigmax/bounds/matrix_proof/gram_proof.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/matrix_proof/shifted_gram.hpp"
#include "sigmax/bounds/matrix_proof/stored_bounds.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/matvec.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax::bounds {
namespace {

// A vector on the side of G, and the results of one product with A and one with A^T.
struct Ritz {
  std::vector<double> x;
  LowerBound lower = Proof::lower(0);
  double sigma = 0;     // |A x| / |x|
  double residual = 1;  // |A^T A x - sigma^2 x| / (sigma^2 |x|): 1 if unknown
};

Ritz look_at(const InRange& a, bool of_rows, std::vector<double> x, Context& context) {
  Ritz ritz;
  std::vector<double> y(static_cast<std::size_t>(of_rows ? a.matrix.columns : a.matrix.rows));
  const LowerResult lower = lower_bound(a, x, of_rows, y, context);
  ritz.lower = lower.bound;
  ritz.sigma = lower.estimate;
  std::vector<double> z(x.size());
  if (of_rows) {
    kernels::multiply<double>(a.matrix, y, z, context);
  } else {
    kernels::multiply_transposed<double>(a.matrix, y, z, context);
  }
  const double theta = ritz.sigma * ritz.sigma;
  double square = 0;
  // Relative to theta before it is squared: theta may be as large as 2^800.
  for (std::size_t i = 0; i < x.size(); ++i) square += (z[i] / theta - x[i]) * (z[i] / theta - x[i]);
  const double residual = std::sqrt(square / sum_squares(x));
  if (std::isfinite(residual)) ritz.residual = smaller_of(residual, 1.0);
  ritz.x = std::move(x);
  return ritz;
}

Ritz find_top(const InRange& a, bool of_rows, const RandomState& random, Context& context) {
  SvdOptions<double> options;
  options.random = random;
  options.tolerance = 1e-14;
  options.max_products = 600;
  options.method = Lanczos{};
  options.check = Check::none;
  const SvdResult<double> top = svd(*dense<double>(a.matrix), options, context);
  const std::span<const double> x = of_rows ? top.u.column(0) : top.v.column(0);
  return look_at(a, of_rows, {x.begin(), x.end()}, context);
}

Ritz start(const InRange& a, bool of_rows, const ProofOptions& options, Context& context) {
  if (options.vector.empty()) return find_top(a, of_rows, RandomState{}, context);
  std::vector<double> x(options.vector.begin(), options.vector.end());
  if (options.of_rows != of_rows) {
    std::vector<double> image(static_cast<std::size_t>(of_rows ? a.matrix.rows : a.matrix.columns));
    if (of_rows) {
      kernels::multiply<double>(a.matrix, x, image, context);
    } else {
      kernels::multiply_transposed<double>(a.matrix, x, image, context);
    }
    x = std::move(image);
  }
  const NormRange norm = norm_range(x);
  if (!(norm.lower > 0)) return find_top(a, of_rows, RandomState{}, context);
  const double factor = 1 / norm.upper;
  for (double& value : x) value = std::ldexp(value, -norm.exponent) * factor;
  Ritz ritz = look_at(a, of_rows, std::move(x), context);
  // With a vector this poor, tau would be a guess.
  return ritz.residual > 1e-2 ? find_top(a, of_rows, RandomState{}, context) : ritz;
}

// Guessed relative error of theta: residual^2 / gap, with a gap of a thousandth, and never more than the residual.
double guessed_error(double residual) { return smaller_of(residual, 1e3 * residual * residual); }

// x <- (tau I - G)^-1 x three times: errors along other vectors shrink by (tau - lambda_1) / (tau - lambda_i) each.
void improve(const GramMatrix& g, std::vector<double>& x) {
  const SerialBlas serial;
  const int n = static_cast<int>(g.order);
  for (int step = 0; step < 3; ++step) {
    cblas_dtrsv(CblasColMajor, CblasLower, CblasNoTrans, CblasNonUnit, n, g.values.data(), n, x.data(), 1);
    cblas_dtrsv(CblasColMajor, CblasLower, CblasTrans, CblasNonUnit, n, g.values.data(), n, x.data(), 1);
    const double norm = std::sqrt(sum_squares(x));
    if (!(norm > 0) || !std::isfinite(norm)) return;
    for (double& value : x) value /= norm;
  }
}

}  // namespace

double gram_error(const InRange& a, const GramMatrix& g) {
  const FloatingEnvironment environment;
  const double magnitude = g.scale * frobenius_upper_bound(a);
  const double spread = smaller_of(round_up(magnitude * magnitude), round_up(schur_upper_bound(a) * g.scale * g.scale));
  const double n = static_cast<double>(g.order);
  return round_up(gamma(g.terms) * spread + n * inner_product_underflow(g.terms));
}

// tau <- theta (1 + slack);  until cholesky(tau I - G) completes: slack <- 16 slack
// sigma_max^2 <= tau + |E_cholesky| + |E_diagonal| + |E_product|
// if that is too wide: x <- (tau I - G)^-3 x, and once more with the better theta
Measured prove(const InRange& a, GramMatrix& g, const ProofOptions& options, Context& context) {
  const FloatingEnvironment environment;
  if (a.facts.max_abs == 0) return {zero_enclosure(), 0};
  Ritz top = start(a, g.of_rows, options, context);
  double upper = norm_upper_bound(a).value();
  if (!blas_supports_proofs()) return {Proof::enclosure(top.lower, Proof::proven(upper)), top.sigma};
  const double product_error = gram_error(a, g);
  const std::vector<double> diagonal = take_diagonal(g);
  const double n = static_cast<double>(g.order);
  // Slack of about the error that will be added in any case: more would widen the enclosure, less would risk a second
  // try.
  const double least = round_up(n * (n + 9) * kUnitRoundoff) + 0x1p-46;
  double slack = larger_of(least + guessed_error(top.residual), options.relative_width);
  bool improved = false;
  for (int attempt = 0; attempt < 8; ++attempt) {
    context.check_cancel();
    const double theta = top.sigma * g.scale * top.sigma * g.scale;
    const double tau = theta > 0 ? theta * (1 + slack) : 0x1p-1000;
    const double rounding = shift(g, diagonal, -1, tau, context);
    if (!cholesky(g.values.data(), g.order, context)) {
      slack *= 16;
      if (attempt == 1) {  // the vector was of another matrix, or the constant start failed on this one
        top = find_top(a, g.of_rows, given_or_drawn(options.random), context);
        slack = least + guessed_error(top.residual);
      }
      continue;
    }
    // Weyl: no eigenvalue of tau I - G_computed is below -rounding, and G_computed is within product_error of G.
    const double square = round_up(tau + rounding + product_error);
    upper = smaller_of(upper, widened_upper(round_up(std::sqrt(square)) / g.scale));
    const bool enough = upper - top.lower.value() <= options.relative_width * upper;
    if (enough || improved || slack <= 4 * least) break;
    std::vector<double> x = top.x;
    improve(g, x);
    Ritz better = look_at(a, g.of_rows, std::move(x), context);
    improved = true;
    if (!(better.sigma >= top.sigma)) break;
    top = std::move(better);
    slack = smaller_of(least + guessed_error(top.residual), slack);
  }
  restore(g, diagonal, context);
  return {Proof::enclosure(top.lower, Proof::proven(upper)), top.sigma};
}

// L L^T = g + delta I + E_diagonal + E_cholesky, and g >= G - error. So L L^T >= G if delta is at least the sum of the
// three; their bound grows with delta by far less than delta itself, so twice the bound at delta = 0 should be enough,
// and this is checked.
bool dominate(GramMatrix& g, double error, Context& context) {
  const FloatingEnvironment environment;
  if (!blas_supports_proofs()) return false;
  const std::vector<double> diagonal = take_diagonal(g);
  const double at_zero = shift(g, diagonal, 1, 0.0, context);
  const double delta = round_up(2 * (at_zero + error)) + 0x1p-900;
  const double rounding = shift(g, diagonal, 1, delta, context);
  if (!(delta >= round_up(rounding + error))) return false;
  if (!cholesky(g.values.data(), g.order, context)) return false;
  for (std::int64_t j = 1; j < g.order; ++j) std::fill_n(g.values.data() + j * g.order, j, 0.0);
  return true;
}

}  // namespace sigmax::bounds
