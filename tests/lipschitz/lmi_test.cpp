// The searches for multipliers: bounds that are true, in order, and those of an independent solver.
#include "sigmax/lipschitz/lmi/lmi.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/lipschitz/lmi/problem.hpp"
#include "support/networks.hpp"

namespace sigmax::lipschitz {
namespace {

using networks::all_to_all;

LayeredNetwork random_chain(const std::vector<std::int64_t>& widths, std::uint64_t seed, double least = 0,
                            double most = 1) {
  return chain_of(networks::weights(widths, seed), least, most);
}

double bound_of(const LayeredNetwork& network, LmiEffort effort) {
  Context context(2);
  const LmiBound found = lmi_bound(network, {.effort = effort}, context);
  if (!found.bound) {
    ADD_FAILURE() << "nothing was proven";
    return 0;
  }
  EXPECT_EQ(found.bound->lipschitz.certainty(), Certainty::proven);
  return found.bound->lipschitz.value();
}

double product_of_norms(const LayeredNetwork& chain) {
  const auto norm = [](const Matrix<double>& w) {
    std::vector<double> rows;
    for (std::int64_t i = 0; i < w.rows(); ++i) {
      for (std::int64_t j = 0; j < w.columns(); ++j) rows.push_back(w(i, j));
    }
    return static_cast<double>(gallery::reference_singular_values(rows, static_cast<std::size_t>(w.rows()),
                                                                  static_cast<std::size_t>(w.columns()))
                                   .front());
  };
  double product = norm(chain.output[0].weight);
  for (const NeuronLayer& layer : chain.layers) {
    double slope = 0;
    for (std::size_t j = 0; j < layer.least.size(); ++j) {
      slope = std::max({slope, std::fabs(layer.least[j]), std::fabs(layer.most[j])});
    }
    product *= slope * norm(layer.terms[0].weight);
  }
  return product;
}

constexpr LmiEffort kEfforts[] = {LmiEffort::fast, LmiEffort::standard, LmiEffort::high};

std::vector<LayeredNetwork> random_networks() {
  std::vector<LayeredNetwork> result;
  std::uint64_t seed = 1;
  for (const auto& [least, most] : {std::pair{0.0, 1.0}, {0.1, 1.0}, {-0.13, 1.13}, {-1.0, -0.3}, {0.0, 5.0}}) {
    for (const auto& widths : std::vector<std::vector<std::int64_t>>{
             {5, 8, 3}, {3, 10, 10, 2}, {20, 6, 12, 4}, {4, 6, 6, 6, 6, 6, 2}, {2, 40, 1}}) {
      result.push_back(random_chain(widths, seed++, least, most));
    }
    result.push_back(all_to_all({4, 6, 5, 3}, least, most, seed++));
  }
  return result;
}

TEST(Lmi, IsAboveEveryDifferenceQuotientWhateverTheEffort) {
  for (const LayeredNetwork& network : random_networks()) {
    const double quotient = networks::largest_quotient(network, 500);
    double before = 0;
    for (const LmiEffort effort : kEfforts) {
      const double bound = bound_of(network, effort);
      EXPECT_GE(bound, quotient);
      if (before > 0) {
        EXPECT_LE(bound, before);
      }
      before = bound;
    }
  }
}

// The closed form is at most the product of the norms: S >= I / lambda_max(K) passes the product on. Rounding and the
// last digits of lambda_max are allowed for.
TEST(Lmi, IsAtMostTheProductOfTheNorms) {
  for (const LayeredNetwork& network : random_networks()) {
    const bool is_chain = std::ranges::all_of(network.layers, [](auto& layer) { return layer.terms.size() == 1; }) &&
                          network.output.size() == 1;
    if (!is_chain || network.layers[0].least[0] != 0) continue;
    for (const LmiEffort effort : kEfforts)
      EXPECT_LE(bound_of(network, effort), product_of_norms(network) * (1 + 1e-6));
  }
}

TEST(Lmi, IsTheNormOfALayerTimesItsSlope) {
  // y = f(W x): the output is the neurons.
  LayeredNetwork network = random_chain({6, 5, 5}, 90, 0, 3);
  Matrix<double>& identity = network.output[0].weight;
  std::ranges::fill(identity.values(), 0.0);
  for (std::int64_t j = 0; j < 5; ++j) identity(j, j) = 1;
  const double norm = product_of_norms(network);
  for (const LmiEffort effort : kEfforts) {
    EXPECT_GE(bound_of(network, effort), norm * (1 - 1e-12));
    EXPECT_LE(bound_of(network, effort), norm * (1 + 1e-6));
  }
}

// With slopes [1, 1] the network is linear: the norm of the product of the matrices. Slopes are widened by 2^-20 a
// layer.
TEST(Lmi, IsTheNormOfTheProductOfALinearNetwork) {
  const std::vector<Matrix<double>> w = networks::weights({6, 5, 7, 3}, 91);
  std::vector<double> product(18);
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t j = 0; j < 6; ++j) {
      for (std::int64_t a = 0; a < 7; ++a) {
        for (std::int64_t b = 0; b < 5; ++b)
          product[static_cast<std::size_t>(6 * i + j)] += w[2](i, a) * w[1](a, b) * w[0](b, j);
      }
    }
  }
  const auto truth = static_cast<double>(gallery::reference_singular_values(product, 3, 6).front());
  for (const LmiEffort effort : kEfforts) {
    const double bound = bound_of(chain_of(w, 1, 1), effort);
    EXPECT_GE(bound, truth);
    EXPECT_LE(bound, truth + 4 * 0x1p-10 * product_of_norms(chain_of(w)));
  }
}

