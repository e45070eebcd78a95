// Sources that compute include this header and refuse options under which sums no longer satisfy the assumptions of the
// proofs.
#include "sigmax/core/floating_environment.hpp"
