// Which of the tensors that cannot be read may be weights all the same: a check of the weights must not pass over them.
#pragma once

#include "sigmax/audit/roles/siblings.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::audit {

/// True of a tensor whose values are not had as real numbers (8-bit floats, packed integers, what its reader could not
/// make out) and which may be a weight.
///
/// A vector that is called as flattened weights are (`_flat_param`) is one, be it readable or not: no matrix can be
/// made of it. So is one whose shape does not tell what it holds (Entry::opaque), whatever it is called. Integers of
/// two dimensions or more are one
///  - if a scale next to them is called after them (`kernel` and `kernel_scale`);
///  - if the graph multiplies or convolves with them, or if they are called as packed weights are (`qweight`,
///    `weight_packed`, `kernel`, `..._blocks`);
///  - if they have 16 bits or less, or are u32, unless their name says what else they are (`relative_position_index`,
///    `input_ids`, a mask, `num_batches_tracked`) or the graph only chooses, compares or reshapes by them;
///  - if they are i32 or wider, the types of indices, and the module that they are in has scales.
/// Anything else is one if it has two or more dimensions, or if it has no known shape and is called `...weight`,
/// `kernel` or `embedding`, unless its name says that it goes with a weight: a scale, a zero point, a bias, a mask. In
/// doubt the answer is yes.
bool may_be_unread_weight(const io::Entry& entry, const Siblings& siblings = {});

}  // namespace sigmax::audit
