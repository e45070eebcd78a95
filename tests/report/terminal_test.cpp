#include "sigmax/report/audit_report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "report/sample_result.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::report {
namespace {

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) all.push_back(line);
  return all;
}

std::string without_color(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      i = text.find('m', i);
    } else {
      plain += text[i];
    }
  }
  return plain;
}

TableOptions at(std::size_t width) {
  TableOptions options;
  options.width = width;
  return options;
}

audit::Result hostile() {
  audit::Result result = report_test::sample();
  result.model.path = "\x1b]0;owned\x07.safetensors";
  result.model.notes = {"ignored \x1b[2J.txt"};
  result.tensors[0].name = "\x1b[31mred\nsecond line\xff";
  result.tensors[1].name = "模型.层.0.注意力.权重.模型.层.0.注意力.权重.模型.层.0.注意力.权重";
  result.tensors[2].name = std::string(5000, 'x');
  result.tensors[14].parts[0].name = "\u202egate";
  result.skipped[0].name = "\x1b[8mhidden";
  result.skipped[0].reason = "because \x1b[5m";
  return result;
}

TEST(Terminal, NoLineIsWiderThanAsked) {
  for (const audit::Result& result : {report_test::sample(), hostile()}) {
    for (const std::size_t width : {40u, 60u, 80u, 100u, 120u, 200u, 300u}) {
      for (int flags = 0; flags < 8; ++flags) {
        TableOptions options = at(width);
        options.color = (flags & 1) != 0;
        options.unicode = (flags & 2) != 0;
        options.verbose = (flags & 4) != 0;
        for (const std::string& line : lines(without_color(render_table(result, options)))) {
          EXPECT_LE(display_width(line), width) << line;
        }
      }
    }
  }
}

TEST(Terminal, HostileNamesReachItSpelledOut) {
  const std::string text = render_table(hostile(), at(200));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
  EXPECT_EQ(text.find("\u202e"), std::string::npos);
  EXPECT_NE(text.find("\\x1b[31mred\\nsecond line\\xff"), std::string::npos);
  for (const std::string& line : lines(text)) EXPECT_EQ(visible(line), line);
}

TEST(Terminal, AsciiMeansAscii) {
  TableOptions options = at(120);
  options.unicode = false;
  const std::string text = render_table(hostile(), options);
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); }));
}

TEST(Terminal, ColorChangesNothingButColor) {
  TableOptions options = at(100);
  const std::string plain = render_table(report_test::sample(), options);
  options.color = true;
  const std::string colored = render_table(report_test::sample(), options);
  EXPECT_NE(colored, plain);
  std::vector<std::string> a = lines(plain);
  std::vector<std::string> b = lines(without_color(colored));
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    b[i].erase(b[i].find_last_not_of(' ') + 1);
    EXPECT_EQ(a[i], b[i]);
  }
}

TEST(Terminal, TheLegendExplainsTheSignsOfTheColumnsShown) {
  audit::Result result = report_test::sample();
  for (audit::TensorResult& tensor : result.tensors) {
    if (!tensor.figures || !tensor.figures->spectrum) continue;
    tensor.figures->spectrum->rank_95.saves_parameters = false;
    for (audit::Part& part : tensor.parts) {
      if (part.figures.spectrum) part.figures.spectrum->rank_95.saves_parameters = false;
    }
    tensor.figures->spectrum->rank_99.saves_parameters = true;
  }
  const std::string_view meaning = "take fewer parameters than the matrix";
  const std::string narrow = render_table(result, at(80)), wide = render_table(result, at(300));
  EXPECT_EQ(narrow.find("99%"), std::string::npos);
  EXPECT_EQ(narrow.find("↓"), std::string::npos) << narrow;
  EXPECT_EQ(narrow.find(meaning), std::string::npos);
  EXPECT_NE(wide.find(meaning), std::string::npos);
  EXPECT_NE(render_table(report_test::sample(), at(80)).find(meaning), std::string::npos);
  // The narrowest table has no condition numbers to explain.
  for (const std::size_t width : {40u, 50u, 60u, 70u, 80u}) {
    const std::string text = render_table(report_test::sample(), at(width));
    const std::string table = text.substr(0, text.find("sigma_max proven:"));
    EXPECT_EQ(text.find("‡ sigma_min is no larger") != std::string::npos, table.find("condition") != std::string::npos)
        << width;
  }
}

TEST(Terminal, VeryLongNamesAreShortenedInSentences) {
  audit::Result result = report_test::sample();
  for (audit::TensorResult& tensor : result.tensors) tensor.name = std::string(40000, 'n') + tensor.name;
  for (audit::Skipped& tensor : result.skipped) tensor.name = std::string(40000, 's') + tensor.name;
  TableOptions options = at(100);
  for (const bool verbose : {false, true}) {
    options.verbose = verbose;
    EXPECT_LT(render_table(result, options).size(), 40000u);
  }
}

