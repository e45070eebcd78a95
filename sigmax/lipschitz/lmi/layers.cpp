#include "sigmax/lipschitz/lmi/layers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/tiled.hpp"
#include "sigmax/lipschitz/lmi/covariances.hpp"
#include "sigmax/lipschitz/lmi/largest_eigenvalue.hpp"
#include "sigmax/lipschitz/lmi/layer_search.hpp"
#include "sigmax/lipschitz/lmi/whole_network.hpp"

namespace sigmax::lipschitz {
namespace {

// The rows of every matrix that reads the layer, below each other.
Matrix<double> rows_of_readers(const LayeredNetwork& network, std::size_t layer) {
  std::vector<const Matrix<double>*> readers;
  const auto collect = [&](const std::vector<NetworkTerm>& terms) {
    for (const NetworkTerm& term : terms) {
      if (term.source == layer + 1) readers.push_back(&term.weight);
    }
  };
  for (std::size_t i = layer + 1; i < network.layers.size(); ++i) collect(network.layers[i].terms);
  collect(network.output);
  std::int64_t rows = 0;
  for (const Matrix<double>* w : readers) rows += w->rows();
  Matrix<double> result(rows, network.width(layer + 1));
  std::int64_t first = 0;
  for (const Matrix<double>* w : readers) {
    for (std::int64_t k = 0; k < w->columns(); ++k) std::ranges::copy(w->column(k), result.column(k).data() + first);
    first += w->rows();
  }
  return result;
}

// D W^T W D for the rows W, D the differences of the layer's slopes.
Matrix<double> square_of(const Matrix<double>& rows, const NeuronLayer& layer, Context& context) {
  Matrix<double> columns = lapack::transposed(rows.view());
  for (std::int64_t k = 0; k < columns.columns(); ++k) {
    for (std::size_t j = 0; j < layer.least.size(); ++j) {
      columns(static_cast<std::int64_t>(j), k) *= layer.most[j] - layer.least[j];
    }
  }
  Matrix<double> result(columns.rows(), columns.rows());
  tiled::add_square(1, columns, 0, result, context);
  tiled::mirror_lower(result, context);
  return result;
}

// L with L L^T = K and a little more; empty if that fails.
Matrix<double> root_of(Matrix<double> k, Context& context) {
  double trace = 0;
  for (std::int64_t j = 0; j < k.rows(); ++j) trace += k(j, j);
  for (std::int64_t j = 0; j < k.rows(); ++j) k(j, j) += 1e-12 * trace + 1e-300;
  if (!cholesky(k.values().data(), k.rows(), context)) return {};
  for (std::int64_t j = 0; j < k.rows(); ++j) std::ranges::fill(k.column(j).first(static_cast<std::size_t>(j)), 0.0);
  return k;
}

// A layer whose slopes do not begin at 0 passes on more than S: the whole inequality of the network that consists of a
// root of K, the layer and what reads it. Multipliers of the neurons.
std::optional<std::vector<double>> search_one_layer(const NeuronLayer& layer, const Matrix<double>& rows,
                                                    const Matrix<double>& k, std::vector<double> start, double gap,
                                                    SearchBudget& budget, Context& context) {
  LayeredNetwork part{k.rows(), {layer}, {}};
  part.layers[0].terms = {{0, root_of(k, context)}};
  part.output = {{1, rows}};
  if (part.layers[0].terms[0].weight.empty() || rows.empty()) return std::nullopt;
  const double rho = largest_eigenvalue(k) * largest_eigenvalue(square_of(rows, layer, context));
  const auto found = search_whole_network(part, {{std::move(start)}, rho}, gap, budget, context);
  if (!found) return std::nullopt;
  return found->values.front();
}

// Multipliers times a power of the differences of the slopes: those of neurons are those of w, the part of a neuron
// that is not linear, divided by the squares.
std::vector<double> times_power(const NeuronLayer& layer, std::vector<double> multipliers, double power) {
  for (std::size_t j = 0; j < multipliers.size(); ++j) {
    multipliers[j] *= std::pow(layer.most[j] - layer.least[j], power);
  }
  return multipliers;
}

// Multipliers of w.
std::vector<double> search_layer(const LayeredNetwork& network, std::size_t i, const Matrix<double>& k,
                                 LmiSearch search, double gap, SearchBudget& budget, Context& context) {
  constexpr std::size_t kMostForOneLayer = 400;
  const NeuronLayer& layer = network.layers[i];
  std::vector<double> closed = closed_form_multipliers(k, layer.least, layer.most);
  if (search == LmiSearch::closed_form) return closed;
  const Matrix<double> rows = rows_of_readers(network, i);
  // In a wide layer the part that is linear, least v, is left out of the search.
  if (closed.size() > kMostForOneLayer || std::ranges::all_of(layer.least, [](double value) { return value == 0; })) {
    return newton_multipliers(k, square_of(rows, layer, context), closed, gap, budget, context);
  }
  const auto found = search_one_layer(layer, rows, k, times_power(layer, closed, -2), gap, budget, context);
  return found ? times_power(layer, *found, 2) : closed;
}

}  // namespace

std::optional<FoundMultipliers> search_layers(const LayeredNetwork& network, LmiSearch search, double gap,
                                              SearchBudget& budget, Context& context) {
  constexpr double kLastGap = 1e-2;
  Covariances covariances(network);
  FoundMultipliers found;
  const auto layers = static_cast<double>(network.layers.size());
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    context.check_cancel();
    context.report({static_cast<double>(i), layers, "layers of the network"});
    const Matrix<double> k = covariances.of_next(context);
    const std::vector<double> multipliers =
        search_layer(network, i, k, search, i + 1 == network.layers.size() ? kLastGap : gap, budget, context);
    if (!covariances.add(k, multipliers, context)) return std::nullopt;
    found.values.push_back(times_power(network.layers[i], multipliers, -2));
  }
  found.rho = largest_eigenvalue(covariances.of_output(network.output, context));
  if (!std::isfinite(found.rho)) return std::nullopt;
  return found;
}

}  // namespace sigmax::lipschitz
