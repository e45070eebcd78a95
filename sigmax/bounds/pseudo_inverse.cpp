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
#include "sigmax/bounds/induced_proof/near_matrix.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/left_inverse.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/matrix_proof/smallest_proof.hpp"
#include "sigmax/bounds/matrix_proof/stored_bounds.hpp"
#include "sigmax/bounds/matrix_proof/tall_inverse.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::bounds {
namespace {

// The relative width in the 1- and infinity-norm from which a rectangular matrix is worth another proof.
constexpr double kWideProjection = 1e-9;

Enclosure unknown() { return Proof::enclosure(Proof::lower(0), std::nullopt); }

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
  const NormRange length = norm_range(side.column(0));
  if (!(length.lower > 0) || length.exponent != 0) return Proof::proven(std::numeric_limits<double>::infinity());
  return Proof::proven(round_up(round_up(image_norms(b.values, side.column(0)).two / length.lower) + b.error));
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

Enclosure with_certainty_of(const Enclosure& kind, const Enclosure& ends) {
  const LowerBound lower = kind.lower.certainty() == Certainty::proven
                               ? ends.lower
                               : Proof::probabilistic_lower(ends.lower.value(), kind.lower.failure_probability());
  if (!ends.upper || !kind.upper || kind.upper->certainty() == Certainty::proven) {
    return Proof::enclosure(lower, ends.upper);
  }
  return Proof::enclosure(lower, Proof::probabilistic(ends.upper->value(), kind.upper->failure_probability()));
}

// 2^exponent A by columns, as tall_matrix() scales it.
Matrix<double> at_unit_scale(const StoredView& view, Context& context) {
  TallMatrix b = tall_matrix(view.matrix, 0, context);
  // b.values is view.matrix or its transpose, and the view is A or its transpose.
  return b.transposed == view.transposed ? std::move(b.values) : lapack::transposed(std::as_const(b.values).view());
}

// A norm of entries as it is computed, with a relative error of at most gamma_n.
struct Ends {
  double least, most;
};
Ends ends_of(double bound, std::int64_t terms) {
  return {round_down(round_down(bound) * (1 - 4 * gamma(terms + 130))), bound};
}

// norm_bounds()
std::int64_t terms_of_frobenius(const Matrix<double>& a) { return 2 * (a.rows() + a.columns()) + 33; }

// The norms of B, moved by what B may differ from its stored values.
void take_norms(PseudoInverse& result, const TallMatrix& b, bool turned, Context& context) {
  const NormBounds stored = norm_bounds(b.values, context);
  const auto known = [&](double bound, std::int64_t terms) {
    const Ends ends = ends_of(bound, terms);
    const double lower = round_down(larger_of(ends.least - b.error, 0.0));
    return Proof::enclosure(Proof::lower(lower), Proof::proven(round_up(ends.most + b.error)));
  };
  const Enclosure columns = known(stored.one, b.values.rows());
  const Enclosure rows = known(stored.inf, b.values.columns());
  result.norm_one = turned ? rows : columns;
  result.norm_inf = turned ? columns : rows;
  result.norm_frobenius = known(stored.frobenius, terms_of_frobenius(b.values));
}

// Norms of C as those of the transpose of what is stored. The projection defect is a Frobenius norm:
// |X|_1 <= sqrt(rows) |X|_F, |X|_inf <= sqrt(columns) |X|_F.
void take_entries(PseudoInverse& result, const LeftInverse& c, bool transposed, Context& context) {
  const NormBounds stored = norm_bounds(c.adjoint, context).transposed();
  const std::int64_t rows = c.adjoint.columns();
  const std::int64_t columns = c.adjoint.rows();
  const double wide = round_up(c.projection * std::sqrt(static_cast<double>(columns)));
  const double high = round_up(c.projection * std::sqrt(static_cast<double>(rows)));
  const Ends one = ends_of(stored.one, rows);
  const Ends inf = ends_of(stored.inf, columns);
  const Ends fro = ends_of(stored.frobenius, terms_of_frobenius(c.adjoint));
  const Enclosure by_columns = norm_from(one.least, one.most, c.error.one, high, high, c.residual.one);
  const Enclosure by_rows = norm_from(inf.least, inf.most, c.error.inf, wide, wide, c.residual.inf);
  result.one = transposed ? by_rows : by_columns;
  result.inf = transposed ? by_columns : by_rows;
  result.frobenius = norm_from(fro.least, fro.most, c.error.frobenius, c.projection, 0, c.residual.two());
}

// Norms of B^+ by a C that is close to it.
void take_entries(PseudoInverse& result, const TallInverse& c, bool transposed, Context& context) {
  const NormBounds stored = norm_bounds(c.adjoint, context).transposed();
  const std::int64_t rows = c.adjoint.columns();
  const std::int64_t columns = c.adjoint.rows();
  const auto around = [](Ends ends, double error) { return norm_from(ends.least, ends.most, error, 0, 0, 0); };
  const Enclosure by_columns = around(ends_of(stored.one, rows), c.error.one);
  const Enclosure by_rows = around(ends_of(stored.inf, columns), c.error.inf);
  result.one = tighter(result.one, transposed ? by_rows : by_columns);
  result.inf = tighter(result.inf, transposed ? by_columns : by_rows);
  result.frobenius =
      tighter(result.frobenius, around(ends_of(stored.frobenius, terms_of_frobenius(c.adjoint)), c.error.frobenius));
}

void take_all_entries(PseudoInverse& result, const TallMatrix& b, const LeftInverse& c, bool transposed,
                      Context& context) {
  take_entries(result, c, transposed, context);
  const double width = larger_of(result.one.relative_width(), result.inf.relative_width());
  if (b.values.rows() == b.values.columns() || width <= kWideProjection) return;
  if (const std::optional<TallInverse> near = tall_inverse(b, context))
    take_entries(result, *near, transposed, context);
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
  return {exponent,  unknown(), unknown(), unknown(), unknown(), unknown(), unknown(),
          unknown(), unknown(), false,     {},        1,         0};
}

// The answer where a matrix of zeros lies within `error` of A.
PseudoInverse near_zero(const kernels::StoredMatrix& matrix, double error) {
  PseudoInverse zero = nothing_known(0);
  zero.sigma_min = at_most(error);
  // |X|_1 <= sqrt(rows) |X|_F, |X|_inf <= sqrt(columns) |X|_F.
  const double side = std::sqrt(static_cast<double>(std::max(matrix.rows, matrix.columns)));
  zero.norm_one = zero.norm_inf = zero.norm_frobenius = at_most(error > 0 ? round_up(error * side) : 0.0);
  zero.singular = error == 0;
  return zero;
}

// Whether two columns are equal except for their signs, or one is zero: then the rank is less than the number of
// columns. Sorted by their entries, equal columns are neighbors.
bool has_dependent_columns(const Matrix<double>& b) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(b.columns()));
  std::vector<double> signs(order.size(), 0.0);
  for (std::int64_t j = 0; j < b.columns(); ++j) {
    order[static_cast<std::size_t>(j)] = j;
    for (const double value : b.column(j)) {
      if (value == 0) continue;
      signs[static_cast<std::size_t>(j)] = value > 0 ? 1 : -1;
      break;
    }
    if (signs[static_cast<std::size_t>(j)] == 0) return true;
  }
  const auto compare = [&](std::int64_t left, std::int64_t right) {
    const double of_left = signs[static_cast<std::size_t>(left)];
    const double of_right = signs[static_cast<std::size_t>(right)];
    for (std::int64_t i = 0; i < b.rows(); ++i) {
      const double difference = of_left * b(i, left) - of_right * b(i, right);
      if (difference != 0) return difference < 0 ? -1 : 1;
    }
    return 0;
  };
  std::ranges::sort(order, [&](std::int64_t left, std::int64_t right) { return compare(left, right) < 0; });
  return std::ranges::adjacent_find(
             order, [&](std::int64_t left, std::int64_t right) { return compare(left, right) == 0; }) != order.end();
}

