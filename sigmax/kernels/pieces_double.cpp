// The products of pieces with sums in double.
#include "sigmax/core/floating_environment.hpp"

#define SIGMAX_KERNELS_SUM double

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/pieces_double.cpp"
#include <hwy/foreach_target.h>
//
#include "sigmax/kernels/pieces-inl.hpp"
