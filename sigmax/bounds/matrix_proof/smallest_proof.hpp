// The smallest singular value of a stored matrix: proven by its Gram matrix, and from above by one vector. Derivations:
// docs/proofs.md. Internal to bounds/.
#pragma once

#include <span>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"

namespace sigmax::bounds {

/// sigma_min of a.in_range(), by prove_values(): inverse iteration on a factor of G finds the vector. Nothing but
/// sigma_min >= 0 if G is not positive definite as far as a factorization can tell: for condition numbers beyond about
/// 1e8. Cost: the Gram matrix, and two factorizations of order^3 / 3 flops each.
Enclosure smallest_by_gram(ScannedMatrix& a, Context& context);

/// At least |B v|_1, |B v|_inf and |B v|_2, for entries of B of at most 1 and any finite v. The sums are made in twice
/// the precision of double: the bounds exceed the norms by about n^2 u^2 |v|_1 for each row.
struct ImageNorms {
  double one = 0;
  double inf = 0;
  double two = 0;
};
ImageNorms image_norms(const Matrix<double>& b, std::span<const double> v);

}  // namespace sigmax::bounds
