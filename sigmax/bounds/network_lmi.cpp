#include "sigmax/bounds/network_lmi.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/network_proof/inequality.hpp"
#include "sigmax/bounds/network_proof/scaled.hpp"
#include "sigmax/bounds/network_proof/uncertainty.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/linalg/small_dense.hpp"
#include "sigmax/linalg/tiled.hpp"

namespace sigmax {

struct NetworkLmi::State {
  LayeredNetwork shape;  ///< without its matrices
  bounds::ScaledNetwork network;
  BlockMatrix factor;
  double output_shift = 0;
  double reserve = 0;
  std::int64_t most_outputs = 0;
};

namespace {

constexpr const char* kNetworkLmi = "network_lmi";

void validate(const LayeredNetwork& network, const NetworkMultipliers& multipliers) {
  sigmax::validate(network, kNetworkLmi);
  if (multipliers.values.size() != network.layers.size() ||
      (!multipliers.exponents.empty() && multipliers.exponents.size() != network.layers.size())) {
    throw Error(fmt::format("[{}] multipliers of {} layers for a network of {}", kNetworkLmi, multipliers.values.size(),
                            network.layers.size()));
  }
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const std::vector<double>& values = multipliers.values[i];
    if (values.size() != network.layers[i].least.size()) {
      throw Error(fmt::format("[{}] {} multipliers for the {} neurons of layer {}", kNetworkLmi, values.size(),
                              network.layers[i].least.size(), i + 1));
    }
    for (const double value : values) {
      if (!(value >= 0) || !std::isfinite(value)) {
        throw Error(fmt::format("[{}] a multiplier of {} in layer {}: finite numbers of 0 or more are needed",
                                kNetworkLmi, value, i + 1));
      }
    }
  }
}

// The shapes and slopes alone: what validate() asks about an output.
LayeredNetwork without_matrices(const LayeredNetwork& network) {
  LayeredNetwork shape{network.inputs, {}, {}};
  for (const NeuronLayer& layer : network.layers) shape.layers.push_back({{}, layer.least, layer.most});
  return shape;
}

// What P keeps for the errors of outputs: of the size of the errors of the network's own, in units in which its largest
// entry is about 1.
double reserve_for(const bounds::ScaledNetwork& network, const std::vector<NetworkTerm>& output) {
  const std::optional<bounds::ScaledOutput> own = bounds::scaled_output(network, output);
  return std::clamp(own ? bounds::error_norm(own->terms) : 0.0, 0x1p-46, 0x1p-10);
}

// A d with d I - G factored, a little above the largest eigenvalue of G. G is psd, in its lower triangle.
std::optional<double> above_all_eigenvalues(const Matrix<double>& g, Context& context) {
  const std::int64_t m = g.rows();
  const double top = bounds::larger_of(largest_of_symmetric(g, 1).value.front(), 0x1p-100);
  if (!std::isfinite(top)) return std::nullopt;
  const auto order = static_cast<double>(m);
  // At most 17 attempts: the slack grows from 2^-46 or more by factors of 8.
  for (double slack = order * order * 0x1p-52 + 0x1p-46; slack < 1; slack *= 8) {
    const double d = top * (1 + slack);
    Matrix<double> b(m, m);
    for (std::int64_t k = 0; k < m; ++k) {
      for (std::int64_t j = k; j < m; ++j) b(j, k) = (j == k ? d : 0.0) - g(j, k);
    }
    if (cholesky(b.values().data(), m, context)) return d;
  }
  return std::nullopt;
}

}  // namespace

NetworkLmi::NetworkLmi(std::unique_ptr<State> state) : state_(std::move(state)) {}
NetworkLmi::NetworkLmi(NetworkLmi&&) noexcept = default;
NetworkLmi& NetworkLmi::operator=(NetworkLmi&&) noexcept = default;
NetworkLmi::~NetworkLmi() = default;

