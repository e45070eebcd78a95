// The products of pieces that store f32.
#include "sigmax/core/floating_environment.hpp"

#define SIGMAX_KERNELS_STORED float
#define SIGMAX_KERNELS_DTYPE DType::f32

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/pieces_f32.cpp"
#include <hwy/foreach_target.h>
//
#include "sigmax/kernels/pieces-inl.hpp"
