#include "sigmax/graph/evaluate/linearization.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <variant>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::graph::evaluation {
namespace {

double length_of(const Vector& x) {
  double squares = 0;
  for (const double each : x) squares += each * each;
  return std::sqrt(squares);
}

bool is_linear(const Operation& operation) {
  return std::holds_alternative<Affine>(operation) || std::holds_alternative<Sum>(operation) ||
         std::holds_alternative<Stack>(operation);
}

const ScalarFunction& function(const Elementwise& node, std::size_t i) {
  return *node.functions[node.which.empty() ? 0 : node.which[i]];
}

/// `width` times the root mean square of z; 0 where that is no number.
double reach_of(const Vector& z, double width) {
  const double w = width * length_of(z) / std::sqrt(static_cast<double>(z.size()));
  return w > 0 && std::isfinite(w) ? w : 0;
}

void add_slopes_bend(const Elementwise& node, const Vector& z, const Vector& a, const Vector& b, double width,
                     Vector& bend) {
  const double w = reach_of(z, width);
  if (w == 0) return;
  for (std::size_t i = 0; i < z.size(); ++i) {
    const double share = a[i] * b[i];
    if (share == 0) continue;
    const ScalarFunction& f = function(node, i);
    const double change = f.derivative(z[i] + w) - f.derivative(z[i] - w);
    if (change != 0) bend[i] += share * change / (2 * w);
  }
}

}  // namespace

void scatter(const Graph& graph, const std::vector<Index>& nodes, std::span<const double> from,
             std::vector<Vector>& to) {
  std::size_t first = 0;
  for (const Index node : nodes) {
    const auto size = static_cast<std::size_t>(graph.nodes[node].size());
    const std::span<const double> piece = from.subspan(first, size);
    Vector& place = to[node];
    place.resize(size, 0.0);
    for (std::size_t i = 0; i < size; ++i) place[i] += piece[i];
    first += size;
  }
}

Linearization::Linearization(const Graph& graph, const Values& values)
    : graph_(graph), values_(values), moves_(depends_on_input(graph)) {
  const std::vector<bool> needed = leads_to_output(graph);
  for (Index i = 0; i < graph.nodes.size(); ++i) {
    moves_[i] = moves_[i] && needed[i];
    maps_.push_back(moves_[i] ? local_map(graph.nodes[i]) : nullptr);
  }
}

std::vector<Vector> Linearization::mean_slopes(double width) const {
  std::vector<Vector> all(graph_.nodes.size());
  for (Index i = 0; i < graph_.nodes.size(); ++i) {
    const auto* const node = std::get_if<Elementwise>(&graph_.nodes[i].operation);
    if (node == nullptr || maps_[i] == nullptr) continue;
    const Vector& z = values_[graph_.nodes[i].inputs[0]];
    const double w = reach_of(z, width);
    if (w == 0) continue;
    for (std::size_t k = 0; k < z.size(); ++k) {
      const ScalarFunction& f = function(*node, k);
      const double slope = (f.value(z[k] + w) - f.value(z[k] - w)) / (2 * w);
      all[i].push_back(std::isfinite(slope) ? slope : 0);
    }
  }
  return all;
}

// all[node] is taken back to what the node reads.
void Linearization::pull(Index node, const Vector& slopes, std::vector<Vector>& all, Context& context) const {
  if (slopes.empty()) {
    maps_[node]->pull(operands(node), values_[node], all[node], wanted(node, all), context);
    return;
  }
  Vector& to = all[graph_.nodes[node].inputs[0]];
  for (std::size_t k = 0; k < slopes.size(); ++k) to[k] += slopes[k] * all[node][k];
}

std::vector<Vector> Linearization::tangents(std::span<const double> dx, const std::vector<Vector>& slopes,
                                            Context& context) const {
  std::vector<Vector> tangents(graph_.nodes.size());
  scatter(graph_, graph_.inputs, dx, tangents);
  for (Index i = 0; i < graph_.nodes.size(); ++i) {
    if (maps_[i] == nullptr) continue;
    if (!slopes.empty() && !slopes[i].empty()) {
      tangents[i] = tangents[graph_.nodes[i].inputs[0]];
      for (std::size_t k = 0; k < slopes[i].size(); ++k) tangents[i][k] *= slopes[i][k];
      continue;
    }
    std::vector<const Vector*> into;
    for (const Index input : graph_.nodes[i].inputs) into.push_back(moves_[input] ? &tangents[input] : nullptr);
    tangents[i] = maps_[i]->push(operands(i), values_[i], into, context);
  }
  return tangents;
}

