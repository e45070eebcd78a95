#include "sigmax/report/columns.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "report/sample_result.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/report/order.hpp"

namespace sigmax::report {
namespace {

std::vector<std::string> names(const std::vector<const audit::TensorResult*>& tensors) {
  std::vector<std::string> all;
  for (const audit::TensorResult* t : tensors) all.push_back(t->name);
  return all;
}

TEST(Columns, KeysAreUniqueAndEachColumnIsExplained) {
  std::set<std::string_view> keys;
  for (const WeightColumn& c : columns()) {
    EXPECT_TRUE(keys.insert(c.key).second) << c.key;
    EXPECT_FALSE(c.heading.empty());
    EXPECT_FALSE(c.help.empty());
    EXPECT_NE(c.value, nullptr);
    EXPECT_EQ((c.uses & table) != 0, c.priority > 0) << c.key;
  }
}

TEST(Columns, EachIsDocumented) {
  const auto docs = std::filesystem::path(SIGMAX_SOURCE_FOLDER) / "docs/audit.md";
  std::ifstream file(docs);
  ASSERT_TRUE(file) << docs;
  std::stringstream text;
  text << file.rdbuf();
  for (const WeightColumn& c : columns()) {
    EXPECT_NE(text.str().find("`" + std::string(c.key) + "`"), std::string::npos)
        << c.key << " is not in docs/audit.md";
  }
}

TEST(Columns, CellsAreNeverEmptyAndNeverHoldControlCharacters) {
  audit::Result result = report_test::sample();
  result.tensors[0].name = "\x1b[2J\n\xff";
  for (const audit::TensorResult& tensor : result.tensors) {
    for (const WeightColumn& c : columns()) {
      for (const bool unicode : {true, false}) {
        const std::string text = cell_text(c, {&tensor}, glyphs(unicode));
        EXPECT_FALSE(text.empty()) << c.key;
        EXPECT_EQ(visible(text, unicode), text) << c.key;
      }
    }
  }
}

TEST(Columns, AnUnknownKeyNamesTheKnownOnes) {
  try {
    column("sigma\x1b");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("stable_rank"), std::string::npos);
    EXPECT_EQ(std::string(e.what()).find('\x1b'), std::string::npos);
  }
}

TEST(Columns, MatrixOfABatchAndOfAConvolution) {
  const audit::Result result = report_test::sample();
  const auto cell = [&](std::size_t i) { return cell_text(column("matrix"), {&result.tensors.at(i)}, glyphs(true)); };
  EXPECT_EQ(cell(0), "30522x384");
  EXPECT_EQ(cell(1), "†64x147");
  EXPECT_EQ(cell(15), "64x[256x128]");
}

TEST(Columns, TheConditionOfTheStoredMatrixIsShownAndMarkedWhereRoundingMayExplainIt) {
  const audit::Result result = report_test::sample();
  const auto text = [&](std::size_t i, bool unicode = true) {
    return cell_text(column("condition"), {&result.tensors[i]}, glyphs(unicode));
  };
  // 7.1234567 / 1.1e-9
  EXPECT_EQ(text(2), "‡6.48e9");
  EXPECT_EQ(text(2, false), "^6.48e9");
  EXPECT_EQ(text(3).find("‡"), std::string::npos);
  // 1 / (384 2^-52), rounded down.
  EXPECT_EQ(text(6), "‡> 1e13");
  EXPECT_NEAR(sort_value(column("condition"), {&result.tensors[2]}), 7.1234567 / 1.1e-9, 1);
  EXPECT_EQ(sort_value(column("condition"), {&result.tensors[6]}), std::numeric_limits<double>::infinity());
}

// Gates go by it: sigma_max / (2^-24 |W|_F) = 2^24 / 6.32 = 2.65e6.
TEST(Columns, TheLeastConditionIsThatOfTheWorstRounding) {
  const audit::Result result = report_test::sample();
  EXPECT_NEAR(*least_condition({&result.tensors[2]}), 0x1p24 / (std::sqrt(384.0) / 3.1), 1);
  EXPECT_NEAR(*least_condition({&result.tensors[6]}), 0x1p24 / (std::sqrt(384.0) / 3.1), 1);
  EXPECT_EQ(*least_condition({&result.tensors[3]}), *result.tensors[3].figures->spectrum->condition);
}

TEST(Select, KeepsTheOrderOfTheCheckpointWithoutAKey) {
  const audit::Result result = report_test::sample();
  const auto chosen = select(result, "", 3);
  ASSERT_EQ(chosen.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(chosen[i], &result.tensors[i]);
}

TEST(Select, FiguresDescendNonFiniteFirstMissingLast) {
  audit::Result result = report_test::sample();
  result.tensors[0].figures->spectrum.reset();
  const auto chosen = select(result, "sigma_min", {});
  ASSERT_EQ(chosen.size(), result.tensors.size());
  EXPECT_TRUE(chosen.front()->non_finite);
  EXPECT_EQ(chosen.back(), &result.tensors[0]);
  for (std::size_t i = 2; i + 1 < chosen.size(); ++i) {
    EXPECT_GE(chosen[i - 1]->figures->spectrum->sigma_min, chosen[i]->figures->spectrum->sigma_min);
  }
}

TEST(Select, TextAscends) {
  const audit::Result result = report_test::sample();
  const auto sorted = names(select(result, "name", {}));
  EXPECT_TRUE(std::is_sorted(sorted.begin(), sorted.end()));
}

TEST(Select, ADirectionTurnsTheOrderAndLeavesNonFiniteFirstAndMissingLast) {
  audit::Result result = report_test::sample();
  result.tensors[0].figures->spectrum.reset();
  const auto chosen = select(result, {"sigma_min", true}, {});
  EXPECT_TRUE(chosen.front()->non_finite);
  EXPECT_EQ(chosen.back(), &result.tensors[0]);
  for (std::size_t i = 2; i + 1 < chosen.size(); ++i) {
    EXPECT_LE(chosen[i - 1]->figures->spectrum->sigma_min, chosen[i]->figures->spectrum->sigma_min);
  }
  auto ascending = names(select(result, {"name", true}, {}));
  std::reverse(ascending.begin(), ascending.end());
  EXPECT_EQ(names(select(result, {"name", false}, {})), ascending);
}

TEST(Select, ConditionNumbersAreOrderedByWhatIsShown) {
  audit::Result result = report_test::sample();
  result.tensors[1].figures->spectrum->condition.reset();  // 64x147: more can be told than of 384x384
  const auto chosen = select(result, "condition", {});
  // First the non-finite one, then the infinite ones by decreasing bound, then the condition numbers.
  EXPECT_EQ(chosen[1]->name, "head.zero.weight");
  EXPECT_EQ(cell_text(column("condition"), {chosen[1]}, glyphs(true)), "infinite");
  EXPECT_EQ(chosen[2], &result.tensors[1]);
  EXPECT_EQ(chosen[3], &result.tensors[6]);
  EXPECT_EQ(chosen[4], &result.tensors[2]);
  EXPECT_EQ(select(result, {"condition", true}, {}).back()->name, "head.zero.weight");
}

}  // namespace
}  // namespace sigmax::report
