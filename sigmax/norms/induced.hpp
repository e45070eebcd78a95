// Induced norms |A|_{p->q} = max |A x|_q / |x|_p for any p and q: value, proven ends, and a vector that reaches the
// value.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "sigmax/bounds/induced_bounds.hpp"
#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::norms {

struct InducedOptions {
  bool enclose = true;  ///< whether an upper end is wanted; without one, only the search and the lower end cost time
  /// How sigma_max is enclosed, of the matrix and of scaled ones.
  CertifyOptions certify{.proven_up_to = std::numeric_limits<std::int64_t>::max()};
  int starts = 16;                      ///< of the nonlinear power method
  int most_steps = 300;                 ///< of the nonlinear power method from the best start
  int mixing_rank = 32;                 ///< components of the vectors of the mixing method, at most
  int mixing_steps = 60;                ///< of the mixing method; 0: no scaling is tried unless it is trivial
  int collatz_steps = 1000;             ///< as long as they lead towards the lower end
  std::optional<RandomState> random{};  ///< of the starts. Empty: drawn
};

struct InducedNorm {
  double value = 0;                                         ///< |A x|_q / |x|_p of the vector x, inside the enclosure
  Enclosure enclosure;                                      ///< of |A|_{p->q}
  bounds::InducedProof proof = bounds::InducedProof::none;  ///< of the upper end
  std::vector<double> x;                                    ///< |x|_p = 1 except for rounding
  /// The dual vector of A x: |z|_{q*} = 1 and z^T A x = value. If x is the only maximizer up to sign, z x^T is the
  /// gradient of the norm with respect to A, otherwise a subgradient (if x is a maximizer at all).
  std::vector<double> z;
};

/// The induced norm for 1 <= p, q <= infinity. What the ends rest on:
///
/// | exponents | lower end | upper end |
/// | --- | --- | --- |
/// | 1 -> q, p -> infinity, one row or column | exact: the largest column or row | the same |
/// | 2 -> 2 | sigma_max | a Cholesky factorization, as bounds::enclose() |
/// | p >= q, A nonnegative | Boyd's iteration: exact except for rounding | a generalized Collatz quotient |
/// | p >= 2 >= q | a vector found | a diagonal scaling and sigma_max: a semidefinite relaxation |
/// | p <= q | a vector found | interpolation from columns, rows and sigma_max (M. Riesz) |
/// | others | a vector found | the best of these with the constants between vector norms |
///
/// Nonnegative means: up to signs of rows and columns. There Boyd's iteration converges if |A| is irreducible,
/// linearly. All upper ends that apply are tried, and the smallest is returned with its proof.
///
/// In all cases except the first three the norm is hard to compute (norms/induced/hardness.hpp), and the two ends stay
/// apart. The relaxation is at most 2.294 times the norm for p >= 2 >= q (Nesterov), 1.783 times for infinity -> 1
/// (Krivine), 1.254 times for 2 -> 1 and infinity -> 2. For large Gaussian matrices the ends of these three differ by a
/// factor of about 1.31, 1.12 and 1.12; docs/proofs.md has the figures.
///
/// The vector comes from Boyd's power method, x <- dual(A^T dual(A x)), from several starts: vectors of the mixing
/// method rounded at random, led from 2 -> 2 to p -> q in steps, and the largest columns and rows.
///
/// Cost, for an m x n matrix: a few hundred reads of A for the vectors, in blocks; for an upper end by scaling 128 m n
/// flops per step of the mixing method, a copy in double, and a proof of sigma_max; for interpolation the same proof.
///
/// A composite operator is formed if CertifyOptions::formed_up_to allows it, with its rounding in both ends. An
/// operator that is not formed (too large, or with an opaque part) has the quotient of a vector as lower end, and
/// sigma_max times n^max(1/2 - 1/p, 0) m^max(1/q - 1/2, 0) as upper end, of the kind that sigma_max() gives.
///
/// Throws Error for an empty matrix, for NaN and infinite entries, for p or q less than 1 or NaN, and where enclose()
/// and certify() do. A zero matrix has [0, 0]. An upper end beyond the range of double is missing. With equal random
/// states the result has the same bits for any number of threads.
///
/// Sources: D. W. Boyd, Linear Algebra Appl. 9 (1974); N. J. Higham, Numer. Math. 62 (1992); Yu. Nesterov, Optim.
/// Methods Softw. 9 (1998); P.-W. Wang, W.-C. Chang, J. Z. Kolter, arXiv 1706.00476 (the mixing method).
InducedNorm induced_norm(const Tensor& matrix, double p, double q, const InducedOptions& options, Context& context);
InducedNorm induced_norm(const Tensor& matrix, double p, double q, const InducedOptions& options = {});

template <Real T>
InducedNorm induced_norm(const LinearOperator<T>& a, double p, double q, const InducedOptions& options,
                         Context& context);

/// As above, on every hardware thread.
template <Real T>
InducedNorm induced_norm(const LinearOperator<T>& a, double p, double q, const InducedOptions& options = {}) {
  Context context;
  return induced_norm(a, p, q, options, context);
}

}  // namespace sigmax::norms
