#include "sigmax/bounds/pseudo_inverse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "sigmax/bounds/arithmetic.hpp"
#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/enclose.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/left_inverse.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/matrix_proof/shifted_gram.hpp"
#include "sigmax/bounds/matrix_proof/stored_bounds.hpp"
#include "sigmax/bounds/matrix_proof/values_proof.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/small_dense.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::bounds {
namespace {

Enclosure unknown() { return Proof::enclosure(Proof::lower(0), std::nullopt); }

// The eigenvectors of G for its smallest eigenvalues, as far as a few steps of inverse iteration find them, and the
// second smallest singular value. Nothing if G is not positive definite as far as a factorization can tell.
struct Smallest {
  std::vector<double> vector;
  double next = 0;  // in units of A
};

std::optional<Smallest> smallest_of(GramMatrix& g, Context& context) {
  const SerialBlas serial;
  constexpr int kMostSteps = 40;
  const std::int64_t n = g.order;
  const std::int64_t count = std::min<std::int64_t>(3, n);
  const std::vector<double> diagonal = take_diagonal(g);
  shift(g, diagonal, 1, 0.0, context);
  std::optional<Smallest> result;
  if (cholesky(g.values.data(), n, context)) {
    Matrix<double> x(n, count);
    static_cast<void>(fill_normal(RandomState{}, x.values()));
    const auto solve = [&](CBLAS_TRANSPOSE side) {
      cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, side, CblasNonUnit, static_cast<int>(n),
                  static_cast<int>(count), 1.0, g.values.data(), static_cast<int>(n), x.values().data(),
                  static_cast<int>(n));
    };
    double before = 0;
    for (int step = 0; step < kMostSteps; ++step) {
      context.check_cancel();
      x = lapack::orthonormal(std::move(x));
      const Matrix<double> basis = x;
      solve(CblasNoTrans);  // X^T G^-1 X = (L^-1 X)^T (L^-1 X)
      const SmallEigen ritz = largest_of_symmetric(lapack::product(x, x, true), count);
      const double value = ritz.value.front();
      if (!std::isfinite(value) || !(value > 0)) break;
      const Matrix<double> vectors = lapack::product(basis, ritz.vector);
      result = Smallest{{vectors.column(0).begin(), vectors.column(0).end()},
                        count > 1 && ritz.value[1] > 0 ? 1 / std::sqrt(ritz.value[1]) / g.scale : 0.0};
      // A vector that is right to 1e-8 gives the value to 1e-16.
      if (std::fabs(value - before) <= 1e-14 * value) break;
      before = value;
      solve(CblasTrans);
    }
  }
  restore(g, diagonal, context);
  return result;
}

// sigma_min of B by the Gram matrix: two Cholesky factorizations.
Enclosure by_gram(ScannedMatrix& a, Context& context) {
  GramMatrix& g = a.gram(context);
  const std::optional<Smallest> found = smallest_of(g, context);
  if (!found) return unknown();
  ValuesQuestion question;
  question.which = Which::smallest;
  question.right = MatrixView<const double>(found->vector);
  question.left = question.right;
  question.next = found->next;
  const ProvenValues values = prove_values(a.in_range(context), g, question, context);
  return scaled(values.sigma.front(), std::ilogb(g.scale));
}

// |B v| / |v| >= sigma_min, with B v summed in twice the precision (Ogita, Rump, Oishi, SIAM J. Sci. Comput. 26, 2005):
// the error of an entry is at most u |b_i^T v| + gamma_n^2 |b_i|^T |v|, and 2^-960 for underflow.
std::optional<double> image_length(const TallMatrix& b, std::span<const double> v) {
  const auto p = static_cast<std::size_t>(b.values.rows());
  std::vector<double> sum(p), low(p);
  double weight = 0;
  for (std::int64_t j = 0; j < b.values.columns(); ++j) {
    const double factor = v[static_cast<std::size_t>(j)];
    weight += std::fabs(factor);
    const std::span<const double> column = b.values.column(j);
    for (std::size_t i = 0; i < p; ++i) {
      const double term = column[i] * factor;
      const double of_term = std::fma(column[i], factor, -term);
      const double next = sum[i] + term;
      const double part = next - sum[i];
      const double of_sum = (sum[i] - (next - part)) + (term - part);
      sum[i] = next;
      low[i] += of_term + of_sum;
    }
  }
  for (std::size_t i = 0; i < p; ++i) sum[i] += low[i];
  const NormRange image = norm_range(sum);
  const NormRange length = norm_range(v);
  if (!(length.lower > 0) || length.exponent != 0) return std::nullopt;
  const double upper = round_up(std::ldexp(image.upper, image.exponent) * (1 + 4 * kUnitRoundoff));
  const double small = gamma(b.values.columns() + 1);
  // Entries of B are at most 1, so |b_i|^T |v| <= sum |v_j|.
  const double error =
      round_up(round_up(small * small) * round_up(weight * (1 + small)) + 0x1p-960) * std::sqrt(static_cast<double>(p));
  return round_up(round_up(upper + round_up(error)) / length.lower);
}

