// What is proven of a given solution x of A y = b: how well it solves the system, and how far it is from the solution.
//
// A is a matrix of exact doubles, square where the solution is meant, with any finite entries between 1e-300 and
// 1e300: every row and column is brought into range by a power of two of its own. All functions throw Error for shapes
// that do not fit, an empty matrix and numbers that are NaN or infinite.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {

/// The residual r = b - A x of an m x n matrix and any x, both ends proven. It is computed with twice the precision of
/// double, so that the enclosures are narrow although r is mostly rounding error.
struct BackwardErrors {
  /// |r| / (|A| |x| + |b|), 2-norms, by the given enclosure of |A|: the least e with (A + E) x = b + f, |E| <= e |A|,
  /// |f| <= e |b| (Rigal and Gaches 1967). The width is that of |A|.
  Enclosure normwise;
  /// max_i |r|_i / (|A| |x| + |b|)_i: the least e with |E| <= e |A|, |f| <= e |b| entry by entry (Oettli and Prager
  /// 1964). A row of zeros counts as 0; never more than 1.
  Enclosure componentwise;
};
BackwardErrors backward_errors(const Matrix<double>& a, std::span<const double> x, std::span<const double> b,
                               const Enclosure& norm_of_a);

/// |r|_2 in units of 2^exponent, so that it never overflows.
struct ResidualNorm {
  Enclosure norm;
  std::int64_t exponent = 0;
};
ResidualNorm residual_norm(const Matrix<double>& a, std::span<const double> x, std::span<const double> b);

/// |y - x| for the solution y of a square system, proven:
///
///     |y - x| <= |X r| + f max |X r| / (1 - max f),    X an approximate inverse, f_i >= sum_j |I - X A|_ij.
///
/// Nothing is assumed of x.
struct SolutionError {
  std::vector<UpperBound> entrywise;  ///< of |y - x|_i; infinite beyond the range of double
  UpperBound two_norm;                ///< of |y - x|_2
  UpperBound inf_norm;
  UpperBound relative;  ///< of |y - x|_2 / |y|_2; infinite if |y - x| may be as large as |x|
};

/// Missing if no approximate inverse with max f < 1 is found: A is singular, or its condition number is beyond about
/// 1 / (n u). Cost: 4 n^3 flops, 3 n^2 doubles.
std::optional<SolutionError> solution_error(const Matrix<double>& a, std::span<const double> x,
                                            std::span<const double> b, Context& context);

/// As above, on every hardware thread.
inline std::optional<SolutionError> solution_error(const Matrix<double>& a, std::span<const double> x,
                                                   std::span<const double> b) {
  Context context;
  return solution_error(a, x, b, context);
}

/// Skeel's condition numbers of a square matrix, | |A^-1| |A| |_inf and | |A^-1| |A| |x| |_inf / |x|_inf: of the error
/// in the largest entry, relative to it, if every entry of A may change by the same small factor. The first does not
/// change if rows are scaled. Missing as above; for x = 0 the second is missing.
struct SkeelNumbers {
  Enclosure of_matrix;
  std::optional<Enclosure> of_solution;
};
std::optional<SkeelNumbers> skeel(const Matrix<double>& a, std::span<const double> x, Context& context);

/// As above, on every hardware thread.
inline std::optional<SkeelNumbers> skeel(const Matrix<double>& a, std::span<const double> x) {
  Context context;
  return skeel(a, x, context);
}

}  // namespace sigmax::bounds