TEST(Lmi, ScalesWithEveryLayer) {
  const std::vector<Matrix<double>> w = networks::weights({6, 8, 8, 3}, 92);
  for (const LmiEffort effort : kEfforts) {
    const double bound = bound_of(chain_of(w), effort);
    for (const int unit : {-990, -500, 500, 990}) {
      std::vector<Matrix<double>> moved = w;
      for (double& value : moved[0].values()) value = std::ldexp(value, unit);
      for (double& value : moved[1].values()) value = std::ldexp(value, unit);
      for (double& value : moved[2].values()) value = std::ldexp(value, -unit);
      EXPECT_EQ(bound_of(chain_of(moved, 0, std::ldexp(1, -unit / 2)), effort), bound) << unit;
    }
  }
}

// A chain whose layers also read the layers before them, by matrices of zeros.
TEST(Lmi, IsTheSameForAChainInTheFormOfAnyNetwork) {
  const LayeredNetwork chain = random_chain({5, 7, 6, 7, 3}, 93);
  LayeredNetwork other = chain;
  for (std::size_t i = 1; i < 3; ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      other.layers[i].terms.push_back({k, Matrix<double>(chain.width(i + 1), chain.width(k))});
    }
  }
  other.output.push_back({0, Matrix<double>(3, 5)});
  for (const LmiEffort effort : kEfforts) {
    const double bound = bound_of(chain, effort);
    EXPECT_NEAR(bound_of(other, effort), bound, 1e-5 * bound);
  }
}

// Rows and columns that weight decay has left, and zeros: the bound of the network without them.
TEST(Lmi, IsNotDisturbedByDeadNeurons) {
  const std::vector<Matrix<double>> w = networks::weights({6, 8, 8, 3}, 94);
  for (const double rest : {0.0, 1e-30, 1e-200}) {
    std::vector<Matrix<double>> dead{Matrix<double>(12, 6), Matrix<double>(12, 12), Matrix<double>(3, 12)};
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::int64_t k = 0; k < dead[i].columns(); ++k) {
        for (std::int64_t j = 0; j < dead[i].rows(); ++j) {
          const bool is_old = j < w[i].rows() && k < w[i].columns();
          // New neurons 8 and 9 of a layer have small rows, 10 and 11 small columns.
          const bool is_small_row = j == 8 || j == 9;
          const bool is_small_column = k >= 10 && i > 0;
          dead[i](j, k) = is_old ? w[i](j, k) : (is_small_row || is_small_column ? rest : 0.5);
          if (!is_old && !is_small_row && !is_small_column && j < w[i].rows() && k < 10) dead[i](j, k) = 0.7;
        }
      }
    }
    for (const LmiEffort effort : kEfforts) {
      const double bound = bound_of(chain_of(dead), effort);
      EXPECT_NEAR(bound, bound_of(chain_of(w), effort), 1e-4 * bound) << rest;
      EXPECT_GE(bound, networks::largest_quotient(chain_of(dead), 600));
    }
  }
}

// A layer in which nothing moves, read by all that follow: its multipliers have no limit, and must not stop the search.
TEST(Lmi, IsNotDisturbedByALayerThatDoesNotMove) {
  const LayeredNetwork chain = random_chain({5, 7, 6, 3}, 98, 0.1, 1);
  LayeredNetwork network{5, {chain.layers[0]}, {}};
  for (const bool has_terms : {false, true}) {
    NeuronLayer still{{}, {0, 0, 0.1}, {1, 1, 1}};
    if (has_terms) still.terms = {{1, Matrix<double>(3, 7)}};
    NeuronLayer last = chain.layers[1];
    last.terms.push_back({2, networks::weight(6, 3, 99)});
    network.layers = {chain.layers[0], still, last};
    network.output = {{3, chain.output[0].weight}, {2, networks::weight(3, 3, 100)}};
    // The closed form gives every layer a multiplier, needed or not.
    for (const LmiEffort effort : {LmiEffort::standard, LmiEffort::high}) {
      const double bound = bound_of(chain, effort);
      EXPECT_NEAR(bound_of(network, effort), bound, 1e-4 * bound);
    }
  }
}

