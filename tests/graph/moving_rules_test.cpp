#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "graph/rule_builder.hpp"
#include "sigmax/graph/evaluate.hpp"

namespace sigmax::graph::testing {
namespace {

using List = std::vector<std::int64_t>;

TEST(MovingRules, ReshapesNeedNoNode) {
  for (const char* op : {"Reshape", "Flatten"}) {
    RuleBuilder builder(op);
    builder.data({2, 3, 4});
    if (builder.node().op == "Reshape") builder.list({2, -1});
    const auto values = builder.run();
    EXPECT_EQ(values[0].shape, (Dimensions{2, 12}));
    EXPECT_EQ(values[0].node, Index{0});
    EXPECT_EQ(builder.graph.nodes.size(), 1u);
  }
}

TEST(MovingRules, TransposePermutes) {
  const Dimensions shape{2, 3, 4, 2};
  const List order{2, 0, 3, 1};
  const Dimensions to{4, 2, 2, 3};
  RuleBuilder builder("Transpose");
  builder.data(shape).set("perm", order);
  expect_map(builder, to, [&](std::int64_t i, const auto& add) {
    const Dimensions at = coordinates(i, to);
    Dimensions from(4);
    for (std::size_t axis = 0; axis < 4; ++axis) from[static_cast<std::size_t>(order[axis])] = at[axis];
    add(entry_at(from, shape), 1);
    return 0.0;
  });
}

TEST(MovingRules, SliceTakesStepsInBothDirections) {
  const Dimensions shape{7, 6};
  RuleBuilder builder("Slice");
  builder.data(shape).list({-1, 1}).list({-100, 6}).list({0, 1}).list({-2, 3});
  const Dimensions to{4, 2};
  expect_map(builder, to, [&](std::int64_t i, const auto& add) {
    const Dimensions at = coordinates(i, to);
    add(entry_at({6 - 2 * at[0], 1 + 3 * at[1]}, shape), 1);
    return 0.0;
  });
}

TEST(MovingRules, SplitHasAllPieces) {
  const Dimensions shape{2, 7, 3};
  for (const std::size_t output : {0u, 1u, 2u}) {
    RuleBuilder builder("Split", 13);
    builder.data(shape).list({3, 0, 4}).set("axis", 1).outputs(3);
    const std::int64_t first[] = {0, 3, 3}, sizes[] = {3, 0, 4};
    const Dimensions to{2, sizes[output], 3};
    expect_map(
        builder, to,
        [&](std::int64_t i, const auto& add) {
          Dimensions at = coordinates(i, to);
          at[1] += first[output];
          add(entry_at(at, shape), 1);
          return 0.0;
        },
        output);
  }
}

TEST(MovingRules, GatherByAConstantHasTheRootOfItsCopies) {
  const Dimensions shape{2, 4, 3};
  const List index{1, -1, 1, 0, 1, 3};
  const auto make = [&] {
    RuleBuilder builder("Gather");
    builder.data(shape).integers_at(index, {2, 3}).set("axis", 1);
    return builder;
  };
  const Dimensions to{2, 2, 3, 3};
  RuleBuilder builder = make();
  expect_map(builder, to, [&](std::int64_t i, const auto& add) {
    const Dimensions at = coordinates(i, to);
    const std::int64_t from = index[static_cast<std::size_t>(3 * at[1] + at[2])];
    add(entry_at({at[0], from < 0 ? from + 4 : from, at[3]}, shape), 1);
    return 0.0;
  });
  RuleBuilder again = make();
  expect_norm(again, std::sqrt(3.0));
}

TEST(MovingRules, ExpandAndTileCopy) {
  RuleBuilder expand("Expand");
  expand.data({3, 1}).list({2, 1, 4});
  expect_map(expand, {2, 3, 4}, [&](std::int64_t i, const auto& add) {
    add(i / 4 % 3, 1);
    return 0.0;
  });
  RuleBuilder norm("Expand");
  norm.data({3, 1}).list({2, 1, 4});
  expect_norm(norm, std::sqrt(8.0));
  RuleBuilder tile("Tile");
  tile.data({2, 3}).list({2, 3});
  const Dimensions to{4, 9};
  expect_map(tile, to, [&](std::int64_t i, const auto& add) {
    const Dimensions at = coordinates(i, to);
    add(at[0] % 2 * 3 + at[1] % 3, 1);
    return 0.0;
  });
  RuleBuilder tiled("Tile");
  tiled.data({2, 3}).list({2, 3});
  expect_norm(tiled, std::sqrt(6.0));
}

// Where the entry at j of a padded axis comes from, by walking.
std::int64_t walked(const std::string& mode, std::int64_t n, std::int64_t j) {
  if (mode == "constant") return j >= 0 && j < n ? j : -1;
  while (j < 0 || j >= n) {
    if (mode == "edge") j += j < 0 ? 1 : -1;
    if (mode == "wrap") j += j < 0 ? n : -n;
    if (mode == "reflect") j = j < 0 ? -j : 2 * (n - 1) - j;
  }
  return j;
}

TEST(MovingRules, PadHasItsModesAndCutsByNegativePads) {
  const Dimensions shape{2, 4, 3};
  for (const std::string mode : {"constant", "edge", "wrap", "reflect"}) {
    for (const List& pads : {List{0, 2, 1, 1, 3, 2}, List{-1, 3, 0, 0, -2, 2}, List{1, 0, -1, 1, 3, 0}}) {
      SCOPED_TRACE(mode);
      RuleBuilder builder("Pad");
      builder.data(shape).list(pads).numbers({2.5}, {}).set("mode", mode);
      Dimensions to = shape;
      for (std::size_t axis = 0; axis < 3; ++axis) to[axis] += pads[axis] + pads[axis + 3];
      expect_map(builder, to, [&](std::int64_t i, const auto& add) {
        Dimensions at = coordinates(i, to);
        for (std::size_t axis = 0; axis < 3; ++axis) {
          at[axis] = walked(mode, shape[axis], at[axis] - pads[axis]);
          if (at[axis] < 0) return 2.5;
        }
        add(entry_at(at, shape), 1);
        return 0.0;
      });
    }
  }
  RuleBuilder norm("Pad");
  norm.data({4, 3}).list({3, 0, 2, 1}).set("mode", "edge");
  expect_norm(norm, std::sqrt(4.0 * 2.0));
  RuleBuilder by_axes("Pad");
  by_axes.data({2, 2}).list({0, 1}).absent().list({-1});
  expect_map(by_axes, {2, 3}, [&](std::int64_t i, const auto& add) {
    if (i % 3 < 2) add(i / 3 * 2 + i % 3, 1);
    return 0.0;
  });
  RuleBuilder old("Pad", 2);
  old.data({2}).set("pads", List{1, 0}).set("value", -1.0);
  expect_map(old, {3}, [&](std::int64_t i, const auto& add) {
    if (i == 0) return -1.0;
    add(i - 1, 1);
    return 0.0;
  });
}

TEST(MovingRules, DepthToSpaceAndBack) {
  const Dimensions shape{2, 12, 2, 3};
  const Dimensions to{2, 3, 4, 6};
  for (const std::string mode : {"DCR", "CRD"}) {
    RuleBuilder builder("DepthToSpace");
    builder.data(shape).set("blocksize", 2).set("mode", mode);
    expect_map(builder, to, [&](std::int64_t i, const auto& add) {
      const Dimensions at = coordinates(i, to);
      const std::int64_t row = at[2] % 2, column = at[3] % 2;
      const std::int64_t channel = mode == "DCR" ? (row * 2 + column) * 3 + at[1] : at[1] * 4 + row * 2 + column;
      add(entry_at({at[0], channel, at[2] / 2, at[3] / 2}, shape), 1);
      return 0.0;
    });
  }
  RuleBuilder back("SpaceToDepth");
  back.data(to).set("blocksize", 2);
  expect_map(back, shape, [&](std::int64_t i, const auto& add) {
    const Dimensions at = coordinates(i, shape);
    const std::int64_t block = at[1] / 3;
    add(entry_at({at[0], at[1] % 3, 2 * at[2] + block / 2, 2 * at[3] + block % 2}, to), 1);
    return 0.0;
  });
}

TEST(MovingRules, ConcatStacksDataAndKeepsConstants) {
  RuleBuilder builder("Concat");
  builder.data({2, 2, 3}).numbers({1, 2, 3, 4, 5, 6}, {2, 1, 3}).data({2, 3, 3}).set("axis", 1);
  const Dimensions to{2, 6, 3};
  expect_map(builder, to, [&](std::int64_t i, const auto& add) {
    const Dimensions at = coordinates(i, to);
    if (at[1] < 2) {
      add(entry_at(at, {2, 2, 3}), 1);
    } else if (at[1] == 2) {
      return static_cast<double>(1 + 3 * at[0] + at[2]);
    } else {
      add(12 + entry_at({at[0], at[1] - 3, at[2]}, {2, 3, 3}), 1);
    }
    return 0.0;
  });
  RuleBuilder along_the_first("Concat");
  along_the_first.data({1, 2}).data({3, 2}).set("axis", -2);
  along_the_first.run();
  EXPECT_EQ(along_the_first.graph.nodes.size(), 3u) << "two inputs and a stack";
}

TEST(MovingRules, RefuseWhatTheyCannotKnow) {
  RuleBuilder by_data("Gather");
  by_data.data({5}).data({2});
  EXPECT_NE(refusal_of(by_data).find("computed from the input"), std::string::npos) << refusal_of(by_data);
  RuleBuilder mode("Pad");
  mode.data({5}).list({1, 1}).set("mode", "other");
  EXPECT_EQ(refusal_of(mode), "pads in mode 'other'");
  RuleBuilder shapes("Concat");
  shapes.data({2, 3}).data({2, 4}).set("axis", 0);
  EXPECT_EQ(refusal_of(shapes), "joins the shapes [2, 3] and [2, 4]");
  RuleBuilder block("DepthToSpace");
  block.data({1, 6, 2, 2}).set("blocksize", 2);
  EXPECT_EQ(refusal_of(block), "makes blocks of 4 of 6 channels");
}

TEST(MovingRules, TrianglesKeepTheirEntries) {
  for (const bool upper : {true, false}) {
    for (const std::int64_t diagonal : {-2, 0, 1, 9}) {
      RuleBuilder builder("Trilu");
      builder.data({2, 3, 4}).integers_at({diagonal}, {}).set("upper", upper ? 1 : 0);
      expect_map(builder, {2, 3, 4}, [&](std::int64_t i, const auto& add) {
        const std::int64_t above = i % 4 - i / 4 % 3;
        if (upper ? above >= diagonal : above <= diagonal) add(i, 1.0L);
        return 0.0;
      });
    }
  }
}

TEST(MovingRules, GatherNDTakesSlicesOfABatch) {
  RuleBuilder builder("GatherND");
  builder.data({2, 3, 4}).integers_at({2, -3, 0, 1}, {2, 2, 1}).set("batch_dims", 1);
  const std::int64_t rows[] = {2, 0, 3, 4};
  expect_map(builder, {2, 2, 4}, [&](std::int64_t i, const auto& add) {
    add(rows[i / 4] * 4 + i % 4, 1.0L);
    return 0.0;
  });
  RuleBuilder single("GatherND");
  single.data({2, 3, 4}).integers_at({1, 2, 3, 0, -1, 0}, {2, 3});
  expect_map(single, {2}, [&](std::int64_t i, const auto& add) {
    add(i == 0 ? 23 : 8, 1.0L);
    return 0.0;
  });
}

TEST(MovingRules, ScatterPutsEntriesInPlaces) {
  // Row 2 and row 0 of x are new: the second operand.
  RuleBuilder rows("ScatterND");
  rows.data({3, 2}).integers_at({2, 0}, {2, 1}).data({2, 2});
  expect_map(rows, {3, 2}, [&](std::int64_t i, const auto& add) {
    add(i < 2 ? 6 + 2 + i : i < 4 ? i : 6 + i - 4, 1.0L);
    return 0.0;
  });
  RuleBuilder elements("ScatterElements");
  elements.data({2, 3}).integers_at({1, -1, 0, 2}, {2, 2}).data({2, 2}).set("axis", 1);
  expect_map(elements, {2, 3}, [&](std::int64_t i, const auto& add) {
    const std::int64_t from[] = {0, 6, 7, 8, 4, 9};
    add(from[i], 1.0L);
    return 0.0;
  });
  RuleBuilder twice("ScatterND");
  twice.data({3, 2}).integers_at({2, 2}, {2, 1}).data({2, 2});
  EXPECT_EQ(refusal_of(twice), "puts two entries into one place, in no stated order");
  RuleBuilder products("ScatterND");
  products.data({3, 2}).integers_at({2, 0}, {2, 1}).data({2, 2}).set("reduction", "mul");
  EXPECT_EQ(refusal_of(products), "combines entries by 'mul', which no rule knows");
}

TEST(MovingRules, ScatterAddsTwiceIntoOnePlace) {
  RuleBuilder rows("ScatterND");
  rows.data({3, 2}).integers_at({2, 2, 0}, {3, 1}).data({3, 2}).set("reduction", "add");
  expect_map(rows, {3, 2}, [&](std::int64_t i, const auto& add) {
    add(i, 1.0L);
    for (const std::int64_t update : {0, 1, 2}) {
      if (i / 2 == (update == 2 ? 0 : 2)) add(6 + 2 * update + i % 2, 1.0L);
    }
    return 0.0;
  });
  // [I S^T] with three entries in one place: the root of 1 + 2.
  RuleBuilder twice("ScatterND");
  twice.data({3, 2}).integers_at({2, 2, 0}, {3, 1}).data({3, 2}).set("reduction", "add");
  expect_norm(twice, std::sqrt(3.0));
  RuleBuilder onto_constants("ScatterElements");
  onto_constants.numbers({1, 2, 3}, {3}).integers_at({1, 1}, {2}).data({2}).set("reduction", "add");
  expect_map(onto_constants, {3}, [&](std::int64_t i, const auto& add) {
    if (i == 1) add(0, 1.0L);
    if (i == 1) add(1, 1.0L);
    return static_cast<double>(i + 1);
  });
}

TEST(MovingRules, ScatterTakesExtremes) {
  for (const bool least : {false, true}) {
    RuleBuilder elements("ScatterElements");
    elements.data({3}).integers_at({1, 1, 2, 1}, {4}).data({4}).set("reduction", least ? "min" : "max");
    const auto values = elements.run();
    elements.graph.outputs = {*values[0].node};
    const std::vector<double> input{0.5, 1, -2, 3, -1, -3, 0};
    const std::vector<double> expected = least ? std::vector<double>{0.5, -1, -3} : std::vector<double>{0.5, 3, -2};
    EXPECT_EQ(evaluate(elements.graph, input)[*values[0].node], expected);
  }
}

}  // namespace
}  // namespace sigmax::graph::testing
