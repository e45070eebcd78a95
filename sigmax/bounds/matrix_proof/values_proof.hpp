// Proven enclosures of the k largest or the k smallest singular values of a stored matrix, each with its index: no
// value is missed. Derivation: docs/proofs.md. Internal to bounds/.
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
  /// Approximate singular vectors of the k values in question, by descending value, on both sides; those on the shorter
  /// side are used. Poor ones make the enclosures wider, never wrong. At least one, at most min(rows, columns).
  MatrixView<const double> right{};
  MatrixView<const double> left{};
  /// The values of these vectors, descending, for enclose_by_residual(); may be empty.
  std::vector<double> sigma{};
  /// An estimate of the (k + 1)-th value, 0 if there is none. A wrong one costs a factorization.
  double next = 0;
};

struct ProvenValues {
  std::vector<Enclosure> sigma;  ///< in the order of the vectors, both ends proven
  double resolution = 0;         ///< roughly: squares that differ by less than its square are not distinguished
  double formed = 0;             ///< a bound on the change of each value by forming a composite
  bool whole = false;            ///< of a whole spectrum, by its residual
};

/// If a value was missed or the vectors are poor, the enclosures are wide.
///
/// Let V be the vectors and B = s A or its transpose, so that g is the Gram matrix B^T B. Let a Cholesky factorization
/// show tau I - B^T B + W W^T >= -rho I, where the columns of W are those of V, each times a power of two. Then no
/// vector orthogonal to V is stretched by more than sqrt(tau + rho). With the coupling of V to the rest,
///
///     R_i = sum_{j >= i} |B^T B v_j - V c_j|^2    (any c_j),
///
/// sigma_i(B)^2 <= max( (|B V_i|^2 + R_i / eta) / (1 - delta), tau + rho + eta ) for every eta > 0, V_i the columns
/// from i on and |V^T V - I| <= delta. The lower ends are those of B V alone, by interlacing. For the smallest values
/// the argument is mirrored.
///
/// `g` must be gram_matrix(a, s) with every |s a_ij| <= 1; it is overwritten and restored. Cost: two reads of A for 8
/// vectors, order^2 k flops, and order^3 / 3 flops per factorization, usually one. The relative widths are about the
/// relative error of an inner product with A if sigma_k is well separated from the next value, and order^2 u
/// sigma_1^2 / sigma_k^2 otherwise.
ProvenValues prove_values(const InRange& a, GramMatrix& g, const ValuesQuestion& question, Context& context);

}  // namespace sigmax::bounds
