// The proof of sigma_max of a stored matrix by a Cholesky factorization. Derivations: docs/proofs.md.
// Internal to bounds/.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sigmax/bounds/measured.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/linalg/gram_matrix.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"

namespace sigmax::bounds {

/// The starting point of a proof, and when it may stop.
struct ProofOptions {
  /// An approximation of the first singular vector, on either side (`of_rows`: the left one, `rows` entries). Empty:
  /// svd() finds one. A wrong one costs time, but the result stays true.
  std::span<const double> vector{};
  bool of_rows = false;
  /// A relative width that is enough; 0: the tightest.
  double relative_width = 0;
  /// svd() starts from a constant, so that proofs are repeatable. A second search, if the first vector turns out to be
  /// wrong, starts from this state; empty: drawn. The proof depends on neither.
  std::optional<RandomState> random{};
};

/// Both ends proven: the vector x gives the lower end |A x| / |x|, and a Cholesky factorization of tau I - G that
/// completes, tau a little above the Rayleigh quotient of x, gives the upper: sigma_max^2 <= tau + all rounding errors.
/// If x is not good enough for the requested width, a few steps of inverse iteration with that factor improve it, and a
/// second factorization follows.
///
/// `g` must be gram_matrix(a, s) with every |s a_ij| <= 1; it is overwritten and restored, with the triangles that it
/// had. Cost: k^3 / 3 flops per factorization (k the order of G), usually one factorization and two for the tightest
/// enclosure, and a few reads of A. The relative width is about k^2 u + n u |A|_F^2 / sigma_max^2, u = 2^-53, or
/// `relative_width` if that is more.
Measured prove(const InRange& a, GramMatrix& g, const ProofOptions& options, Context& context);

/// At least |G_computed - G|_2 for g = gram_matrix(a, s): gamma_n min(|s A|_F^2, |s A|_1 |s A|_inf) and underflow.
double gram_error(const InRange& a, const GramMatrix& g);

/// Overwrites the lower triangle of g, the diagonal included, with a factor L such that L L^T - G is positive
/// semidefinite for every G with |G - g|_2 <= error, and fills the upper with zeros. Returns whether that succeeded.
/// L L^T is as close above G as rounding allows.
bool dominate(GramMatrix& g, double error, Context& context);

}  // namespace sigmax::bounds
