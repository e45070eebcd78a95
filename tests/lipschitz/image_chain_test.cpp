// Networks of convolutions through network_bound(): which parts are bounded by frequency, and how large they may be.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "repeatable.hpp"
#include "sigmax/lipschitz/network_bound.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "support/graphs.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;
using graph_support::Maker;
using graph_support::relu;

struct Images {
  Index node = 0;
  std::int64_t channels = 1;
  std::vector<std::int64_t> sizes;

  std::int64_t entries() const { return channels * sizes[0] * sizes[1]; }
};

ConvolutionLayer layer_of(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                          PaddingMode mode = PaddingMode::Zeros) {
  ConvolutionLayer layer;
  layer.in_channels = in;
  layer.out_channels = out;
  layer.padding_mode = mode;
  layer.axes.assign(2, {kernel, stride, 1, pad, pad, 0});
  return layer;
}

Images convolved(Maker& maker, const Images& from, const ConvolutionLayer& layer) {
  const ConvolutionGeometry geometry(layer, from.sizes);
  const Dimensions shape = layer.kernel_shape();
  const std::int64_t weights = shape[0] * shape[1] * shape[2] * shape[3];
  const double scale = std::sqrt(2.0 * static_cast<double>(shape[0]) / static_cast<double>(weights));
  Images to{0, layer.out_channels, geometry.output_size()};
  to.node = maker.add(graph::Affine{convolution<double>(Tensor::copy_of(maker.normal(weights, scale), shape), geometry),
                                    maker.normal(to.entries())},
                      {from.node}, {to.entries()});
  return to;
}

Images activated(Maker& maker, Images from) {
  from.node = maker.add(graph::Elementwise{{relu()}, {}}, {from.node}, {from.entries()});
  return from;
}

Images pooled(Maker& maker, Images from) {
  const ConvolutionGeometry geometry(layer_of(1, 1, 2, 2, 0), from.sizes);
  from.sizes = geometry.output_size();
  from.node = maker.add(graph::MaxPool{geometry.correlation(), from.channels}, {from.node}, {from.entries()});
  return from;
}

Images images(Maker& maker, std::int64_t channels, std::int64_t size) {
  return {maker.input(channels * size * size), channels, {size, size}};
}

NetworkBoundOptions repeated(LmiEffort effort = LmiEffort::standard) {
  NetworkBoundOptions options;
  options.walk.certify = repeatable<CertifyOptions>();
  options.lower_search = repeatable<LowerOptions>();
  options.lower_search.starts = 3;
  options.lower_search.steps = 30;
  options.lmi.effort = effort;
  return options;
}

// conv - relu - pool - conv - relu - dense - relu - dense
Maker classifier(std::uint64_t seed) {
  Maker maker(seed);
  Images at = images(maker, 1, 8);
  at = pooled(maker, activated(maker, convolved(maker, at, layer_of(1, 4, 3, 1, 1))));
  at = activated(maker, convolved(maker, at, layer_of(4, 6, 3, 1, 1)));
  const Index hidden = maker.add(graph::Affine{maker.matrix(10, at.entries()), maker.normal(10)}, {at.node}, {10});
  const Index z = maker.add(graph::Elementwise{{relu()}, {}}, {hidden}, {10});
  maker.graph.outputs = {maker.add(graph::Affine{maker.matrix(3, 10)}, {z}, {3})};
  return maker;
}

TEST(ImageChain, OfAClassifierIsOnePart) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Maker maker = classifier(seed);
    NetworkBoundOptions options = repeated();
    options.dense_up_to = 0;
    const NetworkEnclosure found = network_bound(maker.graph, Everywhere{}, options);
    ASSERT_TRUE(found.inequality && found.lower);
    ASSERT_EQ(found.parts.size(), 1U);
    EXPECT_EQ(found.parts[0].search, LmiSearch::by_frequency);
    EXPECT_EQ(found.parts[0].neurons, 4 * 64 + 6 * 16 + 10);
    EXPECT_EQ(found.parts[0].bound->certainty(), Certainty::proven);
    EXPECT_EQ(found.method, "inequality");
    EXPECT_LT(found.inequality->value(), found.walk.bound->value());
    EXPECT_GE(found.inequality->value(), found.lower->bound.value());
  }
}

// Without a pooling the same inequality with a multiplier for each neuron is sharper, and small enough here.
TEST(ImageChain, OfASmallNetworkGivesWayToTheDenseForm) {
  Maker maker(4);
  Images at = images(maker, 1, 5);
  at = activated(maker, convolved(maker, at, layer_of(1, 3, 3, 1, 1)));
  at = activated(maker, convolved(maker, at, layer_of(3, 2, 3, 2, 1)));
  maker.graph.outputs = {maker.add(graph::Affine{maker.matrix(3, at.entries())}, {at.node}, {3})};
  NetworkBoundOptions options = repeated();
  const NetworkEnclosure dense = network_bound(maker.graph, Everywhere{}, options);
  options.dense_up_to = 0;
  const NetworkEnclosure by_frequency = network_bound(maker.graph, Everywhere{}, options);
  ASSERT_TRUE(dense.inequality && by_frequency.inequality);
  EXPECT_EQ(by_frequency.parts[0].search, LmiSearch::by_frequency);
  EXPECT_NE(dense.parts[0].search, LmiSearch::by_frequency);
  EXPECT_LE(dense.inequality->value(), by_frequency.inequality->value());
}

// 50 176 neurons, whose matrix has 2.5e9 entries.
TEST(ImageChain, HasNoLimitOnTheNumberOfNeurons) {
  Maker maker(5);
  Images at = images(maker, 1, 28);
  at = activated(maker, convolved(maker, at, layer_of(1, 32, 3, 1, 1)));
  at = activated(maker, convolved(maker, at, layer_of(32, 32, 3, 1, 1)));
  at = convolved(maker, at, layer_of(32, 2, 4, 4, 0));
  maker.graph.outputs = {at.node};
  NetworkBoundOptions options = repeated(LmiEffort::fast);
  options.lower = false;
  const NetworkEnclosure found = network_bound(maker.graph, Everywhere{}, options);
  ASSERT_EQ(found.parts.size(), 1U);
  EXPECT_EQ(found.parts[0].search, LmiSearch::by_frequency);
  EXPECT_EQ(found.parts[0].neurons, 2 * 32 * 784);
  EXPECT_LT(found.parts[0].bound->value(), found.walk.product->value());
}

// What the theorem does not cover ends the chain, and is bounded by itself.
TEST(ImageChain, EndsAtCircularPadding) {
  Maker maker(6);
  Images at = images(maker, 1, 6);
  at = activated(maker, convolved(maker, at, layer_of(1, 3, 3, 1, 1)));
  at = activated(maker, convolved(maker, at, layer_of(3, 3, 3, 1, 1, PaddingMode::Circular)));
  maker.graph.outputs = {at.node};
  NetworkBoundOptions options = repeated();
  options.dense_up_to = 0;
  options.most_neurons = 0;
  const NetworkEnclosure found = network_bound(maker.graph, Everywhere{}, options);
  ASSERT_TRUE(found.inequality);
  ASSERT_GT(found.parts.size(), 1U);
  EXPECT_EQ(found.parts[0].search, LmiSearch::by_frequency);
  for (std::size_t k = 1; k < found.parts.size(); ++k) EXPECT_NE(found.parts[k].search, LmiSearch::by_frequency);
  EXPECT_LE(found.lower->bound.value(), found.inequality->value());
}

}  // namespace
}  // namespace sigmax::lipschitz
