#include "sigmax/lipschitz/network/split.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/infinity.hpp"

namespace sigmax::lipschitz {
namespace {

/// At least the distance of `to` from `from`.
double distance(double from, double to) {
  const double d = std::fabs(to - from);
  return d == 0 ? 0.0 : std::nextafter(d, kInfinity);
}

bool is_narrow(const graph::Interval& slopes) {
  return slopes.greatest - slopes.least < 0x1p-10 * std::max(std::fabs(slopes.least), std::fabs(slopes.greatest));
}

void add_neuron(SplitFunctions& split, std::size_t i, double least, double most) {
  split.places.push_back(static_cast<std::int64_t>(i));
  split.least.push_back(least);
  split.most.push_back(most);
}

}  // namespace

graph::Interval widened(const graph::Interval& slopes, double relative) {
  if (relative == 0) return slopes;
  const auto end = [relative](double slope, double away) {
    if (slope == 0) return slope;
    const double moved = std::nextafter(std::abs(slope) * relative, kInfinity);
    return std::nextafter(slope + std::copysign(moved, away), away);
  };
  return {end(slopes.least, -kInfinity), end(slopes.greatest, kInfinity)};
}

SplitFunctions all_neurons(const std::vector<graph::Interval>& slopes) {
  SplitFunctions split;
  for (std::size_t i = 0; i < slopes.size(); ++i) add_neuron(split, i, slopes[i].least, slopes[i].greatest);
  return split;
}

SplitFunctions split_functions(const std::vector<graph::Interval>& slopes, bool fold, double error) {
  SplitFunctions split;
  const auto neuron = [&](std::size_t i, double least, double most) { add_neuron(split, i, least, most); };
  for (std::size_t i = 0; i < slopes.size(); ++i) {
    const graph::Interval& s = slopes[i];
    if (s.least == 0 && s.greatest == 0) continue;
    if (!fold || !is_narrow(s)) {
      neuron(i, s.least, s.greatest);
      continue;
    }
    if (split.middle.empty()) {
      split.middle.resize(slopes.size());
      split.reach.resize(slopes.size());
    }
    const double middle = s.least + (s.greatest - s.least) / 2;
    const double reach = std::max(distance(middle, s.least), distance(middle, s.greatest));
    split.middle[i] = middle;
    if (reach <= error * std::fabs(middle)) {
      split.reach[i] = reach;
    } else {
      neuron(i, -reach, reach);
      ++split.nearly_linear;
    }
  }
  return split;
}

}  // namespace sigmax::lipschitz
