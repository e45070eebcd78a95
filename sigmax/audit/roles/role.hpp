// Which matrix a tensor is, decided from the strongest evidence that there is.
#pragma once

#include <optional>
#include <string_view>
#include <variant>

#include "sigmax/audit/matrix_plan.hpp"
#include "sigmax/audit/roles/assumed_role.hpp"
#include "sigmax/audit/roles/no_weight.hpp"
#include "sigmax/audit/roles/siblings.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::audit {

/// The rules, the strongest evidence first:
///  1. values that cannot be read, integers, scalars, vectors and empty tensors are not matrices (the state of an
///     optimizer and copies of weights are named as such even if they cannot be read);
///  2. `assumed`, what the user says;
///  3. the operators of a graph that consume the tensor (graph_role.hpp);
///  4. its neighbors, its place and its name, if they show that it is not a weight (no_weight.hpp): scales and
///  codebooks
///     of quantized weights, optimizer state, averages, rotary caches, masks, tables that are added, ...;
///  5. recurrent weights by the names that PyTorch and Keras give them; the tensor next to them shows how many gates;
///  6. a weight of 2 dimensions is an embedding if its layer is called so and has no bias, otherwise dense
///     (stored_layout.hpp);
///  7. a weight of 3 dimensions or more is a stack of matrices if its name says experts, if it has more than 5, or if
///     what lies next to it shows that it is (stack_layout.hpp); otherwise a convolution kernel in the layout that its
///     bias and its name allow (kernel_layout.hpp). Where two fit, it is a weight that is not read.
/// Throws Error if `assumed` does not fit the tensor's shape.
std::variant<MatrixPlan, NoMatrix> classify(const io::Entry& entry, const Siblings& siblings,
                                            const std::optional<AssumedRole>& assumed = std::nullopt);

}  // namespace sigmax::audit