// A proven upper end of sigma_min of B from the vector that svd() finds for it.
UpperBound by_vector(ScannedMatrix& a, const TallMatrix& b, const CertifyOptions& options, Context& context) {
  const InRange& range = a.in_range(context);
  SvdOptions<double> search;
  search.which = Which::smallest;
  search.check = Check::none;
  search.random = options.random;
  const SvdResult<double> found = svd(*dense<double>(range.matrix), search, context);
  // The columns of B are the shorter side.
  const Matrix<double>& side = b.transposed ? found.u : found.v;
  const std::optional<double> length = image_length(b, side.column(0));
  return Proof::proven(length ? *length : std::numeric_limits<double>::infinity());
}

// |B^+| between (|C| - error - defect) / (1 + residual) and (|C| + error + defect) / (1 - residual), all in one norm:
// C B = I - R with |R| <= residual, so C P = (I - R) B^+ and C = C P + C (I - P).
Enclosure norm_from(double least, double most, double error, double defect_below, double defect_above,
                    double residual) {
  const double lower =
      round_down(larger_of(round_down(least) - round_up(error + defect_below), 0.0) / round_up(1 + residual));
  const double upper = residual < 1
                           ? round_up(round_up(most + round_up(error + defect_above)) / round_down(1 - residual))
                           : std::numeric_limits<double>::infinity();
  return Proof::enclosure(Proof::lower(lower), Proof::proven(upper));
}

// A norm of entries as it is computed, with a relative error of at most gamma_n.
struct Ends {
  double least, most;
};
Ends ends_of(double bound, std::int64_t terms) {
  return {round_down(round_down(bound) * (1 - 4 * gamma(terms + 130))), bound};
}

// Norms of C as those of the transpose of what is stored. The projection defect is a Frobenius norm:
// |X|_1 <= sqrt(rows) |X|_F, |X|_inf <= sqrt(columns) |X|_F.
void take_entries(PseudoInverse& result, const LeftInverse& c, bool transposed) {
  const NormBounds stored = norm_bounds(c.adjoint).transposed();
  const std::int64_t rows = c.adjoint.columns();
  const std::int64_t columns = c.adjoint.rows();
  const double wide = round_up(c.projection * std::sqrt(static_cast<double>(columns)));
  const double high = round_up(c.projection * std::sqrt(static_cast<double>(rows)));
  const Ends one = ends_of(stored.one, rows);
  const Ends inf = ends_of(stored.inf, columns);
  const Ends fro = ends_of(stored.frobenius, rows * columns);
  const Enclosure by_columns = norm_from(one.least, one.most, c.error.one, high, high, c.residual.one);
  const Enclosure by_rows = norm_from(inf.least, inf.most, c.error.inf, wide, wide, c.residual.inf);
  result.one = transposed ? by_rows : by_columns;
  result.inf = transposed ? by_columns : by_rows;
  result.frobenius = norm_from(fro.least, fro.most, c.error.frobenius, c.projection, 0, c.residual.two());
}

Enclosure two_norm_of(const LeftInverse& c, const CertifyOptions& options, Context& context) {
  const kernels::StoredMatrix stored = stored_matrix(c.adjoint.values().data(), c.adjoint.columns(), c.adjoint.rows());
  ScannedMatrix scanned(stored, context);
  CertifyOptions proven = options;
  proven.method = CertifyMethod::proven;
  proven.relative_width = 0;
  const Enclosure known = enclose(scanned, proven, context).sigma_max;
  const double most = known.upper ? known.upper->value() : std::numeric_limits<double>::infinity();
  return norm_from(known.lower.value(), most, c.error.two(), c.projection, 0, c.residual.two());
}