std::vector<Vector> Linearization::zeros() const {
  std::vector<Vector> all(graph_.nodes.size());
  for (Index i = 0; i < graph_.nodes.size(); ++i) {
    if (moves_[i]) all[i].assign(static_cast<std::size_t>(graph_.nodes[i].size()), 0.0);
  }
  return all;
}

Vector Linearization::gathered(const std::vector<Index>& nodes, const std::vector<Vector>& from) const {
  Vector all;
  for (const Index node : nodes) {
    Vector piece = from[node];
    piece.resize(static_cast<std::size_t>(graph_.nodes[node].size()), 0.0);
    all.insert(all.end(), piece.begin(), piece.end());
  }
  return all;
}

std::vector<const Vector*> Linearization::operands(Index node) const {
  std::vector<const Vector*> x;
  for (const Index input : graph_.nodes[node].inputs) x.push_back(&values_[input]);
  return x;
}

std::vector<Vector*> Linearization::wanted(Index node, std::vector<Vector>& all) const {
  std::vector<Vector*> out;
  for (const Index input : graph_.nodes[node].inputs) out.push_back(moves_[input] ? &all[input] : nullptr);
  return out;
}

Vector Linearization::forward(std::span<const double> dx, Context& context) const {
  return gathered(graph_.outputs, tangents(dx, {}, context));
}

Vector Linearization::reverse(std::span<const double> dy, Context& context) const {
  std::vector<Vector> cotangents = zeros();
  scatter(graph_, graph_.outputs, dy, cotangents);
  for (Index i = graph_.nodes.size(); i-- > 0;) {
    if (maps_[i] == nullptr) continue;
    maps_[i]->pull(operands(i), values_[i], cotangents[i], wanted(i, cotangents), context);
    cotangents[i] = {};
  }
  return gathered(graph_.inputs, cotangents);
}

Vector Linearization::bend(std::span<const double> dx, std::span<const double> dy, double width,
                           Context& context) const {
  const std::vector<Vector> slopes = mean_slopes(width);
  const std::vector<Vector> moved = tangents(dx, slopes, context);
  std::vector<Vector> cotangents = zeros();
  std::vector<Vector> bends = zeros();
  scatter(graph_, graph_.outputs, dy, cotangents);
  for (Index i = graph_.nodes.size(); i-- > 0;) {
    if (maps_[i] == nullptr) continue;
    pull(i, slopes[i], bends, context);
    add_bend(i, moved, cotangents[i], width, bends, context);
    pull(i, slopes[i], cotangents, context);
    cotangents[i] = {};
    bends[i] = {};
  }
  return gathered(graph_.inputs, bends);
}

void Linearization::add_bend(Index node, const std::vector<Vector>& tangents, const Vector& cotangent, double width,
                             std::vector<Vector>& bends, Context& context) const {
  const Node& here = graph_.nodes[node];
  if (is_linear(here.operation)) return;
  if (const auto* const elementwise = std::get_if<Elementwise>(&here.operation)) {
    const Index from = here.inputs[0];
    add_slopes_bend(*elementwise, values_[from], tangents[from], cotangent, width, bends[from]);
    return;
  }
  double size = 0;
  double speed = 0;
  for (const Index input : here.inputs) {
    size = std::hypot(size, length_of(values_[input]));
    if (moves_[input]) speed = std::hypot(speed, length_of(tangents[input]));
  }
  const double h = width * size / speed;
  if (!(h > 0) || !std::isfinite(h)) return;
  for (const double side : {h, -h}) {
    std::vector<Vector> moved;
    std::vector<Vector> shares;
    for (const Index input : here.inputs) {
      Vector& z = moved.emplace_back(values_[input]);
      shares.emplace_back(z.size(), 0.0);
      for (std::size_t i = 0; moves_[input] && i < z.size(); ++i) z[i] += side * tangents[input][i];
    }
    std::vector<const Vector*> at;
    std::vector<Vector*> out;
    for (std::size_t k = 0; k < moved.size(); ++k) {
      at.push_back(&moved[k]);
      out.push_back(moves_[here.inputs[k]] ? &shares[k] : nullptr);
    }
    maps_[node]->pull(at, maps_[node]->value(at, context), cotangent, out, context);
    for (std::size_t k = 0; k < moved.size(); ++k) {
      if (out[k] == nullptr) continue;
      Vector& bend = bends[here.inputs[k]];
      for (std::size_t i = 0; i < bend.size(); ++i) bend[i] += shares[k][i] / (2 * side);
    }
  }
}

}  // namespace sigmax::graph::evaluation
