// Matrix completion: a matrix of small nuclear norm from some of its entries.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/ops/sparse.hpp"
#include "sigmax/recovery/result.hpp"

namespace sigmax::recovery {

struct Completion {
  LowRank x;
  /// The optimum of the problem: the upper end is what `x` reaches, the lower end what `dual` proves. Its kind is that
  /// of the upper end of sigma_max(dual): proven, or probabilistic if both sides are longer than
  /// RecoveryOptions::certify.proven_up_to.
  Enclosure optimum;
  /// (upper - lower) / upper, also where the optimum itself leaves the range of double.
  double relative_gap = 0;
  RecoveryOutcome outcome = RecoveryOutcome::converged;
  /// At least |M - X|_F over the observed entries.
  double misfit = 0;
  /// The matrix Y of the dual problem: a value for each observed entry, in the order of rows.
  std::vector<double> dual{};
  std::optional<double> penalty{};  ///< of the multipliers, empty for soft_impute(); for a Start
  std::int64_t iterations = 0;
  std::int64_t products = 0;  ///< of one vector with the iterate or its transpose, as SvdOptions::max_products counts
  /// Rows and columns without an observed entry. They are zero in the answer: nothing is known about them.
  std::int64_t empty_rows = 0;
  std::int64_t empty_columns = 0;
};

/// min over X of 1/2 sum (m_ij - x_ij)^2 + lambda |X|_*, the sum over the observed entries: noisy entries, or a low
/// rank that is wanted more than a fit. lambda has the units of M and no default. X is zero from sigma_max(P(M)) on,
/// P(M) the observed entries and zeros elsewhere; the rank grows as lambda falls.
///
/// The iteration is soft-impute (Mazumder, Hastie and Tibshirani, JMLR 11, 2010), accelerated (Nesterov's momentum with
/// restarts), with the length of the steps from a line search and with lambda lowered to its value in steps. Each step
/// takes the leading triplets of a sparse plus a low-rank matrix, warm-started, never formed.
///
/// Cost of one iteration: about 4 (2 r + 10) products with the observed entries and the factors, r the rank. Memory:
/// about 80 bytes for each observed entry, and (rows + columns) times 6 r doubles. The proof at the end adds min(rows,
/// columns)^2 doubles up to RecoveryOptions::certify.proven_up_to.
///
/// Throws Error for a matrix without rows or columns, an entry that is NaN or infinite (which it names), a lambda that
/// is not positive, or below 2^-500 of the largest entry; Canceled on request. Duplicate places are refused by
/// SparseMatrix. Without observed entries, or with zeros alone, the answer is X = 0 and the optimum [0, 0].
Completion soft_impute(const SparseMatrix& observed, double lambda, const RecoveryOptions& options, Context& context);

/// As above, on every hardware thread.
Completion soft_impute(const SparseMatrix& observed, double lambda, const RecoveryOptions& options = {});

/// min |X|_* over the matrices with x_ij = m_ij at the observed entries, which are taken as exact.
///
/// `x` fits the entries except for `misfit`; the upper end of the optimum is that of x + P(M - X), which fits them
/// exactly. The iteration is the method of multipliers, whose inner problems are those of soft_impute() and are solved
/// no further than the multiplier needs: 60 steps at 4000 x 3000 with 5 % observed at rank 20. It takes most steps
/// where the entries barely determine the matrix. The alternating direction method, one plain step for each multiplier,
/// is not offered: docs/recovery.md has its time.
///
/// Cost, errors and special cases as soft_impute().
Completion complete(const SparseMatrix& observed, const RecoveryOptions& options, Context& context);

/// As above, on every hardware thread.
Completion complete(const SparseMatrix& observed, const RecoveryOptions& options = {});

}  // namespace sigmax::recovery
