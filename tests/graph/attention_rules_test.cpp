// Attention in one node, against its definition by plain loops.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "graph/small_models.hpp"
#include "sigmax/lipschitz/walk.hpp"

namespace sigmax::graph {
namespace {

using namespace testing;

using Numbers = std::vector<double>;

/// [image, head, position, entry]
struct Tensor4 {
  std::int64_t batch, heads, length, size;
  Numbers values{};

  std::size_t at(std::int64_t b, std::int64_t h, std::int64_t s, std::int64_t k) const {
    return static_cast<std::size_t>(((b * heads + h) * length + s) * size + k);
  }
  double operator()(std::int64_t b, std::int64_t h, std::int64_t s, std::int64_t k) const {
    return values[at(b, h, s, k)];
  }
  Extents extents() const { return {batch, heads, length, size}; }

  /// From rows [image, position, heads x entries], entries from `first` of `width` on.
  static Tensor4 of_rows(const Numbers& rows, std::int64_t batch, std::int64_t heads, std::int64_t length,
                         std::int64_t size, std::int64_t first, std::int64_t width) {
    Tensor4 t{batch, heads, length, size, Numbers(static_cast<std::size_t>(batch * heads * length * size))};
    t.each([&](auto b, auto h, auto s, auto k) {
      t.values[t.at(b, h, s, k)] = rows[static_cast<std::size_t>((b * length + s) * width + first + h * size + k)];
    });
    return t;
  }
  Numbers rows() const {
    Numbers result(values.size());
    each([&](auto b, auto h, auto s, auto k) {
      result[static_cast<std::size_t>(((b * length + s) * heads + h) * size + k)] = (*this)(b, h, s, k);
    });
    return result;
  }
  template <class Visit>
  void each(Visit visit) const {
    for (std::int64_t b = 0; b < batch; ++b)
      for (std::int64_t h = 0; h < heads; ++h)
        for (std::int64_t s = 0; s < length; ++s)
          for (std::int64_t k = 0; k < size; ++k) visit(b, h, s, k);
  }
};

Tensor4 random_tensor(std::mt19937& random, std::int64_t batch, std::int64_t heads, std::int64_t length,
                      std::int64_t size) {
  return {batch, heads, length, size, doubles(drawn(random, batch * heads * length * size))};
}

/// What is done to the score of query i of head h of image b with key j.
using OfScore = std::function<double(double score, std::int64_t b, std::int64_t h, std::int64_t i, std::int64_t j)>;

Tensor4 reference(const Tensor4& q, const Tensor4& k, const Tensor4& v, double scale, const OfScore& of_score = {}) {
  Tensor4 y{q.batch, q.heads, q.length, v.size, {}};
  for (std::int64_t b = 0; b < q.batch; ++b) {
    for (std::int64_t h = 0; h < q.heads; ++h) {
      const std::int64_t from = h / (q.heads / k.heads);
      for (std::int64_t i = 0; i < q.length; ++i) {
        Numbers weights;
        double sum = 0;
        for (std::int64_t j = 0; j < k.length; ++j) {
          double score = 0;
          for (std::int64_t e = 0; e < q.size; ++e) score += q(b, h, i, e) * k(b, from, j, e);
          score *= scale;
          weights.push_back(std::exp(of_score ? of_score(score, b, h, i, j) : score));
          sum += weights.back();
        }
        for (std::int64_t e = 0; e < v.size; ++e) {
          double total = 0;
          for (std::int64_t j = 0; j < k.length; ++j)
            total += weights[static_cast<std::size_t>(j)] / sum * v(b, from, j, e);
          y.values.push_back(total);
        }
      }
    }
  }
  return y;
}

Message input(const std::string& name, const Extents& extents) {
  return value_info(name, std::vector<std::variant<std::int64_t, std::string>>(extents.begin(), extents.end()));
}

constexpr std::int64_t kWithAttention = 23;

Numbers run(const Message& node, const std::vector<Message>& constants, const std::vector<Message>& inputs,
            const std::vector<Numbers>& values) {
  const Graph graph = imported(whole_model({node}, constants, inputs, {"y"}, kWithAttention));
  EXPECT_EQ(first_reason(graph), "");
  if (!first_reason(graph).empty()) return {};
  return evaluated(graph, values)[graph.outputs.at(0)];
}

void expect_close(const Numbers& found, const Numbers& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-11) << i;
}

Message fused(const std::string& op, const Names& inputs) {
  return node(op, inputs, {"y"}, "fused") + Message{}.text(7, "com.microsoft");
}

double masked(double score, bool counts) { return counts ? score : -HUGE_VAL; }

TEST(AttentionRules, OfFourAxesWithSharedHeads) {
  std::mt19937 random(1);
  const Tensor4 q = random_tensor(random, 2, 4, 3, 5), k = random_tensor(random, 2, 2, 6, 5);
  const Tensor4 v = random_tensor(random, 2, 2, 6, 4);
  const std::vector<Message> inputs{input("q", q.extents()), input("k", k.extents()), input("v", v.extents())};
  const std::vector<Numbers> values{q.values, k.values, v.values};
  const double usual = 1 / std::sqrt(5.0);
  const Message plain = node("Attention", {"q", "k", "v"}, {"y"});
  expect_close(run(plain, {}, inputs, values), reference(q, k, v, usual).values);
  expect_close(run(plain + number_attribute("scale", 0.25F), {}, inputs, values), reference(q, k, v, 0.25).values);
  expect_close(
      run(plain + attribute("is_causal", 1), {}, inputs, values),
      reference(q, k, v, usual, [](double s, auto, auto, auto i, auto j) { return masked(s, j <= i); }).values);
  expect_close(run(plain + number_attribute("softcap", 0.5F), {}, inputs, values),
               reference(q, k, v, usual, [](double s, auto...) { return 0.5 * std::tanh(s / 0.5); }).values);
}

TEST(AttentionRules, OfThreeAxesWithMasks) {
  std::mt19937 random(2);
  const std::int64_t batch = 2, heads = 2, queries = 3, keys = 4, size = 3;
  const Numbers q = doubles(drawn(random, batch * queries * heads * size));
  const Numbers k = doubles(drawn(random, batch * keys * heads * size));
  const Numbers v = doubles(drawn(random, batch * keys * heads * size));
  const std::vector<Message> inputs{input("q", {batch, queries, heads * size}), input("k", {batch, keys, heads * size}),
                                    input("v", {batch, keys, heads * size})};
  const auto expected = [&](const OfScore& of_score) {
    const std::int64_t width = heads * size;
    return reference(Tensor4::of_rows(q, batch, heads, queries, size, 0, width),
                     Tensor4::of_rows(k, batch, heads, keys, size, 0, width),
                     Tensor4::of_rows(v, batch, heads, keys, size, 0, width), 1 / std::sqrt(3.0), of_score)
        .rows();
  };
  const Message layer = node("Attention", {"q", "k", "v", "m"}, {"y"}) + attribute("q_num_heads", heads) +
                        attribute("kv_num_heads", heads);
  const std::vector<float> added = drawn(random, queries * keys);
  expect_close(run(layer, {floats("m", {queries, keys}, added)}, inputs, {q, k, v}),
               expected([&](double s, auto, auto, auto i, auto j) {
                 return s + static_cast<double>(added[static_cast<std::size_t>(i * keys + j)]);
               }));
  // TensorProto.DataType 9: bool
  const Message counts = packed_tensor("m", 9, {1, 1, 1, keys}, 5, {1, 0, 1, 1});
  expect_close(run(layer, {counts}, inputs, {q, k, v}),
               expected([&](double s, auto, auto, auto, auto j) { return masked(s, j != 1); }));
  // A mask that is data, under a causal one.
  std::vector<Message> with_mask = inputs;
  with_mask.push_back(input("m", {queries, keys}));
  expect_close(run(layer + attribute("is_causal", 1), {}, with_mask, {q, k, v, doubles(added)}),
               expected([&](double s, auto, auto, auto i, auto j) {
                 return masked(s + static_cast<double>(added[static_cast<std::size_t>(i * keys + j)]), j <= i);
               }));
}

TEST(AttentionRules, OfTheRuntimeWithOneMatrix) {
  std::mt19937 random(3);
  const std::int64_t batch = 2, heads = 2, length = 4, width = 5;
  const Numbers x = doubles(drawn(random, batch * length * width));
  const auto check = [&](std::int64_t size, std::int64_t value_size, const Message& attributes, const Names& more,
                         const std::vector<Message>& constants, double scale, const OfScore& of_score) {
    const std::int64_t columns = heads * (2 * size + value_size);
    const std::vector<float> w = drawn(random, width * columns), b = drawn(random, columns);
    Numbers rows;
    for (std::int64_t r = 0; r < batch * length; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) {
        double sum = static_cast<double>(b[static_cast<std::size_t>(c)]);
        for (std::int64_t e = 0; e < width; ++e) {
          sum += x[static_cast<std::size_t>(r * width + e)] *
                 static_cast<double>(w[static_cast<std::size_t>(e * columns + c)]);
        }
        rows.push_back(sum);
      }
    }
    const auto part = [&](std::int64_t first, std::int64_t own) {
      return Tensor4::of_rows(rows, batch, heads, length, own, first, columns);
    };
    Names names{"x", "w", "b"};
    names.insert(names.end(), more.begin(), more.end());
    std::vector<Message> all{floats("w", {width, columns}, w), floats("b", {columns}, b)};
    all.insert(all.end(), constants.begin(), constants.end());
    expect_close(
        run(fused("Attention", names) + attribute("num_heads", heads) + attributes, all,
            {input("x", {batch, length, width})}, {x}),
        reference(part(0, size), part(heads * size, size), part(2 * heads * size, value_size), scale, of_score).rows());
  };
  check(3, 3, {}, {}, {}, 1 / std::sqrt(3.0), {});
  check(3, 2, attribute("qkv_hidden_sizes", std::vector<std::int64_t>{6, 6, 4}), {}, {}, 1 / std::sqrt(3.0), {});
  check(3, 3, attribute("unidirectional", 1) + number_attribute("scale", 0.5F), {}, {}, 0.5,
        [](double s, auto, auto, auto i, auto j) { return masked(s, j <= i); });
  // Lengths of the images: what is beyond them has -10000 added. TensorProto.DataType 6: int32
  check(3, 3, {}, {"m"}, {packed_tensor("m", 6, {batch}, 5, {2, 4})}, 1 / std::sqrt(3.0),
        [](double s, auto b, auto, auto, auto j) { return j < (b == 0 ? 2 : 4) ? s : s - 10000; });
  check(3, 3, number_attribute("mask_filter_value", -2), {"m"},
        {packed_tensor("m", 6, {batch, length}, 5, {1, 1, 0, 1, 0, 1, 1, 1})}, 1 / std::sqrt(3.0),
        [](double s, auto b, auto, auto, auto j) { return j == (b == 0 ? 2 : 0) ? s - 2 : s; });
}