// Layers too wide for the search of one layer as a whole network, in a network too large for the search of all.
TEST(Lmi, SearchesWideLayersWhoseSlopesDoNotBeginAtZero) {
  const LayeredNetwork network = random_chain({4, 405, 405, 405, 2}, 101, 0.1, 1);
  EXPECT_LE(bound_of(network, LmiEffort::standard), 0.95 * bound_of(network, LmiEffort::fast));
}

TEST(Lmi, ProvesTheSmallBoundsOfDeepNetworks) {
  // The product of the norms lets every layer stretch; the bound is far below.
  std::vector<std::int64_t> widths(17, 12);
  widths.front() = 4;
  widths.back() = 1;
  std::vector<Matrix<double>> w = networks::weights(widths, 95);
  for (Matrix<double>& matrix : w) {
    for (double& value : matrix.values()) value *= 0.5;
  }
  const LayeredNetwork network = chain_of(w);
  const double bound = bound_of(network, LmiEffort::standard);
  EXPECT_GE(bound, networks::largest_quotient(network, 700));
  EXPECT_LE(bound, 1e-2 * product_of_norms(network));
  EXPECT_GT(bound, 0);
}

// Searches end where their operations do: a bound that is proven, and no better than that of a whole search.
TEST(Lmi, BoundsWithAnyNumberOfOperations) {
  Context context(2);
  for (const LayeredNetwork& network : random_networks()) {
    const double fast = bound_of(network, LmiEffort::fast);
    const double whole = bound_of(network, LmiEffort::standard);
    for (const double flops : {1.0, 1e4, 1e5}) {
      const LmiBound found = lmi_bound(network, {.most_flops = flops}, context);
      ASSERT_TRUE(found.bound);
      EXPECT_EQ(found.bound->lipschitz.certainty(), Certainty::proven);
      EXPECT_GE(found.bound->lipschitz.value(), whole * (1 - 1e-4));
      EXPECT_LE(found.bound->lipschitz.value(), fast);
    }
  }
}

// Entries in [-1, 1) from SplitMix64, column by column: the same in NumPy and here.
class Drawn {
 public:
  explicit Drawn(std::uint64_t seed) : state_(seed) {}
  double next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    z ^= z >> 31;
    return static_cast<double>(z >> 11) * 0x1p-52 - 1;
  }
  Matrix<double> matrix(std::int64_t rows, std::int64_t columns) {
    Matrix<double> w(rows, columns);
    for (double& value : w.values()) value = next();
    return w;
  }

 private:
  std::uint64_t state_;
};

std::vector<Matrix<double>> drawn_weights(const std::vector<std::int64_t>& widths, std::uint64_t seed) {
  Drawn drawn(seed);
  std::vector<Matrix<double>> result;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) result.push_back(drawn.matrix(widths[i + 1], widths[i]));
  return result;
}

// The smallest bounds that the inequality has, by cvxpy 1.9.3 with Clarabel 0.11.1 (tolerances 1e-11): minimize rho
// subject to rho I_input + L^T D R + R^T D L - C^T C >= 0 with D = diag(lambda), L = E - a A, R = E - b A, for the
// networks drawn above; sqrt(rho). The solver is right to about 1e-7, and the search to half of 1e-5.
TEST(Lmi, AgreesWithASolverOfSemidefinitePrograms) {
  const auto expect = [](const LayeredNetwork& network, double golden) {
    const double bound = bound_of(network, LmiEffort::high);
    EXPECT_GE(bound, golden * (1 - 1e-6));
    EXPECT_LE(bound, golden * (1 + 1e-5));
  };
  expect(chain_of(drawn_weights({3, 8, 8, 2}, 1)), 4.1356946093099864);
  expect(chain_of(drawn_weights({4, 6, 6, 6, 6, 3}, 2)), 10.056663463550962);
  expect(chain_of(drawn_weights({3, 8, 8, 2}, 1), 0.1, 1), 3.9015663925848925);
  expect(chain_of(drawn_weights({3, 8, 8, 2}, 1), -0.13, 1.13), 5.663785310477611);
  Drawn drawn(3);
  const std::vector<std::int64_t> widths{3, 5, 5, 2};
  LayeredNetwork network{3, {}, {}};
  for (std::size_t i = 1; i < widths.size(); ++i) {
    std::vector<NetworkTerm> terms;
    for (std::size_t k = 0; k < i; ++k) terms.push_back({k, drawn.matrix(widths[i], widths[k])});
    if (i == 3) {
      network.output = std::move(terms);
    } else {
      network.layers.push_back({std::move(terms), std::vector<double>(5, 0), std::vector<double>(5, 1)});
    }
  }
  expect(network, 2.4239595913874785);
}

