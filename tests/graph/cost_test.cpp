#include "sigmax/graph/cost.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/kronecker.hpp"
#include "support/graphs.hpp"

namespace sigmax::graph {
namespace {

Operator<double> matrix(std::int64_t rows, std::int64_t columns) {
  const std::vector<double> values(static_cast<std::size_t>(rows * columns), 0.5);
  return dense<double>(Tensor::copy_of(values, {rows, columns}));
}

TEST(Cost, OfAProductIsThatOfItsParts) {
  EXPECT_EQ(product_flops(*matrix(3, 5)), 30);
  EXPECT_EQ(product_flops(*identity<double>(7)), 0);
  EXPECT_EQ(product_flops(*product(matrix(3, 5), matrix(5, 2))), 30 + 20);
  EXPECT_EQ(product_flops(*transposed(matrix(3, 5))), 30);
  EXPECT_EQ(product_flops(*sum<double>({matrix(3, 5), matrix(3, 5)})), 60);
  EXPECT_EQ(product_flops(*stack_rows<double>({matrix(3, 5), matrix(4, 5)})), 70);
  // The matrix acts on each of seven rows.
  EXPECT_EQ(product_flops(*kronecker<double>({identity<double>(7), matrix(3, 5)})), 7 * 30);
}

TEST(Cost, OfAConvolutionIsTwoOperationsForEachWeightOfARow) {
  ConvolutionLayer layer;
  layer.in_channels = 4;
  layer.out_channels = 6;
  layer.groups = 2;
  layer.axes = {{.kernel = 3}, {.kernel = 2}};
  const std::vector<double> values(72, 1.0);
  const auto a = convolution<double>(Tensor::copy_of(values, {6, 2, 3, 2}), ConvolutionGeometry(layer, {5, 4}));
  EXPECT_EQ(product_flops(*a), 2.0 * (6 * 3 * 3) * (2 * 3 * 2));
}

TEST(Cost, OfAnEvaluationCountsWhatOutputsDependOn) {
  graph_support::Maker maker(1);
  const Index x = maker.input(5);
  const Index y = maker.map(x, matrix(3, 5));
  const Index z = maker.apply(y, graph_support::relu());
  maker.map(x, matrix(100, 5));  // nothing reads it
  maker.graph.outputs = {z};
  // 10 for the input, 10 for what the function reads and writes.
  EXPECT_EQ(evaluation_flops(maker.graph), 30 + 10 * 5 + 10 * (3 + 3));
}

}  // namespace
}  // namespace sigmax::graph
