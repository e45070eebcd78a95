// No code outside bounds/ can make a lower bound from a number.
#include "sigmax/core/bound.hpp"

sigmax::LowerBound claim(const sigmax::LowerBound& known) {
#ifdef SIGMAX_WRONG
  return sigmax::LowerBound(2 * known.value(), sigmax::Certainty::proven, 0.0);
#else
  return sigmax::LowerBound(known);
#endif
}
