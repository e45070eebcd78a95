// The hunt for a wrong bound of a chain of convolutions: random networks of convolutions, functions, poolings and dense
// layers. Two inputs give a lower bound, and the product of the layers' norms an upper one. `make hunt`.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "hunt/budget.hpp"
#include "sigmax/lipschitz/network_bound.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "support/graphs.hpp"

namespace sigmax {
namespace {

using graph::Index;
using graph_support::Maker;

struct Images {
  Index node = 0;
  std::int64_t channels = 1;
  std::vector<std::int64_t> sizes;

  std::int64_t entries() const {
    std::int64_t product = channels;
    for (const std::int64_t n : sizes) product *= n;
    return product;
  }
};

ConvolutionAxis drawn_axis(Maker& random, std::int64_t n) {
  ConvolutionAxis axis;
  do {
    axis.kernel = random.whole(1, 4);
    axis.stride = random.whole(0, 2) == 0 ? 2 : 1;
    axis.dilation = random.whole(0, 5) == 0 ? 2 : 1;
    axis.pad_low = random.whole(0, 2);
    axis.pad_high = random.whole(0, 2);
  } while (axis.reach() > n + axis.pad_low + axis.pad_high);
  return axis;
}

Images convolved(Maker& random, const Images& from) {
  ConvolutionLayer layer;
  layer.in_channels = from.channels;
  layer.groups = from.channels % 2 == 0 && random.whole(0, 3) == 0 ? 2 : 1;
  layer.out_channels = layer.groups * random.whole(1, 3);
  for (const std::int64_t n : from.sizes) layer.axes.push_back(drawn_axis(random, n));
  const ConvolutionGeometry geometry(layer, from.sizes);
  const Dimensions shape = layer.kernel_shape();
  std::int64_t weights = 1;
  for (const std::int64_t n : shape) weights *= n;
  std::vector<double> kernel = random.normal(weights, std::pow(10.0, static_cast<double>(random.whole(-1, 1))));
  if (random.whole(0, 1) == 0) {
    for (double& k : kernel) k = std::fabs(k);
  }
  if (random.whole(0, 7) == 0) {
    for (std::size_t k = 0; k < kernel.size() / static_cast<std::size_t>(layer.out_channels); ++k) kernel[k] = 0;
  }
  Images to{0, layer.out_channels, geometry.output_size()};
  graph::Affine affine{convolution<double>(Tensor::copy_of(kernel, shape), geometry), random.normal(to.entries())};
  if (random.whole(0, 3) == 0) affine.row_error = 0x1p-29;
  to.node = random.add(std::move(affine), {from.node}, {to.entries()});
  return to;
}

Images applied(Maker& random, Images from) {
  const auto function = [&]() -> graph::Function {
    switch (random.whole(0, 3)) {
      case 0: return graph_support::leaky(0.2);
      case 1: return graph_support::hyperbolic_tangent();
      default: return graph_support::relu();
    }
  };
  graph::Elementwise elementwise{{function()}, {}};
  if (random.whole(0, 4) == 0) {
    elementwise.functions.push_back(function());
    const std::int64_t positions = from.entries() / from.channels;
    const bool by_channel = random.whole(0, 1) == 0;
    for (std::int64_t k = 0; k < from.entries(); ++k) {
      elementwise.which.push_back(static_cast<std::uint32_t>((by_channel ? k / positions : k) % 2));
    }
  }
  from.node = random.add(std::move(elementwise), {from.node}, {from.entries()});
  return from;
}

Images pooled(Maker& random, Images from) {
  ConvolutionLayer layer;
  for (const std::int64_t n : from.sizes) {
    ConvolutionAxis axis{random.whole(1, std::min<std::int64_t>(3, n)), random.whole(1, 3), 1, 0, 0, 0};
    if (axis.kernel > 1) axis.pad_low = axis.pad_high = random.whole(0, axis.kernel / 2);
    layer.axes.push_back(axis);
  }
  const ConvolutionGeometry geometry(layer, from.sizes);
  from.sizes = geometry.output_size();
  from.node = random.add(graph::MaxPool{geometry.correlation(), from.channels}, {from.node}, {from.entries()});
  return from;
}

graph::Graph drawn_network(Maker& random) {
  Images at{0, random.whole(1, 2), {}};
  for (std::int64_t axis = random.whole(1, 2); axis > 0; --axis) at.sizes.push_back(random.whole(2, 6));
  at.node = random.input(at.entries());
  for (std::int64_t layers = random.whole(1, 4); layers > 0; --layers) {
    at = convolved(random, at);
    const std::int64_t kind = random.whole(0, 5);
    if (kind > 0) at = applied(random, at);
    if (kind > 3) at = pooled(random, at);
    if (kind == 5) at = applied(random, at);
  }
  Index last = at.node;
  for (std::int64_t layers = random.whole(0, 2), columns = at.entries(); layers > 0; --layers) {
    const std::int64_t rows = random.whole(1, 5);
    last = random.add(graph::Affine{random.matrix(rows, columns), random.normal(rows)}, {last}, {rows});
    if (layers == 2) last = random.add(graph::Elementwise{{graph_support::leaky(0.3)}, {}}, {last}, {rows});
    columns = rows;
  }
  random.graph.outputs = {last};
  return random.graph;
}

TEST(HuntImageNetworks, NoTwoInputsExceedTheBound) {
  const std::int64_t cases = hunt::budget(60);
  std::int64_t by_frequency = 0;
  for (std::int64_t i = 0; i < cases; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    SCOPED_TRACE(hunt::rerun(seed));
    Maker random(seed + 104729);
    const graph::Graph graph = drawn_network(random);
    lipschitz::NetworkBoundOptions options;
    options.dense_up_to = 0;  // the form without symmetry gives way
    options.lmi.effort = random.whole(0, 1) == 0 ? lipschitz::LmiEffort::fast : lipschitz::LmiEffort::standard;
    options.lower_search.starts = 3;
    options.lower_search.steps = 40;
    const auto found = network_bound(graph, lipschitz::Everywhere{}, options);
    ASSERT_TRUE(found.upper && found.lower);
    EXPECT_LE(found.lower->bound.value(), found.upper->value());
    if (!found.inequality) continue;
    EXPECT_LE(found.lower->bound.value(), found.inequality->value());
    for (const auto& part : found.parts) by_frequency += part.search == lipschitz::LmiSearch::by_frequency ? 1 : 0;
  }
  EXPECT_GE(2 * by_frequency, cases);
}

}  // namespace
}  // namespace sigmax
