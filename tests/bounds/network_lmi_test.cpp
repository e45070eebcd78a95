// The proof of a network's Lipschitz constant from given multipliers: against the definition in extended precision,
// closed forms, difference quotients.
#include "sigmax/bounds/network_lmi.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "sigmax/core/error.hpp"
#include "support/networks.hpp"

namespace sigmax {
namespace {

using networks::all_to_all;
using networks::weights;

LayeredNetwork chain(std::vector<Matrix<double>> w, double least, double most) {
  LayeredNetwork network{w.front().columns(), {}, {}};
  for (std::size_t i = 0; i + 1 < w.size(); ++i) {
    const auto n = static_cast<std::size_t>(w[i].rows());
    network.layers.push_back({{{i, w[i]}}, std::vector<double>(n, least), std::vector<double>(n, most)});
  }
  network.output.push_back({w.size() - 1, w.back()});
  return network;
}

// Multipliers that fall quickly from layer to layer, so that P is positive definite, and differ within a layer.
NetworkMultipliers falling(const LayeredNetwork& network, double first, double ratio) {
  NetworkMultipliers mu;
  double value = first;
  for (const NeuronLayer& layer : network.layers) {
    mu.values.emplace_back();
    for (std::size_t j = 0; j < layer.least.size(); ++j) {
      mu.values.back().push_back(value * (1 + 0.1 * static_cast<double>(j % 3)));
    }
    value *= ratio;
  }
  return mu;
}

std::optional<NetworkBound> proven(const LayeredNetwork& network, const NetworkMultipliers& mu, int threads = 2) {
  Context context(threads);
  return prove_network_bound(network, mu, context);
}

struct LmiCase {
  const char* what;
  LayeredNetwork network;
  NetworkMultipliers multipliers;
};

std::vector<LmiCase> cases() {
  std::vector<LmiCase> result;
  const auto add = [&](const char* what, const LayeredNetwork& network) {
    result.push_back({what, network, falling(network, 0.05, 0.3)});
  };
  add("chain", chain(weights({7, 12, 9, 5}, 1), 0, 1));
  add("leaky chain", chain(weights({7, 12, 9, 5}, 2), 0.1, 1));
  add("chain with slopes of both signs", chain(weights({6, 8, 8, 3}, 3), -0.13, 1.13));
  add("neurons of slopes near 1", chain(weights({6, 8, 3}, 4), 0.9, 1.1));
  add("every layer reads all before it", all_to_all({5, 6, 7, 4, 3}, 0, 1, 5));
  add("the same, leaky", all_to_all({5, 6, 7, 4, 3}, 0.05, 1, 6));
  add("negative slopes", all_to_all({5, 6, 7, 3}, -1, -0.25, 7));
  add("wide input", chain(weights({40, 6, 8, 2}, 8), 0, 1));
  add("no neurons", chain(weights({5, 4}, 9), 0, 1));
  return result;
}

// The inequality that is claimed holds in extended precision, a little above; and it does not with a rho that is
// smaller by more than the proof can lose: 2000 terms of gamma_60 times a condition of P below 1e4.
TEST(NetworkLmi, ProvesWhatTheDefinitionSays) {
  for (const LmiCase& c : cases()) {
    const auto bound = proven(c.network, c.multipliers);
    ASSERT_TRUE(bound) << c.what;
    EXPECT_EQ(bound->lipschitz.certainty(), Certainty::proven);
    const long double rho = std::ldexp(static_cast<long double>(bound->rho), static_cast<int>(2 * bound->exponent));
    EXPECT_TRUE(networks::is_definite(networks::inequality(c.network, c.multipliers, c.network.output, rho))) << c.what;
    const long double less = rho * (1 - 2e-7L);
    EXPECT_FALSE(networks::is_definite(networks::inequality(c.network, c.multipliers, c.network.output, less)))
        << c.what;
    EXPECT_GE(bound->lipschitz.value() * static_cast<long double>(bound->lipschitz.value()), rho) << c.what;
  }
}

TEST(NetworkLmi, IsAboveEveryDifferenceQuotient) {
  for (const LmiCase& c : cases()) {
    const auto bound = proven(c.network, c.multipliers);
    ASSERT_TRUE(bound) << c.what;
    EXPECT_GE(bound->lipschitz.value(), networks::largest_quotient(c.network, 100)) << c.what;
  }
}

TEST(NetworkLmi, IsTheNormOfALinearMap) {
  const Matrix<double> w = networks::weight(6, 9, 1);
  const auto bound = proven(chain({w}, 0, 1), {});
  ASSERT_TRUE(bound);
  std::vector<double> rows;
  for (std::int64_t i = 0; i < 6; ++i) {
    for (std::int64_t j = 0; j < 9; ++j) rows.push_back(w(i, j));
  }
  const long double truth = gallery::reference_singular_values(rows, 6, 9).front();
  EXPECT_GE(bound->lipschitz.value(), truth);
  EXPECT_LE(bound->lipschitz.value(), truth * (1 + 1e-12L));
}

// c f(w x) with slopes in [a, b] has the constant |c| |w| max(|a|, |b|), which mu = 1 / (w^2 (b - a) max(|a|, |b|))
// shows: x^T P x has the smallest eigenvalue of 2 by 2 matrices.
TEST(NetworkLmi, IsTheSlopeOfOneNeuron) {
  for (const auto& [a, b] : {std::pair{0.0, 1.0}, {0.25, 2.0}, {-0.5, 1.0}, {-2.0, 1.0}, {-3.0, -1.0}, {0.0, 1e-200}}) {
    const double largest = std::max(std::fabs(a), std::fabs(b));
    Matrix<double> w(1, 1), c(1, 1);
    w(0, 0) = 3;
    c(0, 0) = -0.5;
    // In units of the largest slope, so that mu is of ordinary size.
    const int exponent = std::ilogb(largest);
    const double unit = std::ldexp(1, -exponent);
    const NetworkMultipliers mu{{{1 / (9 * (b * unit - a * unit) * largest * unit)}}, {exponent}};
    const auto bound = proven(chain({w, c}, a, b), mu);
    ASSERT_TRUE(bound) << a << " " << b;
    EXPECT_GE(bound->lipschitz.value(), 1.5 * largest);
    EXPECT_LE(bound->lipschitz.value(), 1.5 * largest * (1 + 1e-12));
  }
}

TEST(NetworkLmi, DoesNotDependOnUnits) {
  const std::vector<Matrix<double>> w = weights({6, 9, 8, 3}, 11);
  const LayeredNetwork network = chain(w, 0.1, 1);
  const NetworkMultipliers mu = falling(network, 0.05, 0.3);
  const auto bound = proven(network, mu);
  ASSERT_TRUE(bound);
  for (const int unit : {-900, -300, 300, 900}) {
    std::vector<Matrix<double>> moved = w;
    for (double& value : moved[0].values()) value = std::ldexp(value, unit);
    for (double& value : moved[2].values()) value = std::ldexp(value, -unit);
    const auto other = proven(chain(moved, 0.1, 1), {mu.values, {unit, unit}});
    ASSERT_TRUE(other) << unit;
    EXPECT_EQ(other->lipschitz.value(), bound->lipschitz.value()) << unit;
    EXPECT_EQ(other->rho, bound->rho) << unit;
  }
}

TEST(NetworkLmi, BoundsRowsWithOneFactorization) {
  const LayeredNetwork network = chain(weights({6, 9, 8, 4}, 12), 0, 1);
  const NetworkMultipliers mu = falling(network, 0.05, 0.3);
  Context context(2);
  const auto lmi = NetworkLmi::factor(network, mu, 4, context);
  ASSERT_TRUE(lmi);
  const auto whole = lmi->bound(network.output, context);
  ASSERT_TRUE(whole);
  for (std::int64_t y = 0; y < 4; ++y) {
    Matrix<double> row(1, 8);
    for (std::int64_t k = 0; k < 8; ++k) row(0, k) = network.output[0].weight(y, k);
    LayeredNetwork one = network;
    one.output[0].weight = row;
    const auto bound = lmi->bound(one.output, context);
    ASSERT_TRUE(bound);
    EXPECT_LE(bound->lipschitz.value(), whole->lipschitz.value());
    EXPECT_GE(bound->lipschitz.value(), networks::largest_quotient(one, 300));
    const long double rho = std::ldexp(static_cast<long double>(bound->rho), static_cast<int>(2 * bound->exponent));
    EXPECT_TRUE(networks::is_definite(networks::inequality(one, mu, one.output, rho)));
  }
}

TEST(NetworkLmi, HasTheSameBitsForAnyNumberOfThreads) {
  const LayeredNetwork network = all_to_all({300, 270, 280, 5}, 0.1, 1, 13);
  const NetworkMultipliers mu = falling(network, 0.02, 0.1);
  const auto one = proven(network, mu, 1);
  ASSERT_TRUE(one);
  for (const int threads : {2, 3}) EXPECT_EQ(proven(network, mu, threads)->lipschitz.value(), one->lipschitz.value());
}

// A neuron whose row is zero does not move, whatever reads it; one that nothing reads needs no multiplier.
TEST(NetworkLmi, LeavesOutNeuronsThatDoNotMatter) {
  std::vector<Matrix<double>> w = weights({6, 9, 8, 3}, 14);
  for (std::int64_t k = 0; k < 6; ++k) w[0](2, k) = 0;
  for (std::int64_t j = 0; j < 3; ++j) w[2](j, 5) = 0;
  LayeredNetwork network = chain(w, 0, 1);
  NetworkMultipliers mu = falling(network, 0.05, 0.3);
  const auto before = proven(network, mu);
  ASSERT_TRUE(before);
  mu.values[0][2] = 0;
  mu.values[1][5] = 0;
  const auto after = proven(network, mu);
  ASSERT_TRUE(after);
  EXPECT_GE(after->lipschitz.value(), networks::largest_quotient(network, 400));
  EXPECT_LE(after->lipschitz.value(), before->lipschitz.value() * (1 + 1e-12));
  // The column that reads the neuron that does not move may be anything.
  for (std::int64_t j = 0; j < 8; ++j) network.layers[1].terms[0].weight(j, 2) = 1e300;
  EXPECT_EQ(proven(network, mu)->lipschitz.value(), after->lipschitz.value());
  // Neurons that are read need a multiplier.
  mu.values[0][3] = 0;
  EXPECT_FALSE(proven(network, mu));
}

// Errors of `relative` times the size of an entry of the matrix; and weights at the ends of them.
void add_errors(std::vector<NetworkTerm>& terms, double relative) {
  for (NetworkTerm& term : terms) {
    term.error = Matrix<double>(term.weight.rows(), term.weight.columns());
    for (double& e : term.error.values()) e = relative / std::sqrt(static_cast<double>(term.weight.columns()));
    term.error(0, 0) = 0;
  }
}

void move_to_ends(std::vector<NetworkTerm>& terms, std::uint64_t seed) {
  for (NetworkTerm& term : terms) {
    const std::vector<double> way = networks::normal(term.weight.rows() * term.weight.columns(), seed++);
    for (std::size_t e = 0; e < way.size(); ++e) {
      term.weight.values()[e] += std::copysign(term.error.values()[e], seed % 3 == 0 ? 1 : way[e]);
    }
    term.error = {};
  }
}

// The inequality that is claimed is that of every network within the errors.
TEST(NetworkLmi, HoldsForAllWeightsWithinTheirErrors) {
  int proven_with_large_errors = 0;
  for (const LmiCase& c : cases()) {
    const auto exact = proven(c.network, c.multipliers);
    ASSERT_TRUE(exact) << c.what;
    for (const double relative : {1e-14, 1e-9, 1e-4, 3e-3}) {
      LayeredNetwork network = c.network;
      for (NeuronLayer& layer : network.layers) add_errors(layer.terms, relative);
      add_errors(network.output, relative);
      const auto bound = proven(network, c.multipliers);
      if (relative < 1e-5) {
        ASSERT_TRUE(bound) << c.what << " " << relative;
        EXPECT_LE(bound->lipschitz.value(), exact->lipschitz.value() * (1 + 1e4 * relative + 1e-9)) << c.what;
      }
      if (!bound) continue;
      if (relative > 1e-3) ++proven_with_large_errors;
      const long double rho = std::ldexp(static_cast<long double>(bound->rho), static_cast<int>(2 * bound->exponent));
      for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        LayeredNetwork other = network;
        for (NeuronLayer& layer : other.layers) move_to_ends(layer.terms, seed);
        move_to_ends(other.output, seed);
        EXPECT_TRUE(networks::is_definite(networks::inequality(other, c.multipliers, other.output, rho)))
            << c.what << " " << relative << " " << seed;
      }
    }
  }
  EXPECT_GE(proven_with_large_errors, 3);
}

// A row and an output that are 0 but for their errors are not 0.
TEST(NetworkLmi, CountsTheErrorsOfZeros) {
  LayeredNetwork network = chain(weights({3, 4, 2}, 18), 0, 1);
  for (std::int64_t k = 0; k < 3; ++k) network.layers[0].terms[0].weight(1, k) = 0;
  network.output[0].weight = Matrix<double>(2, 4);
  add_errors(network.layers[0].terms, 1e-3);
  add_errors(network.output, 1e-3);
  const NetworkMultipliers mu = falling(network, 0.05, 0.3);
  const auto bound = proven(network, mu);
  ASSERT_TRUE(bound);
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    LayeredNetwork other = network;
    move_to_ends(other.layers[0].terms, seed);
    move_to_ends(other.output, seed);
    EXPECT_GE(bound->lipschitz.value(), networks::largest_quotient(other, 500));
  }
  NetworkMultipliers without = mu;
  without.values[0][1] = 0;
  EXPECT_FALSE(proven(network, without)) << "an output may read the neuron";
}

