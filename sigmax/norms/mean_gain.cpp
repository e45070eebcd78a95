#include "sigmax/norms/mean_gain.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/norms/norm.hpp"

namespace sigmax::norms {
namespace {

NormResult of_frobenius(NormResult frobenius, std::int64_t count) {
  const auto columns = static_cast<double>(count);
  NormResult result = std::move(frobenius);
  result.gap.reset();
  // A quotient in between, so that a square beyond the range comes back into it.
  const double root = result.value / std::sqrt(columns);
  result.value = root * root;
  result.meaning = "mean gain, |A|_F^2 / columns";
  if (!result.enclosure) return result;
  const Enclosure known = bounds::quotient(bounds::square(*result.enclosure), bounds::exactly(columns));
  result.enclose(known);
  return result;
}

}  // namespace

NormResult mean_gain(const Tensor& matrix, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  NormResult frobenius = norm(matrix, Frobenius{}, options, context);  // first: it refuses what is not a matrix
  return of_frobenius(std::move(frobenius), matrix.shape()[1]);
}

template <Real T>
NormResult mean_gain(const LinearOperator<T>& a, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  return of_frobenius(norm(a, Frobenius{}, options, context), a.shape().columns);
}

template NormResult mean_gain<float>(const LinearOperator<float>&, const NormOptions&, Context&);
template NormResult mean_gain<double>(const LinearOperator<double>&, const NormOptions&, Context&);

}  // namespace sigmax::norms