TEST(AttentionRules, OfTheRuntimeWithQueriesOfAnotherValue) {
  std::mt19937 random(4);
  const std::int64_t queries = 3, keys = 5, heads = 2, size = 3, width = heads * size;
  const Numbers q = doubles(drawn(random, queries * width)), k = doubles(drawn(random, keys * width));
  const Numbers v = doubles(drawn(random, keys * width));
  const std::vector<float> b = drawn(random, 3 * width), more = drawn(random, heads * queries * keys);
  const auto with_bias = [&](Numbers rows, std::int64_t first) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i] += static_cast<double>(b[static_cast<std::size_t>(first) + i % static_cast<std::size_t>(width)]);
    }
    return rows;
  };
  const Message layer = fused("MultiHeadAttention", {"q", "k", "v", "b", "", "r"}) + attribute("num_heads", heads);
  expect_close(
      run(layer, {floats("b", {3 * width}, b), floats("r", {1, heads, queries, keys}, more)},
          {input("q", {1, queries, width}), input("k", {1, keys, width}), input("v", {1, keys, width})}, {q, k, v}),
      reference(Tensor4::of_rows(with_bias(q, 0), 1, heads, queries, size, 0, width),
                Tensor4::of_rows(with_bias(k, width), 1, heads, keys, size, 0, width),
                Tensor4::of_rows(with_bias(v, 2 * width), 1, heads, keys, size, 0, width), 1 / std::sqrt(3.0),
                [&](double s, auto, auto h, auto i, auto j) {
                  return s + static_cast<double>(more[static_cast<std::size_t>((h * queries + i) * keys + j)]);
                })
          .rows());
}

