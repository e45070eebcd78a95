// A layer in the terms of PyTorch or ONNX becomes a ConvolutionLayer.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax {

/// The arguments of torch.nn.Conv1d to Conv3d and ConvTranspose1d to ConvTranspose3d. A list has a number for each
/// axis, one number for all of them, or none for the default.
struct PyTorchConvolution {
  Dimensions weight_shape;  ///< [out, in / groups, taps...]; transposed, [in, out / groups, taps...]
  bool transposed = false;
  std::vector<std::int64_t> stride;          ///< default 1
  std::vector<std::int64_t> padding;         ///< default 0, at both ends
  std::string padding_word;                  ///< "same" or "valid" instead of `padding`; otherwise empty
  std::vector<std::int64_t> dilation;        ///< default 1
  std::vector<std::int64_t> output_padding;  ///< default 0
  std::int64_t groups = 1;
  std::string padding_mode = "zeros";  ///< or "circular", "reflect", "replicate"
};

/// "same" pads dilation (kernel - 1) entries in all, the smaller half at the beginning, as PyTorch does. Throws Error
/// as validate() does, and for a weight that is not of rank 3 to 5, a list of another length, an unknown word, "same"
/// with a stride or in a transposed convolution, and output padding that is neither below the stride nor below the
/// dilation: PyTorch refuses these too.
ConvolutionLayer convolution_layer(const PyTorchConvolution& terms);

/// The attributes of ONNX's Conv and ConvTranspose. A list has a number for each spatial axis, `pads` two: all
/// beginnings, then all ends. An empty list stands for an absent attribute.
struct OnnxConvolution {
  Dimensions weight_shape;  ///< the initializer W: [out, in / group, taps...]; transposed, [in, out / group, taps...]
  bool transposed = false;  ///< ConvTranspose
  std::vector<std::int64_t> kernel_shape;    ///< must be that of W
  std::vector<std::int64_t> strides;         ///< default 1
  std::vector<std::int64_t> pads;            ///< default 0
  std::string auto_pad = "NOTSET";           ///< or "VALID", "SAME_UPPER", "SAME_LOWER"
  std::vector<std::int64_t> dilations;       ///< default 1
  std::int64_t group = 1;                    ///< default 1
  std::vector<std::int64_t> output_padding;  ///< ConvTranspose: default 0
  std::vector<std::int64_t> output_shape;    ///< ConvTranspose: spatial, or with batch and channels before them
};

/// Pads as the operators' definition computes them: of an odd number, the larger half lies at the end for SAME_UPPER
/// and at the beginning for SAME_LOWER, and at the beginning for an `output_shape` without SAME_UPPER. An output shape
/// larger than the transposed convolution reaches becomes output padding.
///
/// `input_size`, the spatial sizes, is needed for SAME with a stride, and for `output_shape`: the pads depend on it.
/// Throws Error as validate() does, and for a weight that is not of rank 3 to 5, lists of another length, negative
/// pads, an unknown auto_pad, pads other than 0 together with auto_pad, and an input size that is needed and missing.
ConvolutionLayer convolution_layer(const OnnxConvolution& terms, std::span<const std::int64_t> input_size = {});

}  // namespace sigmax
