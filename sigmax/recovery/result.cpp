#include "sigmax/recovery/result.hpp"

#include "sigmax/core/floating_environment.hpp"

namespace sigmax::recovery {

double LowRank::at(std::int64_t i, std::int64_t j) const {
  const FloatingEnvironment environment;
  double sum = 0;
  for (std::int64_t k = 0; k < rank(); ++k) sum += u(i, k) * sigma[static_cast<std::size_t>(k)] * v(j, k);
  return sum;
}

Matrix<double> LowRank::dense() const {
  const FloatingEnvironment environment;
  Matrix<double> x(u.rows(), v.rows());
  for (std::int64_t j = 0; j < v.rows(); ++j) {
    for (std::int64_t i = 0; i < u.rows(); ++i) x(i, j) = at(i, j);
  }
  return x;
}

std::string_view message(RecoveryOutcome outcome) {
  switch (outcome) {
    case RecoveryOutcome::converged: return "converged: the proven gap is within the tolerance";
    case RecoveryOutcome::out_of_iterations:
      return "not converged: allow more iterations, or a larger tolerance; the enclosure of the optimum is true";
  }
  return "";
}

}  // namespace sigmax::recovery
