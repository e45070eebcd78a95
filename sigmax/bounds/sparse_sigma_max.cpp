#include "sigmax/bounds/sparse_sigma_max.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/matrix_proof/shifted_gram.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/svd/christoffel.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {
namespace {

using bounds::gamma;
using bounds::Measured;
using bounds::Proof;
using bounds::round_up;
using bounds::smaller_of;

// The lists of one side: list i holds the places begin[i] ... begin[i + 1] - 1.
std::int64_t longest(const kernels::CompressedRows& lists) {
  std::int64_t most = 0;
  for (std::size_t i = 0; i + 1 < lists.begin.size(); ++i) most = std::max(most, lists.begin[i + 1] - lists.begin[i]);
  return most;
}

// The largest sum of |a| over a list, rounded up.
double largest_sum(const kernels::CompressedRows& lists, std::span<const double> values) {
  double largest = 0;
  for (std::size_t i = 0; i + 1 < lists.begin.size(); ++i) {
    double sum = 0;
    for (std::int64_t e = lists.begin[i]; e < lists.begin[i + 1]; ++e)
      sum += std::fabs(values[static_cast<std::size_t>(e)]);
    largest = bounds::larger_of(largest, sum);
  }
  return round_up(largest * (1 + gamma(longest(lists))));
}

double at_least_norm(std::span<const double> x) {
  const bounds::NormRange range = bounds::norm_range(x);
  return std::ldexp(range.upper, range.exponent);
}

// The matrix times a power of two, its largest entry in [1/2, 1). Entries that fall below 2^-1022 lose at most 2^-1075
// each, which the ends allow for: sigma_max changes by at most sqrt(entries) 2^-1075.
struct Unit {
  SparseMatrix matrix;
  std::vector<double> by_columns;
  int exponent = 0;
  double lost = 0;       ///< at least the change of sigma_max
  double frobenius = 0;  ///< at least
  double schur = 0;      ///< at least |A|_1 |A|_inf

  const SparsePattern& pattern() const { return *matrix.pattern; }
  double norm() const { return round_up(smaller_of(frobenius, std::sqrt(schur)) + lost); }
};

std::optional<Unit> unit_of(const SparseMatrix& a) {
  const Shape shape = a.pattern->shape();
  if (shape.rows < 1 || shape.columns < 1) {
    throw Error(fmt::format("[sigma_max] the matrix is empty, {}x{}", shape.rows, shape.columns));
  }
  require_finite<double>(a.values, "sigma_max", "the sparse matrix");
  double largest = 0;
  for (const double value : a.values) largest = std::max(largest, std::fabs(value));
  if (largest == 0) return std::nullopt;
  Unit unit{SparseMatrix(a.pattern, a.values), {}, std::ilogb(largest) + 1};
  for (double& value : unit.matrix.values) value = std::ldexp(value, -unit.exponent);
  for (const std::int64_t e : a.pattern->from_rows()) {
    unit.by_columns.push_back(unit.matrix.values[static_cast<std::size_t>(e)]);
  }
  unit.lost = round_up(std::sqrt(static_cast<double>(a.values.size()))) * 0x1p-1074;
  unit.frobenius = at_least_norm(unit.matrix.values);
  unit.schur = round_up(largest_sum(unit.pattern().by_rows(), unit.matrix.values) *
                        largest_sum(unit.pattern().by_columns(), unit.by_columns));
  return unit;
}

// y = A v is computed with |error| <= gamma_k |A| |v| in each entry, k the longest row. |A| |v| is computed in the same
// way: at least 1 - gamma_k times itself.
LowerBound lower_end(const Unit& a, std::span<const double> v, Context& context) {
  std::vector<double> y(static_cast<std::size_t>(a.pattern().shape().rows));
  std::vector<double> sizes(y.size());
  std::vector<double> magnitudes = a.matrix.values;
  for (double& value : magnitudes) value = std::fabs(value);
  std::vector<double> of_v(v.begin(), v.end());
  for (double& value : of_v) value = std::fabs(value);
  kernels::multiply<double>(a.pattern().by_rows(), a.matrix.values, v, y, context);
  kernels::multiply<double>(a.pattern().by_rows(), magnitudes, of_v, sizes, context);
  const bounds::NormRange reached = bounds::norm_range(y);
  const bounds::NormRange length = bounds::norm_range(v);
  if (!std::isfinite(reached.upper) || !(length.lower > 0) || length.exponent != 0) return Proof::lower(0);
  // Products that underflow lose 2^-1075 each: with entries of v of at most 2^400 nothing else leaves the range.
  const double error = round_up(gamma(longest(a.pattern().by_rows()) + 2) * at_least_norm(sizes)) + 0x1p-900;
  const double least = bounds::round_down(std::ldexp(reached.lower, reached.exponent)) - error;
  return bounds::widened_lower(bounds::round_down(
      bounds::larger_of(bounds::round_down(bounds::larger_of(least, 0.0) / length.upper) - a.lost, 0.0)));
}

// The upper triangle of G = A^T A, or of A A^T if A has fewer rows. Column k of G is the sum of a_ik times row i of A
// over the entries (i, k) of column k, in their order, by one thread.
GramMatrix gram_of(const Unit& a, Context& context) {
  const Shape shape = a.pattern().shape();
  const bool of_rows = shape.rows < shape.columns;
  const kernels::CompressedRows outer = of_rows ? a.pattern().by_rows() : a.pattern().by_columns();
  const kernels::CompressedRows inner = of_rows ? a.pattern().by_columns() : a.pattern().by_rows();
  const std::span<const double> outer_values = of_rows ? a.matrix.values : a.by_columns;
  const std::span<const double> inner_values = of_rows ? a.by_columns : a.matrix.values;
  const std::int64_t n = outer.rows();
  GramMatrix g{n,
               std::max<std::int64_t>(longest(outer), 1),
               1,
               of_rows,
               context.scratch<double>(static_cast<std::size_t>(n * n)),
               Triangles::upper};
  context.parallel_for(static_cast<std::size_t>(n), [&](std::size_t k) {
    double* const column = g.values.data() + static_cast<std::int64_t>(k) * n;
    std::fill_n(column, k + 1, 0.0);
    for (std::int64_t e = outer.begin[k]; e < outer.begin[k + 1]; ++e) {
      const double value = outer_values[static_cast<std::size_t>(e)];
      const auto i = static_cast<std::size_t>(outer.column[static_cast<std::size_t>(e)]);
      for (std::int64_t f = inner.begin[i]; f < inner.begin[i + 1]; ++f) {
        const std::int32_t j = inner.column[static_cast<std::size_t>(f)];
        if (j > static_cast<std::int32_t>(k)) break;
        column[j] += value * inner_values[static_cast<std::size_t>(f)];
      }
    }
  });
  return g;
}

// tau <- sigma^2 (1 + slack);  until cholesky(tau I - G) completes: slack <- 16 slack
// sigma_max^2 <= tau + |E_cholesky| + |E_diagonal| + |E_gram|, as in matrix_proof/gram_proof.cpp, with
// |E_gram| <= gamma_t | |A|^T |A| | + underflow, t the most products in one entry of G.
double by_factorization(const Unit& a, double sigma, double residual, double width, Context& context) {
  GramMatrix g = gram_of(a, context);
  const double n = static_cast<double>(g.order);
  const double spread = smaller_of(round_up(a.frobenius * a.frobenius), a.schur);
  const double of_gram = round_up(gamma(g.terms) * spread + n * bounds::inner_product_underflow(g.terms));
  const std::vector<double> diagonal = bounds::take_diagonal(g);
  const double least = round_up(n * (n + 9) * bounds::kUnitRoundoff) + 0x1p-46;
  double slack = bounds::larger_of(least + smaller_of(residual, 1e3 * residual * residual), width);
  for (int attempt = 0; attempt < 9; ++attempt, slack *= 16) {
    context.check_cancel();
    const double tau = sigma > 0 ? sigma * sigma * (1 + slack) : spread;
    const double rounding = bounds::shift(g, diagonal, -1, tau, context);
    if (cholesky(g.values.data(), g.order, context)) {
      return round_up(std::sqrt(round_up(tau + rounding + of_gram)) + a.lost);
    }
  }
  return a.norm();
}

}  // namespace

