// The hunt for a wrong bound of a network: hostile weights, slopes of every kind, multipliers from the searches and
// disturbed ones, against the inequality's definition in extended precision and difference quotients. `make hunt`.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "hunt/budget.hpp"
#include "hunt/hostile_matrix.hpp"
#include "sigmax/lipschitz/lmi/lmi.hpp"
#include "sigmax/lipschitz/lmi/problem.hpp"
#include "support/networks.hpp"

namespace sigmax {
namespace {

// Chains and networks in which layers read several sources; one in three has layers in units up to 2^+-200 apart.
LayeredNetwork make(hunt::HostileMaker& maker) {
  LayeredNetwork network{1 + maker.pick(6), {}, {}};
  const std::int64_t layers = maker.pick(4);
  const bool is_chain = maker.pick(2) == 0;
  const bool has_units = maker.pick(3) == 0;
  const auto terms = [&](std::int64_t rows, std::size_t end) {
    std::vector<NetworkTerm> result;
    for (std::size_t source = 0; source < end; ++source) {
      if (source + 1 != end && (is_chain || maker.pick(2) == 0)) continue;
      Matrix<double> w = maker.matrix(rows, network.width(source));
      const int unit = has_units ? static_cast<int>(maker.pick(400)) - 200 : 0;
      for (double& value : w.values()) value = std::ldexp(value, unit);
      result.push_back({source, std::move(w)});
    }
    return result;
  };
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::int64_t n = 1 + maker.pick(7);
    NeuronLayer layer{terms(n, static_cast<std::size_t>(i) + 1), {}, {}};
    const std::int64_t kind = maker.pick(5);
    for (std::int64_t j = 0; j < n; ++j) {
      const double a = maker.normal();
      const double b = maker.normal();
      layer.least.push_back(kind < 2 ? 0 : kind == 2 ? 0.1 : kind == 3 ? -0.13 : std::min(a, b));
      layer.most.push_back(kind < 2 ? 1 : kind == 2 ? 1 : kind == 3 ? 1.13 : std::max(a, b));
    }
    network.layers.push_back(std::move(layer));
  }
  network.output = terms(1 + maker.pick(4), static_cast<std::size_t>(layers) + 1);
  return network;
}

void clear_column(LayeredNetwork& network, std::size_t source, std::int64_t k) {
  const auto clear = [&](std::vector<NetworkTerm>& terms) {
    for (NetworkTerm& term : terms) {
      if (term.source == source) std::ranges::fill(term.weight.column(k), 0.0);
    }
  };
  for (NeuronLayer& layer : network.layers) clear(layer.terms);
  clear(network.output);
}

// Neurons that do not move have columns of zeros, and neurons without a multiplier rows of zeros and the multiplier 1:
// what the proof leaves out (docs/lipschitz.md).
void leave_out(LayeredNetwork& network, NetworkMultipliers& mu) {
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    for (std::int64_t j = 0; j < network.width(i + 1); ++j) {
      bool moves = false;
      double& multiplier = mu.values[i][static_cast<std::size_t>(j)];
      for (NetworkTerm& term : network.layers[i].terms) {
        for (std::int64_t k = 0; k < term.weight.columns(); ++k) {
          moves |= term.weight(j, k) != 0;
          if (multiplier == 0) term.weight(j, k) = 0;
        }
      }
      if (!moves) clear_column(network, i + 1, j);
      if (multiplier == 0) multiplier = 1;
    }
  }
}

TEST(HuntNetworkLmi, NoBoundIsTooSmall) {
  Context context(1);
  std::int64_t proven = 0;
  const std::int64_t count = hunt::budget(600);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    SCOPED_TRACE(hunt::rerun(seed));
    hunt::HostileMaker maker(seed);
    const LayeredNetwork network = lipschitz::with_distinct_slopes(make(maker));
    const auto effort = static_cast<lipschitz::LmiEffort>(maker.pick(3));
    lipschitz::LmiBound found = lipschitz::lmi_bound(network, {.effort = effort}, context);
    if (maker.pick(2) == 0) {
      for (auto& layer : found.multipliers.values) {
        for (double& value : layer) value *= 1 + 0.2 * maker.normal() * maker.normal() * maker.normal();
        for (double& value : layer) value = std::fabs(value);
      }
      found.bound = found.bound ? prove_network_bound(network, found.multipliers, context) : std::nullopt;
    }
    if (!found.bound) continue;
    ++proven;
    const double bound = found.bound->lipschitz.value();
    // Quotients of values that cancel are wrong by about their rounding.
    ASSERT_GE(bound * (1 + 1e-9), networks::largest_quotient(network, seed, 20));
    const long double rho =
        std::ldexp(static_cast<long double>(found.bound->rho), static_cast<int>(2 * found.bound->exponent));
    ASSERT_GE(static_cast<long double>(bound) * bound, rho * (1 - 0x1p-60L));
    if (bound == 0) continue;
    LayeredNetwork rest = network;
    leave_out(rest, found.multipliers);
    ASSERT_TRUE(networks::is_definite(networks::inequality(rest, found.multipliers, rest.output, rho)));
  }
  std::printf("%lld networks, %lld proven\n", static_cast<long long>(count), static_cast<long long>(proven));
  // A proof that never applies proves nothing.
  EXPECT_GE(2 * proven, count - 10);
}

}  // namespace
}  // namespace sigmax
