#include "sigmax/bounds/nuclear_norm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "sigmax/bounds/arithmetic.hpp"
#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/definite.hpp"
#include "sigmax/bounds/matrix_proof/left_inverse.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/lu.hpp"
#include "sigmax/linalg/multiply.hpp"

namespace sigmax::bounds {
namespace {

// More than what underflows in an inner product of fewer than 2^40 terms with factors of at most 2, over all entries.
constexpr double kNuclearUnderflow = 0x1p-960;

// About |X|_2, from below, by the power method on X^T X. It chooses a scaling, and nothing else depends on it.
double approximate_length(const Matrix<double>& x, Context& context) {
  Matrix<double> vectors(x.columns(), 2);
  Matrix<double> images(x.rows(), 2);
  static_cast<void>(fill_normal(random_state(0), vectors.values()));
  double square = 0;
  for (int step = 0; step < 5; ++step) {
    multiply_add(1, x, false, vectors, 0, images, context);
    multiply_add(1, x, true, images, 0, vectors, context);
    square = 0;
    for (std::int64_t k = 0; k < vectors.columns(); ++k) {
      double sum = 0;
      for (const double value : vectors.column(k)) sum += value * value;
      const double length = std::sqrt(sum);
      for (double& value : vectors.column(k)) value /= length;
      square = std::max(square, length);
    }
  }
  return std::sqrt(square);
}

// The scaling of Byers and Xu, SIAM J. Matrix Anal. Appl. 30 (2008): where the singular values of X lie in [l, u], the
// best factor is 1 / sqrt(l u), and those of the next X lie in [1, (z + 1 / z) / 2], z = sqrt(u / l).
class Scaling {
 public:
  // `x` and `y` are about |X|_2 and |X^-1|_2, from below.
  void start(double x, double y) {
    factor_ = std::sqrt(y / x);
    spread_ = 1.1 * std::sqrt(x * y);
  }
  void advance() {
    spread_ = std::sqrt(0.5 * (spread_ + 1 / spread_));
    factor_ = is_done() ? 1 : 1 / spread_;
  }
  bool is_done() const { return spread_ < 1 + 1e-6; }
  double factor() const { return factor_; }

