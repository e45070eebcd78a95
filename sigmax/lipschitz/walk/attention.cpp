#include "sigmax/lipschitz/walk/attention.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <variant>

#include "sigmax/bounds/interval.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/ranges/outward.hpp"
#include "sigmax/lipschitz/walk/matrix_sums.hpp"
#include "sigmax/ops/compose.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Box;
using graph::Index;
using graph::Interval;
using graph::MatrixProduct;

Limit root(const Limit& x) { return x ? Limit(bounds::square_root(*x)) : std::nullopt; }

Limit largest(const std::vector<Limit>& all) {
  Limit most = limit(0);
  for (const Limit& each : all) most = greater(most, each);
  return most;
}

const graph::Softmax* softmax_of(const graph::Node& node) {
  const auto* const softmax = std::get_if<graph::Softmax>(&node.operation);
  return softmax != nullptr && !softmax->logarithm && softmax->groups.inner == 1 ? softmax : nullptr;
}

/// What products that underflow lose, and more.
constexpr double kUnderflow = 0x1p-1000;

/// The entries of the map if it is diagonal.
std::optional<std::vector<double>> diagonal_entries(const LinearOperator<double>& a) {
  const Structure<double> structure = a.structure();
  if (const auto* const diagonal = std::get_if<structure::Diagonal>(&structure)) {
    if (diagonal->is_identity()) return std::vector<double>(static_cast<std::size_t>(diagonal->order), 1.0);
    return std::vector<double>(diagonal->entries.begin(), diagonal->entries.end());
  }
  if (const auto* const scaled = std::get_if<structure::Scaled<double>>(&structure)) {
    auto of = diagonal_entries(*scaled->of);
    if (!of) return std::nullopt;
    for (double& each : *of) each *= scaled->factor;  // rounded: counted by the caller
    return of;
  }
  return std::nullopt;
}

/// The node before maps that change nothing, as a guard against NaN leaves them.
Index before_identities(const graph::Graph& graph, Index at) {
  while (const auto* const affine = std::get_if<graph::Affine>(&graph.nodes[at].operation)) {
    const Structure<double> structure = affine->map->structure();
    const auto* const diagonal = std::get_if<structure::Diagonal>(&structure);
    const bool is_same = diagonal != nullptr && diagonal->is_identity() && affine->row_error == 0 &&
                         affine->offset.empty() && affine->offset_error.empty();
    if (!is_same) break;
    at = graph.nodes[at].inputs[0];
  }
  return at;
}

/// sum over the weights of p_j e_j^2 for each query, the greatest; at most max e_j^2 as the weights add up to 1.
double rest_of(const Box& weights, const std::vector<double>& rest, std::int64_t keys) {
  double most = 0, greatest = 0;
  for (const double each : rest) greatest = std::max(greatest, each);
  for (std::size_t row = 0; row < rest.size(); row += static_cast<std::size_t>(keys)) {
    double sum = 0;
    for (std::size_t j = row; j < row + static_cast<std::size_t>(keys); ++j) {
      const double p = std::min(1.0, weights[j].greatest);
      sum = graph::up(sum + graph::up(p * graph::up(rest[j] * rest[j])));
    }
    most = std::max(most, sum);
  }
  return std::min(graph::up(std::sqrt(most)), greatest);
}

using Tokens = std::vector<std::int64_t>;

/// The tokens that a head reads, each once; nothing if its queries or its keys read one twice.
std::optional<Tokens> tokens_of(const TokenBlocks& queries, const TokenBlocks& keys, const MatrixProduct& product,
                                std::int64_t b) {
  const auto of_head = [b](const TokenBlocks& blocks, std::int64_t count) {
    Tokens tokens(blocks.tokens.begin() + b * count, blocks.tokens.begin() + (b + 1) * count);
    std::ranges::sort(tokens);
    return tokens;
  };
  const auto is_repeated = [](const Tokens& tokens) { return std::ranges::adjacent_find(tokens) != tokens.end(); };
  const Tokens of_queries = of_head(queries, product.rows), of_keys = of_head(keys, product.columns);
  if (is_repeated(of_queries) || is_repeated(of_keys)) return std::nullopt;
  Tokens all;
  std::ranges::set_union(of_queries, of_keys, std::back_inserter(all));
  return all;
}

}  // namespace

AttentionBound::AttentionBound(const Known& known, const std::vector<Limit>& bounds, std::int64_t join_up_to,
                               VectorRadii& radii, Norms& norms)
    : known_(known), bounds_(bounds), join_up_to_(join_up_to), radii_(radii), norms_(norms) {}

