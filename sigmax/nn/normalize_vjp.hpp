// Gradients of spectral normalization, for a state (u, v) held fixed as in PyTorch.
//
// With sigma = u^T W v, d sigma / dW = u v^T. The normalized weight is N = f(sigma) W, with f and its derivative f'
// at sigma from factor() (normalize.hpp), and G = dL/dN. p = <G, W> is the sum over all entries.
//
//     dL/dW      = f G + f' p u v^T                          divide, target 1: G / sigma - (p / sigma^2) u v^T
//     dL/dscale  = p f / scale
//
// All inner products are summed in double; products of entries and written values are as in normalize.hpp. The bits are
// the same for any number of threads.
#pragma once

#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/nn/normalize.hpp"
#include "sigmax/nn/weight.hpp"

namespace sigmax::nn {

struct NormalizeGradient {
  double inner = 0;  ///< p = <G, W>: dL/dscale = p f / scale
};

/// dL/dW into `grad_weight`, which may be G's own memory. Cost: a read of W and of G for p (none if f' = 0 and `inner`
/// is not wanted; `always_inner` for a learned scale), and a read of G and a write for the rest.
/// Throws Error if shapes or types differ.
template <Real T>
NormalizeGradient normalize_vjp(const Weight& weight, std::span<const T> u, std::span<const T> v, const Factor& f,
                                const Weight& grad_output, bool always_inner, const WeightOutput& grad_weight,
                                Context& context);

// Scaling the output instead of the weight: y = f(sigma) W x, where W x is the layer's output without bias. With
// dy = dL/dy,
//
//     dL/dsigma = <dy, W x> f' = <dy, y> f' / f                 divide: -<dy, y> / sigma
//     dL/dW     = f dy x^T + (dL/dsigma) u v^T                  dL/dx = f W^T dy
//
// so that W f is never written. The rank-one term needs no separate pass if the product dy x^T is computed with one
// more row: [f dy; (dL/dsigma) u^T]^T [x; v^T] for rows of samples.

/// <x, y> over `count` elements of one real type, products and sums in double: for <dy, y>.
double dot(DType dtype, const void* x, const void* y, std::int64_t count, Context& context);

/// grad_weight += (dL/dsigma) u v^T, in place: one read and one write.
template <Real T>
void add_sigma_gradient(double sigma_gradient, std::span<const T> u, std::span<const T> v,
                        const WeightOutput& grad_weight, Context& context);

}  // namespace sigmax::nn
