// Robust principal component analysis: a matrix as a low-rank plus a sparse one.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/recovery/result.hpp"

namespace sigmax::recovery {

struct RobustPca {
  LowRank low_rank;
  Matrix<double> sparse;     ///< S, with exact zeros; L + S is M except for what the tolerance allows
  std::int64_t nonzero = 0;  ///< entries of S
  /// The optimum of the problem: the upper end is what (L, M - L) reaches, the lower end what `dual` proves. Its kind
  /// is that of the upper end of sigma_max(dual).
  Enclosure optimum;
  /// (upper - lower) / upper, also where the optimum itself leaves the range of double.
  double relative_gap = 0;
  RecoveryOutcome outcome = RecoveryOutcome::converged;
  std::vector<double> dual{};  ///< the matrix Y of the dual problem, column-major
  double penalty = 0;          ///< for a Start
  std::int64_t iterations = 0;
  std::int64_t products = 0;  ///< as SvdOptions::max_products counts
};

/// min |L|_* + lambda sum |m_ij - l_ij| (Candes, Li, Ma and Wright, J. ACM 58, 2011). lambda is a pure number and has
/// no default; 1 / sqrt(max(rows, columns)) is the value of that paper, for errors in random places. For lambda of 1 or
/// more the answer is S = 0, and the optimum |M|_*; for lambda up to 1 / sqrt(rows columns) it is L = 0, and the
/// optimum lambda sum |m_ij|.
///
/// The iteration is the inexact augmented Lagrangian method (Lin, Chen and Ma, 2010), with a penalty that rises only
/// while the misfit M - L - S costs more in the gap than the dual, falls where it costs far less, and stays as it is
/// after half of the iterations. The common form raises it by 1.5 in every step and stops at a small misfit; its answer
/// can then be percent above the optimum (docs/recovery.md).
///
/// Cost of one iteration: about 4 (2 r + 10) products with M for the rank r, or a full decomposition for ranks beyond a
/// fifth of the shorter side, and 2 r rows columns flops. Memory: three matrices of doubles, and those of the proof.
///
/// Throws Error if the tensor is not a matrix of real numbers with entries, for an entry that is NaN or infinite, and
/// for a lambda that is not positive; Canceled on request. A zero matrix has the optimum [0, 0].
RobustPca robust_pca(const Tensor& matrix, double lambda, const RecoveryOptions& options, Context& context);

/// As above, on every hardware thread.
RobustPca robust_pca(const Tensor& matrix, double lambda, const RecoveryOptions& options = {});

}  // namespace sigmax::recovery