// z_i+1 = z_i + B f(A z_i): every layer reads the input and all layers before it.
TEST(Lmi, BoundsResidualBlocksBelowTheProductOfTheirNorms) {
  const std::int64_t width = 6;
  LayeredNetwork network{width, {}, {}};
  Matrix<double> identity(width, width);
  for (std::int64_t j = 0; j < width; ++j) identity(j, j) = 1;
  std::vector<NetworkTerm> stream{{0, identity}};
  double product = 1;
  for (std::size_t i = 0; i < 4; ++i) {
    const Matrix<double> a = networks::weight(9, width, 200 + i);
    const Matrix<double> b = networks::weight(width, 9, 210 + i);
    NeuronLayer layer{{}, std::vector<double>(9, 0), std::vector<double>(9, 1)};
    for (const NetworkTerm& term : stream) {
      Matrix<double> w(9, term.weight.columns());
      for (std::int64_t r = 0; r < 9; ++r) {
        for (std::int64_t c = 0; c < w.columns(); ++c) {
          for (std::int64_t m = 0; m < width; ++m) w(r, c) += a(r, m) * term.weight(m, c);
        }
      }
      layer.terms.push_back({term.source, w});
    }
    network.layers.push_back(layer);
    stream.push_back({i + 1, b});
    product *= 1 + product_of_norms(chain_of(std::vector<Matrix<double>>{a, b}));
  }
  network.output = stream;
  double before = 0;
  for (const LmiEffort effort : kEfforts) {
    const double bound = bound_of(network, effort);
    EXPECT_GE(bound, networks::largest_quotient(network, 800));
    if (before > 0) {
      EXPECT_LE(bound, before);
    }
    before = bound;
  }
  EXPECT_LE(before, 0.5 * product);
}

TEST(Lmi, BoundsDifferencesOfTwoOutputs) {
  const LayeredNetwork network = random_chain({6, 10, 10, 4}, 97);
  std::vector<std::vector<NetworkTerm>> outputs;
  for (std::int64_t y = 0; y < 4; ++y) {
    for (std::int64_t j = 0; j < y; ++j) {
      Matrix<double> difference(1, 10);
      for (std::int64_t k = 0; k < 10; ++k)
        difference(0, k) = network.output[0].weight(y, k) - network.output[0].weight(j, k);
      outputs.push_back({{2, difference}});
    }
  }
  Context context(2);
  const double whole = bound_of(network, LmiEffort::standard);
  const auto shared = lmi_bounds(network, outputs, {}, context);
  const auto own = lmi_bounds(network, outputs, {.effort = LmiEffort::high}, context);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    ASSERT_TRUE(shared[i] && own[i]);
    LayeredNetwork one = network;
    one.output = outputs[i];
    EXPECT_LE(shared[i]->lipschitz.value(), std::sqrt(2.0) * whole * (1 + 1e-9));
    EXPECT_LE(own[i]->lipschitz.value(), shared[i]->lipschitz.value());
    EXPECT_GE(own[i]->lipschitz.value(), networks::largest_quotient(one, 900));
  }
  EXPECT_THROW(static_cast<void>(lmi_bounds(network, {{}}, {}, context)), Error);
  EXPECT_THROW(static_cast<void>(lmi_bounds(network, {{{2, Matrix<double>(1, 3)}}}, {}, context)), Error);
}

TEST(Lmi, RefusesWhatIsNotANetwork) {
  EXPECT_THROW(chain_of(networks::weights({3, 4}, 1)), Error);
  std::vector<Matrix<double>> w = networks::weights({3, 4, 2}, 1);
  w[1] = Matrix<double>(2, 5);
  EXPECT_THROW(chain_of(w), Error);
}

TEST(Lmi, StopsOnRequest) {
  Context context(2);
  context.request_cancel();
  for (const LmiEffort effort : kEfforts) {
    EXPECT_THROW(static_cast<void>(lmi_bound(random_chain({5, 6, 6, 2}, 96), {.effort = effort}, context)), Canceled);
  }
}

}  // namespace
}  // namespace sigmax::lipschitz
