// Proximal maps of the norms in the table and projections onto their balls, of a matrix: norms/maps/proximal.hpp
// applied to its entries, to its rows or columns, or to its singular values, whose vectors are kept (Lewis, J. Convex
// Anal. 2, 1995). The result is a full matrix, and so the argument is a stored one: materialize() makes one of any
// operator.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/table.hpp"

namespace sigmax::norms {

/// How the maps of this norm are found, its numbers included: mixed norms need one root alone where p = 2, p = q, q = 1
/// or q = infinity, induced norms have maps where they are simplified() to a norm that has; Map::none for other induced
/// norms, for the numerical radius, and for what is not a norm.
Map map_of(const Norm& which);

/// argmin_X 1/2 |X - A|_F^2 + lambda |X|, row-major in the tensor's shape; accurate to rounding of |A|. Cost: a copy in
/// double and a few passes over it for norms of entries (some hundreds for Map::nested), a whole decomposition for
/// functions of singular values. Throws
/// Error if map_of() is Map::none, if lambda is negative or not finite, and as norm() does.
std::vector<double> proximal(const Tensor& matrix, const Norm& which, double lambda, Context& context);

/// As above, on every hardware thread.
inline std::vector<double> proximal(const Tensor& matrix, const Norm& which, double lambda) {
  Context context;
  return proximal(matrix, which, lambda, context);
}

/// The nearest matrix with norm at most `radius`: the matrix itself if it lies in the ball. Otherwise as above.
std::vector<double> project(const Tensor& matrix, const Norm& which, double radius, Context& context);

/// As above, on every hardware thread.
inline std::vector<double> project(const Tensor& matrix, const Norm& which, double radius) {
  Context context;
  return project(matrix, which, radius, context);
}

/// U diag(map(sigma)) V^T, row-major: for a norm that the caller gives as a symmetric gauge (norms/gauge.hpp), with the
/// gauge's own proximal map or projection as `map`. `sigma` descends and the result has as many numbers. Throws Error
/// if it has not, or one is not finite.
std::vector<double> mapped_values(const Tensor& matrix,
                                  const std::function<std::vector<double>(std::span<const double> sigma)>& map,
                                  Context& context);

/// As above, on every hardware thread.
inline std::vector<double> mapped_values(const Tensor& matrix,
                                         const std::function<std::vector<double>(std::span<const double> sigma)>& map) {
  Context context;
  return mapped_values(matrix, map, context);
}

}  // namespace sigmax::norms