PseudoInverse nothing_known(std::int64_t exponent) {
  return {exponent, unknown(), unknown(), unknown(), unknown(), unknown(), {}, 1};
}

// What |B^+|_2 says of the other norms, from below: |X|_2 is at most |X|_F, sqrt(columns) |X|_1 and sqrt(rows) |X|_inf,
// and X = A^+ is of columns x rows.
void take_from_below(PseudoInverse& result, std::int64_t rows, std::int64_t columns) {
  const double two = result.two.lower.value();
  const auto at_least = [&](Enclosure& known, double value) {
    if (value > known.lower.value()) known = Proof::enclosure(Proof::lower(value), known.upper);
  };
  at_least(result.frobenius, two);
  at_least(result.one, round_down(two / round_up(std::sqrt(static_cast<double>(rows)))));
  at_least(result.inf, round_down(two / round_up(std::sqrt(static_cast<double>(columns)))));
}

}  // namespace

// the Gram matrix, if it is enough;  otherwise an inverse, and a vector for the upper end where that is not sharp
PseudoInverse enclose_pseudo_inverse(ScannedMatrix& a, const PseudoInverseRequest& request,
                                     const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const kernels::StoredMatrix& matrix = a.view().matrix;
  if (matrix.size() == 0) {
    throw Error(
        fmt::format("[pseudo_inverse] an empty matrix, {}x{}: it has no singular values", matrix.rows, matrix.columns));
  }
  require_finite(a.facts(), "pseudo_inverse");
  if (a.facts().max_abs == 0) {
    PseudoInverse zero = nothing_known(0);
    zero.sigma_min = zero_enclosure();
    return zero;
  }
  const std::int64_t exponent = -std::ilogb(a.facts().max_abs) - 1;
  PseudoInverse result = nothing_known(exponent);
  const std::int64_t order = std::min(matrix.rows, matrix.columns);
  // order sigma_min^2 <= sum sigma_i^2 = |B|_F^2
  const InRange& range = a.in_range(context);
  const double frobenius = times_power(frobenius_upper_bound(range), exponent + std::ilogb(range.factor));
  const double root = round_up(round_up(frobenius) / round_down(std::sqrt(static_cast<double>(order))));
  result.sigma_min = Proof::enclosure(Proof::lower(0), Proof::proven(root));
  const bool factors = options.admits_factorization() && order <= options.proven_up_to && blas_supports_proofs();
  if (!factors) return result;
  if (request.two) result.sigma_min = tighter(result.sigma_min, by_gram(a, context));
  const double enough = larger_of(options.relative_width, 1e-8);
  const bool sharp = request.two && result.sigma_min.relative_width() <= enough;
  if (!sharp || request.entries) {
    const TallMatrix b = tall_matrix(matrix, context);
    std::optional<LeftInverse> c = left_inverse(b, 1e-10, request.entries, context);
    if (c) {
      if (request.entries) take_entries(result, *c, b.transposed != a.view().transposed);
      if (request.two && !sharp) {
        result.sigma_min = tighter(result.sigma_min, reciprocal(two_norm_of(*c, options, context)));
      }
      result.residual = larger_of(larger_of(c->residual.one, c->residual.inf), c->residual.two());
      const bool turned = b.transposed != a.view().transposed;
      result.inverse = turned ? std::move(c->adjoint) : lapack::transposed(std::as_const(c->adjoint).view());
    }
    if (request.two && !(result.sigma_min.relative_width() <= 1e-6)) {
      result.sigma_min =
          tighter(result.sigma_min, Proof::enclosure(Proof::lower(0), by_vector(a, b, options, context)));
    }
  }
  require_unchanged(range, context);
  result.two = reciprocal(result.sigma_min);
  take_from_below(result, a.view().transposed ? matrix.columns : matrix.rows,
                  a.view().transposed ? matrix.rows : matrix.columns);
  return result;
}

}  // namespace sigmax::bounds
