// Matrices of linear maps with a bound of what was rounded: what a proof about the network takes as its weights.
// Internal to lipschitz/.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "sigmax/bounds/uncertain_matrix.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::lipschitz {

/// A matrix that is shared; null for the identity.
using Shared = std::shared_ptr<const bounds::UncertainMatrix>;
Shared share(bounds::UncertainMatrix a);

/// The map's matrix, by its structure. Stored matrices, convolutions whose taps meet no entry twice, diagonals and
/// selections are exact; sums and products of matrices have the errors of bounds/uncertain_matrix.hpp. Nothing where an
/// entry's error is not known (opaque maps, padding that repeats entries) or an entry leaves the range of double.
std::optional<bounds::UncertainMatrix> matrix_of(const LinearOperator<double>& a, Context& context);

/// A B and A + B of `order` rows.
std::optional<Shared> product(const Shared& a, const Shared& b, Context& context);
std::optional<Shared> sum(const Shared& a, const Shared& b, std::int64_t order);

/// The entries of the identity where `a` is null.
bounds::UncertainMatrix entries_of(const Shared& a, std::int64_t order);

}  // namespace sigmax::lipschitz
