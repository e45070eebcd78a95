// What the Lanczos recurrence of a random start tells of the largest eigenvalue. Plain numbers:
// bounds/matrix_proof/probabilistic.hpp makes bounds of them, svd/checks/complement.hpp asks them whether a value was
// missed.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sigmax/svd/recurrence.hpp"

namespace sigmax {

/// Throws Error unless kLeastFailureProbability <= value < 1. `where` begins the message.
void check_failure_probability(std::string_view where, double value);

/// An upper bound on lambda_max of C from the Lanczos process itself, which fails with at most the given probability
/// over its random start, whatever C is. Infinite for a recurrence that is none (lengths, NaN, negative entries,
/// products that underflowed), whose start was not drawn, or whose start is too far from normal for the probability.
///
/// For g standard normal, P(|g^T v_1| < c) <= c sqrt(2 / pi). Otherwise the spectral measure of (C, g / |g|) has a mass
/// of at least c^2 / |g|^2 at lambda_max; but the mass that any measure has at x is at most 1 / sum_j p_j(x)^2 (its
/// Christoffel function), and that falls with x beyond the largest Ritz value. So lambda_max is at most the x at which
/// sum_j p_j(x)^2 = |g|^2 / c^2. The p_j come from the recurrence at no further product. Rounding in the recurrence is
/// allowed for to first order, by (terms + steps) 8 u times the larger of lambda_max and `magnitude`, and not proven.
/// `magnitude` is for products that cancel: W - W' rounds by u (|W| + |W'|), not by u |W - W'|; give its square.
double christoffel_upper_bound(const LanczosRecurrence& recurrence, double failure_probability, std::int64_t terms,
                               double magnitude = 0);

/// The same of several recurrences whose starts are independent: the largest of s bounds that each fail with
/// probability p^(1/s), which fails only if all of them do, with probability p. Two starts need half the logarithm of
/// 1/p that one needs, and so about half the steps. Infinite without a recurrence.
double christoffel_upper_bound(std::span<const LanczosRecurrence> recurrences, double failure_probability,
                               std::int64_t terms, double magnitude = 0);

}  // namespace sigmax
