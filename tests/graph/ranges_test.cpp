#include "sigmax/graph/ranges.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "sigmax/core/error.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/kronecker.hpp"
#include "sigmax/ops/selection.hpp"
#include "support/graphs.hpp"
#include "support/opaque.hpp"
#include "tolerance.hpp"

namespace sigmax::graph {
namespace {

using graph_support::all_kinds;
using graph_support::composition;
using graph_support::Kind;
using graph_support::Maker;
using graph_support::single;
using Numbers = std::vector<double>;

constexpr double kEverything = std::numeric_limits<double>::infinity();

Box around(const Numbers& x, double radius) {
  Box box;
  for (const double each : x) box.push_back({each - radius, each + radius});
  return box;
}

bool meets(const Interval& a, const Interval& b) { return a.least <= b.greatest && b.least <= a.greatest; }

// The exact value at a point lies in the box of the point and in that of every box around it, so that they meet. The
// former is narrow: what rounding of a few hundred operations makes it.
void expect_enclosures(const Graph& graph, std::uint64_t seed) {
  Maker random(seed);
  const Numbers center = random.normal(input_size(graph));
  const double radius = 0.25;
  const std::vector<Box> wide = ranges(graph, around(center, radius));
  for (int sample = 0; sample < 10; ++sample) {
    Numbers x = center;
    for (double& each : x) each += radius * (static_cast<double>(random.whole(0, 16)) / 8 - 1);
    const Values values = evaluate(graph, x);
    const std::vector<Box> narrow = ranges(graph, box_of(x));
    for (Index node = 0; node < graph.nodes.size(); ++node) {
      ASSERT_EQ(narrow[node].size(), values[node].size());
      for (std::size_t i = 0; i < values[node].size(); ++i) {
        const Interval& at = narrow[node][i];
        EXPECT_TRUE(meets(at, wide[node][i])) << graph.nodes[node].name << ", " << i;
        const double value = values[node][i];
        EXPECT_LE(at.greatest - at.least, tolerance::relative(1000, 1000, std::max(1.0, std::fabs(value)), 1e4))
            << graph.nodes[node].name;
        EXPECT_NEAR(value, at.least, tolerance::relative(1000, 1000, std::max(1.0, std::fabs(value)), 1e4));
      }
    }
  }
}

class RangesOfEach : public testing::TestWithParam<int> {};

TEST_P(RangesOfEach, HoldAllValuesInABox) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    expect_enclosures(single(static_cast<Kind>(GetParam()), seed), seed + 100);
  }
}

INSTANTIATE_TEST_SUITE_P(Operations, RangesOfEach, testing::Range(0, graph_support::kKinds));

TEST(Ranges, HoldTheValuesOfRandomCompositions) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    expect_enclosures(composition(seed, 4, all_kinds()), seed + 1000);
  }
}

// sum a_i x_i is known where each x_i is, and a coefficient of 0 makes the unknown x_i irrelevant.
TEST(Ranges, AreInfiniteOnlyWhereAnUnknownEntryCounts) {
  Maker maker(1);
  const Index x = maker.input(3);
  const Operator<double> a = dense<double>(Tensor::copy_of(Numbers{1, 0, 2, 1, 1e-320, 0}, {2, 3}));
  maker.graph.outputs = {maker.apply(maker.map(x, a), graph_support::hyperbolic_tangent()), maker.map(x, a)};
  const std::vector<Box> boxes = ranges(maker.graph, {{-1, 1}, {0, kEverything}, {2, 3}});
  const Box& linear = boxes[maker.graph.outputs[1]];
  EXPECT_NEAR(linear[0].least, 3, tolerance::kOutward);
  EXPECT_NEAR(linear[0].greatest, 7, tolerance::kOutward);
  EXPECT_EQ(linear[1], (Interval{-kEverything, kEverything}));
  const Box& bounded = boxes[maker.graph.outputs[0]];
  EXPECT_LE(bounded[1].least, -1);
  EXPECT_GE(bounded[1].least, -1 - tolerance::kOutward);
  EXPECT_GE(bounded[1].greatest, 1);
}

