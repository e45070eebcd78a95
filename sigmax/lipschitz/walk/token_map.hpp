// Linear maps that treat the vectors of a value alike, such as the projections of an attention layer. Internal to
// lipschitz/.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::lipschitz {

/// Vectors of a value that is a stack of matrices: entry k of vector j of matrix b is its entry
/// b count length + j step + k entry_step.
struct VectorLayout {
  std::int64_t batch = 1;
  std::int64_t count = 1;   ///< vectors of each matrix
  std::int64_t length = 1;  ///< entries of a vector
  std::int64_t step = 1;
  std::int64_t entry_step = 1;

  std::size_t at(std::int64_t b, std::int64_t j, std::int64_t k) const {
    return static_cast<std::size_t>(b * count * length + j * step + k * entry_step);
  }
};

/// The rows of a stack of matrices, row-major, and their columns.
VectorLayout rows_of(std::int64_t batch, std::int64_t rows, std::int64_t columns);
VectorLayout columns_of(std::int64_t batch, std::int64_t rows, std::int64_t columns);

/// Entry e of a value is (row row[e] of `matrix`) x_token[e] + offset[e], x_0, x_1, ... being the vectors of `length`
/// entries that the source consists of.
struct TokenMap {
  std::int64_t length = 1;
  std::vector<std::int64_t> token;
  std::vector<std::int64_t> row;
  Operator<double> matrix;
  graph::Box offset;
};

/// The value of `node` in terms of that of `source`, whose last axis has its vectors. Nothing if they are not joined by
/// Affine nodes with exact maps alone, or if these do not treat the vectors alike: selections, multiples, Kronecker
/// products with identities, and products of these do. Cost: that of a box of each node.
std::optional<TokenMap> token_map(const graph::Graph& graph, graph::Index source, graph::Index node, Context& context);

/// For a value whose vectors each come from one token, by one map for all vectors of a matrix of the stack: these maps,
/// and the tokens by matrix and vector.
struct TokenBlocks {
  std::vector<Operator<double>> matrices;
  std::vector<std::int64_t> tokens;
};
std::optional<TokenBlocks> blocks_of(const TokenMap& map, const VectorLayout& layout);

}  // namespace sigmax::lipschitz
