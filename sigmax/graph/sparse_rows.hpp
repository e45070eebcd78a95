// The entries of a linear operator, by rows. Internal to graph/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/graph/scalar/interval.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::graph {

/// For each row its entries that are not 0, by ascending columns, each in an interval.
using SparseRows = std::vector<std::vector<std::pair<std::int64_t, Interval>>>;

/// The rows of stored matrices, diagonals, selections and what is composed of them as multiples, products, sums and
/// Kronecker products. Nothing for other operators, and if there are more than `most` entries at any step.
std::optional<SparseRows> sparse_rows(const LinearOperator<double>& a, std::size_t most);

/// The rows of a b.
std::optional<SparseRows> product_of_rows(const SparseRows& a, const SparseRows& b, std::size_t most);

}  // namespace sigmax::graph
