// Real Hadamard matrices: entries +1 and -1, rows orthogonal. Internal to norms/.
#pragma once

#include <cstdint>
#include <vector>

namespace sigmax::norms {

/// Whether hadamard() constructs one of this order: 1, 2, Paley's orders q + 1 for primes q = 3 mod 4, and products of
/// those with powers of two. The first order missing of those that are known to exist is 28.
bool has_hadamard(std::int64_t order);

/// The matrix, row-major, of an order with has_hadamard().
std::vector<double> hadamard(std::int64_t order);

/// The largest h with has_hadamard(h) that divides `n` and is at least `least`; 0 if there is none.
std::int64_t hadamard_divisor(std::int64_t n, std::int64_t least);

}  // namespace sigmax::norms
