// No code outside bounds/ can make an upper bound from a number.
#include "sigmax/core/bound.hpp"

sigmax::UpperBound claim(const sigmax::UpperBound& proven) {
#ifdef SIGMAX_WRONG
  return sigmax::UpperBound(proven.value() / 2, sigmax::Certainty::proven, 0.0);
#else
  return sigmax::UpperBound(proven);
#endif
}
