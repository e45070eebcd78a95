// torch's LocalResponseNorm as its exporter writes it, against the operator LRN.
#include "sigmax/graph/local_responses.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "graph/small_models.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/graph/sparse_rows.hpp"
#include "sigmax/lipschitz/walk.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/materialize.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::graph {
namespace {

using namespace testing;

/// x / (k + alpha mean over the window of x^2)^beta for x of 1 x channels x 2 x 3.
std::vector<Message> spelled(std::int64_t size, std::int64_t before, const std::string& square = "Mul") {
  const std::vector<std::int64_t> kernel{size, 1, 1};
  return {square == "Mul" ? node("Mul", {"x", "x"}, {"s"}) : node("Pow", {"x", "two"}, {"s"}),
          node("Unsqueeze", {"s", "axis"}, {"u"}),
          node("Pad", {"u", "pads"}, {"p"}),
          node("AveragePool", {"p"}, {"a"}) + attribute("kernel_shape", kernel),
          node("Squeeze", {"a", "axis"}, {"q"}),
          node("Mul", {"q", "alpha"}, {"m"}),
          node("Add", {"m", "k"}, {"d"}),
          node("Pow", {"d", "beta"}, {"r"}),
          node("Div", {"x", "r"}, {"y"}),
          constant("pads", packed_tensor("pads", 7, {10}, 7, {0, 0, before, 0, 0, 0, 0, size - 1 - before, 0, 0}))};
}

Graph imported_response(std::int64_t channels, std::vector<Message> nodes) {
  std::rotate(nodes.rbegin(), nodes.rbegin() + 1, nodes.rend());  // constants first
  return imported(model_of(nodes,
                           {packed_tensor("axis", 7, {1}, 7, {1}), floats("alpha", {}, {0.3F}), floats("k", {}, {2}),
                            floats("beta", {}, {0.75F}), floats("two", {}, {2})},
                           {1, channels, 2, 3}));
}

const LocalResponse* response_in(const Graph& graph) {
  return std::get_if<LocalResponse>(&graph.nodes[graph.outputs.at(0)].operation);
}

TEST(LocalResponses, AreFoundAndAreThoseOfTheOperator) {
  std::mt19937 random(1);
  for (const auto& [channels, size] : {std::pair(7, 5), std::pair(5, 5), std::pair(6, 3), std::pair(2, 5)}) {
    for (const std::string square : {"Mul", "Pow"}) {
      SCOPED_TRACE(std::to_string(channels) + " channels, " + std::to_string(size));
      const Graph graph = imported_response(channels, spelled(size, size / 2, square));
      const auto* const found = response_in(graph);
      ASSERT_NE(found, nullptr) << first_reason(graph);
      const Graph one = imported(model_of({node("LRN", {"x"}, {"y"}) + attribute("size", size) +
                                           number_attribute("alpha", 0.3F) + number_attribute("bias", 2)},
                                          {}, {1, channels, 2, 3}));
      const std::vector<double> x = doubles(drawn(random, channels * 6));
      expect_near(output_of(graph, x), output_of(one, x), 20);
      const auto bound = [](const Graph& g) { return lipschitz::walk(g).bound.value().value(); };
      EXPECT_NEAR(bound(graph) / bound(one), 1, 1e-12);
      // The values of the one lie in the boxes of the other.
      const Evaluated near = evaluate_with_errors(graph, x);
      const std::vector<double> y = output_of(one, x);
      for (std::size_t i = 0; i < y.size(); ++i) {
        EXPECT_NEAR(near.values[i], y[i], near.errors[i] + 1e-15);
      }
    }
  }
}

// A window of an even size, one that is shifted, and another divisor than that of the operand.
TEST(LocalResponses, AreNotFoundInOthers) {
  EXPECT_EQ(response_in(imported_response(7, spelled(4, 2))), nullptr);
  EXPECT_EQ(response_in(imported_response(7, spelled(5, 1))), nullptr);
  std::vector<Message> nodes = spelled(5, 2);
  nodes[8] = node("Div", {"d", "r"}, {"y"});
  EXPECT_EQ(response_in(imported_response(7, nodes)), nullptr);
}

TEST(SparseRows, AreTheEntries) {
  std::mt19937 random(2);
  const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
    return dense<double>(Tensor::copy_of(doubles(drawn(random, rows * columns)), {rows, columns}));
  };
  const Operator<double> a =
      sum<double>({product(matrix(6, 4), selection<double>(5, {4, -1, 0, 0})),
                   scaled(-2.0, product(kronecker<double>({matrix(2, 1), identity<double>(3)}), matrix(3, 5)))});
  const auto rows = sparse_rows(*a, 1000);
  ASSERT_TRUE(rows);
  Context context;
  const Matrix<double> formed = materialize(*a, context);
  for (std::int64_t i = 0; i < 6; ++i) {
    std::vector<double> row(5, 0.0);
    for (const auto& [column, each] : (*rows)[static_cast<std::size_t>(i)]) {
      EXPECT_LE(each.least, each.greatest);
      EXPECT_LE(width(each), 1e-13);
      row[static_cast<std::size_t>(column)] = each.least;
    }
    for (std::int64_t j = 0; j < 5; ++j) EXPECT_NEAR(row[static_cast<std::size_t>(j)], formed(i, j), 1e-13);
  }
  EXPECT_FALSE(sparse_rows(*a, 10));
}

}  // namespace
}  // namespace sigmax::graph
