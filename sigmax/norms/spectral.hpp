// Functions of the singular values.
#pragma once

#include <cstdint>
#include <span>

namespace sigmax::norms {

/// Throughout, `sigma` holds singular values in descending order; an empty span gives 0.

/// Schatten p-norm, (sum sigma_i^p)^(1/p), p >= 1; infinity gives sigma_1. Throws Error for p < 1 or NaN.
double schatten(std::span<const double> sigma, double p);

/// Nuclear norm, sum sigma_i: the Schatten 1-norm.
double nuclear(std::span<const double> sigma);

/// Ky Fan k-norm, the sum of the k largest. Throws Error unless 1 <= k <= sigma.size().
double ky_fan(std::span<const double> sigma, std::int64_t k);

/// exp(H), H = -sum p_i log p_i the entropy of p_i = sigma_i / sum sigma (Roy and Vetterli, EUSIPCO 2007). Between 1
/// and the number of values; 0 for a zero matrix.
double effective_rank(std::span<const double> sigma);

/// Number of values above `tolerance`.
std::int64_t numerical_rank(std::span<const double> sigma, double tolerance);

/// The smallest r with sum_{i<=r} sigma_i^2 >= share sum sigma_i^2: the best approximation of that rank keeps that
/// share of the squared Frobenius norm (Eckart and Young 1936). 0 for a zero matrix.
std::int64_t energy_rank(std::span<const double> sigma, double share);

}  // namespace sigmax::norms
