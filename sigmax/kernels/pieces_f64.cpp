// The products of pieces that store f64.
#include "sigmax/core/floating_environment.hpp"

#define SIGMAX_KERNELS_STORED double
#define SIGMAX_KERNELS_DTYPE DType::f64

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/pieces_f64.cpp"
#include <hwy/foreach_target.h>
//
#include "sigmax/kernels/pieces-inl.hpp"
