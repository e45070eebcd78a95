// The multipliers of one layer, those before it given: searches 1 and 2. Internal to lipschitz/.
#pragma once

#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/lipschitz/lmi/search_budget.hpp"

namespace sigmax::lipschitz {

/// Throughout, K = cov(v, v) of the layer (covariances.hpp) with both triangles, S = 2 Lambda - Lambda K Lambda, and
/// callers hold a SerialBlas.

/// d_j / lambda_max(K), d_j = (b - a) / max(b, -a) for slopes in [a, b] (1 for a = 0), less than 2 so that S is
/// positive definite: if all neurons have the same slopes, the one number for which the layer passes on the least in
/// every direction. For a = 0 this is the one with the largest smallest eigenvalue of S.
///
/// Source: Xu and Sivaranjani, "ECLipsE: Efficient Compositional Lipschitz Constant Estimation for Deep Neural
/// Networks", 2024 (ECLipsE-Fast).
std::vector<double> closed_form_multipliers(const Matrix<double>& k, const std::vector<double>& least,
                                            const std::vector<double>& most);

/// The multipliers with the largest s such that S >= s N, N the sum of squares W^T W of the matrices that read the
/// layer, to a relative `gap` of s. Maximizes t s + log det(S - s N) by Newton's method for growing t: at its maximum s
/// is within n / t of the best one.
///
/// For neurons with least = 0, whose S is what they pass on. `start`: the closed form's multipliers, all the same. `n`:
/// both triangles. Cost: 4 n^3 flops a step, at most 40 steps; the search ends where the budget does.
std::vector<double> newton_multipliers(const Matrix<double>& k, const Matrix<double>& n,
                                       const std::vector<double>& start, double gap, SearchBudget& budget,
                                       Context& context);

}  // namespace sigmax::lipschitz
