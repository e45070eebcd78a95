// TopK, LRN and LpPool, against their definitions in ONNX.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "graph/small_models.hpp"

namespace sigmax::graph {
namespace {

using namespace testing;
using List = std::vector<std::int64_t>;

Message integers(const std::string& name, const List& values) {
  return packed_tensor(name, kInt64, {static_cast<std::int64_t>(values.size())}, 7, values);
}

TEST(OrderRules, TopTakesEntriesInOrder) {
  std::mt19937 random(11);
  const auto x = drawn(random, 2 * 4 * 3);
  for (const std::int64_t axis : {0, 1, 2, -1}) {
    for (const bool largest : {true, false}) {
      const std::size_t extents[] = {2, 4, 3};
      const auto at = static_cast<std::size_t>(axis < 0 ? axis + 3 : axis);
      const std::size_t length = extents[at], count = at == 0 ? 1 : 2;
      std::size_t inner = 1;
      for (std::size_t k = at + 1; k < 3; ++k) inner *= extents[k];
      std::vector<double> expected(24 / length * count);
      for (std::size_t group = 0; group < 24 / length; ++group) {
        const std::size_t o = group / inner, i = group % inner;
        std::vector<double> entries;
        for (std::size_t k = 0; k < length; ++k)
          entries.push_back(static_cast<double>(x[(o * length + k) * inner + i]));
        std::ranges::sort(entries);
        if (largest) std::ranges::reverse(entries);
        for (std::size_t k = 0; k < count; ++k) expected[(o * count + k) * inner + i] = entries[k];
      }
      const Graph graph = imported(model_of(
          {node("TopK", {"x", "k"}, {"y", "at"}) + attribute("axis", axis) + attribute("largest", largest ? 1 : 0)},
          {integers("k", {static_cast<std::int64_t>(count)})}, {2, 4, 3}));
      ASSERT_EQ(first_reason(graph), "");
      EXPECT_EQ(output_of(graph, doubles(x)), expected);
    }
  }
}

TEST(OrderRules, PositionsAndValuesWithoutOrderAreRefused) {
  const auto reason = [](const Message& top, const Names& outputs) {
    return first_reason(
        imported(whole_model({top}, {integers("k", {2})}, {value_info("x", {std::int64_t{4}})}, outputs)));
  };
  const Message top = node("TopK", {"x", "k"}, {"y", "at"}, "top");
  EXPECT_EQ(reason(top, {"y"}), "");
  EXPECT_EQ(reason(top, {"y", "at"}), "TopK 'top' is not Lipschitz: its second output is a position, which jumps");
  EXPECT_EQ(reason(top + attribute("sorted", 0), {"y"}),
            "TopK 'top' gives out values in no stated order (sorted is 0)");
  // The maximum is known also where its position is not.
  const Message pool = node("MaxPool", {"x"}, {"y", "at"}, "pool") + attribute("kernel_shape", List{2});
  EXPECT_EQ(first_reason(imported(model_of({pool}, {}, {1, 1, 4}))), "");
}

TEST(OrderRules, LocalResponsesAreTheirDefinition) {
  std::mt19937 random(12);
  const auto x = drawn(random, 2 * 5 * 3);
  for (const std::int64_t size : {1, 2, 3, 4, 9}) {
    const Graph graph = imported(model_of({node("LRN", {"x"}, {"y"}) + attribute("size", size) +
                                           number_attribute("alpha", 0.5F) + number_attribute("bias", 2)},
                                          {}, {2, 5, 3}));
    ASSERT_EQ(first_reason(graph), "");
    std::vector<double> expected;
    for (std::int64_t e = 0; e < 30; ++e) {
      const std::int64_t image = e / 15, c = e / 3 % 5, i = e % 3;
      double squares = 0;
      for (std::int64_t j = std::max<std::int64_t>(0, c - (size - 1) / 2);
           j <= std::min<std::int64_t>(4, c + static_cast<std::int64_t>(std::ceil(static_cast<double>(size - 1) / 2)));
           ++j) {
        squares += std::pow(static_cast<double>(x[static_cast<std::size_t>(image * 15 + j * 3 + i)]), 2);
      }
      expected.push_back(static_cast<double>(x[static_cast<std::size_t>(e)]) /
                         std::pow(2 + 0.5 / static_cast<double>(size) * squares, 0.75));
    }
    expect_near(output_of(graph, doubles(x)), expected, 20);
  }
  const auto reason = [](const Message& more) {
    return first_reason(
        imported(model_of({node("LRN", {"x"}, {"y"}, "lrn") + attribute("size", 3) + more}, {}, {1, 5, 3})));
  };
  EXPECT_EQ(reason(number_attribute("bias", 0)), "LRN 'lrn' has a bias of 0: it may divide by 0");
  EXPECT_NE(reason(number_attribute("alpha", -1)), "");
  EXPECT_NE(reason(number_attribute("beta", -1)), "");
}

TEST(OrderRules, NormsOfWindowsAreTheirDefinition) {
  std::mt19937 random(13);
  const auto x = drawn(random, 2 * 6 * 7);
  for (const std::int64_t p : {1, 2}) {
    for (const List& pads : {List{0, 0, 0, 0}, List{1, 0, 1, 2}}) {
      for (const List& strides : {List{1, 1}, List{2, 3}}) {
        const Graph graph =
            imported(model_of({node("LpPool", {"x"}, {"y"}) + attribute("kernel_shape", List{2, 3}) +
                               attribute("pads", pads) + attribute("strides", strides) + attribute("p", p)},
                              {}, {1, 2, 6, 7}));
        ASSERT_EQ(first_reason(graph), "");
        const std::int64_t rows = (6 + pads[0] + pads[2] - 2) / strides[0] + 1;
        const std::int64_t columns = (7 + pads[1] + pads[3] - 3) / strides[1] + 1;
        std::vector<double> expected;
        for (std::int64_t e = 0; e < 2 * rows * columns; ++e) {
          const std::int64_t c = e / (rows * columns), i = e / columns % rows, j = e % columns;
          double sum = 0;
          for (std::int64_t a = 0; a < 2; ++a) {
            for (std::int64_t b = 0; b < 3; ++b) {
              const std::int64_t row = i * strides[0] + a - pads[0], column = j * strides[1] + b - pads[1];
              if (row < 0 || row >= 6 || column < 0 || column >= 7) continue;
              const auto each = static_cast<double>(x[static_cast<std::size_t>(c * 42 + row * 7 + column)]);
              sum += p == 1 ? std::abs(each) : each * each;
            }
          }
          expected.push_back(p == 1 ? sum : std::sqrt(sum));
        }
        expect_near(output_of(graph, doubles(x)), expected, 10);
      }
    }
    const Graph whole = imported(model_of({node("GlobalLpPool", {"x"}, {"y"}) + attribute("p", p)}, {}, {1, 2, 6, 7}));
    double sums[2] = {0, 0};
    for (std::size_t e = 0; e < x.size(); ++e) {
      const auto each = static_cast<double>(x[e]);
      sums[e / 42] += p == 1 ? std::abs(each) : each * each;
    }
    expect_near(
        output_of(whole, doubles(x)),
        p == 1 ? std::vector<double>{sums[0], sums[1]} : std::vector<double>{std::sqrt(sums[0]), std::sqrt(sums[1])},
        42);
  }
  EXPECT_EQ(first_reason(imported(model_of(
                {node("LpPool", {"x"}, {"y"}, "pool") + attribute("kernel_shape", List{2, 2}) + attribute("p", 3)}, {},
                {1, 2, 6, 7}))),
            "LpPool 'pool' takes a norm with p = 3, which no rule knows");
}

}  // namespace
}  // namespace sigmax::graph
