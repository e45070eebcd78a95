// Proximal maps and projections of lists of numbers: entries, the lengths of rows or columns, singular values.
// norms/matrix_proximal.hpp applies them to matrices, nn/proximal.hpp to weights in training, with no more triplets
// than needed.
//
//     prox_{lambda f}(x) = argmin_y 1/2 |y - x|^2 + lambda f(y)
//     P_r(x) = argmin_{f(y) <= r} |y - x|
//
// For each norm one of the two has a form of its own, and the other follows:
//
// - Moreau: x = prox_{lambda f}(x) + P(x), P the projection onto { y : f_dual(y) <= lambda };
// - P_r(x) = prox_{lambda f}(x) for the lambda with f(y) = r, where f(x) > r: a root of one number.
//
// All maps are firmly nonexpansive. (Moreau, Bull. SMF 93, 1965; Parikh and Boyd, Proximal Algorithms, 2014.)
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/norms/table.hpp"

namespace sigmax::norms {

/// For vectors with finite entries of any sign. Results are accurate to about n u times the largest entry. lambda and
/// radius are finite and not negative; otherwise they throw Error, as for p < 1.

/// argmin_y 1/2 |y - x|^2 + lambda |y|_p. p = 1: sign(x_i) (|x_i| - lambda)_+; p = 2: (1 - lambda / |x|)_+ x; infinity:
/// x less its projection onto the 1-ball of radius lambda; other p: less that onto the p*-ball.
std::vector<double> proximal_p(std::span<const double> x, double p, double lambda);

/// The nearest y with |y|_p <= radius: x itself, or y_i + mu y_i^(p-1) = |x_i| with the signs of x and the mu for which
/// |y|_p = radius, by a root in mu and a Newton iteration for each y_i. A radius below 2^-500 of the largest entry
/// gives the direction of 2^-500.
std::vector<double> project_p(std::span<const double> x, double p, double radius);

/// For the sum of the k largest magnitudes: |y_i| = |x_i| - clip(|x_i| - theta, 0, lambda), the clipped parts adding up
/// to k lambda; theta = 0 where they cannot.
std::vector<double> proximal_ky_fan(std::span<const double> x, std::int64_t k, double lambda);

/// The nearest y whose k largest magnitudes add up to at most the radius: the values around the k-th meet in a plateau.
/// The sum is piecewise linear in lambda, so its root is found to rounding. (Wu, Ding, Sun, Toh, SIAM J. Optim. 24,
/// 2014, find the plateau by a search.)
std::vector<double> project_ky_fan(std::span<const double> x, std::int64_t k, double radius);

/// For (the sum of the p-th powers of the k largest magnitudes)^(1/p). For 1 < p < infinity, magnitudes above a level
/// become max(level, b) with b + mu b^(p-1) = |x_i|, the others stay; for each mu the level is the root of a falling
/// function, and mu the root of another. Throws Error for p < 1 too.
std::vector<double> proximal_ky_fan(std::span<const double> x, KyFan n, double lambda);
std::vector<double> project_ky_fan(std::span<const double> x, KyFan n, double radius);

}  // namespace sigmax::norms
