// A network's Lipschitz constant from a matrix inequality, proven by one Cholesky factorization. Derivation:
// docs/lipschitz.md.
//
// Let dz be the change of all variables z (input and neurons) between two inputs, and r_j dz the change of what neuron
// j is applied to. Its slopes lie in [a_j, b_j], so that (dz_j - a_j r_j dz) (dz_j - b_j r_j dz) <= 0. With mu_j >= 0,
//
//     P(mu) = I_input + sum mu_j (M_j + M_j^T),   M_j = (e_j - a_j r_j)^T (e_j - b_j r_j),
//
// satisfies dz^T P dz <= |dx|^2. If rho P - C^T C >= 0, the output's change is |C dz| <= sqrt(rho) |dx|: a statement
// about any two inputs. It holds for any mu; searches look for the one with the smallest rho.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/bounds/layered_network.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax {

/// |y(x) - y(x')| <= lipschitz |x - x'|, for all x and x'.
struct NetworkBound {
  UpperBound lipschitz;
  /// The inequality that was shown: 2^(2 exponent) rho P - C^T C >= 0.
  double rho = 0;
  std::int64_t exponent = 0;
};

/// P(mu) of a network, factored.
class NetworkLmi {
 public:
  /// Nothing if P(mu) cannot be shown to be positive definite: poor multipliers, entries of P beyond 2^400 of its
  /// diagonal, or a BLAS that did not pass its test. A neuron whose multiplier is 0 must not be read by any later layer
  /// or output, except for neurons whose weights are all 0 or whose slopes are: they do not move. Throws Error for a
  /// network that does not fit together (validate()), for numbers of multipliers that do not fit it and for multipliers
  /// that are negative or not finite, and Canceled on request.
  ///
  /// `most_outputs`: bound() may be asked about as many rows at once.
  ///
  /// Cost: that of a block Cholesky factorization. For a chain, 7/3 n^3 flops a layer of n neurons.
  static std::optional<NetworkLmi> factor(const LayeredNetwork& network, const NetworkMultipliers& multipliers,
                                          std::int64_t most_outputs, Context& context);

  NetworkLmi(NetworkLmi&&) noexcept;
  NetworkLmi& operator=(NetworkLmi&&) noexcept;
  ~NetworkLmi();

  /// The smallest bound that these multipliers give for the output that is the sum of the terms: the network's own,
  /// some rows of it or differences of rows. The square root of the largest eigenvalue of C P^-1 C^T, and rounding, a
  /// relative 1e-12 to 1e-6 that grows with the condition of P. Nothing if an output reads a neuron with a multiplier
  /// of 0. Throws Error for terms that do not fit the network or have more than `most_outputs` rows.
  ///
  /// Cost: one triangular solve with the factor for each row, and m^3 / 3 flops for m rows.
  std::optional<NetworkBound> bound(const std::vector<NetworkTerm>& output, Context& context) const;

 private:
  struct State;
  explicit NetworkLmi(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// factor() and bound() of the network's own output.
std::optional<NetworkBound> prove_network_bound(const LayeredNetwork& network, const NetworkMultipliers& multipliers,
                                                Context& context);

/// As above, on every hardware thread.
inline std::optional<NetworkBound> prove_network_bound(const LayeredNetwork& network,
                                                       const NetworkMultipliers& multipliers) {
  Context context;
  return prove_network_bound(network, multipliers, context);
}

}  // namespace sigmax