// What is bounded whatever the input.
TEST(Ranges, KnowTheRangesOfNormalizationsAndSoftmaxEverywhere) {
  Maker maker(1);
  const Index x = maker.input(4);
  maker.graph.outputs = {maker.add(Standardization{{1, 4, 1}, true, 1e-5, {1, 2, 3, 4}, {0, 0, 0, 1}}, {x}, {4}),
                         maker.add(Standardization{{1, 4, 1}, false, 1e-5}, {x}, {4}),
                         maker.add(Softmax{{1, 4, 1}, false}, {x}, {4}), maker.add(Softmax{{1, 4, 1}, true}, {x}, {4})};
  const std::vector<Box> boxes = ranges(maker.graph, Box(4));
  for (std::size_t i = 0; i < 4; ++i) {
    const double gain = static_cast<double>(i) + 1;
    EXPECT_NEAR(boxes[1][i].greatest, gain * std::sqrt(3.0) + (i == 3 ? 1 : 0), tolerance::kOutward);
    EXPECT_NEAR(boxes[2][i].least, -2, tolerance::kOutward);
    EXPECT_EQ(boxes[3][i], (Interval{0, 1}));
    EXPECT_EQ(boxes[4][i], (Interval{-kEverything, 0}));
  }
}

// Every structure that an operator may have: the image of a point holds the product in extended precision, and the
// image of a box has the radius |A| r, which is what interval arithmetic can have.
TEST(Ranges, OfLinearMapsHoldTheExactProducts) {
  Maker maker(3);
  ConvolutionLayer layer;
  layer.in_channels = 2;
  layer.out_channels = 3;
  layer.axes = {{3, 2, 1, 1, 1}};
  const ConvolutionGeometry geometry(layer, {6});
  const Operator<double> conv = convolution<double>(Tensor::copy_of(maker.normal(18), {3, 2, 3}), geometry);
  layer.transposed = true;
  layer.axes[0].output_padding = 1;
  const ConvolutionGeometry adjoint_geometry(layer, {3});
  const Operator<double> back = convolution<double>(Tensor::copy_of(maker.normal(18), {2, 3, 3}), adjoint_geometry);
  const Operator<double> a = maker.matrix(9, 12);
  const Operator<double> b = maker.matrix(12, 9);
  const std::vector<Operator<double>> all = {
      a,
      conv,
      back,
      transposed(conv),
      sum<double>({a, conv}),
      product(b, conv),
      scaled(-3.7, a),
      stack_rows<double>({a, conv}),
      stack_columns<double>({a, conv}),
      transposed(stack_rows<double>({a, scaled(0.1, conv)})),
      transposed(product(a, b)),
      diagonal<double>(Tensor::copy_of(maker.normal(7), {7})),
      identity<double>(5),
      selection<double>(6, {3, -1, 0, 3, 5}),
      transposed(selection<double>(6, {3, -1, 0, 3, 5})),
      kronecker<double>({identity<double>(2), maker.matrix(3, 4), maker.matrix(2, 3)}),
      transposed(kronecker<double>({maker.matrix(3, 4), maker.matrix(2, 3), identity<double>(2)}))};
  for (std::size_t which = 0; which < all.size(); ++which) {
    SCOPED_TRACE(which);
    const Shape shape = all[which]->shape();
    Maker one(which);
    const Index x = one.input(shape.columns);
    one.graph.outputs = {one.map(x, all[which])};
    const Numbers at = one.normal(shape.columns);
    // Columns by products with unit vectors: exact for a matrix that is not composed, and right to 4 u otherwise.
    Numbers image(static_cast<std::size_t>(shape.rows), 0.0);
    Numbers spread(static_cast<std::size_t>(shape.rows), 0.0);
    for (std::int64_t j = 0; j < shape.columns; ++j) {
      Numbers e(static_cast<std::size_t>(shape.columns), 0.0);
      e[static_cast<std::size_t>(j)] = 1;
      const Numbers column = outputs(one.graph, evaluate(one.graph, e));
      for (std::size_t i = 0; i < column.size(); ++i) {
        image[i] += column[i] * at[static_cast<std::size_t>(j)];
        spread[i] += std::fabs(column[i]);
      }
    }
    const Box point = ranges(one.graph, box_of(at))[1];
    const Box wide = ranges(one.graph, around(at, 1))[1];
    for (std::size_t i = 0; i < image.size(); ++i) {
      const double error = tolerance::relative(100, 100, std::max(1.0, spread[i]), 10);
      EXPECT_NEAR(point[i].least, image[i], error);
      EXPECT_NEAR(point[i].greatest, image[i], error);
      EXPECT_LE(point[i].least, point[i].greatest);
      EXPECT_GE((wide[i].greatest - wide[i].least) / 2, spread[i] - error);
      // Of sums and products interval arithmetic forgets that their parts depend on each other.
      const bool is_exact = which != 4 && which != 5 && which != 10 && which < 15;
      if (is_exact) {
        EXPECT_LE((wide[i].greatest - wide[i].least) / 2, spread[i] + error);
      }
    }
  }
}

