// What svd() passes to a solver: its options, checked, with the open ones decided. Internal to svd/.
#pragma once

#include <cstdint>

#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/convergence.hpp"
#include "sigmax/svd/result.hpp"

namespace sigmax {

template <Real T>
struct Task {
  Convergence convergence;  ///< made once, from the options of svd()
  Which which = Which::largest;
  std::int64_t max_products = 0;
  Method method;  ///< never Auto
  Check check = Check::full;
  double failure_probability = 0;
  Matrix<T> start;       ///< of ordinary size
  RandomState random{};  ///< as given, or drawn for this call

  std::int64_t k() const { return convergence.k; }
};

}  // namespace sigmax