void AttentionBound::meet(Index index, Box& box) {
  const graph::Node& node = known_.graph.nodes[index];
  const auto* const product = std::get_if<MatrixProduct>(&node.operation);
  if (product == nullptr || norms_.norm() != VectorNorm::two || box.empty()) return;
  const auto left = radii_.of(node.inputs[0], rows_of(product->batch, product->rows, product->inner));
  const auto right = radii_.of(node.inputs[1], columns_of(product->batch, product->inner, product->columns));
  const auto each_size = static_cast<std::size_t>(product->rows * product->columns);
  for (std::size_t b = 0; b < left.size(); ++b) {
    const Limit reach = left[b].size * right[b].size;
    if (!reach) continue;
    const double most = reach->upper->value();
    for (std::size_t i = b * each_size; i < (b + 1) * each_size; ++i) box[i] = graph::overlap(box[i], {-most, most});
  }
}

// From the softmax down the diagonal maps to the product. Where an offset is -inf, the weight is 0 whatever D is.
std::optional<AttentionBound::Scores> AttentionBound::scores_of(Index weights) const {
  const graph::Node& softmax = known_.graph.nodes[weights];
  const auto size = static_cast<std::size_t>(softmax.size());
  std::vector<double> factors(size, 1.0);
  std::vector<bool> masked(size, false);
  double error = 0;  // relative, of the factors
  Index at = softmax.inputs[0];
  while (const auto* const affine = std::get_if<graph::Affine>(&known_.graph.nodes[at].operation)) {
    const auto diagonal = diagonal_entries(*affine->map);
    if (!diagonal) return std::nullopt;
    for (std::size_t i = 0; i < size; ++i) {
      factors[i] *= (*diagonal)[i];
      if (!affine->offset.empty() && affine->offset[i] == -kInfinity) masked[i] = true;
    }
    error = graph::up(graph::up(error * (1 + 2 * affine->row_error)) + graph::up(affine->row_error + 0x1p-50));
    at = known_.graph.nodes[at].inputs[0];
  }
  const auto* const product = std::get_if<MatrixProduct>(&known_.graph.nodes[at].operation);
  const std::int64_t keys = softmax_of(softmax)->groups.length;
  if (product == nullptr || product->columns != keys || error > 0.25) return std::nullopt;
  double scale = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (!std::isfinite(factors[i])) return std::nullopt;
    if (!masked[i] && std::fabs(factors[i]) > std::fabs(scale)) scale = factors[i];
  }
  std::vector<double> rest(size, 0.0);
  for (std::size_t i = 0; i < size; ++i) {
    if (masked[i]) continue;
    rest[i] = graph::up(graph::up(std::fabs(factors[i] - scale)) + graph::up(error * std::fabs(scale) + kUnderflow));
  }
  const double most = graph::up(std::fabs(scale) * graph::up(1 + error) + kUnderflow);
  return Scores{at, limit(std::fabs(scale)), limit(rest_of(known_.boxes[weights], rest, keys)), limit(most)};
}

Limit AttentionBound::bound(Index index) {
  const graph::Node& node = known_.graph.nodes[index];
  const auto* const product = std::get_if<MatrixProduct>(&node.operation);
  if (product == nullptr || norms_.norm() != VectorNorm::two || node.size() == 0) return std::nullopt;
  const Index weights = before_identities(known_.graph, node.inputs[0]), values = node.inputs[1];
  const graph::Softmax* const softmax = softmax_of(known_.graph.nodes[weights]);
  if (softmax == nullptr || softmax->groups.length != product->inner || !known_.moves[weights]) return std::nullopt;

  const MatrixSums sums = sums_of_box(known_.boxes[weights], product->batch, product->rows, product->inner, limit(1));
  columns_ = lesser(sums.columns, limit(static_cast<double>(product->rows)));
  double most = 0;
  for (const Interval& each : known_.boxes[weights]) most = std::max(most, each.greatest);
  root_g_ = root(limit(std::min(0.5, most)));
  const Limit of_values = known_.moves[values] ? lesser(root(columns_), sums.spectral) * bounds_[values] : limit(0);

  std::vector<Limit> spreads;
  const Limit whole = known_.sizes[values] * root_g_;
  for (const Radii& each : radii_.of(values, rows_of(product->batch, product->inner, product->columns))) {
    spreads.push_back(lesser(each.spread, whole));
  }
  const Limit spread = largest(spreads);
  Limit of_weights = spread * root_g_ * bounds_[known_.graph.nodes[weights].inputs[0]];
  const std::optional<Scores> scores = scores_of(weights);
  if (scores) {
    const auto& inner = std::get<MatrixProduct>(known_.graph.nodes[scores->product].operation);
    if (inner.batch == product->batch && inner.rows == product->rows) {
      of_weights = lesser(of_weights, spread * by_queries_and_keys(inner, *scores));
      of_weights = lesser(of_weights, jointly(spreads, *scores));
    }
  }
  return of_values + of_weights;
}

