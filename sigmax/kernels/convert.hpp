// Exact conversion of stored elements to double.
#pragma once

#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax::kernels {

/// out[i * out_stride + j] = a_ij * scale, row-major, exact if scale is a power of two and nothing underflows.
/// Single-threaded: callers cut the matrix. Throws Error if the storage type is not real.
void convert(const StoredMatrix& a, double scale, double* out, std::int64_t out_stride);

/// The SIMD target that run-time dispatch chose on this machine, by Highway's name (`AVX3`, `AVX2`, `SSSE3`, ...).
const char* simd_target();

}  // namespace sigmax::kernels
