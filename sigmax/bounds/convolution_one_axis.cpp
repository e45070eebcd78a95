#include "sigmax/bounds/convolution_one_axis.hpp"

#include <algorithm>
#include <utility>

#include "sigmax/bounds/convolution_proof/embedding.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/infinity.hpp"

namespace sigmax::bounds {
namespace {

constexpr double kMostBytes = 0x1p29;  // of a matrix with one axis whole

// The correlation on one axis without copies, and the symbol in which it is whole.
WholeAxis whole_axis(const ConvolutionGeometry& geometry, std::size_t axis) {
  const CorrelationAxis& own = geometry.correlation().axes[axis];
  return {axis, geometry.layer().padding_mode == PaddingMode::Zeros ? own : padded(own)};
}

std::vector<TorusPoint> points_around(const std::vector<std::int64_t>& least, std::size_t axis, std::int64_t offsets) {
  std::vector<GridAxis> grid;
  for (std::size_t i = 0; i < least.size(); ++i) {
    if (i == axis) {
      grid.push_back({});
    } else {
      grid.push_back({least[i], offsets % 2, 2});
      offsets /= 2;
    }
  }
  return grid_points(grid);
}

// The order of the matrices that are factored.
std::int64_t order_with(const Correlation& c, const WholeAxis& whole) {
  std::int64_t phases = 1;
  for (std::size_t i = 0; i < c.axes.size(); ++i) phases *= i == whole.index ? 1 : c.axes[i].stride;
  return std::min(c.out_channels / c.groups * whole.axis.output, c.in_channels / c.groups * phases * whole.axis.input);
}

}  // namespace

std::optional<OneAxisChoice> best_one_axis(const Tensor& kernel, const ConvolutionGeometry& geometry,
                                           const std::vector<std::int64_t>& least, const OneAxisLimits& limits,
                                           Budget& budget, Context& context) {
  std::optional<OneAxisChoice> best;
  for (std::size_t axis = 0; axis < least.size(); ++axis) {
    const WholeAxis whole = whole_axis(geometry, axis);
    if (order_with(geometry.correlation(), whole) > limits.order) continue;
    std::vector<SymbolAxis> axes = reduced_axes(geometry.layer());
    axes[axis] = {whole.axis.kernel, 1, 1};
    const Symbols around = make_symbols(kernel, geometry.layer().groups, axes, context);
    for (std::int64_t offsets = 0; offsets < std::int64_t{1} << (least.size() - 1); ++offsets) {
      std::vector<TorusPoint> points = points_around(least, axis, offsets);
      const OneAxisCost cost = one_axis_cost(around, whole, points.size());
      if (cost.bytes > kMostBytes || cost.flops > limits.flops || !budget.allows(cost.flops)) continue;
      const double estimate = one_axis_estimate(around, whole, points, budget, context);
      if (!(estimate < (best ? best->estimate : kInfinity))) continue;
      best = {around, whole, std::move(points), estimate, cost.flops};
    }
  }
  return best;
}

}  // namespace sigmax::bounds
