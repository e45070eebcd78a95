// How closely an induced norm can be computed at all.
#pragma once

#include <optional>

namespace sigmax::norms {

/// g_r = (E |g|^r)^(1/r) = sqrt 2 (Gamma((r + 1) / 2) / sqrt pi)^(1/r), g standard normal. For r >= 1; infinity for
/// infinity. Throws Error otherwise.
double gaussian_norm(double r);

/// The factor below which no algorithm approximates |A|_{p->q} for every A in polynomial time, as far as that is known:
///
/// - 1 for p = 1, q = infinity, and p = q = 2: the norm is computed;
/// - 1 / (g_{p*} g_q) for other p >= 2 >= q, unless P = NP; where p or q is 2, an algorithm reaches this factor;
/// - infinity, no constant factor, for p >= q and for 1 < p < q where 2 is not between p and q, unless NP has
///   randomized algorithms of quasi-polynomial time;
/// - not known (empty) for other p <= 2 <= q.
///
/// So for some matrices the ends of an enclosure stay apart by this factor, whatever the search. Throws Error for p or
/// q less than 1 or NaN.
///
/// Sources: V. Bhattiprolu, M. Ghosh, V. Guruswami, E. Lee, M. Tulsiani, Approximability of p -> q matrix norms, SODA
/// 2019 (ECCC TR18-037); A. Bhaskara, A. Vijayaraghavan, Approximating matrix p-norms, SODA 2011.
std::optional<double> approximation_limit(double p, double q);

}  // namespace sigmax::norms
