#include "sigmax/lipschitz/walk/vector_radii.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/ranges/outward.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Box;
using graph::Index;
using graph::Interval;

// Chains of more Affine nodes than this are not followed.
constexpr std::size_t kLongestChain = 32;

/// At least sqrt(sum of x_k^2); infinite where an x_k is.
double root_of_squares(const std::vector<double>& x) {
  double most = 0;
  for (const double each : x) most = std::max(most, each);
  if (!(most > 0) || std::isinf(most)) return most;
  double squares = 0;
  for (const double each : x) {
    const double ratio = graph::up(each / most);
    squares = graph::up(squares + graph::up(ratio * ratio));
  }
  return graph::up(most * graph::up(std::sqrt(squares)));
}

double farthest(const Interval& from, double to) {
  return graph::up(std::max(std::fabs(from.least - to), std::fabs(from.greatest - to)));
}

Limit greatest_gain(const graph::Standardization& s) {
  double gain = s.gain.empty() ? 1 : 0;
  for (const double each : s.gain) gain = std::max(gain, std::fabs(each));
  return limit(gain);
}

void take_lesser(Radii& known, const Limit& size, const Limit& spread) {
  known.size = lesser(known.size, size);
  known.spread = lesser(lesser(known.spread, spread), known.size);
}

}  // namespace

// The spread is about the middle of the hull of the vectors.
Radii radii_of_box(const Box& x, const VectorLayout& layout, std::int64_t b) {
  const auto length = static_cast<std::size_t>(layout.length);
  std::vector<double> middle(length, 0.0);
  for (std::int64_t k = 0; k < layout.length; ++k) {
    Interval all = layout.count > 0 ? x[layout.at(b, 0, k)] : Interval{0, 0};
    for (std::int64_t j = 1; j < layout.count; ++j) all = hull(all, x[layout.at(b, j, k)]);
    const double each = all.least / 2 + all.greatest / 2;
    middle[static_cast<std::size_t>(k)] = std::isfinite(each) ? each : 0;
  }
  double size = 0, spread = 0;
  std::vector<double> entries(length), apart(length);
  for (std::int64_t j = 0; j < layout.count; ++j) {
    for (std::size_t k = 0; k < length; ++k) {
      const Interval& each = x[layout.at(b, j, static_cast<std::int64_t>(k))];
      entries[k] = graph::magnitude(each);
      apart[k] = each == graph::point(middle[k]) ? 0 : farthest(each, middle[k]);
    }
    size = std::max(size, root_of_squares(entries));
    spread = std::max(spread, root_of_squares(apart));
  }
  return {limit(size), limit(spread)};
}

VectorRadii::VectorRadii(const Known& known, const std::vector<Limit>& bounds, const std::vector<Box>& at_center,
                         double radius, Norms& norms)
    : known_(known), bounds_(bounds), at_center_(at_center), radius_(radius), norms_(norms) {}

std::vector<Index> VectorRadii::chain(Index node) const {
  std::vector<Index> nodes = {node};
  while (nodes.size() < kLongestChain &&
         std::holds_alternative<graph::Affine>(known_.graph.nodes[nodes.back()].operation)) {
    nodes.push_back(known_.graph.nodes[nodes.back()].inputs[0]);
  }
  return nodes;
}

// No vector moves farther from where it is at the center of the domain than all of the value does. The vectors of a
// normalization over n entries are at most sqrt n long before gain and offset.
std::vector<Radii> VectorRadii::direct(Index node, const VectorLayout& layout) {
  const graph::Node& at = known_.graph.nodes[node];
  const Limit reach = at_center_.empty() ? std::nullopt : bounds_[node] * limit(radius_);
  const auto* const normal = std::get_if<graph::Standardization>(&at.operation);
  const bool is_normal = normal != nullptr && normal->groups.inner == 1 && normal->groups.length == layout.length &&
                         layout.entry_step == 1;
  std::vector<Radii> all;
  for (std::int64_t b = 0; b < layout.batch; ++b) {
    Radii radii = radii_of_box(known_.boxes[node], layout, b);
    take_lesser(radii, known_.sizes[node], std::nullopt);
    if (reach) {
      const Radii center = radii_of_box(at_center_[node], layout, b);
      take_lesser(radii, center.size + reach, center.spread + reach);
    }
    if (is_normal) {
      const Limit own = greatest_gain(*normal) * limit(graph::up(std::sqrt(static_cast<double>(layout.length))));
      Radii offset{limit(0), limit(0)};
      if (!normal->offset.empty()) offset = radii_of_box(graph::box_of(normal->offset), layout, b);
      take_lesser(radii, own + offset.size, own + offset.spread);
    }
    all.push_back(radii);
  }
  return all;
}

std::optional<VectorRadii::Blocks> VectorRadii::blocks(Index source, Index node, const VectorLayout& layout) {
  std::optional<TokenMap> map = token_map(known_.graph, source, node, norms_.context());
  if (!map) return std::nullopt;
  std::optional<TokenBlocks> found = blocks_of(*map, layout);
  if (!found) return std::nullopt;
  return Blocks{std::move(*map), std::move(*found)};
}

// W x_j + o_j - (W c + o) = W (x_j - c) + (o_j - o)
std::vector<Radii> VectorRadii::of(Index node, const VectorLayout& layout) {
  std::vector<Radii> all = direct(node, layout);
  const std::vector<Index> nodes = chain(node);
  for (std::size_t i = nodes.size(); i-- > 1;) {
    const graph::Node& source = known_.graph.nodes[nodes[i]];
    const std::optional<Blocks> way = blocks(nodes[i], node, layout);
    if (!way) continue;
    const Radii of_source = direct(nodes[i], rows_of(1, source.size() / way->map.length, way->map.length)).front();
    if (!of_source.size) continue;
    for (std::int64_t b = 0; b < layout.batch; ++b) {
      const Limit norm = norms_.of(way->blocks.matrices[static_cast<std::size_t>(b)]);
      const Radii offset = radii_of_box(way->map.offset, layout, b);
      take_lesser(all[static_cast<std::size_t>(b)], norm * of_source.size + offset.size,
                  norm * of_source.spread + offset.spread);
    }
    break;
  }
  return all;
}

}  // namespace sigmax::lipschitz
