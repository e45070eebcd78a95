#include "sigmax/lipschitz/walk/token_map.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/ranges/linear.hpp"
#include "sigmax/graph/scalar/interval.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::lipschitz {
namespace {

using Places = std::vector<std::int64_t>;

bool is_identity(const LinearOperator<double>& a) {
  const Structure<double> structure = a.structure();
  const auto* const diagonal = std::get_if<structure::Diagonal>(&structure);
  return diagonal != nullptr && diagonal->is_identity();
}

/// The rows of `matrix` in this order.
Operator<double> with_rows(const Operator<double>& matrix, const Places& rows) {
  SelectedEntries entries(matrix->shape().rows, rows);
  if (entries.is_range() && entries.size() == entries.inputs()) return matrix;
  return product(selection<double>(std::make_shared<const SelectedEntries>(std::move(entries))), matrix);
}

bool select(TokenMap& map, const SelectedEntries& entries) {
  Places token, row;
  for (std::int64_t i = 0; i < entries.size(); ++i) {
    if (entries.at(i) < 0) return false;
    const auto from = static_cast<std::size_t>(entries.at(i));
    token.push_back(map.token[from]);
    row.push_back(map.row[from]);
  }
  map.token = std::move(token);
  map.row = std::move(row);
  return true;
}

/// Factors that belong to rows of the matrix rather than to entries.
bool multiply(TokenMap& map, std::span<const double> factors) {
  std::vector<double> by_row(static_cast<std::size_t>(map.matrix->shape().rows), 0.0);
  std::vector<bool> known(by_row.size(), false);
  for (std::size_t e = 0; e < factors.size(); ++e) {
    const auto row = static_cast<std::size_t>(map.row[e]);
    if (known[row] && by_row[row] != factors[e]) return false;
    by_row[row] = factors[e];
    known[row] = true;
  }
  const auto rows = static_cast<std::int64_t>(by_row.size());
  map.matrix = product(diagonal<double>(Tensor::copy_of(by_row, {rows})), map.matrix);
  return true;
}

/// `factor` on lines of entries that lie `inner` apart, each line being of one token, and all of the same rows.
bool multiply_lines(TokenMap& map, const Operator<double>& factor, std::int64_t outer, std::int64_t inner) {
  const std::int64_t from = factor->shape().columns, to = factor->shape().rows;
  if (from == 0) return false;
  Places rows, tokens;
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < inner; ++i) {
      const auto at = [&](std::int64_t j) { return static_cast<std::size_t>((o * from + j) * inner + i); };
      const bool is_first = tokens.empty();
      tokens.push_back(map.token[at(0)]);
      for (std::int64_t j = 0; j < from; ++j) {
        if (is_first) rows.push_back(map.row[at(j)]);
        if (map.token[at(j)] != tokens.back() || map.row[at(j)] != rows[static_cast<std::size_t>(j)]) return false;
      }
    }
  }
  if (tokens.empty()) return false;
  map.matrix = product(factor, with_rows(map.matrix, rows));
  const auto size = static_cast<std::size_t>(outer * to * inner);
  map.token.assign(size, 0);
  map.row.assign(size, 0);
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t j = 0; j < to; ++j) {
      for (std::int64_t i = 0; i < inner; ++i) {
        const auto e = static_cast<std::size_t>((o * to + j) * inner + i);
        map.token[e] = tokens[static_cast<std::size_t>(o * inner + i)];
        map.row[e] = j;
      }
    }
  }
  return true;
}

bool multiply_kronecker(TokenMap& map, const structure::Kronecker<double>& s) {
  const Operator<double>* factor = nullptr;
  std::int64_t outer = 1, inner = 1;
  for (const Operator<double>& each : s.factors) {
    if (is_identity(*each)) {
      (factor == nullptr ? outer : inner) *= each->shape().rows;
    } else if (factor == nullptr) {
      factor = &each;
    } else {
      return false;
    }
  }
  return factor == nullptr || multiply_lines(map, *factor, outer, inner);
}

