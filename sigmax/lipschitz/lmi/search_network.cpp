#include "sigmax/lipschitz/lmi/search_network.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::lipschitz {
namespace {

constexpr double kHardlyMatters = 0x1p-40;

double largest_in(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::fabs(value));
  return largest;
}

void scale_by_power(Matrix<double>& w, std::int64_t exponent) {
  const int power = static_cast<int>(std::clamp<std::int64_t>(exponent, -5000, 5000));
  for (double& value : w.values()) value = std::ldexp(value, power);
}

std::int64_t exponent_of(double value) { return value == 0 ? 0 : std::ilogb(value) + 1; }

// The exponent by which a list of terms is divided: its largest entry, in the units of the sources.
std::int64_t exponent_of(const std::vector<NetworkTerm>& terms, const std::vector<std::int64_t>& exponents) {
  bool any = false;
  std::int64_t result = 0;
  for (const NetworkTerm& term : terms) {
    const double largest = largest_in(term.weight.values());
    if (largest == 0) continue;
    const std::int64_t unit = term.source == 0 ? 0 : exponents[term.source - 1];
    result = any ? std::max(result, exponent_of(largest) + unit) : exponent_of(largest) + unit;
    any = true;
  }
  return result;
}

void divide(std::vector<NetworkTerm>& terms, const std::vector<std::int64_t>& exponents, std::int64_t unit) {
  for (NetworkTerm& term : terms) {
    scale_by_power(term.weight, (term.source == 0 ? 0 : exponents[term.source - 1]) - unit);
  }
}

void clear_column(std::vector<NetworkTerm>& terms, std::size_t source, std::int64_t k) {
  for (NetworkTerm& term : terms) {
    if (term.source == source) std::ranges::fill(term.weight.column(k), 0.0);
  }
}

// Neurons that do not move have columns of zeros. Nothing bounds their multipliers: a layer that has no others gets a
// weight.
void settle_still(LayeredNetwork& network) {
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    NeuronLayer& layer = network.layers[i];
    std::vector<bool> moves(layer.least.size());
    for (const NetworkTerm& term : layer.terms) {
      for (std::int64_t k = 0; k < term.weight.columns(); ++k) {
        for (std::size_t j = 0; j < moves.size(); ++j) {
          if (term.weight(static_cast<std::int64_t>(j), k) != 0) moves[j] = true;
        }
      }
    }
    for (std::size_t j = 0; j < moves.size(); ++j) {
      if (moves[j]) continue;
      const auto column = static_cast<std::int64_t>(j);
      for (std::size_t r = i + 1; r < network.layers.size(); ++r) clear_column(network.layers[r].terms, i + 1, column);
      clear_column(network.output, i + 1, column);
    }
    if (std::ranges::find(moves, true) != moves.end()) continue;
    if (layer.terms.empty()) layer.terms.push_back({0, Matrix<double>(network.width(i + 1), network.inputs)});
    layer.terms.front().weight(0, 0) = 1;
  }
}

// Slopes between 1/2 and 1 in magnitude for each neuron; its row takes what is less than the largest of the layer, so
// that a neuron of small slopes is one of small weights. Returns the exponent of the largest.
std::int64_t normalize_slopes(NeuronLayer& layer) {
  const std::size_t n = layer.least.size();
  std::vector<std::int64_t> exponents(n);
  for (std::size_t j = 0; j < n; ++j) {
    const double slope = std::max(std::fabs(layer.least[j]), std::fabs(layer.most[j]));
    exponents[j] = slope == 0 ? std::numeric_limits<std::int64_t>::min() : exponent_of(slope);
  }
  const std::int64_t largest = std::max<std::int64_t>(*std::ranges::max_element(exponents), -5000);
  for (std::size_t j = 0; j < n; ++j) {
    const auto k = static_cast<int>(std::max<std::int64_t>(exponents[j], -5000));
    layer.least[j] = std::ldexp(layer.least[j], -k);
    layer.most[j] = std::ldexp(layer.most[j], -k);
    const int less = k - static_cast<int>(largest);
    for (NetworkTerm& term : layer.terms) {
      for (std::int64_t c = 0; less != 0 && c < term.weight.columns(); ++c) {
        const auto row = static_cast<std::int64_t>(j);
        term.weight(row, c) = std::ldexp(term.weight(row, c), less);
      }
    }
  }
  return largest;
}

