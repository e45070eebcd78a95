#include "sigmax/bounds/matrix_proof/scanned_sums.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"

namespace sigmax::bounds {
namespace {

Enclosure between(double lower, double upper) { return Proof::enclosure(Proof::lower(lower), Proof::proven(upper)); }

// Each sum s_i is computed with a relative error of gamma_n, so max s_i and min s_i are as well: the i of the computed
// one bounds it on one side, that of the true one on the other. Additions do not underflow.
Enclosure sum_of(double computed, std::int64_t terms, double least) {
  if (computed == 0) return between(0, 0);
  const double error = gamma(terms);
  const double lower = round_down(smaller_of(computed, std::numeric_limits<double>::max()) * (1 - error));
  return between(larger_of(lower, least), larger_of(round_up(computed * (1 + error)), least));
}

void require_scanned(const kernels::StoredMatrix& a, const kernels::Scan& facts) {
  if (a.size() == 0) throw Error(fmt::format("[scanned_sums] the matrix is empty, {}x{}", a.rows, a.columns));
  require_finite(facts, "scanned_sums");
}

}  // namespace

// kernels/scan.hpp: gamma_n, and what underflows, at most 2^-270 of the largest square for each of fewer than 2^63
// entries, which one more unit roundoff covers. The division by a power of two is exact except for underflow, which
// round_up and round_down cover; |A|_F is at least the largest entry.
Enclosure scanned_frobenius(const kernels::StoredMatrix& a, const kernels::Scan& facts) {
  const FloatingEnvironment environment;
  require_scanned(a, facts);
  if (facts.max_abs == 0) return between(0, 0);
  const double error = gamma(a.rows + 2 * a.columns + 33);
  const double least = round_down(std::sqrt(facts.sum_squares * (1 - error)));
  const double most = round_up(std::sqrt(facts.sum_squares * (1 + error)));
  const double lower = smaller_of(round_down(least / facts.scale), std::numeric_limits<double>::max());
  return between(larger_of(lower, facts.max_abs), larger_of(round_up(most / facts.scale), facts.max_abs));
}

// The largest sums are at least the largest entry.
Enclosure scanned_row_sum(const kernels::StoredMatrix& a, const kernels::Scan& facts, bool smallest) {
  const FloatingEnvironment environment;
  require_scanned(a, facts);
  return smallest ? sum_of(facts.smallest_row_sum, a.columns, 0)
                  : sum_of(facts.largest_row_sum, a.columns, facts.max_abs);
}

Enclosure scanned_column_sum(const kernels::StoredMatrix& a, const kernels::Scan& facts, bool smallest) {
  const FloatingEnvironment environment;
  require_scanned(a, facts);
  return smallest ? sum_of(facts.smallest_column_sum, a.rows, 0)
                  : sum_of(facts.largest_column_sum, a.rows, facts.max_abs);
}

}  // namespace sigmax::bounds
