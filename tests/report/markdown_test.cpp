#include "sigmax/report/markdown.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "report/sample_result.hpp"
#include "sigmax/report/audit_report.hpp"

namespace sigmax::report {
namespace {

TEST(MarkdownCode, IsACodeSpanOrAnElementWithEntities) {
  EXPECT_EQ(markdown_code("encoder.layer_0.weight"), "`encoder.layer_0.weight`");
  EXPECT_EQ(markdown_code("<script>"), "`<script>`") << "a code span shows it literally";
  EXPECT_EQ(markdown_code("a|b"), "<code>a&#124;b</code>");
  EXPECT_EQ(markdown_code("a`b"), "<code>a&#96;b</code>");
  EXPECT_EQ(markdown_code("a\nb"), "<code>a&#92;nb</code>");
  EXPECT_EQ(markdown_code(""), "<code></code>");
}

TEST(Markdown, EveryLineOfATableHasTheSameNumberOfCells) {
  audit::Result result = report_test::sample();
  result.tensors[0].name = "a|b\\|c`|`\n| d";
  result.tensors[14].parts[0].name = "gate|";
  result.skipped[0].name = "|";
  result.skipped[0].reason = "a | reason\n## with a heading";
  result.gates[0].expression = "sigma > 1 || condition > 2";
  result.gates[0].not_judged[0].name = result.gates[0].not_judged[0].detail = "|\n|";
  std::istringstream stream(render_markdown(result));
  long cells = 0;
  for (std::string line; std::getline(stream, line);) {
    if (line.empty() || line[0] != '|') {
      cells = 0;
      continue;
    }
    const long count = std::count(line.begin(), line.end(), '|');
    if (cells == 0) cells = count;
    EXPECT_EQ(count, cells) << line;
  }
}

TEST(Markdown, UntrustedTextIsNoMarkup) {
  audit::Result result = report_test::sample();
  result.model.path = "<img src=x>`";
  result.model.notes = {"see @everyone [x](http://x) <script> __b__ # h"};
  result.skipped[0].reason = "<script>alert(1)</script> *bold*";
  result.tensors[0].name = "`</code><script>";
  result.gates[1].tripped[0].name = "`<script>";
  result.gates[1].not_judged[0].detail = "<script> @everyone *bold*";
  const std::string text = render_markdown(result);
  EXPECT_EQ(text.find("<script"), std::string::npos);
  EXPECT_EQ(text.find("<img"), std::string::npos);
  EXPECT_EQ(text.find("[x]("), std::string::npos);
  EXPECT_EQ(text.find("@everyone"), std::string::npos);
  EXPECT_EQ(text.find("*bold*"), std::string::npos);
  EXPECT_EQ(text.find("__b__"), std::string::npos);
}

TEST(Markdown, HoldsSummaryLegendAndSkipped) {
  const std::string text = render_markdown(report_test::sample());
  for (const char* wanted : {"Read 96 tensors: 20 weights audited", "## Skipped (76)", "| 74 | not a matrix",
                             "not the convolution's operator norm", "**✗ 3 NaN, 1 infinite, first at [7, 12]**",
                             "19.427193 ✓", "56 more", "sigma_max"}) {
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted;
  }
}

TEST(Markdown, TheLegendExplainsOnlyTheSignsOfItsColumns) {
  audit::Result result = report_test::sample();
  const auto only_at_99 = [](audit::Figures& figures) {
    if (!figures.spectrum) return;
    figures.spectrum->rank_95.saves_parameters = false;
    figures.spectrum->rank_99.saves_parameters = true;
  };
  for (audit::TensorResult& tensor : result.tensors) {
    if (tensor.figures) only_at_99(*tensor.figures);
    for (audit::Part& part : tensor.parts) only_at_99(part.figures);
  }
  EXPECT_EQ(render_markdown(result).find("↓"), std::string::npos) << "it has no column of ranks for 99 % of the energy";
  EXPECT_NE(render_markdown(report_test::sample()).find("- ↓ "), std::string::npos);
  EXPECT_NE(render_html(result).find("<li>↓ "), std::string::npos) << "a page has";
}

TEST(Markdown, HoldsTheOutcomeOfEachGate) {
  const std::string text = render_markdown(report_test::sample());
  for (const char* wanted :
       {"## Gates", "| `sigma > 400` | passed | 20 | `qkv.packed` ignored (unread): u4 |",
        "| `sigma > 100` | **TRIPPED** | 19 | `embeddings.word_embeddings.weight` tripped: sigma_max in",
        "<br> `head.broken.weight` not judged (nan): 3 NaN", "| `rank_95 > 1e9` | **NOT JUDGED** | 20 |",
        "76 skipped, 1 of which may be a weight and was NOT READ"}) {
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted;
  }
}

TEST(Markdown, TopSaysHowManyThereAre) {
  MarkdownOptions options;
  options.top = 3;
  EXPECT_NE(render_markdown(report_test::sample(), options).find("3 of 20 weights shown."), std::string::npos);
}

}  // namespace
}  // namespace sigmax::report
