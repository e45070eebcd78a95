// What a Pad in front of a convolution does to the image. Internal to io/.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/io/convolution_settings.hpp"
#include "sigmax/io/onnx/onnx_dataflow.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"
#include "sigmax/io/onnx/onnx_parameters.hpp"

namespace sigmax::io::onnx {

/// Makes of the settings of a convolution whose input is `image` those of one that reads what the image was before the
/// nodes Pad in front of it; see fold_padding(). Values go through Identity and Cast on the way. `constant` are the
/// constant_values() of the graph. Throws FileError as Parameters does.
void fold_pads(const Model& model, const Dataflow& flow, const std::vector<bool>& constant, Parameters& parameters,
               std::uint32_t image, bool transposed, ConvolutionSettings& settings);

}  // namespace sigmax::io::onnx
