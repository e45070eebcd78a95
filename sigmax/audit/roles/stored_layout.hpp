// In which order a weight stores its axes, where no graph says so. Internal to audit/.
#pragma once

#include <cstdint>
#include <optional>

#include "sigmax/audit/layout.hpp"
#include "sigmax/audit/result.hpp"
#include "sigmax/audit/roles/siblings.hpp"
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

/// A kernel of 3 to 5 dimensions. The first of these that fits decides:
///  - a name: `kernel` [kernel..., in, out] (Flax, Keras; [kernel..., out, in] of Keras's transposed layers),
///    `depthwise_kernel`, the query, key, value and output of an attention layer with one axis for the heads;
///  - a bias next to it, as long as one of its axes: [out, in, kernel...], or [in, out, kernel...] of a transposed
///    convolution;
///  - a name with `transpose` or `deconv` in it;
///  - [c, 1, kernel...] under a name that says depthwise, or after a layer with c outputs in a numbered sequence: c
///    groups;
///  - otherwise [out, in, kernel...] and one group. For 3 dimensions without `conv` in the name that is an assumption,
///    whatever the bias.
StoredLayout kernel_layout(const io::Entry& entry, const Siblings& siblings);

/// Three axes that are a stack of matrices and not a kernel: by the names of known families, or by a bias [stack, out].
/// Nothing for any other tensor.
std::optional<StoredLayout> batched_product(const io::Entry& entry, const Siblings& siblings);

/// A stack of matrices over all but the last two axes: [stack..., out, in], or [stack..., in, out] if the shape of a
/// bias or of the projections next to it says so.
StoredLayout stack_layout(const io::Entry& entry, const Siblings& siblings);

}  // namespace sigmax::audit
