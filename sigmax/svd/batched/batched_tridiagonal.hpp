// The largest eigenvalue of a symmetric tridiagonal matrix, eigenvalue counts, and an eigenvector. They do not use
// LAPACK because a batch needs them thousands of times for small orders. Internal to svd/.
//
// T has `diagonal` of n >= 1 and `off` of n - 1 entries; |T| should be within 2^+-30 of 1, or zero.
#pragma once

#include <span>

namespace sigmax {

/// theta with lambda_max(T) <= theta (1 + a few eps) + 1e-14 |T|, and lambda_max >= theta - 1e-14 |T| or so.
/// Laguerre's iteration on the characteristic polynomial, from above, where it converges monotonically and cubically: a
/// handful of sweeps of n steps each.
double tridiagonal_largest(std::span<const double> diagonal, std::span<const double> off);

/// How many eigenvalues of T are above `x` (Sylvester's law of inertia; exact for a T + E with |E| of the order of
/// eps |T|).
struct CountAbove {
  int of_first = 0;
  int of_second = 0;
};

/// For two shifts together, in the time of one.
CountAbove tridiagonal_count_above(std::span<const double> diagonal, std::span<const double> off, double first,
                                   double second);

/// The eigenvector for `theta`, an eigenvalue to working accuracy, from the twisted factorization of T - theta I
/// (Fernando 1997; Dhillon and Parlett 2004). It is not normalized; its largest entry is about 1. `work` holds 2 n.
void tridiagonal_vector(std::span<const double> diagonal, std::span<const double> off, double theta,
                        std::span<double> work, std::span<double> vector);

}  // namespace sigmax
