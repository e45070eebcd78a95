// Layered networks for tests: made from a seed, evaluated, and the matrix of their inequality in extended precision.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "sigmax/bounds/network_lmi.hpp"
#include "sigmax/core/rng.hpp"

namespace sigmax::networks {

static_assert(std::numeric_limits<long double>::digits >= 64, "the reference needs more than double precision");

inline std::vector<double> normal(std::int64_t count, std::uint64_t seed) {
  std::vector<double> values(static_cast<std::size_t>(count));
  static_cast<void>(fill_normal(random_state(seed), values));
  return values;
}

/// Normal entries, divided by the root of the number of columns.
inline Matrix<double> weight(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  Matrix<double> w(rows, columns);
  const std::vector<double> values = normal(rows * columns, seed);
  for (std::size_t e = 0; e < values.size(); ++e) {
    w.values()[e] = values[e] / std::sqrt(static_cast<double>(columns));
  }
  return w;
}

inline std::vector<Matrix<double>> weights(const std::vector<std::int64_t>& widths, std::uint64_t seed) {
  std::vector<Matrix<double>> result;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    result.push_back(weight(widths[i + 1], widths[i], 1000 * seed + i));
  }
  return result;
}

/// Every layer and the output read every source before it; widths: input, layers, output.
inline LayeredNetwork all_to_all(const std::vector<std::int64_t>& widths, double least, double most,
                                 std::uint64_t seed) {
  LayeredNetwork network{widths.front(), {}, {}};
  for (std::size_t i = 1; i < widths.size(); ++i) {
    std::vector<NetworkTerm> terms;
    for (std::size_t k = 0; k < i; ++k) terms.push_back({k, weight(widths[i], widths[k], 1000 * seed + 40 * i + k)});
    if (i + 1 == widths.size()) {
      network.output = std::move(terms);
    } else {
      const auto n = static_cast<std::size_t>(widths[i]);
      network.layers.push_back({std::move(terms), std::vector<double>(n, least), std::vector<double>(n, most)});
    }
  }
  return network;
}

inline std::vector<double> sum_of(const std::vector<NetworkTerm>& terms, const std::vector<std::vector<double>>& z) {
  std::vector<double> v(static_cast<std::size_t>(terms.front().weight.rows()));
  for (const NetworkTerm& term : terms) {
    for (std::int64_t k = 0; k < term.weight.columns(); ++k) {
      for (std::size_t j = 0; j < v.size(); ++j) {
        v[j] += term.weight(static_cast<std::int64_t>(j), k) * z[term.source][static_cast<std::size_t>(k)];
      }
    }
  }
  return v;
}

/// y(x), each neuron with its most slope for positive arguments and its least for negative ones: both are attained.
inline std::vector<double> value(const LayeredNetwork& network, const std::vector<double>& x) {
  std::vector<std::vector<double>> z{x};
  for (const NeuronLayer& layer : network.layers) {
    std::vector<double> v = sum_of(layer.terms, z);
    for (std::size_t j = 0; j < v.size(); ++j) v[j] *= v[j] > 0 ? layer.most[j] : layer.least[j];
    z.push_back(std::move(v));
  }
  return sum_of(network.output, z);
}

inline double distance(std::span<const double> a, std::span<const double> b) {
  long double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const long double difference = static_cast<long double>(a[i]) - b[i];
    sum += difference * difference;
  }
  return static_cast<double>(std::sqrt(sum));
}

/// The largest difference quotient of some pairs of points, near ones and far ones.
inline double largest_quotient(const LayeredNetwork& network, std::uint64_t seed, int pairs = 200) {
  double largest = 0;
  for (int p = 0; p < pairs; ++p) {
    const std::vector<double> x = normal(network.inputs, seed + 2 * static_cast<std::uint64_t>(p));
    std::vector<double> other = normal(network.inputs, seed + 2 * static_cast<std::uint64_t>(p) + 1);
    for (std::size_t i = 0; i < x.size(); ++i) other[i] = p % 2 == 0 ? other[i] : x[i] + 1e-3 * other[i];
    largest = std::max(largest, distance(value(network, x), value(network, other)) / distance(x, other));
  }
  return largest;
}

/// rho 2^(2 exponent) P(mu) - C^T C, the definition of bounds/network_lmi.hpp, dense, in extended precision.
inline std::vector<std::vector<long double>> inequality(const LayeredNetwork& network,
                                                        const NetworkMultipliers& multipliers,
                                                        const std::vector<NetworkTerm>& output, long double rho) {
  std::vector<std::size_t> first{0};
  for (std::size_t i = 0; i <= network.layers.size(); ++i) {
    first.push_back(first.back() + static_cast<std::size_t>(network.width(i)));
  }
  const std::size_t n = first.back();
  std::vector<std::vector<long double>> p(n, std::vector<long double>(n));
  for (std::size_t j = 0; j < first[1]; ++j) p[j][j] = rho;
  const auto row_of = [&](const std::vector<NetworkTerm>& terms, std::size_t j) {
    std::vector<long double> r(n);
    for (const NetworkTerm& term : terms) {
      for (std::int64_t k = 0; k < term.weight.columns(); ++k) {
        r[first[term.source] + static_cast<std::size_t>(k)] = term.weight(static_cast<std::int64_t>(j), k);
      }
    }
    return r;
  };
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    for (std::size_t j = 0; j < network.layers[i].least.size(); ++j) {
      std::vector<long double> left = row_of(network.layers[i].terms, j);
      std::vector<long double> right = left;
      for (std::size_t k = 0; k < n; ++k) {
        const long double e = k == first[i + 1] + j ? 1 : 0;
        left[k] = e - network.layers[i].least[j] * left[k];
        right[k] = e - network.layers[i].most[j] * right[k];
      }
      long double mu = multipliers.values[i][j];
      if (!multipliers.exponents.empty()) mu = std::ldexp(mu, static_cast<int>(-2 * multipliers.exponents[i]));
      for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b < n; ++b) p[a][b] += rho * mu * (left[a] * right[b] + right[a] * left[b]);
      }
    }
  }
  for (std::int64_t j = 0; j < output.front().weight.rows(); ++j) {
    const std::vector<long double> c = row_of(output, static_cast<std::size_t>(j));
    for (std::size_t a = 0; a < n; ++a) {
      for (std::size_t b = 0; b < n; ++b) p[a][b] -= c[a] * c[b];
    }
  }
  return p;
}

/// Whether a Cholesky factorization in extended precision completes.
inline bool is_definite(std::vector<std::vector<long double>> p) {
  for (std::size_t k = 0; k < p.size(); ++k) {
    if (!(p[k][k] > 0)) return false;
    const long double root = std::sqrt(p[k][k]);
    for (std::size_t i = k; i < p.size(); ++i) p[i][k] /= root;
    for (std::size_t j = k + 1; j < p.size(); ++j) {
      for (std::size_t i = j; i < p.size(); ++i) p[i][j] -= p[i][k] * p[j][k];
    }
  }
  return true;
}

}  // namespace sigmax::networks
