// How the axes that an operator of a graph sees lie in the stored tensor. Internal to audit/.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "sigmax/audit/layout.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::audit {

/// How many axes the operator sees.
std::size_t operand_rank(const io::Entry& entry, const io::Usage& use);

/// The operator's axes as axes of the tensor, through the nodes between them: of the shape in which it is stored, or of
/// the one that the graph gives it. Nothing if it is not known which elements the operator sees.
std::optional<Layout> through(const io::Entry& entry, const io::Usage& use, Layout layout);

/// `bij,jk->bik` with the tensor as one of two operands: an index that the result and the other operand share stacks
/// matrices, one of the result alone is an output, one of the other operand alone is summed over. Nothing for any other
/// equation.
std::optional<std::vector<Axis>> einsum_axes(const io::Usage& use);

}  // namespace sigmax::audit
