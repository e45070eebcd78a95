// An enclosure of sigma_max with the estimate that it was built around.
#pragma once

#include "sigmax/core/bound.hpp"

namespace sigmax::bounds {

struct Measured {
  Enclosure sigma_max;
  double estimate;  ///< the Rayleigh quotient |A x| of the best vector, without the allowance for rounding
};

}  // namespace sigmax::bounds