TEST(Terminal, EightyColumnsHoldTheEssentialOnes) {
  const std::string text = render_table(report_test::sample(), at(80));
  for (const char* wanted : {"matrix", "sigma_max", "stable", "condition", "rank", "95%", "19.427193 ✓", "‡6.48e9",
                             "‡> 1e13", "64x[256x128]", "†64x147", "0.234–0.290 ~", "≥3.345678", "231↓"}) {
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted;
  }
  EXPECT_EQ(text.find("nuclear"), std::string::npos);
}

TEST(Terminal, WiderOnesHoldMore) {
  const std::string text = render_table(report_test::sample(), at(220));
  for (const char* wanted : {"nuclear", "Frobenius", "1-norm", "role", "dtype", "sigma_min", "effective"}) {
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted;
  }
}

TEST(Terminal, NonFiniteWeightsAreLoud) {
  const std::string text = render_table(report_test::sample(), at(80));
  EXPECT_NE(text.find("✗ 3 NaN, 1 infinite, first at [7, 12]"), std::string::npos);
  EXPECT_NE(text.find("1 NOT MEASURED"), std::string::npos);
}

TEST(Terminal, ManySkippedTensorsAreGroupedAndVerboseListsEach) {
  const audit::Result result = report_test::sample();
  const std::string brief = render_table(result, at(80));
  EXPECT_LT(lines(brief).size(), 70u);
  EXPECT_NE(brief.find("74 not a matrix"), std::string::npos) << brief;
  EXPECT_NE(brief.find("u4 values are not read"), std::string::npos);
  TableOptions options = at(200);
  options.verbose = true;
  const std::string all = render_table(result, options);
  for (const audit::Skipped& tensor : result.skipped) EXPECT_NE(all.find(tensor.name), std::string::npos);
}

TEST(Terminal, LongStacksAreShortenedUnlessVerbose) {
  TableOptions options = at(80);
  EXPECT_NE(render_table(report_test::sample(), options).find("60 more, sigma_max 2.180 to 12.21"), std::string::npos);
  options.verbose = true;
  EXPECT_NE(render_table(report_test::sample(), options).find("└ [63]"), std::string::npos);
}

TEST(Terminal, FilesHeadTheirWeightsIfThereAreSeveral) {
  audit::Result result = report_test::sample();
  result.model.files.push_back({"b.safetensors", "safetensors", 1});
  for (std::size_t i = 10; i < result.tensors.size(); ++i) result.tensors[i].file = "b.safetensors";
  const std::vector<std::string> grouped = lines(render_table(result, at(100)));
  EXPECT_EQ(std::count(grouped.begin(), grouped.end(), "b.safetensors"), 1);
  TableOptions options = at(100);
  options.sort = "sigma_max";
  EXPECT_NE(render_table(result, options).find("  file"), std::string::npos) << "sorted: a column instead";
}

TEST(Terminal, TopSaysHowManyThereAre) {
  TableOptions options = at(80);
  options.sort = "stable_rank";
  options.top = 5;
  EXPECT_NE(render_table(report_test::sample(), options).find("5 of 20 weights shown, by stable_rank."),
            std::string::npos);
  options.sort = "beauty";
  EXPECT_THROW(render_table(report_test::sample(), options), Error);
}

TEST(Terminal, TheSortedColumnIsShownHoweverNarrow) {
  TableOptions options = at(60);
  options.sort = "nuclear";
  EXPECT_NE(render_table(report_test::sample(), options).find("nuclear"), std::string::npos);
}

TEST(Terminal, AQuickAuditHasNoEmptyColumns) {
  audit::Result result = report_test::sample();
  result.full_spectrum = false;
  for (audit::TensorResult& tensor : result.tensors) {
    if (tensor.figures) tensor.figures->spectrum.reset();
    for (audit::Part& part : tensor.parts) part.figures.spectrum.reset();
  }
  const std::string text = render_table(result, at(200));
  EXPECT_EQ(text.find("nuclear\n"), std::string::npos);
  EXPECT_EQ(text.find("95%"), std::string::npos);
  EXPECT_NE(text.find("Quick audit"), std::string::npos);
}

TEST(Terminal, AnEmptyResultStillSaysWhatWasSkipped) {
  audit::Result result = report_test::sample();
  result.tensors.clear();
  report_test::finish(result);
  const std::string text = render_table(result, at(80));
  EXPECT_NE(text.find("No weights to audit."), std::string::npos);
  EXPECT_NE(text.find("Skipped (76)"), std::string::npos);
  EXPECT_FALSE(render_table({}, at(80)).empty());
}

}  // namespace
}  // namespace sigmax::report
