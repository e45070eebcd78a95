#include "sigmax/lipschitz/lmi/whole_network.hpp"

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/lipschitz/lmi/barrier.hpp"
#include "sigmax/lipschitz/lmi/newton.hpp"

namespace sigmax::lipschitz {
namespace {

// The rows of what reads the input, below each other.
Matrix<double> readers_of_input(const LayeredNetwork& network) {
  std::int64_t rows = 0;
  const auto each = [&](auto body) {
    for (const NeuronLayer& layer : network.layers) {
      for (const NetworkTerm& term : layer.terms) {
        if (term.source == 0) body(term.weight);
      }
    }
    for (const NetworkTerm& term : network.output) {
      if (term.source == 0) body(term.weight);
    }
  };
  each([&](const Matrix<double>& w) { rows += w.rows(); });
  Matrix<double> result(rows, network.inputs);
  std::int64_t first = 0;
  each([&](const Matrix<double>& w) {
    for (std::int64_t k = 0; k < w.columns(); ++k) {
      for (std::int64_t j = 0; j < w.rows(); ++j) result(first + j, k) = w(j, k);
    }
    first += w.rows();
  });
  return result;
}

// P depends on the input's weights W through W W^T alone: with W^T = Q R, they may be replaced by R^T.
void shorten_input(LayeredNetwork& network) {
  const Matrix<double> rows = readers_of_input(network);
  if (rows.empty() || rows.rows() >= network.inputs) return;
  Matrix<double> columns = lapack::transposed(rows.view());
  const Matrix<double> r = lapack::Qr(columns.view()).r();
  std::int64_t first = 0;
  const auto replace = [&](std::vector<NetworkTerm>& terms) {
    for (NetworkTerm& term : terms) {
      if (term.source != 0) continue;
      const std::int64_t count = term.weight.rows();
      term.weight = Matrix<double>(count, r.rows());
      for (std::int64_t k = 0; k < r.rows(); ++k) {
        for (std::int64_t j = 0; j < count; ++j) term.weight(j, k) = r(k, first + j);
      }
      first += count;
    }
  };
  for (NeuronLayer& layer : network.layers) replace(layer.terms);
  replace(network.output);
  network.inputs = r.rows();
}

// Units in which the start is mu = 1/2 and rho = 1: z_j = z'_j / sqrt(2 mu_j).
void take_units(LayeredNetwork& network, const FoundMultipliers& start) {
  const auto unit = [&](std::size_t source, std::int64_t k) {
    return source == 0 ? 1.0 : 1 / std::sqrt(2 * start.values[source - 1][static_cast<std::size_t>(k)]);
  };
  const auto scale = [&](std::vector<NetworkTerm>& terms, auto row_unit) {
    for (NetworkTerm& term : terms) {
      for (std::int64_t k = 0; k < term.weight.columns(); ++k) {
        for (std::int64_t j = 0; j < term.weight.rows(); ++j) {
          term.weight(j, k) *= unit(term.source, k) / row_unit(j);
        }
      }
    }
  };
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    scale(network.layers[i].terms, [&](std::int64_t j) { return unit(i + 1, j); });
  }
  scale(network.output, [&](std::int64_t) { return std::sqrt(start.rho); });
}

// rho above that of the start, whose matrix is singular.
std::optional<InequalityBarrier::Point> inner_start(const InequalityBarrier& barrier, std::size_t neurons,
                                                    Context& context) {
  for (double rho = 1.5; rho < 100; rho *= 2) {
    auto point = barrier.point(std::vector<double>(neurons, 0.5), rho, context);
    if (point) return point;
  }
  return std::nullopt;
}

}  // namespace

std::optional<FoundMultipliers> search_whole_network(const LayeredNetwork& given, const FoundMultipliers& start,
                                                     double gap, SearchBudget& budget, Context& context) {
  if (!(start.rho > 0)) return std::nullopt;
  LayeredNetwork network = given;
  take_units(network, start);
  shorten_input(network);
  std::size_t neurons = 0;
  for (const NeuronLayer& layer : network.layers) neurons += layer.least.size();
  const InequalityBarrier barrier(network);
  std::optional<InequalityBarrier::Point> point = inner_start(barrier, neurons, context);
  if (!point) return std::nullopt;
  constexpr double kGrowth = 8;
  constexpr double kCentered = 0.5;
  constexpr int kMostSteps = 300;
  InequalityBarrier::Workspace work;
  double t = 0;
  for (int step = 0; step < kMostSteps; ++step) {
    context.check_cancel();
    if (!budget.allows(barrier.step_flops(point->factor))) break;
    const BarrierNewton newton(barrier.derivatives(*point, work, context), context);
    if (!newton.works()) break;
    if (t == 0) t = -5 * newton.slope();
    NewtonStep direction = newton.step(t);
    const bool is_last = barrier.order() / t <= gap * point->s;
    // The last point need not be a center, only have the s of one.
    if (is_last && std::fabs(direction.s) < 0.01 * gap * point->s) break;
    if (direction.decrement < kCentered) {
      if (is_last) break;
      t *= kGrowth;
      direction = newton.step(t);
    }
    auto next = search_line(*point, direction, t,
                            [&](std::vector<double> x, double s) { return barrier.point(std::move(x), s, context); });
    if (!next) break;
    point = std::move(next);
  }
  FoundMultipliers found{start.values, point->s * start.rho};
  std::size_t j = 0;
  for (auto& layer : found.values) {
    for (double& value : layer) value *= 2 * point->x[j++];
  }
  return found;
}

}  // namespace sigmax::lipschitz
