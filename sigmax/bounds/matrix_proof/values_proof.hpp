// Proven enclosures of the k largest or the k smallest singular values of a stored matrix, each with its index: none
// was missed. Derivation: docs/proofs.md. Internal to bounds/.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/gram_matrix.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::bounds {

struct ValuesQuestion {
  Which which = Which::largest;
  /// Approximate singular vectors of the k values in question, by descending value, on either side; those on the
  /// shorter one are taken. Poor ones cost width, never the truth. At least one, at most min(rows, columns).
  MatrixView<const double> right{};
  MatrixView<const double> left{};
  /// An estimate of the (k + 1)-th value, 0 if there is none. A wrong one costs a factorization.
  double next = 0;
};

struct ProvenValues {
  std::vector<Enclosure> sigma;  ///< in the order of the vectors, both ends proven
  double resolution = 0;         ///< roughly: squares that differ by less than its square are not told apart
  double formed = 0;             ///< what forming a composite may have changed each value by
};

/// Where a value was missed, or the vectors are poor, the enclosures are wide.
///
/// With V the vectors, B = s A or its transpose, of which g is the Gram matrix, tau and rho such that a Cholesky
/// factorization shows tau I - B^T B + W W^T >= -rho I for a W with the columns of V, each times a power of two: no
/// vector orthogonal to V is stretched by more than sqrt(tau + rho), so with what couples V to the rest,
///
///     R_i = sum_{j >= i} |B^T B v_j - V c_j|^2    (any c_j),
///
/// sigma_i(B)^2 <= max( (|B V_i|^2 + R_i / eta) / (1 - delta), tau + rho + eta ) for every eta > 0, V_i the columns
/// from i on and |V^T V - I| <= delta. The lower ends are those of B V alone, by interlacing. For the smallest values
/// the same from below.
///
/// `g` must be gram_matrix(a, s) with every |s a_ij| <= 1; it is worked in and restored. Cost: two reads of A for 8
/// vectors, order^2 k flops, and order^3 / 3 a factorization: one as a rule. The relative widths are about that of an
/// inner product with A where sigma_k stands apart from what follows, and order^2 u of sigma_1^2 / sigma_k^2 otherwise.
ProvenValues prove_values(const InRange& a, GramMatrix& g, const ValuesQuestion& question, Context& context);

}  // namespace sigmax::bounds
