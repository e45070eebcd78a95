#include "sigmax/bounds/matrix_proof/probabilistic.hpp"

#include <cmath>

#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/svd/christoffel.hpp"

namespace sigmax::bounds {

UpperBound probabilistic_upper_bound(std::span<const LanczosRecurrence> recurrences, double scale,
                                     double failure_probability, std::int64_t terms, double norm) {
  const FloatingEnvironment environment;
  const double magnitude = (scale * norm) * (scale * norm);
  const double square = christoffel_upper_bound(recurrences, failure_probability, terms, magnitude);
  const double value = scale > 0 ? widened_upper(std::sqrt(square) / scale) : kInfinity;
  return Proof::probabilistic(std::isnan(value) ? kInfinity : value, failure_probability);
}

}  // namespace sigmax::bounds
