// Boxes of order statistics and of local response normalization.
#include <algorithm>
#include <cstddef>
#include <functional>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/evaluate/local_map.hpp"
#include "sigmax/graph/ranges/node.hpp"
#include "sigmax/graph/ranges/outward.hpp"
#include "sigmax/graph/scalar/elementary.hpp"

namespace sigmax::graph {

// The k-th greatest number grows with each of them: its ends are the k-th greatest of the ends.
Box box_of(const Sorted& sorted, const Box& x) {
  const Groups& g = sorted.groups;
  Box y(static_cast<std::size_t>(g.outer * sorted.count * g.inner));
  for (std::int64_t o = 0; o < g.outer; ++o) {
    for (std::int64_t i = 0; i < g.inner; ++i) {
      std::vector<double> least, greatest;
      for (std::int64_t k = 0; k < g.length; ++k) {
        const Interval& each = x[static_cast<std::size_t>((o * g.length + k) * g.inner + i)];
        least.push_back(each.least);
        greatest.push_back(each.greatest);
      }
      for (std::vector<double>* ends : {&least, &greatest}) {
        if (sorted.descending) {
          std::ranges::sort(*ends, std::greater<>());
        } else {
          std::ranges::sort(*ends);
        }
      }
      for (std::int64_t k = 0; k < sorted.count; ++k) {
        const auto at = static_cast<std::size_t>(k);
        y[static_cast<std::size_t>((o * sorted.count + k) * g.inner + i)] = {least[at], greatest[at]};
      }
    }
  }
  return y;
}

Box box_of(const LocalResponse& r, const Box& x) {
  Box y(x.size());
  const Groups& g = r.groups;
  const Interval factor{down(1 - r.alpha_error), up(1 + r.alpha_error)};
  const Interval alpha = r.alpha_error > 0 ? maximum(point(0), factor * point(r.alpha)) : point(r.alpha);
  const Interval share = alpha / point(static_cast<double>(r.size));
  evaluation::each_group(g, [&](std::size_t start) {
    const auto at = [&](std::int64_t k) { return start + static_cast<std::size_t>(k * g.inner); };
    for (std::int64_t i = 0; i < g.length; ++i) {
      Interval squares = point(0);
      const std::int64_t last = std::min(g.length - 1, i + r.size / 2);
      for (std::int64_t j = std::max<std::int64_t>(0, i - (r.size - 1) / 2); j <= last; ++j) {
        squares = squares + square(x[at(j)]);
      }
      y[at(i)] = x[at(i)] * power(point(r.bias) + share * squares, -r.beta);
    }
  });
  return y;
}

}  // namespace sigmax::graph
