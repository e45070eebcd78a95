// Enclosures of the optimum of nuclear-norm problems by weak duality: any X gives the upper end, any Y the lower.
//
// |Z|_* = max <Y, Z> over sigma_max(Y) <= 1. So every Y that satisfies the constraints of the dual problem gives a
// number that the optimum is at least, and every X one that it is at most. Nothing about the algorithm that found them
// is trusted: poor ones make the enclosure wider, never wrong. Y need not satisfy its constraints: it is multiplied by
// the number that makes it satisfy them, which takes an upper end of sigma_max(Y); the lower end is proven or
// probabilistic as that one is. Sums are rounded outward. Derivations: docs/proofs.md.
#pragma once

#include <cstdint>
#include <span>

#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/ops/sparse.hpp"

namespace sigmax::bounds {

/// X = U diag(sigma) V^T, exactly. The columns need not be orthonormal: |X|_* is at most sum |sigma_k| |u_k| |v_k|.
struct Factors {
  MatrixView<const double> u;     ///< rows x r
  std::span<const double> sigma;  ///< r
  MatrixView<const double> v;     ///< columns x r
};

/// The problem's data may have been divided by 2^exponent, and may have lost entries below 2^-1022 by that (2^-1075
/// each, which the ends allow for). The ends are those of the optimum before. Numbers should be of ordinary size: data
/// within 2^+-60; if those of X or Y are not, their end is missing.
struct Optimum {
  Enclosure value;
  double relative_gap;  ///< (upper - lower) / upper, of the problem as it was given here; infinite without an upper end
  double misfit;        ///< at least |M - X|_F on the observed entries, in the units given here
};

/// min over X of 1/2 sum (m_ij - x_ij)^2 + lambda |X|_*, the sum over the observed entries, lambda > 0.
/// max over Y of <Y, M> - |Y|_F^2 / 2, Y zero elsewhere, sigma_max(Y) <= lambda.
/// `y` has a value for each observed entry, such as m_ij - x_ij. The ends are multiplied by 2^(2 exponent).
Optimum least_squares_optimum(const SparseMatrix& m, double lambda, const Factors& x, std::span<const double> y,
                              std::int64_t exponent, const CertifyOptions& options, Context& context);

/// As above, on every hardware thread.
inline Optimum least_squares_optimum(const SparseMatrix& m, double lambda, const Factors& x, std::span<const double> y,
                                     std::int64_t exponent, const CertifyOptions& options = {}) {
  Context context;
  return least_squares_optimum(m, lambda, x, y, exponent, options, context);
}

/// min |X|_* over the X with x_ij = m_ij at the observed entries.
/// max <Y, M>, Y zero elsewhere, sigma_max(Y) <= 1.
/// X need not fit the entries: X + E does, E the misfit on the observed entries, and |X + E|_* <= |X|_* + |E|_*, where
/// |E|_* <= sqrt(k) |E|_F for an E with k nonzero rows or columns.
Optimum completion_optimum(const SparseMatrix& m, const Factors& x, std::span<const double> y, std::int64_t exponent,
                           const CertifyOptions& options, Context& context);

/// As above, on every hardware thread.
inline Optimum completion_optimum(const SparseMatrix& m, const Factors& x, std::span<const double> y,
                                  std::int64_t exponent, const CertifyOptions& options = {}) {
  Context context;
  return completion_optimum(m, x, y, exponent, options, context);
}

/// min |L|_* + lambda sum |m_ij - l_ij|, lambda > 0.
/// max <Y, M>, sigma_max(Y) <= 1, |y_ij| <= lambda.
/// M and Y column-major without gaps. Throws Error if they are not.
Optimum robust_pca_optimum(MatrixView<const double> m, double lambda, const Factors& l, MatrixView<const double> y,
                           std::int64_t exponent, const CertifyOptions& options, Context& context);

/// As above, on every hardware thread.
inline Optimum robust_pca_optimum(MatrixView<const double> m, double lambda, const Factors& l,
                                  MatrixView<const double> y, std::int64_t exponent,
                                  const CertifyOptions& options = {}) {
  Context context;
  return robust_pca_optimum(m, lambda, l, y, exponent, options, context);
}

}  // namespace sigmax::bounds
