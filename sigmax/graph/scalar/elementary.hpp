// The elementary functions on intervals: for each number of the argument, the exact value lies in the result. Internal
// to graph/ and lipschitz/.
//
// Nothing here trusts the C library. Each function is a sum with a bound on what is left out, computed in the interval
// arithmetic of interval.hpp, whose operations are those that IEEE 754 defines: +, -, *, /, sqrt, fma. The results are
// a few units in the last place wide (erf: about 100 where it is near 1).
#pragma once

#include "sigmax/graph/scalar/interval.hpp"

namespace sigmax::graph {

Interval exponential(const Interval& a);          ///< e^a
Interval exponential_minus_1(const Interval& a);  ///< e^a - 1, relatively accurate near 0
Interval logarithm(const Interval& a);            ///< all numbers if some are not positive
Interval logarithm_of_1_plus(const Interval& a);  ///< log(1 + a); all numbers if some are not above -1
Interval hyperbolic_tangent(const Interval& a);
Interval sigmoid(const Interval& a);   ///< 1 / (1 + e^-a)
Interval softplus(const Interval& a);  ///< log(1 + e^a)
Interval error_function(const Interval& a);
Interval sine(const Interval& a);
Interval cosine(const Interval& a);
Interval arctangent(const Interval& a);

/// a^exponent. If the exponent is not an integer: all numbers if some are negative. If it is negative: all numbers if 0
/// is among them.
Interval power(const Interval& a, double exponent);

/// pi / 2, and 2 / sqrt(pi)
Interval half_pi();
Interval two_over_root_pi();

}  // namespace sigmax::graph
