// The products of pieces that store f16.
#include "sigmax/core/floating_environment.hpp"

#define SIGMAX_KERNELS_STORED hwy::float16_t
#define SIGMAX_KERNELS_DTYPE DType::f16

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/pieces_f16.cpp"
#include <hwy/foreach_target.h>
//
#include "sigmax/kernels/pieces-inl.hpp"
