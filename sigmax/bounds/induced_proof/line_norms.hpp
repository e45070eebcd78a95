// The largest norm of a row or a column. Internal to bounds/.
#pragma once

#include <cstdint>

#include "sigmax/bounds/induced_proof/near_matrix.hpp"
#include "sigmax/bounds/powers.hpp"

namespace sigmax::bounds {

enum class Line { row, column };

/// The largest p-norm of the rows or columns of M, p >= 1, with a relative width of about (2 p + n + 170) u, and which
/// of them it is. One read.
struct LargestLine {
  ValueRange norm;
  std::int64_t index = 0;
};
LargestLine largest_line(const NearMatrix& m, Line line, double p, Context& context);

/// The exponent conjugate to p, 1/p + 1/p* = 1, rounded to nearest.
double conjugate(double p);

/// largest_line() for p* exactly, given p. With r = conjugate(p), 1/r and 1/p* differ by at most 2^-51, and norms of n
/// numbers by a factor of at most n^(2^-51) <= 1 + 2^-44.
LargestLine largest_conjugate_line(const NearMatrix& m, Line line, double p, Context& context);

}  // namespace sigmax::bounds
