// What the Lanczos recurrence of a random start says about the largest eigenvalue. Plain numbers:
// bounds/matrix_proof/probabilistic.hpp makes bounds of them, svd/checks/complement.hpp uses them to tell whether a
// value was missed. Internal to the library.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sigmax/svd/recurrence.hpp"

namespace sigmax {

/// Throws Error unless kLeastFailureProbability <= value < 1. `where` begins the message.
void check_failure_probability(std::string_view where, double value);

/// An upper bound on lambda_max of C from the Lanczos process itself, which fails with at most the given probability
/// over its random start, whatever C is. Infinite if the recurrence is invalid (lengths, NaN, negative entries,
/// products that underflowed), if its start was not drawn, or if its start is too far from normal for the probability.
///
/// For g standard normal, P(|g^T v_1| < c) <= c sqrt(2 / pi). Otherwise the spectral measure of (C, g / |g|) has a mass
/// of at least c^2 / |g|^2 at lambda_max; but any measure has at x a mass of at most 1 / sum_j p_j(x)^2 (its
/// Christoffel function), which falls with x beyond the largest Ritz value. So lambda_max is at most the x at which
/// sum_j p_j(x)^2 = |g|^2 / c^2. The p_j come from the recurrence without further products. Rounding in the recurrence
/// is accounted for to first order, by (terms + steps) 8 u times the larger of lambda_max and `magnitude`, and not
/// proven. `magnitude` is for products that cancel: W - W' has rounding errors of u (|W| + |W'|), not u |W - W'|; pass
/// the square.
double christoffel_upper_bound(const LanczosRecurrence& recurrence, double failure_probability, std::int64_t terms,
                               double magnitude = 0);

/// The same bound from several recurrences with independent starts: the largest of s bounds that each fail with
/// probability p^(1/s). It fails only if all of them fail, with probability p. Two starts need half the logarithm of
/// 1/p that one needs, and so about half the steps. Infinite without a recurrence.
double christoffel_upper_bound(std::span<const LanczosRecurrence> recurrences, double failure_probability,
                               std::int64_t terms, double magnitude = 0);

}  // namespace sigmax
