#include "sigmax/linalg/inverse.hpp"

#include <utility>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/lu.hpp"

namespace sigmax {

std::optional<Matrix<double>> inverse(Matrix<double> a, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  const std::optional<Lu> factored = lu(std::move(a), context);
  if (!factored) return std::nullopt;
  return lapack::transposed(adjoint_inverse(*factored, context).view());
}

}  // namespace sigmax
