// The smallest singular value of a matrix whose Gram matrix has a Cholesky factor. Internal to the library.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax {

/// sigma_min of a matrix, given the Cholesky factor of its Gram matrix.
///
/// `factor` is L in a lower triangle, with L L^T close to the Gram matrix on the shorter side (of the rows if
/// `of_rows`, scaled by scale^2) restricted to `indices` (rows or columns of A).
///
/// Davidson's method with (L L^T)^-1 as the preconditioner. The factor only steers the search. Products with A itself
/// give the value, so its error is of the order of u sigma_max and not of u sigma_max^2 / sigma_min. Two reads of A per
/// step, usually a handful of steps. Nothing if it has not converged after 40.
std::optional<double> smallest_singular_value(const kernels::StoredMatrix& a, bool of_rows, double scale,
                                              std::span<const std::int64_t> indices, MatrixView<const double> factor,
                                              Context& context);

/// The smallest value from a vector x that is already close: its Rayleigh quotient |A x|, if the residual shows a
/// relative error of at most `tolerance`, or an error of the order of u sigma_max.
///
/// `next` is the second smallest eigenvalue of the scaled Gram matrix, or less; `largest` its largest. With
/// theta = |s A x|^2 and r = |(s A)^T (s A) x - theta x| the distance from theta to the nearest eigenvalue is at most
/// r^2 / (next - theta) (Temple; Kato 1949). One read of A for each of the two products.
std::optional<double> smallest_from_vector(const kernels::StoredMatrix& a, bool of_rows, double scale,
                                           std::span<const std::int64_t> indices, std::span<const double> x,
                                           double next, double largest, double tolerance, Context& context);

}  // namespace sigmax
