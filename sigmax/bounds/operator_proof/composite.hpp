// Proven bounds of expressions of any size. Internal to bounds/.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sigmax/bounds/matrix_proof/values_proof.hpp"
#include "sigmax/bounds/measured.hpp"
#include "sigmax/bounds/operator_proof/expression.hpp"
#include "sigmax/core/rng.hpp"

namespace sigmax::bounds {

/// Limits on the cost of a proof.
struct Limits {
  std::int64_t shorter = 4096;          ///< the order of a matrix that is factored, at most
  std::int64_t entries = 1 << 27;       ///< of a composite that is formed, at most
  double relative_width = 0;            ///< that is enough
  std::optional<RandomState> random{};  ///< as ProofOptions::random
};

/// Whether prove() below applies: to a stored matrix, or a composite that may be formed, with a shorter side within the
/// limits.
bool is_provable(const Expression& e, const Limits& limits);

/// |N|_2 enclosed by a Cholesky factorization: of the stored matrix, or of the matrix M that the composite was formed
/// into, both ends moved outward by the bound on |M - N|_F. `x` approximates the first right singular vector; empty:
/// unknown.
Measured prove(const Expression& e, std::span<const double> x, const Limits& limits, Context& context);

/// The k largest or smallest singular values of N enclosed (values_proof.hpp), of the stored matrix or of the matrix
/// that the composite was formed into, all ends moved outward by the bound on |M - N|_F. The vectors are those of N.
ProvenValues prove_values(const Expression& e, ValuesQuestion question, Context& context);

/// At least |N|_2 for a product B A of inner dimension r < min(rows, columns), from r x r matrices alone:
/// |B A|_2^2 = lambda_max((B^T B)(A A^T)) <= |L_A^T L_B|_2^2 for factors with L_A L_A^T >= A A^T, L_B L_B^T >= B^T B,
/// each as close as rounding allows. Cost: a read of B and A, r^2 (rows + columns) + O(r^3) flops. Infinite if the
/// factorizations fail or the limits do not allow them.
double inner_upper_bound(const Expression& product, const Limits& limits, Context& context);

/// Whether sigma_max(N) follows from that of smaller operators: a diagonal (its largest entry), a selection (the square
/// root of the most copies), the product of these two (the largest root of a sum of squares over the copies of an
/// entry), a Kronecker product (the product of those of its factors).
bool has_factors(const Expression& e);

/// lower <= |N|_2 <= upper, every rounding included. Nothing is known of a factor from below that is too large for
/// prove(): `lower` is then 0.
struct Ends {
  double lower = 0;
  double upper = 0;
};
Ends ends_of_factors(const Expression& e, const Limits& limits, Context& context);

/// At least |N|_2, for an expression too large to form: |A + B| <= |A| + |B|, |B A| <= |B| |A|, |s A| = |s| |A|,
/// |[A; B]|^2 <= |A|^2 + |B|^2, with the parts proven where they are small enough, products of small inner dimension by
/// inner_upper_bound(), what has factors by these, and Collatz quotients for the rest.
double algebraic_upper_bound(const Expression& e, const Limits& limits, Context& context);

}  // namespace sigmax::bounds
