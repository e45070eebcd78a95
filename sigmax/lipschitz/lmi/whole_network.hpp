// All multipliers of a network at once: search 3. Internal to lipschitz/.
#pragma once

#include <optional>

#include "sigmax/core/context.hpp"
#include "sigmax/lipschitz/lmi/layers.hpp"

namespace sigmax::lipschitz {

/// The multipliers of the smallest bound that the inequality has, to a relative `gap` of rho, from those of another
/// search. Minimizes t rho - log det [P(mu), C^T; C, rho I] by Newton's method for growing t: at its minimum rho is
/// within N / t of the smallest, N the order of the matrix.
///
/// The Hessian needs P^-1 alone, V: with p_j = e_j - a_j r_j and q_j = e_j - b_j r_j,
///
///     2 ((p_j V p_k) (q_j V q_k) + (p_j V q_k) (p_k V q_j)),
///
/// and the products with V cost N^2 n for layers of n neurons, because P is sparse by blocks and r_j reads few of them.
/// Cost of a step for n_0 neurons together: N^2 n 8 flops, n_0^3 / 3 for the system and 4 matrices of N^2. 30 to
/// 150 steps, the more the deeper the network. An input with more entries than there are neurons that read it is
/// replaced by the triangular factor of their weights.
///
/// Where the budget ends, the multipliers are those of the last step. Nothing if `start` is not inside. Callers hold a
/// SerialBlas.
std::optional<FoundMultipliers> search_whole_network(const LayeredNetwork& network, const FoundMultipliers& start,
                                                     double gap, SearchBudget& budget, Context& context);

}  // namespace sigmax::lipschitz
