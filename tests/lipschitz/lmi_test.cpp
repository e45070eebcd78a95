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

TEST(Lmi, ProvesTheSmallBoundsOfDeepNetworks) {
  // 40 layers that halve what they get: about 1e-12, and the product of the norms about 1e-2.
  std::vector<std::int64_t> widths(41, 12);
  widths.front() = 4;
  widths.back() = 1;
  std::vector<Matrix<double>> w = networks::weights(widths, 95);
  for (Matrix<double>& matrix : w) {
    for (double& value : matrix.values()) value *= 0.5;
  }
  const LayeredNetwork network = chain_of(w);
  const double bound = bound_of(network, LmiEffort::standard);
  EXPECT_GE(bound, networks::largest_quotient(network, 700));
  EXPECT_LE(bound, 1e-3 * product_of_norms(network));
  EXPECT_GT(bound, 0);
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
