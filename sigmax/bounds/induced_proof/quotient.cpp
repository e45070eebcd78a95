#include "sigmax/bounds/induced_proof/quotient.hpp"

#include <cmath>
#include <vector>

#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/powers.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::bounds {

// |y_i| >= |computed y_i| - error_i, and the q-norm grows with each magnitude.
double quotient_lower_bound(const NearMatrix& m, double p, double q, std::span<const double> x, Context& context) {
  const FloatingEnvironment environment;
  if (m.is_zero) return 0;
  std::vector<double> lengths(x.begin(), x.end());
  for (double& value : lengths) {
    value = std::fabs(value);
    if (!std::isfinite(value)) return 0;
  }
  const double length = p_norm_range(lengths, p).upper;
  if (!(length > 0)) return 0;
  EntrywiseImage image = entrywise_image(m, x, context);
  for (std::size_t i = 0; i < image.values.size(); ++i) {
    const double least = round_down(std::fabs(image.values[i])) - image.error[i];
    if (!std::isfinite(least)) return 0;
    image.values[i] = larger_of(least, 0.0);
  }
  return round_down(p_norm_range(image.values, q).lower / length);
}

}  // namespace sigmax::bounds