std::optional<NetworkLmi> NetworkLmi::factor(const LayeredNetwork& network, const NetworkMultipliers& multipliers,
                                             std::int64_t most_outputs, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  validate(network, multipliers);
  if (!bounds::blas_supports_proofs()) return std::nullopt;
  std::optional<bounds::ScaledNetwork> scaled = bounds::scaled(network, multipliers);
  if (!scaled) return std::nullopt;
  bounds::Inequality p = bounds::inequality(*scaled, most_outputs, reserve_for(*scaled, network.output), context);
  if (!cholesky(p.matrix, context)) return std::nullopt;
  return NetworkLmi(std::make_unique<State>(State{without_matrices(network), std::move(*scaled), std::move(p.matrix),
                                                  p.output_shift, p.reserve, most_outputs}));
}

// With the units of `network`, C = 2^exponent C', and a factorization of [P', C'^T; C', rho I] - diag(c h) that
// completes, h = rho in its last block, shows that this matrix is positive semidefinite (network_proof/inequality.cpp).
// Its Schur complement rho P' - C'^T C' is as well, and in the variables z it is rho P - 2^(-2 exponent) C^T C: the
// units cancel. dz^T P dz <= |dx|^2 for every change of the network's variables, so that
// |C dz|^2 <= 2^(2 exponent) rho |dx|^2. Errors of C add e^2 / reserve to rho.
//
// The variables left out do not change the conclusion: neurons that are still have dz_j = 0, whatever their columns
// are; a neuron with multiplier 0 that nothing reads has a row of zeros in P and in C.
std::optional<NetworkBound> NetworkLmi::bound(const std::vector<NetworkTerm>& output, Context& context) const {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  if (output.empty()) throw Error(fmt::format("[{}] the output has no terms", kNetworkLmi));
  const std::int64_t m = output.front().weight.rows();
  if (m > state_->most_outputs) {
    throw Error(fmt::format("[{}] {} outputs, but factor() was told {} at most", kNetworkLmi, m, state_->most_outputs));
  }
  sigmax::validate(state_->shape, output, m, state_->shape.layers.size() + 1, kNetworkLmi);
  std::optional<bounds::ScaledOutput> scaled = bounds::scaled_output(state_->network, output);
  if (!scaled) return std::nullopt;
  if (scaled->zero) return NetworkBound{bounds::Proof::proven(0), 0, 0};
  const double error = bounds::error_norm(scaled->terms);
  std::vector<Matrix<double>> rows(state_->factor.count());
  for (NetworkTerm& term : scaled->terms) rows[term.source] = std::move(term.weight);
  rows = solve_rows(state_->factor, std::move(rows), m, context);
  Matrix<double> g(m, m);
  for (const Matrix<double>& block : rows) {
    if (!block.empty()) tiled::add_square(1, block, 1, g, context);
  }
  const bool finite = std::ranges::all_of(g.values(), [](double value) { return std::isfinite(value); });
  const std::optional<double> d = finite ? above_all_eigenvalues(g, context) : std::nullopt;
  if (!d || !(state_->output_shift < 0.5)) return std::nullopt;
  double rho = bounds::round_up(*d / (1 - state_->output_shift));
  if (error > 0) rho = bounds::round_up(rho + error * (error / state_->reserve));
  const double value = bounds::round_up(bounds::times_power(bounds::round_up(std::sqrt(rho)), scaled->exponent));
  if (!std::isfinite(value)) return std::nullopt;
  return NetworkBound{bounds::Proof::proven(value), rho, scaled->exponent};
}

std::optional<NetworkBound> prove_network_bound(const LayeredNetwork& network, const NetworkMultipliers& multipliers,
                                                Context& context) {
  const std::optional<NetworkLmi> lmi = NetworkLmi::factor(network, multipliers, network.outputs(), context);
  return lmi ? lmi->bound(network.output, context) : std::nullopt;
}

}  // namespace sigmax