Enclosure sigma_max(const SparseMatrix& a, const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  check_failure_probability("sigma_max", options.failure_probability);
  if (!(options.relative_width >= 0)) {
    throw Error(fmt::format("[sigma_max] relative_width must not be negative, got {}", options.relative_width));
  }
  const std::optional<Unit> unit = unit_of(a);
  if (!unit) return bounds::zero_enclosure();
  const Operator<double> op = sparse<double>(unit->matrix);
  SvdOptions<double> search;
  search.random = options.random;
  search.check = Check::none;  // the enclosure replaces the check
  if (options.relative_width > 8 * search.tolerance) search.tolerance = std::min(options.relative_width / 8, 1e-2);
  const SvdResult<double> found = svd(*op, search, context);
  const LowerBound lower = lower_end(*unit, found.v.column(0), context);
  const auto finished = [&](std::optional<UpperBound> upper) {
    return bounds::scaled(Measured{Proof::enclosure(lower, upper), found.sigma[0]}, std::int64_t{unit->exponent})
        .sigma_max;
  };
  if (options.method == CertifyMethod::none) return finished(std::nullopt);
  double upper = bounds::widened_upper(unit->norm());
  if (options.method == CertifyMethod::cheapest || upper - lower.value() <= options.relative_width * upper) {
    return finished(Proof::proven(upper));
  }
  const Shape shape = a.pattern->shape();
  const bool may_factor = options.admits_factorization() && bounds::blas_supports_proofs() &&
                          std::min(shape.rows, shape.columns) <= options.proven_up_to;
  if (may_factor) {
    const double proven = by_factorization(*unit, found.sigma[0], found.residual[0], options.relative_width, context);
    return finished(Proof::proven(smaller_of(upper, bounds::widened_upper(proven))));
  }
  if (options.admits_probable()) {
    CertifyOptions probable = options;
    probable.method = CertifyMethod::probabilistic;
    const Enclosure e = certify(*op, found, probable, context);
    const double value = e.upper ? round_up(e.upper->value() + unit->lost) : upper;
    if (value >= lower.value() && value < upper) {
      return finished(e.upper->certainty() == Certainty::proven
                          ? Proof::proven(value)
                          : Proof::probabilistic(value, e.upper->failure_probability()));
    }
  }
  return finished(Proof::proven(upper));
}

}  // namespace sigmax
