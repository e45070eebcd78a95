// The products of pieces with sums in float.
#include "sigmax/core/floating_environment.hpp"

#define SIGMAX_KERNELS_SUM float

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/pieces_float.cpp"
#include <hwy/foreach_target.h>
//
#include "sigmax/kernels/pieces-inl.hpp"