// d s_K |dQ| + d min(sqrt k max |q_i|, sqrt g |Q|) |dK|
Limit AttentionBound::by_queries_and_keys(const MatrixProduct& product, const Scores& scores) {
  const graph::Node& node = known_.graph.nodes[scores.product];
  const Index queries = node.inputs[0], keys = node.inputs[1];
  Limit total = limit(0);
  if (known_.moves[queries]) {
    const Limit whole = known_.sizes[keys] * root_g_;
    Limit spread = limit(0), size = limit(0);
    for (const Radii& each : radii_.of(keys, columns_of(product.batch, product.inner, product.columns))) {
      spread = greater(spread, lesser(each.spread, whole));
      size = greater(size, each.size);
    }
    total = total + (scores.scale * spread + scores.rest * size) * bounds_[queries];
  }
  if (known_.moves[keys]) {
    Limit size = limit(0);
    for (const Radii& each : radii_.of(queries, rows_of(product.batch, product.rows, product.inner))) {
      size = greater(size, each.size);
    }
    const Limit most = lesser(root(columns_) * size, known_.sizes[queries] * root_g_);
    total = total + scores.most * most * bounds_[keys];
  }
  return total;
}

// Of the values that both queries and keys are linear maps of, the first whose vectors they treat alike.
Limit AttentionBound::jointly(const std::vector<Limit>& spreads, const Scores& scores) {
  const graph::Node& node = known_.graph.nodes[scores.product];
  const std::vector<Index> of_queries = radii_.chain(node.inputs[0]), of_keys = radii_.chain(node.inputs[1]);
  for (auto source = of_queries.rbegin(); source != of_queries.rend(); ++source) {
    if (std::ranges::find(of_keys, *source) == of_keys.end() || !known_.moves[*source]) continue;
    if (const Limit found = jointly_from(*source, spreads, scores)) return found;
  }
  return std::nullopt;
}

Limit AttentionBound::jointly_from(Index source, const std::vector<Limit>& spreads, const Scores& scores) {
  const graph::Node& node = known_.graph.nodes[scores.product];
  const auto& product = std::get<MatrixProduct>(node.operation);
  const VectorLayout query_rows = rows_of(product.batch, product.rows, product.inner);
  const VectorLayout key_columns = columns_of(product.batch, product.inner, product.columns);
  const auto queries = radii_.blocks(source, node.inputs[0], query_rows);
  const auto keys = radii_.blocks(source, node.inputs[1], key_columns);
  if (!queries || !keys || queries->map.length > join_up_to_) return std::nullopt;
  const std::int64_t length = queries->map.length, tokens = known_.graph.nodes[source].size() / length;
  const Radii radii = radii_.of(source, rows_of(1, tokens, length)).front();
  const Limit spread = lesser(radii.spread, known_.sizes[source] * root_g_);
  if (!spread) return std::nullopt;
  // For each token the squares of the shares of the heads that read it.
  std::vector<Limit> squares(static_cast<std::size_t>(tokens), limit(0));
  for (std::int64_t b = 0; b < product.batch; ++b) {
    const auto head = static_cast<std::size_t>(b);
    const std::optional<Tokens> read = tokens_of(queries->blocks, keys->blocks, product, b);
    if (!read) return std::nullopt;
    const Operator<double>&w_q = queries->blocks.matrices[head], &w_k = keys->blocks.matrices[head];
    const Limit both = norms_.of(sigmax::product(transposed(w_k), w_q));
    const Limit of_queries = norms_.of(w_q), of_keys = norms_.of(w_k);
    const Radii b_q = radii_of_box(queries->map.offset, query_rows, b);
    const Radii b_k = radii_of_box(keys->map.offset, key_columns, b);
    const Limit by_query = scores.scale * (spread * both + b_k.spread * of_queries) +
                           scores.rest * (of_keys * radii.size + b_k.size) * of_queries;
    const Limit whole_offset = root(limit(static_cast<double>(product.rows))) * b_q.size;
    const Limit by_key = lesser(root(columns_) * (both * radii.size + of_keys * b_q.size),
                                root_g_ * (both * known_.sizes[source] + of_keys * whole_offset));
    const Limit share = spreads[head] * (by_query + scores.most * by_key);
    for (const std::int64_t token : *read) {
      Limit& sum = squares[static_cast<std::size_t>(token)];
      sum = sum + share * share;
    }
  }
  return root(largest(squares)) * bounds_[source];
}

}  // namespace sigmax::lipschitz
