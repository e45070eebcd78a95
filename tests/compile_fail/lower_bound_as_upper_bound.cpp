// A composition of upper bounds does not take a lower bound.
#include "sigmax/core/bound.hpp"

double lipschitz(sigmax::UpperBound first, sigmax::UpperBound second) { return first.value() * second.value(); }

double network(const sigmax::Enclosure& first, const sigmax::Enclosure& second) {
#ifdef SIGMAX_WRONG
  return lipschitz(*first.upper, second.lower);
#else
  return lipschitz(*first.upper, *second.upper);
#endif
}
