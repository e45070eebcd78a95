#include "sigmax/graph/local_responses.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <variant>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/ranges/outward.hpp"
#include "sigmax/graph/scalar/expression_function.hpp"
#include "sigmax/graph/sparse_rows.hpp"

namespace sigmax::graph {
namespace {

constexpr std::size_t kMostEntries = std::size_t{1} << 23;

/// The exponent of x^p.
std::optional<double> power_of(const Node& node) {
  const auto* elementwise = std::get_if<Elementwise>(&node.operation);
  if (elementwise == nullptr || elementwise->functions.size() != 1) return std::nullopt;
  const Expression* f = expression_of(*elementwise->functions[0]);
  if (f == nullptr || f->terms().size() != 2) return std::nullopt;
  if (f->terms()[1].symbol == Symbol::SquareRoot) return 0.5;
  if (f->terms()[1].symbol != Symbol::Power) return std::nullopt;
  return f->terms()[1].parameter;
}

/// Whether the node is x o x, of this x.
bool is_square_of(const Node& node, Index x) {
  if (std::holds_alternative<Product>(node.operation)) return node.inputs[0] == x && node.inputs[1] == x;
  return node.inputs.size() == 1 && node.inputs[0] == x && power_of(node) == 2.0;
}

/// u = A s + k with one number k.
struct Divisor {
  SparseRows rows;
  double bias = 0;
};

/// Down the affine nodes from u to the squares of x.
std::optional<Divisor> divisor_of(const Graph& graph, Index u, Index x) {
  std::vector<const Affine*> way;
  Index at = u;
  while (const auto* affine = std::get_if<Affine>(&graph.nodes[at].operation)) {
    way.push_back(affine);
    at = graph.nodes[at].inputs[0];
  }
  if (way.empty() || !is_square_of(graph.nodes[at], x)) return std::nullopt;
  std::optional<SparseRows> rows;
  double bias = 0;
  for (auto each = way.rbegin(); each != way.rend(); ++each) {
    const Affine& affine = **each;
    const bool is_last = each + 1 == way.rend();
    if (!affine.offset_error.empty() || (!affine.offset.empty() && !is_last)) return std::nullopt;
    auto own = sparse_rows(*affine.map, kMostEntries);
    if (!own) return std::nullopt;
    const Interval error{down(1 - affine.row_error), up(1 + affine.row_error)};
    for (auto& row : *own) {
      for (auto& [column, weight] : row) weight = affine.row_error > 0 ? error * weight : weight;
    }
    rows = rows ? product_of_rows(*own, *rows, kMostEntries) : std::move(own);
    if (!rows) return std::nullopt;
    if (affine.offset.empty()) continue;
    bias = affine.offset[0];
    if (std::ranges::any_of(affine.offset, [&](double k) { return k != bias; })) return std::nullopt;
  }
  return Divisor{std::move(*rows), bias};
}

/// The window of channels that row i must have, as columns.
std::vector<std::int64_t> window_of(const Groups& g, std::int64_t size, std::int64_t i) {
  const std::int64_t channel = i / g.inner % g.length;
  std::vector<std::int64_t> columns;
  for (std::int64_t c = std::max<std::int64_t>(0, channel - size / 2); c <= std::min(g.length - 1, channel + size / 2);
       ++c) {
    columns.push_back(i + (c - channel) * g.inner);
  }
  return columns;
}

/// The weight that all entries of all windows have; nothing if the rows are not these windows. Where they are known to
/// rounding, each weight is in the interval.
std::optional<Interval> weight_of(const SparseRows& rows, const Groups& groups, std::int64_t size) {
  std::optional<Interval> weight;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto columns = window_of(groups, size, static_cast<std::int64_t>(i));
    if (rows[i].size() != columns.size()) return std::nullopt;
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const auto& [column, own] = rows[i][k];
      if (!weight) weight = own;
      if (column != columns[k] || own != *weight) return std::nullopt;
    }
  }
  return weight;
}

std::optional<LocalResponse> response_of(const Node& x, const Divisor& divisor, double beta) {
  if (x.shape.size() < 2 || !(divisor.bias > 0) || !(beta >= 0) || !std::isfinite(beta)) return std::nullopt;
  LocalResponse r;
  r.groups = {x.shape[0], x.shape[1], 1};
  for (std::size_t axis = 2; axis < x.shape.size(); ++axis) r.groups.inner *= x.shape[axis];
  std::size_t most = 0;
  for (const auto& row : divisor.rows) most = std::max(most, row.size());
  if (most == 0 || x.size() != static_cast<std::int64_t>(divisor.rows.size())) return std::nullopt;
  // The window of a channel in the middle, or any that reaches over all channels.
  r.size = static_cast<std::int64_t>(most);
  std::optional<Interval> weight;
  if (r.size % 2 == 1) weight = weight_of(divisor.rows, r.groups, r.size);
  if (!weight && r.size == r.groups.length) {
    r.size = 2 * r.groups.length - 1;
    weight = weight_of(divisor.rows, r.groups, r.size);
  }
  if (!weight) return std::nullopt;
  const Interval alpha = *weight * point(static_cast<double>(r.size));
  if (!(alpha.least > 0) || !is_bounded(alpha)) return std::nullopt;
  r.alpha = middle(alpha);
  r.alpha_error = up(up(width(alpha)) / down(alpha.least));
  r.beta = beta;
  r.bias = divisor.bias;
  return r;
}

}  // namespace

void find_local_responses(Graph& graph) {
  for (Node& node : graph.nodes) {
    if (!std::holds_alternative<Quotient>(node.operation)) continue;
    const Index x = node.inputs[0];
    const Node& power = graph.nodes[node.inputs[1]];
    const auto beta = power_of(power);
    if (!beta) continue;
    const auto divisor = divisor_of(graph, power.inputs[0], x);
    if (!divisor) continue;
    auto response = response_of(graph.nodes[x], *divisor, *beta);
    if (!response) continue;
    node.operation = *response;
    node.inputs = {x};
  }
}

}  // namespace sigmax::graph