 private:
  double factor_ = 1;
  double spread_ = 1;  // z
};

// X <- (mu X + X^-T / mu) / 2. With mu = 1 near the end it converges quadratically. Singular values up to 1e16 apart
// take about 9 steps, those of a Gaussian matrix of order 2000 take 6. A step that is computed badly is seen by the
// proof: 20 steps are enough for any matrix that has an inverse in double.
std::optional<Matrix<double>> polar_factor(Matrix<double> x, Context& context) {
  const double root = std::sqrt(static_cast<double>(x.columns()));
  Scaling scaling;
  double change = std::numeric_limits<double>::infinity();
  for (int step = 0; step < 20; ++step) {
    context.check_cancel();
    const std::optional<Lu> factored = lu(x, context);
    if (!factored) return std::nullopt;
    const Matrix<double> y = adjoint_inverse(*factored, context);
    // A start from a bad estimate ends far from 1, and then begins again.
    if (scaling.is_done() && change > 0.01 * root) {
      scaling.start(approximate_length(x, context), approximate_length(y, context));
    } else {
      scaling.advance();
    }
    const double mu = scaling.factor();
    if (!(mu > 0) || !std::isfinite(mu) || !std::isfinite(1 / mu)) return std::nullopt;
    double square = 0;
    for (std::size_t i = 0; i < x.values().size(); ++i) {
      const double next = 0.5 * (mu * x.values()[i] + y.values()[i] / mu);
      const double moved = next - x.values()[i];
      square += moved * moved;
      x.values()[i] = next;
    }
    change = std::sqrt(square);
    if (!std::isfinite(change)) return std::nullopt;
    // The next step would change X by about half the square of that, which is below the width of the proof.
    if (mu == 1 && change < 3e-7 * root) break;
  }
  return x;
}

// The polar factor of B, which has at least as many rows as columns.
std::optional<Matrix<double>> polar_factor_of(const Matrix<double>& b, Context& context) {
  if (b.rows() == b.columns()) return polar_factor(b, context);
  const SerialBlas serial;
  Matrix<double> factored = b;
  const lapack::Qr qr(factored.view());
  const std::optional<Matrix<double>> of_r = polar_factor(qr.r(), context);
  if (!of_r) return std::nullopt;
  return qr.times(of_r->view());
}

// The trace of A^T B, of which `product` is computed, from below and above: sums of rows + columns terms in all, and
// sum |a_ij b_ij| <= |A|_F |B|_F.
struct Trace {
  double least = 0;
  double most = 0;
};
Trace trace_of(const Matrix<double>& product, std::int64_t terms, double size) {
  double sum = 0;
  for (std::int64_t i = 0; i < product.columns(); ++i) sum += product(i, i);
  const double error = round_up(gamma(terms + product.columns() + 2) * size + kNuclearUnderflow);
  // One subtraction or addition of two numbers: relative to both of them.
  const double slack = round_up(error + 0x1p-46 * std::fabs(sum));
  return {sum - slack, sum + slack};
}

// At least |Q|_2: |Q|_2^2 <= 1 + |Q^T Q - I|_F.
double length_of(const Matrix<double>& q, double frobenius, Context& context) {
  const std::int64_t n = q.columns();
  Matrix<double> defect(n, n);
  for (std::int64_t i = 0; i < n; ++i) defect(i, i) = 1;
  multiply_add(-1, q, true, q, 1, defect, context);
  const double terms = round_up(round_up(frobenius * frobenius) + std::sqrt(static_cast<double>(n)));
  const double error = round_up(gamma(q.rows() + 2) * terms + kNuclearUnderflow);
  return round_up(std::sqrt(round_up(1 + round_up(norm_bounds(defect, context).frobenius + error))));
}

// The ends for B, which may differ from what is stored by b.error in each singular value.
std::optional<Enclosure> enclosed(const TallMatrix& b, const Matrix<double>& q, Context& context) {
  const std::int64_t n = q.columns();
  const auto count = static_cast<double>(n);
  const double of_q = norm_bounds(q, context).frobenius;
  const double of_b = norm_bounds(b.values, context).frobenius;
  if (!(of_q < 0x1p100)) return std::nullopt;
  const double length = length_of(q, of_q, context);
  Matrix<double> product(n, n);
  multiply_add(1, q, true, b.values, 0, product, context);
  const Trace trace = trace_of(product, q.rows(), round_up(of_q * of_b));
  const Matrix<double> h = symmetrized(product);
  const double of_h = norm_bounds(h, context).frobenius;
  // H is nearly definite: its smallest eigenvalue is at least about -n u |H|.
  const std::optional<double> lambda = smallest_eigenvalue_above(h, -0x1p-44 * of_h, context);
  if (!lambda) return std::nullopt;
  Matrix<double> rest = b.values;
  multiply_add(-1, q, false, h, 1, rest, context);
  const double error = round_up(gamma(n + 2) * round_up(of_b + round_up(of_q * of_h)) + kNuclearUnderflow);
  const double of_rest = round_up(norm_bounds(rest, context).frobenius + error);
  // The diagonal of H is that of the product, and its sum is known: |H|_* = tr H + 2 sum of |negative eigenvalues|.
  const double diagonal = round_up(trace.most > 0 ? trace.most : 0.0);
  const double of_values = round_up(diagonal + round_up(2 * count * larger_of(-*lambda, 0)));
  const double moved = round_up(count * b.error);
  const double upper =
      round_up(round_up(length * of_values) + round_up(round_up(std::sqrt(count)) * of_rest) + (moved > 0 ? moved : 0));
  const double lower = round_down(larger_of(trace.least, 0) / length) - (b.error > 0 ? moved : 0);
  return Proof::enclosure(Proof::lower(round_down(larger_of(lower, 0))), Proof::proven(upper));
}

}  // namespace

std::optional<Enclosure> enclose_nuclear_norm(ScannedMatrix& a, const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const kernels::StoredMatrix& matrix = a.view().matrix;
  if (matrix.size() == 0) {
    throw Error(fmt::format("[enclose_nuclear_norm] the matrix is empty, {}x{}", matrix.rows, matrix.columns));
  }
  require_finite(a.facts(), "enclose_nuclear_norm");
  if (a.facts().max_abs == 0) return Proof::enclosure(Proof::lower(0), Proof::proven(0));
  const bool factors = options.admits_factorization() && matrix.size() <= options.formed_up_to &&
                       std::min(matrix.rows, matrix.columns) <= options.proven_up_to && blas_supports_proofs();
  if (!factors) return std::nullopt;
  const SerialBlas serial;
  const TallMatrix b = tall_matrix(matrix, 0, context);
  const std::optional<Matrix<double>> q = polar_factor_of(b.values, context);
  if (!q) return std::nullopt;
  const std::optional<Enclosure> found = enclosed(b, *q, context);
  require_unchanged(a.in_range(context), context);
  // A wide one is that of a matrix whose polar factor was not found.
  if (!found || !(found->relative_width() <= larger_of(options.relative_width, 1e-8))) return std::nullopt;
  return scaled(*found, -b.exponent);
}

}  // namespace sigmax::bounds