// An entry of the size of its error is searched for as a larger one, so that P has room for the error.
void raise_to_errors(std::vector<NetworkTerm>& terms) {
  for (NetworkTerm& term : terms) {
    for (std::size_t e = 0; e < term.error.values().size(); ++e) {
      double& w = term.weight.values()[e];
      const double least = 4 * term.error.values()[e];
      if (std::fabs(w) < least) w = least;
    }
    term.error = {};
  }
}

// Slopes of at most 1, and weights of at most 1, layer by layer.
void normalize(SearchNetwork& search) {
  for (NeuronLayer& layer : search.all.layers) {
    const std::int64_t k = normalize_slopes(layer);
    const std::int64_t unit = exponent_of(layer.terms, search.exponents);
    divide(layer.terms, search.exponents, unit);
    search.exponents.push_back(unit + k);
  }
  divide(search.all.output, search.exponents, exponent_of(search.all.output, search.exponents));
}

std::vector<double> row_maxima(const std::vector<NetworkTerm>& terms, std::size_t rows) {
  std::vector<double> result(rows);
  for (const NetworkTerm& term : terms) {
    for (std::int64_t k = 0; k < term.weight.columns(); ++k) {
      for (std::size_t j = 0; j < rows; ++j) {
        result[j] = std::max(result[j], std::fabs(term.weight(static_cast<std::int64_t>(j), k)));
      }
    }
  }
  return result;
}

// Raises `reach`, for the neurons of `source`, to the largest share of a column in a matrix that reads them.
void raise_reach(const std::vector<NetworkTerm>& terms, std::size_t source, std::vector<double>& reach) {
  for (const NetworkTerm& term : terms) {
    if (term.source != source) continue;
    const double largest = largest_in(term.weight.values());
    for (std::size_t k = 0; k < reach.size() && largest > 0; ++k) {
      reach[k] = std::max(reach[k], largest_in(term.weight.column(static_cast<std::int64_t>(k))) / largest);
    }
  }
}

std::vector<std::size_t> neurons_that_matter(const LayeredNetwork& network, std::size_t layer) {
  const std::size_t n = network.layers[layer].least.size();
  const std::vector<double> rows = row_maxima(network.layers[layer].terms, n);
  std::vector<double> reach(n);
  for (std::size_t i = layer + 1; i < network.layers.size(); ++i) {
    raise_reach(network.layers[i].terms, layer + 1, reach);
  }
  raise_reach(network.output, layer + 1, reach);
  const double largest = largest_in(rows);
  std::vector<std::size_t> kept;
  for (std::size_t j = 0; j < n; ++j) {
    if (rows[j] > kHardlyMatters * largest && reach[j] > kHardlyMatters) kept.push_back(j);
  }
  if (kept.empty()) kept.push_back(static_cast<std::size_t>(std::ranges::max_element(rows) - rows.begin()));
  return kept;
}

Matrix<double> part(const Matrix<double>& w, const std::vector<std::size_t>* rows,
                    const std::vector<std::size_t>* columns) {
  Matrix<double> result(rows ? static_cast<std::int64_t>(rows->size()) : w.rows(),
                        columns ? static_cast<std::int64_t>(columns->size()) : w.columns());
  for (std::int64_t k = 0; k < result.columns(); ++k) {
    const auto from = columns ? static_cast<std::int64_t>((*columns)[static_cast<std::size_t>(k)]) : k;
    for (std::int64_t j = 0; j < result.rows(); ++j) {
      result(j, k) = w(rows ? static_cast<std::int64_t>((*rows)[static_cast<std::size_t>(j)]) : j, from);
    }
  }
  return result;
}

LayeredNetwork without_the_rest(const SearchNetwork& search) {
  const auto columns = [&search](std::size_t source) { return source == 0 ? nullptr : &search.kept[source - 1]; };
  LayeredNetwork result{search.all.inputs, {}, {}};
  for (std::size_t i = 0; i < search.all.layers.size(); ++i) {
    const NeuronLayer& layer = search.all.layers[i];
    NeuronLayer rest;
    for (const std::size_t j : search.kept[i]) {
      rest.least.push_back(layer.least[j]);
      rest.most.push_back(layer.most[j]);
    }
    for (const NetworkTerm& term : layer.terms) {
      rest.terms.push_back({term.source, part(term.weight, &search.kept[i], columns(term.source))});
    }
    result.layers.push_back(std::move(rest));
  }
  for (const NetworkTerm& term : search.all.output) {
    result.output.push_back({term.source, part(term.weight, nullptr, columns(term.source))});
  }
  return result;
}

