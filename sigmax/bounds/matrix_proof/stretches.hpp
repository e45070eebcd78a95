// How far nearly orthogonal columns stretch and shrink a vector that they are multiplied with, rounding included.
// Internal to bounds/.
#pragma once

#include <span>
#include <vector>

#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {

/// |x| between lower and upper, the exponent applied.
NormRange length(std::span<const double> x);

/// At least |V^T V - I|_2. Callers hold a SerialBlas.
double defect_of(const Matrix<double>& v);

struct Stretches {
  std::vector<double> shortest;  ///< [j]: at most sigma_min of the columns 0 ... j
  std::vector<double> longest;   ///< [j]: at least sigma_max of the columns j ... k - 1
};

/// For columns Y that are orthogonal except for rounding, preferably in descending length.
///
/// From below: Y = Q D with columns of length 1 in Q, so that sigma_min(Y) >= sigma_min(Q) min |y_j|, and |Q^T Q - I|
/// is at most the Frobenius norm of its off-diagonal part: this avoids a needless loss for short columns. From above:
/// |Y^T Y| is at most its largest diagonal entry plus the Frobenius norm of the rest.
Stretches stretches_of(const Matrix<double>& y);

}  // namespace sigmax::bounds
