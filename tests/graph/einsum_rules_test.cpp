#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "gallery/stored.hpp"
#include "graph/rule_builder.hpp"
#include "sigmax/core/dtype.hpp"
#include "sigmax/graph/evaluate.hpp"

namespace sigmax::graph::testing {
namespace {

/// The sum over all letters by plain loops. An ellipsis is written out in `data`, `constant` and `out`.
struct Sums {
  std::string data, constant, out;
  std::map<char, std::int64_t> extents;

  Dimensions shape_of(const std::string& letters) const {
    Dimensions shape;
    for (const char letter : letters) shape.push_back(extents.at(letter));
    return shape;
  }

  std::vector<double> numbers() const {
    std::vector<double> values = gallery::normal(element_count(shape_of(constant)).value(), 3);
    for (double& value : values) value = static_cast<float>(value);
    return values;
  }

  Definition definition() const {
    return [this, c = numbers()](std::int64_t i, const auto& add) {
      std::string letters;
      Dimensions all;
      for (const auto& [letter, extent] : extents) {
        letters += letter;
        all.push_back(extent);
      }
      const std::int64_t count = element_count(all).value();
      for (std::int64_t e = 0; e < count; ++e) {
        const Dimensions at = coordinates(e, all);
        const auto entry = [&](const std::string& term) {
          Dimensions own;
          for (const char letter : term) own.push_back(at[letters.find(letter)]);
          return entry_at(own, shape_of(term));
        };
        if (entry(out) == i) add(entry(data), c[static_cast<std::size_t>(entry(constant))]);
      }
      return 0.0;
    };
  }
};

void expect_sums(const Sums& sums, const std::string& equation, bool data_first = true) {
  SCOPED_TRACE(equation);
  RuleBuilder builder("Einsum");
  const auto constant = [&] { builder.numbers(sums.numbers(), sums.shape_of(sums.constant)); };
  if (!data_first) constant();
  builder.data(sums.shape_of(sums.data));
  if (data_first) constant();
  builder.set("equation", equation);
  expect_map(builder, sums.shape_of(sums.out), sums.definition());
}

TEST(EinsumRules, ContractAConstantOverAnyAxes) {
  const std::map<char, std::int64_t> extents{{'b', 2}, {'i', 3}, {'j', 4}, {'k', 5}};
  const auto only = [&](const std::string& letters) {
    std::map<char, std::int64_t> kept;
    for (const char letter : letters) kept[letter] = extents.at(letter);
    return kept;
  };
  expect_sums({"bij", "jk", "bik", extents}, "bij,jk->bik");
  expect_sums({"bij", "jk", "bki", extents}, "bij , jk -> bki");
  expect_sums({"jbi", "kj", "bik", extents}, "kj,jbi->bik", false);
  expect_sums({"bij", "bjk", "bik", extents}, "bij,bjk->bik");
  expect_sums({"bij", "ij", "b", only("bij")}, "bij,ij->b");
  expect_sums({"bij", "ij", "bij", only("bij")}, "bij,ij->bij");
  expect_sums({"bj", "k", "bjk", only("bjk")}, "bj,k->bjk");
  expect_sums({"bj", "jk", "bk", only("bjk")}, "bj,jk");
  expect_sums({"bij", "k", "ki", extents}, "bij,k->ki");
  expect_sums({"ijk", "kjb", "bi", extents}, "ijk,kjb->bi");
  // Summed over axes of one operand.
  expect_sums({"bi", "jk", "bj", extents}, "...i,jk->...j");
  expect_sums({"bij", "jk", "bi", extents}, "bij,jk->bi");
  expect_sums({"bi", "jk", "", extents}, "bi,jk->");
}

TEST(EinsumRules, AlignEllipsesFromTheLastAxis) {
  const std::map<char, std::int64_t> extents{{'a', 2}, {'b', 3}, {'i', 2}, {'j', 3}, {'k', 2}};
  expect_sums({"abij", "bjk", "abik", extents}, "...ij,...jk->...ik");
  expect_sums({"abij", "jk", "abik", extents}, "...ij,jk->...ik");
}

TEST(EinsumRules, TakeDiagonalsAndTracesOfOneOperand) {
  RuleBuilder diagonal("Einsum");
  diagonal.data({3, 3}).set("equation", "ii->i");
  expect_map(diagonal, {3}, [](std::int64_t i, const auto& add) {
    add(4 * i, 1);
    return 0.0;
  });
  RuleBuilder trace("Einsum");
  trace.data({3, 3}).set("equation", "ii");
  expect_map(trace, {}, [](std::int64_t, const auto& add) {
    for (const std::int64_t e : {0, 4, 8}) add(e, 1);
    return 0.0;
  });
  RuleBuilder turned("Einsum");
  turned.data({2, 3}).set("equation", "ij->ji");
  expect_map(turned, {3, 2}, [](std::int64_t i, const auto& add) {
    add(i % 2 * 3 + i / 2, 1);
    return 0.0;
  });
}

TEST(EinsumRules, BatchesHaveTheNormOfTheLargestMatrix) {
  RuleBuilder builder("Einsum");
  std::vector<double> w(2 * 2 * 2, 0.0);
  w[0] = 3;  // diag(3, 1)
  w[3] = 1;
  w[5] = -4;  // [0 -4; 2 0]
  w[6] = 2;
  builder.data({2, 5, 2}).numbers(w, {2, 2, 2}).set("equation", "bij,bjk->bik");
  builder.run();
  for (const Node& node : builder.graph.nodes) {
    if (const auto* affine = std::get_if<Affine>(&node.operation)) {
      const double norm = sigma_max(*affine->map).upper->value();
      EXPECT_TRUE(std::fabs(norm - 1) < 1e-9 || std::fabs(norm - 4) < 1e-9) << norm;
    }
  }
}

TEST(EinsumRules, DataTimesDataIsAMatrixProduct) {
  RuleBuilder builder("Einsum");
  builder.data({2, 3, 4}).data({2, 5, 4}).set("equation", "bij,bkj->bik");
  const auto values = builder.run();
  EXPECT_EQ(values[0].shape, (Dimensions{2, 3, 5}));
  const auto& product = std::get<MatrixProduct>(builder.graph.nodes.back().operation);
  EXPECT_EQ(product.batch, 2);
  EXPECT_EQ(product.rows, 3);
  EXPECT_EQ(product.inner, 4);
  EXPECT_EQ(product.columns, 5);
}

// y_i = sum over b, j, k of x_bij y_bk
TEST(EinsumRules, DataTimesDataMaySumAxesOfOneOperand) {
  RuleBuilder builder("Einsum");
  builder.data({2, 3, 4}).data({2, 5}).set("equation", "bij,bk->i");
  const auto values = builder.run();
  ASSERT_EQ(values[0].shape, (Dimensions{3}));
  const std::vector<double> x = gallery::normal(24, 1), y = gallery::normal(10, 2);
  std::vector<double> input = x, expected(3, 0.0);
  input.insert(input.end(), y.begin(), y.end());
  for (std::size_t e = 0; e < 24; ++e) {
    for (std::size_t k = 0; k < 5; ++k) expected[e / 4 % 3] += x[e] * y[e / 12 * 5 + k];
  }
  builder.graph.outputs = {*values[0].node};
  const auto found = evaluate(builder.graph, input)[*values[0].node];
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(found[i], expected[i], 1e-12);
}

TEST(EinsumRules, RefuseEquationsThatDoNotFit) {
  const auto refusal = [](const char* equation) {
    RuleBuilder builder("Einsum");
    builder.data({2, 3}).numbers({1, 2, 3, 4, 5, 6}, {3, 2}).set("equation", equation);
    return refusal_of(builder);
  };
  EXPECT_EQ(refusal("ij->i"), "has an equation of 1 terms for 2 operands");
  EXPECT_EQ(refusal("ij,ij->ij"), "joins axes of 2 and of 3 entries");
  EXPECT_EQ(refusal("ijk,jk->i"), "has the term 'ijk' for a value of 2 axes");
  EXPECT_EQ(refusal("i1,jk->i"), "has an equation with '1'");
  EXPECT_EQ(refusal("ij,jk->iz"), "puts out an axis that no operand has");
  EXPECT_EQ(refusal("ij,jk->ii"), "puts out an axis twice");
}

}  // namespace
}  // namespace sigmax::graph::testing