bool extend(TokenMap& map, const Operator<double>& a) {
  const Structure<double> structure = a->structure();
  return std::visit(
      [&](const auto& s) -> bool {
        using S = std::decay_t<decltype(s)>;
        if constexpr (std::is_same_v<S, structure::Opaque>) return false;
        if constexpr (std::is_same_v<S, structure::Diagonal>) return s.is_identity() || multiply(map, s.entries);
        if constexpr (std::is_same_v<S, structure::Selection>) return select(map, *s.entries);
        if constexpr (std::is_same_v<S, structure::Kronecker<double>>) return multiply_kronecker(map, s);
        if constexpr (std::is_same_v<S, structure::Product<double>>) return extend(map, s.right) && extend(map, s.left);
        if constexpr (std::is_same_v<S, structure::Scaled<double>>) {
          if (!extend(map, s.of)) return false;
          map.matrix = scaled(s.factor, map.matrix);
          return true;
        }
        return multiply_lines(map, a, 1, 1);
      },
      structure);
}

bool extend(TokenMap& map, const graph::Affine& affine, Context& context) {
  if (affine.row_error > 0) return false;
  if (std::ranges::any_of(map.offset, [](const graph::Interval& each) { return each != graph::point(0); })) {
    map.offset = graph::image(*affine.map, map.offset, false, context);
  } else {
    map.offset.assign(static_cast<std::size_t>(affine.map->shape().rows), graph::point(0));
  }
  for (std::size_t i = 0; i < map.offset.size(); ++i) {
    if (!affine.offset.empty()) map.offset[i] = map.offset[i] + graph::point(affine.offset[i]);
    if (!affine.offset_error.empty()) {
      map.offset[i] = map.offset[i] + graph::Interval{-affine.offset_error[i], affine.offset_error[i]};
    }
  }
  return extend(map, affine.map);
}

}  // namespace

VectorLayout rows_of(std::int64_t batch, std::int64_t rows, std::int64_t columns) {
  return {batch, rows, columns, columns, 1};
}

VectorLayout columns_of(std::int64_t batch, std::int64_t rows, std::int64_t columns) {
  return {batch, columns, rows, 1, columns};
}

std::optional<TokenMap> token_map(const graph::Graph& graph, graph::Index source, graph::Index node, Context& context) {
  const graph::Node& from = graph.nodes[source];
  if (from.shape.empty() || from.size() == 0) return std::nullopt;
  std::vector<const graph::Affine*> way;
  for (graph::Index at = node; at != source; at = graph.nodes[at].inputs[0]) {
    const auto* const affine = std::get_if<graph::Affine>(&graph.nodes[at].operation);
    if (affine == nullptr) return std::nullopt;
    way.push_back(affine);
  }
  TokenMap map;
  map.length = from.shape.back();
  map.matrix = identity<double>(map.length);
  map.offset.assign(static_cast<std::size_t>(from.size()), graph::point(0));
  for (std::int64_t e = 0; e < from.size(); ++e) {
    map.token.push_back(e / map.length);
    map.row.push_back(e % map.length);
  }
  for (auto affine = way.rbegin(); affine != way.rend(); ++affine) {
    if (!extend(map, **affine, context)) return std::nullopt;
  }
  return map;
}

std::optional<TokenBlocks> blocks_of(const TokenMap& map, const VectorLayout& layout) {
  if (layout.count == 0 || layout.length == 0) return std::nullopt;
  TokenBlocks blocks;
  std::map<Places, Operator<double>> known;
  for (std::int64_t b = 0; b < layout.batch; ++b) {
    Places rows;
    for (std::int64_t j = 0; j < layout.count; ++j) {
      blocks.tokens.push_back(map.token[layout.at(b, j, 0)]);
      for (std::int64_t k = 0; k < layout.length; ++k) {
        const std::size_t e = layout.at(b, j, k);
        if (j == 0) rows.push_back(map.row[e]);
        if (map.token[e] != blocks.tokens.back() || map.row[e] != rows[static_cast<std::size_t>(k)])
          return std::nullopt;
      }
    }
    Operator<double>& matrix = known[rows];
    if (matrix == nullptr) matrix = with_rows(map.matrix, rows);
    blocks.matrices.push_back(matrix);
  }
  return blocks;
}

}  // namespace sigmax::lipschitz