TEST(NetworkLmi, ProvesNothingFromPoorMultipliers) {
  const LayeredNetwork network = chain(weights({6, 9, 8, 3}, 15), 0, 1);
  EXPECT_FALSE(proven(network, falling(network, 1e3, 10)));
  LayeredNetwork huge = network;
  huge.layers[1].terms[0].weight(0, 0) = 1e300;
  EXPECT_FALSE(proven(huge, falling(network, 0.05, 0.3)));
}

TEST(NetworkLmi, BoundsAnOutputOfZerosByZero) {
  LayeredNetwork network = chain(weights({4, 5, 3}, 16), 0, 1);
  network.output[0].weight = Matrix<double>(3, 5);
  EXPECT_EQ(proven(network, falling(network, 0.05, 0.3))->lipschitz.value(), 0);
}

TEST(NetworkLmi, RefusesWhatDoesNotFit) {
  const LayeredNetwork network = chain(weights({4, 5, 3}, 17), 0, 1);
  const NetworkMultipliers mu = falling(network, 0.05, 0.3);
  EXPECT_THROW(proven(network, {}), Error);
  EXPECT_THROW(proven(network, {{{1, 2}}}), Error);
  EXPECT_THROW(proven(network, {{{1, 1, -1, 1, 1}}}), Error);
  EXPECT_THROW(proven(network, {{{1, 1, NAN, 1, 1}}}), Error);
  LayeredNetwork wrong = network;
  wrong.output[0].weight = Matrix<double>(3, 4);
  EXPECT_THROW(proven(wrong, mu), Error);
  wrong = network;
  wrong.output[0].weight(0, 0) = NAN;
  EXPECT_THROW(proven(wrong, mu), Error);
  for (const double bad : {-1.0, static_cast<double>(NAN), HUGE_VAL}) {
    wrong = network;
    add_errors(wrong.output, 0);
    wrong.output[0].error(0, 1) = bad;
    EXPECT_THROW(proven(wrong, mu), Error);
  }
  wrong.output[0].error = Matrix<double>(3, 4);
  EXPECT_THROW(proven(wrong, mu), Error);
  wrong = network;
  wrong.layers[0].terms[0].source = 1;
  EXPECT_THROW(proven(wrong, mu), Error);
  wrong = network;
  wrong.layers[0].terms.push_back(wrong.layers[0].terms[0]);
  EXPECT_THROW(proven(wrong, mu), Error);
  wrong = network;
  wrong.layers[0].least[1] = 2;
  EXPECT_THROW(proven(wrong, mu), Error);
  Context context(1);
  EXPECT_THROW(static_cast<void>(NetworkLmi::factor(network, mu, 2, context)->bound(network.output, context)), Error);
}

}  // namespace
}  // namespace sigmax
