// An enclosure of the nuclear norm of a stored matrix by duality, without its singular values.
#pragma once

#include <optional>

#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"

namespace sigmax::bounds {

/// sum sigma_i(A), both ends proven, from an approximation Q of the orthogonal polar factor, of which nothing is
/// assumed. With H symmetric, A = Q H + E and lambda a lower end of the smallest eigenvalue of H,
///
///     <A, Q> / |Q|_2  <=  |A|_*  <=  |Q|_2 (tr H + 2 n max(0, -lambda)) + sqrt(n) |E|_F
///
/// for n columns and no fewer rows. The relative width is about n^1.5 u |A|_F / |A|_*, 1e-12 to 1e-10.
///
/// Cost: six to nine LU factorizations and inverses of order n (2 n^3 flops each) for the polar factor, 6 p n^2 +
/// n^3 / 3 flops for the proof, and a QR factorization if A is not square; 5 p n doubles.
/// Nothing for matrices that CertifyOptions does not allow to be factored or formed, and where Newton's iteration for Q
/// breaks down or the ends are not within 1e-8: singular and nearly singular matrices. Throws Error for an empty matrix
/// and entries that are not finite. Derivation: docs/proofs.md. The iteration: Higham, Functions of Matrices (2008),
/// section 8.6.
std::optional<Enclosure> enclose_nuclear_norm(ScannedMatrix& a, const CertifyOptions& options, Context& context);

}  // namespace sigmax::bounds
