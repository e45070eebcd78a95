#include "sigmax/bounds/convolution_inequality/image_grid.hpp"

#include <algorithm>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::bounds {

// Outputs read the positions -low ... n - 1 + high. Modulo N >= n + max(low, high) no two of these, of which one is an
// entry of the image, are the same point.
std::vector<GridNeed> grid_needs(const Correlation& correlation) {
  std::vector<GridNeed> needs;
  for (const CorrelationAxis& axis : correlation.axes) {
    needs.push_back({axis.stride, axis.input + std::max(axis.pad_low, axis.pad_high()), axis.output});
  }
  return needs;
}

std::vector<GridNeed> window_needs(const Correlation& window) {
  std::vector<GridNeed> needs;
  for (const CorrelationAxis& axis : window.axes) needs.push_back({axis.stride, axis.input, axis.output});
  return needs;
}

std::vector<std::int64_t> last_points(std::span<const std::vector<GridNeed>> maps) {
  std::vector<std::int64_t> points;
  for (std::size_t axis = 0; axis < maps.back().size(); ++axis) {
    std::int64_t least = 1;
    std::int64_t below = 1;  // points of the torus that a map writes for one point of the last
    for (std::size_t k = maps.size(); k-- > 0;) {
      const GridNeed& need = maps[k][axis];
      least = std::max(least, (need.written + below - 1) / below);
      below *= need.stride;
      least = std::max(least, (need.read + below - 1) / below);
    }
    points.push_back(least);
  }
  return points;
}

std::vector<Frequency> half_of_frequencies(std::span<const std::int64_t> points, const HalfOffsets& offsets) {
  std::int64_t count = 1;
  for (const std::int64_t n : points) count *= n;
  std::vector<Frequency> half;
  for (std::int64_t index = 0; index < count; ++index) {
    Frequency frequency;
    TorusPoint opposite;
    std::int64_t rest = index;
    for (std::size_t axis = points.size(); axis-- > 0;) {
      const std::int64_t whole = 2 * points[axis];
      const std::int64_t at = 2 * (rest % points[axis]) + (offsets[axis] ? 1 : 0);
      rest /= points[axis];
      frequency.point.numerator[axis] = at;
      frequency.point.denominator[axis] = whole;
      opposite.numerator[axis] = (whole - at) % whole;
      opposite.denominator[axis] = whole;
    }
    if (opposite.numerator < frequency.point.numerator) continue;
    frequency.weight = opposite.numerator == frequency.point.numerator ? 1 : 2;
    half.push_back(frequency);
  }
  return half;
}

std::int64_t alias_count(std::span<const std::int64_t> strides) {
  std::int64_t product = 1;
  for (const std::int64_t stride : strides) product *= stride;
  return product;
}

TorusPoint alias_of(const TorusPoint& t, std::int64_t alias, std::span<const std::int64_t> strides) {
  TorusPoint point = t;
  for (std::size_t axis = strides.size(); axis-- > 0;) {
    point.numerator[axis] += t.denominator[axis] * (alias % strides[axis]);
    point.denominator[axis] *= strides[axis];
    alias /= strides[axis];
  }
  return point;
}

}  // namespace sigmax::bounds
