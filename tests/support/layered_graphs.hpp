// Random graphs of linear maps and functions of single entries, for tests: residual blocks, shortcuts, concatenations,
// several inputs and outputs.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/graph/scalar/named.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/selection.hpp"
#include "support/graphs.hpp"

namespace sigmax::graph_support {

/// Functions with slopes from closed forms and from the library: with 0 in their slopes and without, on both sides.
inline Function drawn_function(Maker& maker) {
  switch (maker.whole(0, 9)) {
    case 0:
    case 1:
    case 2: return relu();
    case 3: return leaky(0.1);
    case 4: return leaky(0.9);
    case 5: return hyperbolic_tangent();
    case 6: return sigmoid();
    case 7: return graph::named_function("Gelu");
    case 8: return graph::named_function("Silu");
    default: return graph::named_function("Softplus");
  }
}

/// Entries of different functions, or one for all.
inline Index activation(Maker& maker, Index from) {
  if (maker.whole(0, 3) > 0) return maker.apply(from, drawn_function(maker));
  graph::Elementwise mixed{{drawn_function(maker), drawn_function(maker), leaky(0.25)}, {}};
  for (std::int64_t i = 0; i < maker.size(from); ++i) {
    mixed.which.push_back(static_cast<std::uint32_t>(maker.whole(0, 2)));
  }
  return maker.add(std::move(mixed), {from}, {maker.size(from)});
}

/// z + B f(A z), f in front or behind by chance.
inline Index residual_block(Maker& maker, Index z) {
  const std::int64_t n = maker.size(z);
  Index inner = z;
  const bool pre = maker.whole(0, 1) == 0;
  if (pre) inner = activation(maker, inner);
  inner = activation(maker, maker.affine(inner, maker.whole(2, 7)));
  inner = maker.affine(inner, n);
  const Index sum = maker.add(graph::Sum{}, {z, inner}, {n});
  return maker.whole(0, 2) == 0 ? activation(maker, sum) : sum;
}

inline Index linear(Maker& maker, Index from) {
  const std::int64_t n = maker.size(from);
  switch (maker.whole(0, 5)) {
    case 0: return maker.map(from, diagonal<double>(Tensor::copy_of(maker.normal(n), {n})));
    case 1: return maker.map(from, range_selection<double>(n, n / 2, n - n / 2));
    case 2: return maker.map(from, scaled(0.3, maker.matrix(n, n)));
    case 3: return maker.map(from, product(maker.matrix(3, 4), maker.matrix(4, n)));
    case 4: {
      const Index to = maker.affine(from, maker.whole(2, 6));
      std::get<graph::Affine>(maker.graph.nodes[to].operation).row_error = 0x1p-29;
      return to;
    }
    default: return maker.affine(maker.affine(from, maker.whole(2, 6)), maker.whole(2, 6));
  }
}

/// `count` pieces, each on nodes among the last few; the last ones are put out.
inline Graph layered(std::uint64_t seed, int count) {
  Maker maker(seed);
  std::vector<Index> made = {maker.input(3)};
  if (maker.whole(0, 1) == 0) made.push_back(maker.input(2));
  const auto drawn = [&] {
    const auto last = static_cast<std::int64_t>(made.size()) - 1;
    return made[static_cast<std::size_t>(maker.whole(std::max<std::int64_t>(0, last - 2), last))];
  };
  for (int i = 0; i < count; ++i) {
    const Index a = drawn();
    const Index b = drawn();
    switch (maker.whole(0, 6)) {
      case 0: made.push_back(linear(maker, a)); break;
      case 1: made.push_back(maker.add(graph::Stack{}, {a, b}, {maker.size(a) + maker.size(b)})); break;
      case 2:
        made.push_back(
            maker.add(graph::Sum{}, {maker.affine(a, 4), maker.affine(b, 4), maker.constant({1, 2, 3, 4})}, {4}));
        break;
      case 3:
      case 4: made.push_back(residual_block(maker, a)); break;
      default: made.push_back(activation(maker, maker.affine(a, maker.whole(2, 8))));
    }
  }
  maker.graph.outputs = {maker.affine(made.back(), maker.whole(1, 3))};
  if (maker.whole(0, 2) == 0) maker.graph.outputs.push_back(drawn());
  return maker.graph;
}

}  // namespace sigmax::graph_support
