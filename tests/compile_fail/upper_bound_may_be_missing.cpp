// An enclosure whose upper end may be missing is not an upper bound until the code has checked that it exists.
#include "sigmax/core/bound.hpp"

double lipschitz(sigmax::UpperBound bound) { return bound.value(); }

double layer(const sigmax::Enclosure& sigma) {
#ifdef SIGMAX_WRONG
  return lipschitz(sigma.upper);
#else
  return sigma.upper ? lipschitz(*sigma.upper) : 0;
#endif
}
