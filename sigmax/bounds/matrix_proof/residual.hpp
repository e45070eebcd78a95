// The residual b - A x, with twice the precision of double, and what rounding leaves unknown. Internal to bounds/.
#pragma once

#include <span>
#include <vector>

#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {

/// Row i, in units of 2^exponent[i], which is about the size of its largest term:
///
///     |(b - A x)_i - value_i| <= radius_i,    least_i <= (|A| |x| + |b|)_i <= most_i
///
/// Each row has its own exponent, and so has each term: nothing overflows, and a term that underflows is smaller than
/// the row's largest by 2^1000. A row without any term: all zeros.
struct ResidualRows {
  std::vector<double> value;
  std::vector<double> radius;
  std::vector<double> least;
  std::vector<double> most;
  std::vector<int> exponent;
};

/// The numbers must be finite. Cost: one read of A, about 30 flops per entry.
ResidualRows residual_rows(const Matrix<double>& a, std::span<const double> x, std::span<const double> b);

/// All rows in the same unit, 2^exponent, the largest of the rows' own; what underflows is in `radius` and `most`.
struct Residual {
  std::vector<double> value;
  std::vector<double> radius;
  int exponent = 0;
};
Residual in_one_unit(const ResidualRows& rows);

}  // namespace sigmax::bounds
