// A function that requires a lower bound does not take an upper bound.
#include "sigmax/core/bound.hpp"

double largest_stretch_seen(sigmax::LowerBound bound) { return bound.value(); }

double layer(const sigmax::Enclosure& sigma) {
#ifdef SIGMAX_WRONG
  return largest_stretch_seen(*sigma.upper);
#else
  return largest_stretch_seen(sigma.lower);
#endif
}
