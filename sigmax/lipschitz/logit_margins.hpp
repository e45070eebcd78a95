// Computed logits compared with their errors. Internal to lipschitz/.
#pragma once

#include <cstddef>
#include <vector>

#include "sigmax/graph/ranges.hpp"

namespace sigmax::lipschitz {

/// Value and error of output j are finite. Of NaN and infinite numbers nothing is known.
bool is_known(const graph::Evaluated& found, std::size_t j);

/// Whether the exact output j is proven to be at least the exact output k. Exact values are compared as they are.
bool is_at_least(const graph::Evaluated& found, std::size_t j, std::size_t k);

/// For each j a lower end of f_label - f_j, rounded down: -infinity where one is not known, infinity for the label.
std::vector<double> margins_of(const graph::Evaluated& found, std::size_t label);

}  // namespace sigmax::lipschitz