bool is_seen_to_be_singular(const Matrix<double>& b) {
  return has_dependent_columns(b) || (b.rows() == b.columns() && has_dependent_columns(lapack::transposed(b.view())));
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

// The Gram matrix, if it is enough; otherwise an inverse, and a vector for the upper end where that is not sharp. The
// matrix is within `error` of `a` in the Frobenius norm.
PseudoInverse enclosed(ScannedMatrix& a, double error, const PseudoInverseRequest& request,
                       const CertifyOptions& options, Context& context) {
  const kernels::StoredMatrix& matrix = a.view().matrix;
  require_finite(a.facts(), "pseudo_inverse");
  if (a.facts().max_abs == 0) return near_zero(matrix, error);
  const std::int64_t exponent = unit_exponent(a);
  PseudoInverse result = nothing_known(exponent);
  const std::int64_t order = std::min(matrix.rows, matrix.columns);
  const double moved_by = error > 0 ? round_up(times_power(error, exponent)) : 0.0;  // of B
  // order sigma_min^2 <= sum sigma_i^2 = |B|_F^2
  const InRange& range = a.in_range(context);
  const std::int64_t up = exponent + std::ilogb(range.factor);  // B = 2^up times the matrix in range
  const double frobenius = round_up(times_power(frobenius_upper_bound(range), up) + moved_by);
  const double root = round_up(frobenius / round_down(std::sqrt(static_cast<double>(order))));
  result.sigma_min = Proof::enclosure(Proof::lower(0), Proof::proven(root));
  const bool factors = options.admits_factorization() && order <= options.proven_up_to && blas_supports_proofs();
  if (!factors) return result;
  if (request.two) {
    const Enclosure stored = scaled(smallest_by_gram(a, context), up);
    result.sigma_min = tighter(result.sigma_min, moved_by > 0 ? moved(stored, at_most(moved_by)) : stored);  // Weyl
  }
  const double enough = larger_of(options.relative_width, 1e-8);
  const bool sharp = request.two && result.sigma_min.relative_width() <= enough;
  if ((!sharp || request.entries) && matrix.size() <= options.formed_up_to) {
    const TallMatrix b = tall_matrix(matrix, error, context);
    const bool turned = b.transposed != a.view().transposed;
    if (request.entries) take_norms(result, b, turned, context);
    std::optional<LeftInverse> c = left_inverse(b, options.relative_width / 4, context);
    if (c) {
      if (request.entries) take_all_entries(result, b, *c, turned, context);
      if (request.two && !sharp) {
        result.sigma_min = tighter(result.sigma_min, reciprocal(two_norm_of(*c, options, context)));
      }
      result.residual = larger_of(larger_of(c->residual.one, c->residual.inf), c->residual.two());
      result.error = larger_of(c->error.one, c->error.inf);
      result.inverse = turned ? std::move(c->adjoint) : lapack::transposed(std::as_const(c->adjoint).view());
    }
    result.singular = !c && b.error == 0 && is_seen_to_be_singular(b.values);
    if (result.singular) {
      result.sigma_min = zero_enclosure();
    } else if (request.two && !(result.sigma_min.relative_width() <= 1e-6)) {
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

}  // namespace

// |C - exact|_{q->p} <= columns |C - exact|_1: |E x|_p <= |E x|_1 <= |E|_1 |x|_1 and |x|_1 <= columns |x|_q. The
// residual's p->p norm is at most the larger of its 1- and infinity-norm (M. Riesz).
Enclosure inverse_norm(const PseudoInverse& inverse, const Enclosure& norm_of_approximation) {
  const FloatingEnvironment environment;
  if (inverse.inverse.empty() || inverse.inverse.rows() != inverse.inverse.columns()) {
    throw Error(fmt::format("[inverse_norm] the verified inverse of a square matrix is needed, got {}x{}",
                            inverse.inverse.rows(), inverse.inverse.columns()));
  }
  const double error = round_up(inverse.error * static_cast<double>(inverse.inverse.columns()));
  const double most =
      norm_of_approximation.upper ? norm_of_approximation.upper->value() : std::numeric_limits<double>::infinity();
  const Enclosure ends = norm_from(norm_of_approximation.lower.value(), most, error, 0, 0, inverse.residual);
  // The kinds of the given ends, with the values found.
  return with_certainty_of(norm_of_approximation, ends);
}

std::int64_t unit_exponent(const ScannedMatrix& a) {
  return a.facts().max_abs > 0 ? -std::ilogb(a.facts().max_abs) - 1 : 0;
}

Enclosure inverse_lower_bound(ScannedMatrix& a, std::span<const double> y, double p, Context& context) {
  const FloatingEnvironment environment;
  require_finite(a.facts(), "inverse_lower_bound");
  const kernels::StoredMatrix& matrix = a.view().matrix;
  const std::int64_t columns = a.view().transposed ? matrix.rows : matrix.columns;
  const bool known = p == 1 || p == 2 || p == std::numeric_limits<double>::infinity();
  if (!known || static_cast<std::int64_t>(y.size()) != columns) {
    throw Error(
        fmt::format("[inverse_lower_bound] p = {} and a vector of {} entries for {} columns: p is 1, 2 or "
                    "infinity, and the vector has an entry for each column",
                    p, y.size(), columns));
  }
  const NormRange two = norm_range(y);
  if (!(two.lower > 0) || a.facts().max_abs == 0) return unknown();
  const Matrix<double> b = at_unit_scale(a.view(), context);
  // To a moderate scale, exactly except for entries far below the others, which the copy has exactly.
  double largest = 0;
  for (const double value : y) largest = larger_of(largest, std::fabs(value));
  std::vector<double> x(y.begin(), y.end());
  for (double& value : x) value = std::ldexp(value, -std::ilogb(largest));
  double one = 0;
  double inf = 0;
  for (const double value : x) {
    one += std::fabs(value);
    inf = larger_of(inf, std::fabs(value));
  }
  const NormRange length = norm_range(x);
  const ImageNorms image = image_norms(b, x);
  const double size = p == 1   ? round_down(one * (1 - gamma(columns)))
                      : p == 2 ? round_down(std::ldexp(length.lower, length.exponent))
                               : inf;
  const double of_image = p == 1 ? image.one : p == 2 ? image.two : image.inf;
  if (!(of_image > 0)) return unknown();
  const double quotient = smaller_of(round_down(size / round_up(of_image)), std::numeric_limits<double>::max());
  return Proof::enclosure(Proof::lower(quotient), std::nullopt);
}

PseudoInverse enclose_pseudo_inverse(ScannedMatrix& a, const PseudoInverseRequest& request,
                                     const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const kernels::StoredMatrix& matrix = a.view().matrix;
  if (matrix.size() == 0) {
    throw Error(fmt::format("[pseudo_inverse] the matrix is empty, {}x{}: it has no singular values", matrix.rows,
                            matrix.columns));
  }
  return enclosed(a, 0, request, options, context);
}

// A = 2^e (M + E), so that B = 2^k (M + E) = 2^(k - e) A.
template <Real T>
std::optional<PseudoInverse> enclose_pseudo_inverse(const LinearOperator<T>& a, const PseudoInverseRequest& request,
                                                    const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const Shape shape = a.shape();
  if (shape.rows < 1 || shape.columns < 1) {
    throw Error(fmt::format("[pseudo_inverse] the operator is empty, {}x{}: it has no singular values", shape.rows,
                            shape.columns));
  }
  const std::optional<NearMatrix> near = near_matrix(a, options.formed_up_to, context);
  if (!near) return std::nullopt;
  if (near->is_zero) {
    PseudoInverse zero = nothing_known(0);
    zero.sigma_min = zero_enclosure();
    zero.norm_one = zero.norm_inf = zero.norm_frobenius = zero_enclosure();
    zero.singular = true;
    return zero;
  }
  ScannedMatrix scanned(StoredView{Tensor(), near->range.matrix, near->transposed}, context);
  PseudoInverse result = enclosed(scanned, near->error, request, options, context);
  result.exponent -= near->exponent;
  return result;
}

template std::optional<PseudoInverse> enclose_pseudo_inverse<float>(const LinearOperator<float>&,
                                                                    const PseudoInverseRequest&, const CertifyOptions&,
                                                                    Context&);
template std::optional<PseudoInverse> enclose_pseudo_inverse<double>(const LinearOperator<double>&,
                                                                     const PseudoInverseRequest&, const CertifyOptions&,
                                                                     Context&);

}  // namespace sigmax::bounds
