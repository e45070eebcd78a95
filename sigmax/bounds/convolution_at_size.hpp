// The norm of a convolution at one input size. Internal to bounds/.
#pragma once

#include "sigmax/bounds/convolution_result.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::bounds {

/// What convolution_norm() promises of a geometry, for a kernel of its shape and options in range. The theorems, from
/// the cheapest on until the width is reached: docs/convolutions.md.
ConvolutionNorm norm_at_size(const Tensor& kernel, const ConvolutionGeometry& geometry,
                             const ConvolutionNormOptions& options, Context& context);

}  // namespace sigmax::bounds
