// Constants that a model computes: each is the one output of a model, and compared with plain loops or known values.
#include <gtest/gtest.h>

#include <random>

#include "graph/small_models.hpp"

namespace sigmax::graph {
namespace {

using namespace testing;
using Integers = std::vector<std::int64_t>;

Message integers(std::string_view name, const Extents& dims, const Integers& values) {
  return raw_tensor(name, kInt64, dims, values);
}
Message list(std::string_view name, const Integers& values) {
  return integers(name, {static_cast<std::int64_t>(values.size())}, values);
}

/// The output `y` of nodes on constants; an input keeps the model from being empty.
Graph folded(const std::vector<Message>& nodes, const std::vector<Message>& constants, std::int64_t version = kOpset) {
  return imported(model_of(nodes, constants, {2, 3}, version));
}

std::vector<double> values(const Graph& graph) {
  const auto* constant = std::get_if<Constant>(&graph.nodes.at(graph.outputs.at(0)).operation);
  if (constant == nullptr) {
    ADD_FAILURE() << first_reason(graph);
    return {};
  }
  return constant->values;
}

Dimensions shape(const Graph& graph) { return graph.nodes.at(graph.outputs.at(0)).shape; }

TEST(Folding, ComputesAShapeFromThatOfTheInput) {
  const Graph graph = folded(
      {node("Shape", {"x"}, {"s"}), node("Gather", {"s", "one"}, {"rows"}), node("Unsqueeze", {"rows", "axis"}, {"r"}),
       node("Mul", {"r", "two"}, {"r2"}), node("Concat", {"r2", "minus"}, {"y"}) + attribute("axis", 0)},
      {integers("one", {}, {1}), list("axis", {0}), list("two", {2}), list("minus", {-1})});
  EXPECT_EQ(values(graph), (std::vector<double>{6, -1}));
  EXPECT_TRUE(graph.assumptions.empty());
}

TEST(Folding, KeepsIntegersExactAndRefusesThoseThatOverflow) {
  const std::int64_t large = (std::int64_t{1} << 62) - 1;
  // A difference that double would lose.
  EXPECT_EQ(values(folded({node("Sub", {"a", "b"}, {"y"})}, {list("a", {large}), list("b", {large - 1})})),
            std::vector<double>{1});
  EXPECT_NE(first_reason(folded({node("Mul", {"a", "a"}, {"y"})}, {list("a", {large})})).find("does not fit 64 bits"),
            std::string::npos);
  EXPECT_EQ(values(folded({node("Div", {"a", "b"}, {"y"})}, {list("a", {7, -7}), list("b", {2})})),
            (std::vector<double>{3, -3}));
  EXPECT_EQ(values(folded({node("Mod", {"a", "b"}, {"y"})}, {list("a", {7, -7}), list("b", {3})})),
            (std::vector<double>{1, 2}));
  EXPECT_EQ(
      values(folded({node("Mod", {"a", "b"}, {"y"}) + attribute("fmod", 1)}, {list("a", {7, -7}), list("b", {3})})),
      (std::vector<double>{1, -1}));
  EXPECT_NE(first_reason(folded({node("Div", {"a", "b"}, {"y"})}, {list("a", {1}), list("b", {0})})).find("by 0"),
            std::string::npos);
}

TEST(Folding, SaysWhichRealNumbersItRounds) {
  const auto assumptions = [](const std::string& op, float a, float b) {
    return folded({node(op, {"a", "b"}, {"y"}, "here")}, {floats("a", {1}, {a}), floats("b", {1}, {b})}).assumptions;
  };
  // f32 times f32 has at most 48 bits.
  EXPECT_TRUE(assumptions("Mul", 0.1F, 0.3F).empty());
  EXPECT_TRUE(assumptions("Add", 0.1F, 0.3F).empty());
  EXPECT_TRUE(assumptions("Div", 3, 4).empty());
  ASSERT_EQ(assumptions("Div", 1, 3).size(), 1U);
  EXPECT_NE(assumptions("Div", 1, 3)[0].find("rounded to double: Div 'here'"), std::string::npos);
  EXPECT_EQ(assumptions("Add", 1, 0x1p-60F).size(), 1U);
  EXPECT_TRUE(folded({node("Sqrt", {"a"}, {"y"})}, {floats("a", {1}, {64})}).assumptions.empty());
  EXPECT_EQ(folded({node("Sqrt", {"a"}, {"y"})}, {floats("a", {1}, {2})}).assumptions.size(), 1U);
}

TEST(Folding, DequantizesExactly) {
  const Message quantized = packed_tensor("q", kInt8, {2, 2}, 5, {-128, 127, 3, 0});
  const Message zeros = packed_tensor("z", kInt8, {2}, 5, {1, -1});
  const Graph graph = folded({node("DequantizeLinear", {"q", "s", "z"}, {"y"}) + attribute("axis", 1)},
                             {quantized, floats("s", {2}, {0.1F, 0.5F}), zeros});
  EXPECT_TRUE(graph.assumptions.empty());
  const double scale = static_cast<double>(0.1F);
  EXPECT_EQ(values(graph), (std::vector<double>{-129 * scale, 64, 2 * scale, 0.5}));
}

TEST(Folding, FillsCountsAndCompares) {
  EXPECT_EQ(values(folded({node("ConstantOfShape", {"s"}, {"y"}) + tensor_attribute("value", integers("", {1}, {7}))},
                          {list("s", {2, 2})})),
            (std::vector<double>{7, 7, 7, 7}));
  EXPECT_EQ(values(folded({node("ConstantOfShape", {"s"}, {"y"})}, {list("s", {3})})), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(values(folded({node("Range", {"a", "b", "c"}, {"y"})},
                          {integers("a", {}, {5}), integers("b", {}, {-2}), integers("c", {}, {-3})})),
            (std::vector<double>{5, 2, -1}));
  EXPECT_EQ(values(folded(
                {node("Equal", {"a", "b"}, {"e"}), node("Not", {"e"}, {"n"}), node("Where", {"n", "a", "b"}, {"y"})},
                {list("a", {1, 2, 3}), list("b", {1, 5, 3})})),
            (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(values(folded({node("NonZero", {"a"}, {"y"})}, {integers("a", {2, 2}, {0, 4, 5, 0})})),
            (std::vector<double>{0, 1, 1, 0}));
  EXPECT_EQ(values(folded({node("Cast", {"a"}, {"y"}) + attribute("to", kInt64)}, {floats("a", {2}, {-1.75F, 2.9F})})),
            (std::vector<double>{-1, 2}));
  EXPECT_EQ(values(folded({node("ReduceProd", {"a", "axes"}, {"y"})},
                          {integers("a", {2, 2}, {1, 2, 3, 4}), list("axes", {1})})),
            (std::vector<double>{2, 12}));
  EXPECT_EQ(values(folded({node("ReduceSum", {"a"}, {"y"}) + attribute("keepdims", 0)},
                          {integers("a", {2, 2}, {1, 2, 3, 4})})),
            (std::vector<double>{10}));
}

TEST(Folding, RefusesWhatWouldFillTheMemory) {
  const std::int64_t huge = std::int64_t{1} << 40;
  EXPECT_NE(
      first_reason(folded({node("ConstantOfShape", {"s"}, {"y"})}, {list("s", {huge})})).find("more entries than"),
      std::string::npos);
  EXPECT_NE(first_reason(folded({node("Tile", {"a", "r"}, {"y"})}, {integers("a", {1, 0}, {}), list("r", {huge, 1})}))
                .find("more entries than"),
            std::string::npos);
  EXPECT_NE(first_reason(folded({node("Range", {"a", "b", "c"}, {"y"})},
                                {integers("a", {}, {0}), integers("b", {}, {huge}), integers("c", {}, {1})}))
                .find("counts from"),
            std::string::npos);
}

/// A tensor whose entries are their own positions.
struct Numbered {
  Dimensions shape;
  Integers entries;
  explicit Numbered(Dimensions of) : shape(std::move(of)), entries(static_cast<std::size_t>(*element_count(shape))) {
    for (std::size_t i = 0; i < entries.size(); ++i) entries[i] = static_cast<std::int64_t>(i);
  }
  Message message() const { return integers("a", shape, entries); }
};

// Slice with each sign of start, end and step against Python's rule, one axis.
TEST(Folding, SlicesAsPythonDoes) {
  std::mt19937 random(3);
  std::uniform_int_distribution<std::int64_t> bound(-9, 9);
  for (int repeat = 0; repeat < 200; ++repeat) {
    const std::int64_t n = 1 + repeat % 6, start = bound(random), end = bound(random);
    const std::int64_t step = std::vector<std::int64_t>{1, 2, -1, -3}[static_cast<std::size_t>(repeat % 4)];
    const auto clamped = [&](std::int64_t at) {
      if (at < 0) at += n;
      return step > 0 ? std::clamp<std::int64_t>(at, 0, n) : std::clamp<std::int64_t>(at, -1, n - 1);
    };
    std::vector<double> expected;
    for (std::int64_t at = clamped(start); step > 0 ? at < clamped(end) : at > clamped(end); at += step) {
      expected.push_back(static_cast<double>(at));
    }
    const Graph graph = folded(
        {node("Slice", {"a", "s", "e", "axes", "step"}, {"y"})},
        {Numbered({n}).message(), list("s", {start}), list("e", {end}), list("axes", {0}), list("step", {step})});
    EXPECT_EQ(values(graph), expected) << n << ": " << start << ", " << end << ", " << step;
  }
}

TEST(Folding, MovesEntriesAlongAxes) {
  const Numbered a({2, 3, 4});
  const auto at = [](std::int64_t i, std::int64_t j, std::int64_t k) {
    return static_cast<double>((i * 3 + j) * 4 + k);
  };
  const Graph transposed =
      folded({node("Transpose", {"a"}, {"y"}) + attribute("perm", Integers{2, 0, 1})}, {a.message()});
  EXPECT_EQ(shape(transposed), (Dimensions{4, 2, 3}));
  std::vector<double> expected;
  for (std::int64_t k = 0; k < 4; ++k) {
    for (std::int64_t i = 0; i < 2; ++i) {
      for (std::int64_t j = 0; j < 3; ++j) expected.push_back(at(i, j, k));
    }
  }
  EXPECT_EQ(values(transposed), expected);

  const Graph gathered =
      folded({node("Gather", {"a", "i"}, {"y"}) + attribute("axis", 1)}, {a.message(), integers("i", {1, 2}, {-1, 0})});
  EXPECT_EQ(shape(gathered), (Dimensions{2, 1, 2, 4}));
  EXPECT_EQ(values(gathered)[0], at(0, 2, 0));
  EXPECT_EQ(values(gathered)[4], at(0, 0, 0));
  EXPECT_EQ(values(gathered)[8], at(1, 2, 0));

  const Graph elements = folded({node("GatherElements", {"a", "i"}, {"y"}) + attribute("axis", 2)},
                                {a.message(), integers("i", {1, 3, 1}, {3, 0, -2})});
  EXPECT_EQ(values(elements), (std::vector<double>{at(0, 0, 3), at(0, 1, 0), at(0, 2, 2)}));

  const Graph split = folded({node("Split", {"a", "sizes"}, {"first", "y"}) + attribute("axis", 2)},
                             {a.message(), list("sizes", {1, 3})});
  EXPECT_EQ(shape(split), (Dimensions{2, 3, 3}));
  EXPECT_EQ(values(split)[3], at(0, 1, 1));

  const Graph expanded =
      folded({node("Expand", {"b", "s"}, {"y"})}, {integers("b", {2, 1}, {5, 6}), list("s", {1, 3})});
  EXPECT_EQ(values(expanded), (std::vector<double>{5, 5, 5, 6, 6, 6}));
  const Graph tiled = folded({node("Tile", {"b", "r"}, {"y"})}, {integers("b", {1, 2}, {5, 6}), list("r", {2, 2})});
  EXPECT_EQ(values(tiled), (std::vector<double>{5, 6, 5, 6, 5, 6, 5, 6}));
  EXPECT_EQ(shape(folded({node("Reshape", {"a", "s"}, {"y"})}, {a.message(), list("s", {0, -1, 2})})),
            (Dimensions{2, 6, 2}));
  EXPECT_EQ(shape(folded({node("Flatten", {"a"}, {"y"}) + attribute("axis", 2)}, {a.message()})), (Dimensions{6, 4}));
  EXPECT_EQ(shape(folded({node("Squeeze", {"b"}, {"y"})}, {integers("b", {1, 2, 1}, {5, 6})})), (Dimensions{2}));
  EXPECT_EQ(
      shape(folded({node("Unsqueeze", {"b"}, {"y"}) + attribute("axes", Integers{0, -1})}, {list("b", {5, 6})}, 11)),
      (Dimensions{1, 2, 1}));
}

}  // namespace
}  // namespace sigmax::graph