// A fused node has the bound of the same layer in single nodes.
TEST(AttentionRules, HaveTheBoundOfTheSpelledOutLayer) {
  std::mt19937 random(5);
  const std::int64_t tokens = 4, width = 6, heads = 2;
  const std::vector<float> w = drawn(random, width * 3 * width), b = drawn(random, 3 * width);
  const std::vector<Message> constants{floats("w", {width, 3 * width}, w), floats("b", {3 * width}, b),
                                       floats("s", {}, {0.5F})};
  const Message split = packed_tensor("shape", 7, {4}, 7, {1, tokens, heads, width / heads});
  const Message joined = packed_tensor("rows", 7, {3}, 7, {1, tokens, width});
  const auto turned = [](const std::string& from, const std::string& to, const std::vector<std::int64_t>& axes) {
    return node("Transpose", {from}, {to}) + attribute("perm", axes);
  };
  std::vector<Message> nodes{
      node("MatMul", {"x", "w"}, {"p"}), node("Add", {"p", "b"}, {"all"}),
      node("Split", {"all"}, {"q", "k", "v"}) + attribute("axis", 2) + attribute("num_outputs", 3)};
  for (const std::string each : {"q", "k", "v"}) {
    nodes.push_back(node("Reshape", {each, "shape"}, {each + "4"}));
    nodes.push_back(
        turned(each + "4", each + "h",
               each == "k" ? std::vector<std::int64_t>{0, 2, 3, 1} : std::vector<std::int64_t>{0, 2, 1, 3}));
  }
  const std::vector<Message> rest{
      node("MatMul", {"qh", "kh"}, {"scores"}), node("Mul", {"scores", "s"}, {"scaled"}),
      node("Softmax", {"scaled"}, {"weights"}), node("MatMul", {"weights", "vh"}, {"heads"}),
      turned("heads", "turned", {0, 2, 1, 3}),  node("Reshape", {"turned", "rows"}, {"y"})};
  nodes.insert(nodes.end(), rest.begin(), rest.end());
  std::vector<Message> all = constants;
  all.push_back(split);
  all.push_back(joined);
  const std::vector<Message> inputs{input("x", {1, tokens, width})};
  const Graph single = imported(whole_model(nodes, all, inputs, {"y"}, 20));
  const Graph one = imported(whole_model(
      {fused("Attention", {"x", "w", "b"}) + attribute("num_heads", heads) + number_attribute("scale", 0.5F)},
      constants, inputs, {"y"}, 20));
  ASSERT_EQ(first_reason(single), "");
  ASSERT_EQ(first_reason(one), "");
  const Numbers zero(static_cast<std::size_t>(tokens * width), 0.0);
  const auto bound = [&](const Graph& graph) {
    return lipschitz::walk(graph, lipschitz::Ball{zero, 1}).bound.value().value();
  };
  EXPECT_NEAR(bound(one) / bound(single), 1, 1e-6);
  EXPECT_FALSE(lipschitz::walk(one).bound);
}

