// What the tests of walks share.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "repeatable.hpp"
#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/lipschitz/lower.hpp"
#include "sigmax/lipschitz/walk.hpp"
#include "sigmax/svd/svd.hpp"
#include "support/graphs.hpp"

namespace sigmax::lipschitz {

using graph::Index;
using graph_support::composition;
using graph_support::Kind;
using graph_support::Maker;
using graph_support::single;
using Numbers = std::vector<double>;

inline WalkOptions repeated() {
  WalkOptions options;
  options.certify = repeatable<CertifyOptions>();
  return options;
}

inline double norm_of(const Operator<double>& a) { return sigma_max(*a, repeatable<CertifyOptions>()).upper->value(); }

inline double norm_at(const graph::Graph& graph, const Numbers& x) {
  return svd(*graph::jacobian(graph, x), repeatable<SvdOptions<double>>()).sigma[0];
}

inline Operator<double> matrix(const Numbers& values, std::int64_t rows, std::int64_t columns) {
  return dense<double>(Tensor::copy_of(values, {rows, columns}));
}

inline Operator<double> eye(std::int64_t n) {
  Numbers values(static_cast<std::size_t>(n * n), 0.0);
  for (std::int64_t i = 0; i < n; ++i) values[static_cast<std::size_t>(i * (n + 1))] = 1;
  return matrix(values, n, n);
}

/// The walk of the graph that ends in this node.
inline Walk walked(Maker& maker, Index output, const Domain& domain = Everywhere{}) {
  maker.graph.outputs = {output};
  return walk(maker.graph, domain, repeated());
}

// Bounds hold: the greatest quotient of a search is a proven lower bound of the same constant.
inline void expect_true(const graph::Graph& graph, const Domain& domain, const Walk& found) {
  if (!found.bound) return;
  auto options = repeatable<LowerOptions>();
  options.starts = 3;
  options.steps = 30;
  const Lower lower = lower_bound(graph, domain, options);
  EXPECT_LE(lower.bound.value(), found.bound->value());
  ASSERT_TRUE(found.product);
  EXPECT_LE(found.bound->value(), found.product->value());
  EXPECT_EQ(found.bound->certainty(), Certainty::proven);
}

}  // namespace sigmax::lipschitz
