#include "sigmax/bounds/network_proof/uncertainty.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "sigmax/bounds/matrix_proof/rounding.hpp"

// With S, M, T as in inequality.cpp,
//
//     P(W + E) - P(W) = -(S M E + E^T M S) + 2 (W^T T E + E^T T W + E^T T E)
//
// is symmetric, and its entries are at most those of
//
//     D = |S| M |E| + |E|^T M |S| + 2 (|W|^T |T| |E| + |E|^T |T| |W| + |E|^T |T| |E|).
//
// By 2 x y <= x^2 + y^2, |x^T D x| <= sum_j x_j^2 (D 1)_j. D 1 takes products with vectors only. The units make the
// variables comparable (scaled.hpp), so no weights are needed in 2 x y <= x^2 + y^2.

namespace sigmax::bounds {
namespace {

using Blocks = std::vector<std::vector<double>>;

// |W| 1 or |E| 1 over all terms.
std::vector<double> row_sums(const ScaledLayer& layer, bool of_errors) {
  std::vector<double> sums(layer.multiplier.size());
  for (const NetworkTerm& term : layer.terms) {
    const Matrix<double>& a = of_errors ? term.error : term.weight;
    for (std::int64_t k = 0; k < a.columns(); ++k) {
      for (std::int64_t j = 0; j < a.rows(); ++j) sums[static_cast<std::size_t>(j)] += std::fabs(a(j, k));
    }
  }
  return sums;
}

// r += |A|^T x
void add_transposed(const Matrix<double>& a, const std::vector<double>& x, std::vector<double>& r) {
  for (std::int64_t k = 0; k < a.columns(); ++k) {
    double sum = 0;
    for (std::int64_t j = 0; j < a.rows(); ++j) sum += std::fabs(a(j, k)) * x[static_cast<std::size_t>(j)];
    r[static_cast<std::size_t>(k)] += sum;
  }
}

void add_layer(const ScaledLayer& layer, std::size_t block, Blocks& r) {
  const std::size_t n = layer.multiplier.size();
  const std::vector<double> weights = row_sums(layer, false);
  const std::vector<double> errors = row_sums(layer, true);
  // What |E|^T and |W|^T are applied to.
  std::vector<double> by_errors(n);
  std::vector<double> by_weights(n);
  for (std::size_t j = 0; j < n; ++j) {
    const double cross = (std::fabs(layer.least[j]) + std::fabs(layer.most[j])) * layer.multiplier[j];
    const double curvature = std::fabs(layer.multiplier[j] * layer.least[j] * layer.most[j]);
    r[block][j] += cross * errors[j];
    by_errors[j] = cross + 2 * curvature * (weights[j] + errors[j]);
    by_weights[j] = 2 * curvature * errors[j];
  }
  for (const NetworkTerm& term : layer.terms) {
    add_transposed(term.error, by_errors, r[term.source]);
    add_transposed(term.weight, by_weights, r[term.source]);
  }
}

}  // namespace

std::vector<std::vector<double>> uncertainty(const ScaledNetwork& network) {
  const auto is_uncertain = [](const ScaledLayer& layer) {
    return std::ranges::any_of(layer.terms, [](const NetworkTerm& term) { return !term.error.empty(); });
  };
  if (std::ranges::none_of(network.layers, is_uncertain)) return {};
  Blocks r;
  std::int64_t variables = 0;
  for (std::size_t source = 0; source <= network.layers.size(); ++source) {
    r.emplace_back(static_cast<std::size_t>(network.width(source)));
    variables += network.width(source);
  }
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    if (is_uncertain(network.layers[i])) add_layer(network.layers[i], i + 1, r);
  }
  // A number is a sum of at most `variables` products of sums of as many, all nonnegative. What underflows is less
  // than 2^-900.
  const double slack = 1 + gamma(3 * variables + 16);
  for (auto& block : r) {
    for (double& value : block) value = round_up(value * slack) + 0x1p-900;
  }
  return r;
}

double error_norm(const std::vector<NetworkTerm>& terms) {
  double sum = 0;
  for (const NetworkTerm& term : terms) {
    if (term.error.empty()) continue;
    const NormRange norm = norm_range(term.error.values());
    sum = round_up(sum + round_up(times_power(norm.upper, norm.exponent)));
  }
  return sum;
}

}  // namespace sigmax::bounds
