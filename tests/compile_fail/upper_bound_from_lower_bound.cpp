// A lower bound does not turn into an upper bound.
#include "sigmax/core/bound.hpp"

sigmax::Certainty certainty(const sigmax::Enclosure& sigma) {
#ifdef SIGMAX_WRONG
  const sigmax::UpperBound bound = sigma.lower;
#else
  const sigmax::UpperBound bound = sigma.upper.value();
#endif
  return bound.certainty();
}
