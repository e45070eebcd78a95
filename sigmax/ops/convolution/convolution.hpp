// A convolution on images of one size as a linear operator.
#pragma once

#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/convolution/geometry.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// The convolution of an image with `kernel`, 1- to 3-dimensional, strided, dilated, grouped, padded in any of the four
/// ways or transposed, as `geometry` states it: a matrix of out_channels * output positions rows and in_channels *
/// input positions columns, never formed. A column of a block is an image [channels, axes...], row-major. The kernel
/// has the shape that geometry.layer().kernel_shape() gives, in any real storage type: PyTorch's and ONNX's layout.
///
/// The kernel is read here and twice copied, in T: values that change later are not seen, and each product is as fast
/// for every storage type. Cost: 2 rows * in_channels / groups * taps flops for each of A x and A^T y, and for A^T A x
/// and A A^T y twice as many; padded copies of a few images as scratch memory. Roundings: ops/convolution/products.hpp.
/// Parameters: the kernel's entries in row-major order. pull_back costs as many flops as A x for each term, in double.
/// Its structure is structure::Convolution, or, if transposed, the transpose of one.
/// Throws Error if the kernel has another shape than the geometry or is not of a real type.
template <Real T>
Operator<T> convolution(Tensor kernel, const ConvolutionGeometry& geometry);

}  // namespace sigmax
