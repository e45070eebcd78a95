// What a training program keeps next to the weights: optimizer state, gradients, copies. Internal to audit/.
#pragma once

#include <optional>

#include "sigmax/audit/roles/no_weight.hpp"
#include "sigmax/audit/roles/siblings.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::audit {

/// Optimizer state, gradients, and copies of weights that the checkpoint holds too, of any type. Nothing for any other
/// tensor.
///
/// The tensor's own name decides: a slot that only optimizers have (`exp_avg`, `adam_m`), the structure of a state
/// dictionary (`state.0.q`, `opt_state.`), or a slot behind the name of a tensor of the same shape (`dense/kernel/Adam`
/// next to `dense/kernel`). A file that is called `optimizer` makes it enough that a slot of a common name (`m`, `v`,
/// `mu`) or `state` and a number is somewhere in the tensor's name. The name of a file proves nothing by itself:
/// `optimizer_student.npz` may hold a model.
std::optional<NoMatrix> state_of_training(const io::Entry& entry, const Siblings& siblings);

}  // namespace sigmax::audit
