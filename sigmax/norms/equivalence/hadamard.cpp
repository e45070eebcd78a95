#include "sigmax/norms/equivalence/hadamard.hpp"

#include <cstddef>
#include <utility>

namespace sigmax::norms {
namespace {

bool is_prime(std::int64_t n) {
  if (n < 2) return false;
  for (std::int64_t d = 2; d <= n / d; ++d) {
    if (n % d == 0) return false;
  }
  return true;
}

// The order without the factors of two that Sylvester's step, [H H; H -H], puts back.
std::int64_t core_of(std::int64_t order) {
  while (order > 2 && order % 2 == 0 && !(order % 4 == 0 && is_prime(order - 1))) order /= 2;
  return order;
}

// Paley: I + S with S skew, S = [0 1; -1 Q], q_ij = chi(i - j), chi(x) = 1 for squares modulo q. For q = 3 mod 4 chi is
// odd, so that Q is skew and S S^T = q I.
std::vector<double> paley(std::int64_t order) {
  const std::int64_t q = order - 1;
  std::vector<double> chi(static_cast<std::size_t>(q), -1.0);
  chi[0] = 0;
  for (std::int64_t x = 1; x < q; ++x) chi[static_cast<std::size_t>(x * x % q)] = 1;
  std::vector<double> h(static_cast<std::size_t>(order * order), 1.0);
  for (std::int64_t i = 1; i < order; ++i) {
    h[static_cast<std::size_t>(i * order)] = -1;
    for (std::int64_t j = 1; j < order; ++j) {
      const std::int64_t difference = ((i - j) % q + q) % q;
      h[static_cast<std::size_t>(i * order + j)] = i == j ? 1 : chi[static_cast<std::size_t>(difference)];
    }
  }
  return h;
}

}  // namespace

bool has_hadamard(std::int64_t order) {
  if (order < 1) return false;
  const std::int64_t core = core_of(order);
  return core <= 2 || (core % 4 == 0 && is_prime(core - 1));
}

std::vector<double> hadamard(std::int64_t order) {
  const std::int64_t core = core_of(order);
  std::vector<double> h = core == 1   ? std::vector<double>{1}
                          : core == 2 ? std::vector<double>{1, 1, 1, -1}
                                      : paley(core);
  for (std::int64_t n = core; n < order; n *= 2) {
    std::vector<double> twice(static_cast<std::size_t>(4 * n * n));
    for (std::int64_t i = 0; i < 2 * n; ++i) {
      for (std::int64_t j = 0; j < 2 * n; ++j) {
        const double entry = h[static_cast<std::size_t>((i % n) * n + j % n)];
        twice[static_cast<std::size_t>(i * 2 * n + j)] = i >= n && j >= n ? -entry : entry;
      }
    }
    h = std::move(twice);
  }
  return h;
}

std::int64_t hadamard_divisor(std::int64_t n, std::int64_t least) {
  for (std::int64_t repeats = 1; repeats <= n; ++repeats) {
    if (n % repeats != 0) continue;
    if (n / repeats < least) return 0;
    if (has_hadamard(n / repeats)) return n / repeats;
  }
  return 0;
}

}  // namespace sigmax::norms