TEST(AttentionRules, RefuseWhatTheyDoNotKnow) {
  const auto reason = [](const Message& layer, const std::vector<Message>& constants = {}) {
    return first_reason(imported(
        whole_model({layer}, constants,
                    {input("q", {1, 3, 4}), input("k", {1, 3, 4}), input("v", {1, 2, 4}), input("p", {1, 1, 2, 4})},
                    {"y"}, kWithAttention)));
  };
  EXPECT_NE(reason(node("Attention", {"q", "k", "v"}, {"y"}, "a") + attribute("q_num_heads", 2) +
                   attribute("kv_num_heads", 2))
                .find("do not fit each other"),
            std::string::npos);
  EXPECT_NE(reason(node("Attention", {"q", "k", "k"}, {"y"}, "a")).find("0 heads"), std::string::npos);
  EXPECT_NE(reason(node("Attention", {"q", "k", "k", "", "p", "p"}, {"y"}, "a")).find("keys of the past"),
            std::string::npos);
  EXPECT_NE(reason(fused("Attention", {"q", "k"})).find("computes its weights from the input"), std::string::npos);
  EXPECT_NE(reason(fused("MultiHeadAttention", {"q"})).find("0 heads"), std::string::npos);
  EXPECT_NE(reason(fused("GroupQueryAttention", {"q", "k", "k"})).find("attention in one node"), std::string::npos);
}

}  // namespace
}  // namespace sigmax::graph
