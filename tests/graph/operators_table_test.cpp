// docs/onnx-operators.md against the rules.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "sigmax/graph/onnx/refusals.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/runtime_operators.hpp"
#include "sigmax/graph/onnx/spelled_out.hpp"

namespace sigmax::graph::onnx {
namespace {

/// The first cell of a row, in backquotes: its operators; and the second cell.
struct Row {
  std::vector<std::string> operators;
  std::string says;
};

/// The rows under headings that begin with `Refused`, or under the others.
std::vector<Row> rows(bool refused) {
  const auto path = std::filesystem::path(SIGMAX_SOURCE_FOLDER) / "docs/onnx-operators.md";
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  std::vector<Row> all;
  bool in_refused = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) in_refused = line.starts_with("## Refused");
    if (!line.starts_with("| ") || in_refused != refused) continue;
    const std::size_t end = line.find(" | ", 2);
    Row row{{}, line.substr(end + 3, line.size() - end - 5)};
    const std::string cell = line.substr(2, end - 2);
    for (std::size_t at = cell.find('`'); at != std::string::npos; at = cell.find('`', at + 1)) {
      const std::size_t close = cell.find('`', at + 1);
      if (close == std::string::npos) break;
      const std::string word = cell.substr(at + 1, close - at - 1);
      if (std::ranges::all_of(word, [](unsigned char c) { return std::isalnum(c) != 0; }))
        row.operators.push_back(word);
      at = close;
    }
    all.push_back(std::move(row));
  }
  return all;
}

io::ComputationNode node_of(const std::string& op) {
  io::ComputationNode node;
  node.op = op;
  return node;
}

// These are taken apart at import, without a rule.
const std::set<std::string> kWithGraphs{"If", "Loop", "Scan"};

TEST(OperatorsTable, HasEveryRuleAndNoOther) {
  std::set<std::string> listed;
  for (const Row& row : rows(false)) listed.insert(row.operators.begin(), row.operators.end());
  std::set<std::string> known = kWithGraphs;
  for (const std::string_view op : ops_with_rules()) known.emplace(op);
  known.erase(kStandardization);
  known.erase(kHypotenuse);
  known.erase(kPackedAttention);
  EXPECT_EQ(listed, known);
}

TEST(OperatorsTable, GivesTheReasonsOfRefusals) {
  std::size_t count = 0;
  for (const Row& row : rows(true)) {
    for (const std::string& op : row.operators) {
      EXPECT_EQ(find_rule(op), nullptr) << op;
      EXPECT_EQ(reason_without_rule(node_of(op)), row.says) << op;
      ++count;
    }
  }
  EXPECT_GT(count, 30U);
  EXPECT_EQ(reason_without_rule(node_of("NoSuchOperator")), "is an operator that no rule knows");
}

}  // namespace
}  // namespace sigmax::graph::onnx
