// The operator norm of a convolution, proven: at every input size, at a given one, and on a circle.
//
// A kernel reshaped to [out, in * taps] has another norm than the convolution: sigma of the reshaped matrix <= norm <=
// sqrt(taps) sigma. Everything here is about the convolution itself. Theorems and proofs: docs/convolutions.md.
#pragma once

#include "sigmax/bounds/convolution_result.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax {

/// The supremum of the layer's norm over all input sizes. For zero padding it is S = max |F(t)|_2, F(t) = sum_p K_p
/// exp(i p.t) the symbol (with a stride its polyphase form), t on the torus; dilation does not change it, groups give
/// the maximum over their blocks, and a transposed convolution is the adjoint. Reflected and replicated borders
/// multiply the upper end.
///
/// Proven at both ends, rounding of sines and sums included. Cost: one Cholesky factorization of the symbol's shorter
/// side for each cell of the torus that is examined, about 50 (1-D) to a few thousand (3-D).
///
/// Throws Error as validate() does; if the kernel does not have layer.kernel_shape(), is not of a real type, or has NaN
/// or infinite entries; for options out of range. Throws Canceled on request.
ConvolutionNorm convolution_norm(const Tensor& kernel, const ConvolutionLayer& layer,
                                 const ConvolutionNormOptions& options, Context& context);
ConvolutionNorm convolution_norm(const Tensor& kernel, const ConvolutionLayer& layer,
                                 const ConvolutionNormOptions& options = {});

/// The norm at one input size; the question of the result is `circular` if the padding is, otherwise `input_size`.
/// Several theorems are used, beginning with the cheapest, until the width is reached; the result names the one that
/// gave each end. Throws Error as above.
ConvolutionNorm convolution_norm(const Tensor& kernel, const ConvolutionGeometry& geometry,
                                 const ConvolutionNormOptions& options, Context& context);
ConvolutionNorm convolution_norm(const Tensor& kernel, const ConvolutionGeometry& geometry,
                                 const ConvolutionNormOptions& options = {});

}  // namespace sigmax
