// The shapes of images that convolutions, pooling and the like make. Internal to io/.
#pragma once

#include <cstdint>
#include <optional>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"

namespace sigmax::io::onnx {

/// The extents of an image without batch and channels; empty if one of them is not known.
Dimensions image_size(const std::optional<Dimensions>& shape);

/// The shape of the node's result for an image of shape `x`, in which extents may be unknown. Nothing if the node's
/// parameters do not fit it, or are not known.
std::optional<Dimensions> convolved(const Model& model, const Node& node, const std::optional<Dimensions>& kernel,
                                    const Dimensions& x);
/// MaxPool, AveragePool, LpPool.
std::optional<Dimensions> pooled(const Model& model, const Node& node, const Dimensions& x);
/// GlobalMaxPool and the like.
std::optional<Dimensions> globally_pooled(const Dimensions& x);
/// DepthToSpace, and SpaceToDepth.
std::optional<Dimensions> block_moved(bool to_space, std::int64_t block, const Dimensions& x);

}  // namespace sigmax::io::onnx
