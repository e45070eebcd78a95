// What solvers do to single vectors: dot products, norms, sums, scaling, conversion. One read of each vector.
//
// Sums are formed in double whatever the vectors hold: products of floats are exact in double, and products of doubles
// are rounded. Vectors are cut into pieces of 2^14 elements that are added in order, and each piece into fixed lanes,
// so that the bits depend on the length and the instruction set alone. All run on the calling thread and allocate
// nothing: at the sizes that solvers use, a vector is small compared with the matrix. Empty vectors are allowed; two
// vectors that differ in length throw Error. Non-finite entries propagate. Internal to the library.
#pragma once

#include <span>

#include "sigmax/core/view.hpp"

namespace sigmax::kernels {

/// x^T y, |computed - exact| <= gamma_k |x|^T |y|, u = 2^-53, k = min(n, 2^13 + n / 2^14 + 16) (k <= n whatever the
/// order; the pieces make it smaller for long vectors).
double dot(std::span<const float> x, std::span<const float> y);
double dot(std::span<const double> x, std::span<const double> y);

/// |x|_2 = 2^e |2^-e x|_2. The relative error is at most gamma_(k + 2) with k of dot(). For float, nothing overflows or
/// underflows in double. For double, the plain sum is used if it lies in [2^-900, 2^900]; otherwise the vector is read
/// twice more, for its largest entry and for the scaled sum. No result is lost, and usual vectors cost nothing extra.
double norm2(std::span<const float> x);
double norm2(std::span<const double> x);

/// y = y + alpha x, each element with one rounding of alpha x + y (two without fused multiply-add: SSSE3 and below).
void axpy(float alpha, std::span<const float> x, std::span<float> y);
void axpy(double alpha, std::span<const double> x, std::span<double> y);

/// x = alpha x, each element rounded once.
void scale(float alpha, std::span<float> x);
void scale(double alpha, std::span<double> x);

/// to = from: exact, except from double to float, which rounds to nearest (beyond the largest float: to infinity).
void copy(std::span<const float> from, std::span<float> to);
void copy(std::span<const double> from, std::span<double> to);
void copy(std::span<const float> from, std::span<double> to);
void copy(std::span<const double> from, std::span<float> to);

}  // namespace sigmax::kernels
