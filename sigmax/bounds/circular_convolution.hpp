// All singular values of a circular convolution: its extremes, proven, its spectrum, and the kernel whose values are
// clipped.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/bounds/convolution.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax {

/// The functions of this header take geometries that are whole circulants: circular padding, a stride that divides the
/// input size n, and n / stride outputs, on each axis. Their singular values are those of the symbol F(t) at the points
/// 2 pi j / (n / stride), all together (Sedghi, Gupta, Long, ICLR 2019, for stride 1). All of them throw Error for any
/// other geometry, naming the axis and what would fit, and as convolution_norm() does.

/// The largest and the smallest of the min(rows, columns) singular values, and their quotient.
struct CircularExtremes {
  Enclosure sigma_max;
  Enclosure sigma_min;
  Enclosure condition;  ///< sigma_max / sigma_min; without an upper end where sigma_min may be 0
  std::int64_t points = 0;
  double flops = 0;
};

/// Both ends proven, rounding included. A smallest value below about 1e-8 of the largest has the lower end 0.
/// Cost: an eigenvalue problem of the symbol's shorter side (doubled) and a few Cholesky factorizations at each point
/// of half of the grid.
CircularExtremes circular_extremes(const Tensor& kernel, const ConvolutionGeometry& geometry,
                                   const ConvolutionNormOptions& options, Context& context);
CircularExtremes circular_extremes(const Tensor& kernel, const ConvolutionGeometry& geometry,
                                   const ConvolutionNormOptions& options = {});

/// All min(rows, columns) singular values in descending order, by LAPACK: computed values with its backward error,
/// about max(m, n) u sigma_max, not bounds. Cost: a singular value decomposition of the symbol (doubled) at each point
/// of half of the grid.
std::vector<double> circular_spectrum(const Tensor& kernel, const ConvolutionGeometry& geometry, Context& context);
std::vector<double> circular_spectrum(const Tensor& kernel, const ConvolutionGeometry& geometry);

/// A convolution whose kernel is as large as its input.
struct ClippedConvolution {
  Tensor kernel;  ///< f64, [out, in / groups, n...]
  ConvolutionGeometry geometry;
};

/// The convolution with the same singular vectors and the values min(max(sigma, least), most): the nearest one in the
/// Frobenius norm whose values lie in [least, most]. Its kernel has the full size n in general, with weights
/// everywhere; cutting it back to the original taps changes the values again. For stride 1. Cost: as the spectrum with
/// vectors, and n^2 / 2 times the number of weights for the inverse transform, n the positions. Throws Error unless 0
/// <= least <= most < infinity and every stride is 1, or if a value of 0 (of a symbol or group of zeros) would have to
/// be raised: it has no singular vectors.
ClippedConvolution clip_circular(const Tensor& kernel, const ConvolutionGeometry& geometry, double least, double most,
                                 Context& context);

/// As above, on every hardware thread.
inline ClippedConvolution clip_circular(const Tensor& kernel, const ConvolutionGeometry& geometry, double least,
                                        double most) {
  Context context;
  return clip_circular(kernel, geometry, least, most, context);
}

}  // namespace sigmax
