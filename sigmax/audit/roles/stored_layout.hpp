// In which order a weight stores its axes, where no graph says so. Internal to audit/.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sigmax/audit/layout.hpp"
#include "sigmax/audit/result.hpp"
#include "sigmax/audit/roles/siblings.hpp"
#include "sigmax/audit/roles/tensor_name.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::audit {

struct StoredLayout {
  Layout layout;
  Evidence evidence = Evidence::shape;
};

/// Layouts of kernels of 3 dimensions or more.
Layout convolution_layout(std::size_t rank, std::int64_t groups);             ///< [out, in / groups, kernel...]
Layout transposed_convolution_layout(std::size_t rank, std::int64_t groups);  ///< [in, out / groups, kernel...]
Layout channels_last_layout(std::size_t rank, std::int64_t groups);           ///< [kernel..., in / groups, out]
Layout depthwise_channels_last_layout(const Dimensions& shape);               ///< [kernel..., in, multiplier]

/// True if a vector next to the two-dimensional weight has the name of its bias and the length of one of its axes.
bool has_output_bias(const io::Entry& entry, const Siblings& siblings);

/// A two-dimensional weight: [out, in] as PyTorch stores it. [in, out] if a bias next to it has the length of a row and
/// not of a column, if it is called `kernel` (Flax, Keras), or if it belongs to one of GPT-2's Conv1D.
StoredLayout dense_layout(const io::Entry& entry, const Siblings& siblings);

/// The bias of the layer: `weight` and `bias`, `in_proj_weight` and `in_proj_bias`, `gate_up_proj` and
/// `gate_up_proj_bias`, `w` and `b`, `vars/0` and `vars/1`. Null if there is none.
const io::Entry* bias_of(const io::Entry& entry, const Siblings& siblings);

/// The tensor `name` of the layer next to this one's: `attn.c_attn.weight` for `attn.c_proj.weight`. Null if there is
/// none.
const io::Entry* beside_layer(const io::Entry& entry, std::string_view layer, const Siblings& siblings);

/// Whether anything but the number of its axes says that a tensor is a kernel. An attention over heads, a bilinear form
/// and a stack have three axes as well.
bool says_convolution(const NameParts& parts);

/// The axes of attention layers that keep one for the heads, without a stack: [in, heads, width], [heads, width, in].
std::optional<std::vector<Axis>> attention_axes(const io::Entry& entry, const NameParts& parts,
                                                const Siblings& siblings);

}  // namespace sigmax::audit
