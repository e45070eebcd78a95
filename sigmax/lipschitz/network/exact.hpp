// Matrices of linear maps without any rounding: what a proof about the network may take as its weights. Internal to
// lipschitz/.
#pragma once

#include <memory>
#include <optional>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::lipschitz {

/// A matrix that is shared; null for the identity.
using Shared = std::shared_ptr<const Matrix<double>>;

/// Whether materialize() gives the exact entries: stored matrices, convolutions whose taps meet no entry twice,
/// diagonals, selections, and what is put together of these without sums or products of inexact numbers.
bool forms_exactly(const LinearOperator<double>& a);

/// A B where no entry is rounded: at most one term a sum, and its product exact. Nothing where that cannot be seen from
/// the places of the zeros: one factor must have at most one entry other than 0 in each row (A) or column (B).
std::optional<Shared> exact_product(const Shared& a, const Shared& b);

/// A + B of `order` rows, where no sum is rounded; otherwise nothing.
std::optional<Shared> exact_sum(const Shared& a, const Shared& b, std::int64_t order);

/// The entries of the identity where `a` is null.
Matrix<double> entries_of(const Shared& a, std::int64_t order);

}  // namespace sigmax::lipschitz
