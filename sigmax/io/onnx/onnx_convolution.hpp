// How the convolutions of an ONNX graph move their kernels. Internal to io/.
#pragma once

#include <optional>

#include "sigmax/io/convolution_settings.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"

namespace sigmax::io::onnx {

/// The input of the node that holds its kernel; kNone if the node is not a convolution whose attributes are read (Conv,
/// ConvTranspose, FusedConv, QLinearConv, ConvInteger).
std::uint32_t kernel_input(const Node& node);

bool is_transposed_convolution(const Node& node);

/// What the node's attributes say, with auto_pad and output_shape resolved to pads where the sizes that they depend on
/// are known. `kernel` is the shape of its kernel and `input_size` that of its image without batch and channels, each
/// empty if not known. Nothing if it is not known how many axes the image has, or if the attributes contradict each
/// other.
std::optional<ConvolutionSettings> convolution_settings(const Model& model, const Node& node, const Dimensions& kernel,
                                                        const Dimensions& input_size);

}  // namespace sigmax::io::onnx
