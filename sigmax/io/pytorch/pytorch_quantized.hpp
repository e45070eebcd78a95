// Quantized tensors of PyTorch as the real numbers that they represent. Internal to io/.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sigmax/core/tensor.hpp"

namespace sigmax::io {

/// scale * (q - zero_point) in f32 for each element, rounded as torch's dequantize() rounds: the difference of integers
/// is exact, the scale is rounded to f32, their product is rounded. `bytes` is the number of bytes that the strides of
/// q span: an expanded tensor stays small. Types qint8, quint8 and qint32.
Tensor dequantized(const Tensor& q, std::size_t bytes, double scale, std::int64_t zero_point);

/// As above with one scale and zero point for each index of `axis`, in vectors of type f64, f32, i64 or i32, again
/// rounded as torch rounds: the product of difference and scale is formed in double and rounded to f32 once; if the
/// zero points are not integers, difference and product are formed in f32. The result is row-major.
Tensor dequantized_by_channel(const Tensor& q, const Tensor& scales, const Tensor& zero_points, std::size_t axis);

}  // namespace sigmax::io