// 1e-200 1e-200 is 0 in double, and not in fact: only a row without terms is exactly 0.
TEST(Ranges, OfProductsThatUnderflowAreNotZero) {
  for (const double sign : {1.0, -1.0}) {
    Maker maker(1);
    const Index x = maker.input(2);
    maker.graph.outputs = {maker.map(x, dense<double>(Tensor::copy_of(Numbers{sign * 1e-200, 0, 0, 1}, {2, 2})))};
    const Box box = ranges(maker.graph, box_of(Numbers{1e-200, 0})).back();
    EXPECT_LE(box[0].least, 0);
    EXPECT_GE(box[0].greatest, 0);
    EXPECT_TRUE(sign > 0 ? box[0].greatest > 0 : box[0].least < 0);
    EXPECT_EQ(box[1], (Interval{0, 0}));
  }
}

TEST(Ranges, KnowNothingOfAnOpaqueMap) {
  Maker maker(1);
  const Index x = maker.input(3);
  maker.graph.outputs = {maker.map(x, std::make_shared<OpaqueOperator<double>>(maker.matrix(2, 3)))};
  EXPECT_EQ(ranges(maker.graph, box_of(Numbers{1, 2, 3}))[1], Box(2));
  EXPECT_EQ(evaluate_with_errors(maker.graph, Numbers{1, 2, 3}).errors, Numbers(2, kEverything));
}

// The error of the logits of a network against the same sums in extended precision, at scales from the smallest to the
// largest.
TEST(Ranges, ErrorsOfOutputsHoldWhatRoundingDid) {
  for (const double scale : {1.0, 1e-150, 1e150, 1e-308}) {
    Maker maker(5);
    const Numbers w1 = maker.normal(30 * 20);
    const Numbers w2 = maker.normal(10 * 30);
    const Index x = maker.input(20);
    const Index hidden = maker.apply(maker.map(x, dense<double>(Tensor::copy_of(w1, {30, 20}))), graph_support::relu());
    maker.graph.outputs = {maker.map(hidden, dense<double>(Tensor::copy_of(w2, {10, 30})))};
    const Numbers at = maker.normal(20, scale);
    const Evaluated found = evaluate_with_errors(maker.graph, at);
    for (std::size_t i = 0; i < 10; ++i) {
      long double exact_sum = 0;
      for (std::size_t k = 0; k < 30; ++k) {
        long double inner = 0;
        for (std::size_t j = 0; j < 20; ++j) inner += static_cast<long double>(w1[k * 20 + j]) * at[j];
        exact_sum += static_cast<long double>(w2[i * 30 + k]) * std::max(inner, 0.0L);
      }
      const long double off = std::fabs(static_cast<long double>(found.values[i]) - exact_sum);
      EXPECT_LE(off, found.errors[i] * (1 + 0x1p-9L));
      EXPECT_LE(found.errors[i], tolerance::relative(100, 100, 50 * scale) + 0x1p-940);  // the floor under underflow
    }
  }
}

TEST(Ranges, RefuseABoxWithoutPoints) {
  const Graph graph = single(Kind::affine, 1);
  EXPECT_THROW(ranges(graph, Box(3)), Error);
  Box box(4);
  box[2] = {1, 0};
  EXPECT_THROW(ranges(graph, box), Error);
  box[2] = {std::nan(""), 0};
  EXPECT_THROW(ranges(graph, box), Error);
}

}  // namespace
}  // namespace sigmax::graph