// The length of a vector given entry by entry, of any size.
class Length {
 public:
  void add(double x) {
    x = std::fabs(x);
    if (!(x > 0)) return;
    if (x > largest_) {
      sum_ = sum_ * (largest_ / x) * (largest_ / x) + 1;
      largest_ = x;
    } else {
      sum_ += (x / largest_) * (x / largest_);
    }
  }
  double value() const { return largest_ * std::sqrt(sum_); }

 private:
  double largest_ = 0;
  double sum_ = 0;
};

// |w_jk / sqrt(p_k)| over k: what neuron j reads, in units of the diagonal of P, where that is known.
double length_read(const SearchNetwork& search, const Multipliers& mu, std::size_t layer, std::size_t j) {
  Length length;
  for (const NetworkTerm& term : search.all.layers[layer].terms) {
    for (std::int64_t k = 0; k < term.weight.columns(); ++k) {
      const double p = term.source == 0 ? 1 : 2 * mu[term.source - 1][static_cast<std::size_t>(k)];
      if (p > 0) length.add(term.weight(static_cast<std::int64_t>(j), k) / std::sqrt(p));
    }
  }
  return length.value();
}

// |sqrt(mu_r / 2) w_rj| over the neurons r that read j, and the output's rows.
double length_of_readers(const SearchNetwork& search, const Multipliers& mu, std::size_t layer, std::size_t j,
                         double rho) {
  Length length;
  const auto column = static_cast<std::int64_t>(j);
  for (std::size_t i = layer + 1; i < search.all.layers.size(); ++i) {
    for (const NetworkTerm& term : search.all.layers[i].terms) {
      if (term.source != layer + 1) continue;
      for (std::size_t r = 0; r < mu[i].size(); ++r) {
        length.add(std::sqrt(mu[i][r] / 2) * term.weight(static_cast<std::int64_t>(r), column));
      }
    }
  }
  for (const NetworkTerm& term : search.all.output) {
    if (term.source != layer + 1) continue;
    for (const double w : term.weight.column(column)) length.add(w / std::sqrt(rho));
  }
  return length.value();
}

}  // namespace

SearchNetwork search_network(const LayeredNetwork& network) {
  SearchNetwork search{network, {}, {}, {}};
  for (NeuronLayer& layer : search.all.layers) raise_to_errors(layer.terms);
  raise_to_errors(search.all.output);
  settle_still(search.all);
  normalize(search);
  for (std::size_t i = 0; i < network.layers.size(); ++i) search.kept.push_back(neurons_that_matter(search.all, i));
  search.used = without_the_rest(search);
  return search;
}

// With mu_j, the coupling to what the neuron reads is mu_j^2 w^2 / (mu_j p), and to what reads it m w^2 / mu_j: both
// are the same for mu_j = |readers| / |read|.
NetworkMultipliers restored(const SearchNetwork& search, const Multipliers& multipliers, double rho) {
  Multipliers mu;
  for (std::size_t i = 0; i < search.all.layers.size(); ++i) {
    mu.emplace_back(search.all.layers[i].least.size());
    for (std::size_t j = 0; j < search.kept[i].size(); ++j) mu[i][search.kept[i][j]] = multipliers[i][j];
  }
  for (std::size_t i = 0; i < mu.size(); ++i) {
    std::vector<bool> is_kept(mu[i].size());
    for (const std::size_t j : search.kept[i]) is_kept[j] = true;
    for (std::size_t j = 0; j < mu[i].size(); ++j) {
      if (is_kept[j]) continue;
      const double in = length_read(search, mu, i, j);
      const double out = length_of_readers(search, mu, i, j, rho);
      mu[i][j] = in > 0 && out > 0 ? out / in : (in > 0 ? 0.0 : 1.0);
      if (!std::isfinite(mu[i][j])) mu[i][j] = 1;
    }
  }
  return {std::move(mu), search.exponents};
}

}  // namespace sigmax::lipschitz
