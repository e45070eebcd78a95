// Sources that compute include this, and refuse options under which sums are no longer what proofs are about.
#include "sigmax/core/floating_environment.hpp"
