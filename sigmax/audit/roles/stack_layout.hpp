// Tensors of 3 dimensions or more that are stacks of matrices, or of kernels. Internal to audit/.
#pragma once

#include <optional>

#include "sigmax/audit/roles/kernel_layout.hpp"
#include "sigmax/audit/roles/siblings.hpp"
#include "sigmax/audit/roles/stored_layout.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::audit {

/// Three to five axes that are a stack of matrices and not a kernel, or a stack of kernels:
///  - by the names of known families (the gates of Griffin, the products of Gemma);
///  - by a bias for each of the matrices, [stack, out];
///  - the layers of a Flax model that a loop runs over (`layers/mlp/wi/kernel`), with one axis for the layers. Which
///  one
///    that is, the tensors next to it say: it has as many entries in all of them. If they do not, it is the axis that
///    is less than half as long as any other;
///  - `linear` in the layer's name, without a vector as bias;
///  - one entry along the first axis, and a name that says nothing of a kernel.
/// Nothing for any other tensor.
std::optional<LayoutOrDoubt> batched_product(const io::Entry& entry, const Siblings& siblings);

/// A stack of matrices over all but the last two axes: [stack..., out, in], or [stack..., in, out] if the shape of a
/// bias or of the projections next to it says so, or a name of Flax.
StoredLayout stack_layout(const io::Entry& entry, const Siblings& siblings);

}  // namespace sigmax::audit
