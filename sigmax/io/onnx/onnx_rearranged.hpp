// The shapes that operators give to elements that they move, or copy. Internal to io/.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/core/tensor.hpp"

namespace sigmax::io::onnx {

/// The shape of the result of an operator of that name, for an input of that shape, in which extents may be unknown.
/// Nothing if the parameters do not fit the shape, and where not even the number of axes of the result is known.
std::optional<Dimensions> transposed(const std::optional<std::vector<std::int64_t>>& permutation,
                                     const Dimensions& shape);
std::optional<Dimensions> flattened(std::int64_t axis, const Dimensions& shape);
/// Without a list of axes, all those of extent 1 go; `has_axes` says that there is one, whether or not it is known.
std::optional<Dimensions> squeezed(const std::optional<std::vector<std::int64_t>>& axes, bool has_axes,
                                   const Dimensions& shape);
std::optional<Dimensions> unsqueezed(const std::optional<std::vector<std::int64_t>>& axes, const Dimensions& shape);
/// 0 keeps the input's extent unless `keeps_zeros`, and -1 stands for the rest. The shape of the input may be unknown.
std::optional<Dimensions> reshaped(const std::vector<std::int64_t>& target, bool keeps_zeros,
                                   const std::optional<Dimensions>& shape);

/// The shape of the result of an operator that works entry by entry on inputs of these shapes. Nothing if one of them
/// is not known, or if they contradict each other.
std::optional<Dimensions> broadcast(std::span<const std::optional<Dimensions>> shapes);

}  // namespace sigmax::io::onnx
