// A table that does not come from an audit, in every format.
#include "sigmax/report/table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "sigmax/report/csv.hpp"
#include "sigmax/report/document.hpp"
#include "sigmax/report/html.hpp"
#include "sigmax/report/json.hpp"
#include "sigmax/report/markdown.hpp"
#include "sigmax/report/terminal.hpp"

namespace sigmax::report {
namespace {

Cell name_cell(const std::string& name) { return {.value = name, .text = visible(name), .code = true}; }

Table layers() {
  Table all;
  all.columns = {
      {.key = "name", .heading = "layer", .alignment = Alignment::left, .uses = table | data | figure, .narrowest = 8},
      {.key = "norm", .heading = "norm", .uses = table | data | figure},
      {.key = "exact", .heading = "exact", .alignment = Alignment::left, .uses = data | figure},
      {.key = "gain", .heading = "gain left", .uses = table, .priority = 9}};
  all.rows = {
      {.cells = {name_cell("encoder.block.0.attention.weight"), {.value = 12.5}, {.value = true}, {.value = 3}}},
      {.cells = {name_cell("head|\x1b[1m,\n<b>"), {}, {.value = false}, {}}, .tone = Tone::dim}};
  all.noun = "layer";
  all.total = 2;
  return all;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) all.push_back(line);
  return all;
}

TEST(WriteTerminal, AlignsColumnsAndNamesWhatDoesNotExist) {
  const auto text = lines(write_terminal({{layers()}}, {.width = 80}));
  ASSERT_EQ(text.size(), 3u);
  EXPECT_EQ(text[0], "layer                               norm  gain left");
  EXPECT_EQ(text[1], "encoder.block.0.attention.weight  12.500          3");
  EXPECT_EQ(text[2].substr(text[2].size() - 3), "–");
  EXPECT_EQ(text[2].find('\x1b'), std::string::npos);
}

TEST(WriteTerminal, NarrowOnesDropColumnsByPriorityAndShrinkNames) {
  for (const std::size_t width : {20u, 30u, 45u}) {
    const std::string text = write_terminal({{layers()}}, {.width = width});
    EXPECT_EQ(text.find("gain"), std::string::npos) << width;
    EXPECT_NE(text.find("12.500"), std::string::npos) << width;
    for (const std::string& line : lines(text)) EXPECT_LE(display_width(line), width) << line;
  }
}

TEST(WriteTerminal, RuledHeadingsBreakAtTheBlank) {
  Table ruled = layers();
  ruled.ruled = true;
  const auto text = lines(write_terminal({{ruled}}, {.width = 80, .unicode = false}));
  ASSERT_EQ(text.size(), 6u);
  EXPECT_NE(text[0].find("gain"), std::string::npos);
  EXPECT_NE(text[1].find("left"), std::string::npos);
  EXPECT_EQ(text[2], std::string(text[2].size(), '-'));
  EXPECT_EQ(text[2], text[5]);
}

TEST(WriteTerminal, SaysWhatIsLeftOutAndWhatThereIsNot) {
  Table some = layers();
  some.total = 7;
  some.order = "norm";
  EXPECT_NE(write_terminal({{some}}, {}).find("2 of 7 layers shown, by norm."), std::string::npos);
  some.rows.clear();
  some.total = 0;
  some.if_empty = "No layers.";
  EXPECT_EQ(write_terminal({{some}}, {}), "No layers.\n");
}

TEST(WriteTerminal, FactsHangBehindTheirLabels) {
  const Facts facts{{{.label = "method  ", .text = std::string(60, 'x') + " " + std::string(20, 'y')},
                     {.label = "count   ", .value = 3}}};
  const auto text = lines(write_terminal({{facts}}, {.width = 70}));
  ASSERT_EQ(text.size(), 3u);
  EXPECT_EQ(text[0], "method  " + std::string(60, 'x'));
  EXPECT_EQ(text[1], std::string(8, ' ') + std::string(20, 'y'));
  EXPECT_EQ(text[2], "count   3");
}

TEST(Facts, AreItemsInMarkdownAndOnAPage) {
  const Document document = {{Facts{{{.label = "count: ", .value = 3}, {.label = "name: ", .text = "a<b>|*"}}}}};
  EXPECT_EQ(write_markdown(document), "- count: 3\n- name: a&#60;b>&#124;&#42;\n");
  const std::string page = write_html(document);
  EXPECT_NE(page.find("<li>count: 3</li>\n<li>name: a&lt;b&gt;|*</li>"), std::string::npos);
}

TEST(WriteCsv, KeepsOrSpellsOutLineFeeds) {
  EXPECT_EQ(write_csv(layers()),
            "name,norm,exact\r\nencoder.block.0.attention.weight,12.5,true\r\n"
            "\"head|\\x1b[1m,\n<b>\",,false\r\n");
  EXPECT_NE(write_csv(layers(), ControlCharacters::spelled_out).find("\"head|\\x1b[1m,\\n<b>\",,false\r\n"),
            std::string::npos);
}

TEST(RecordsOf, HoldTheColumnsOfJson) {
  const std::string text = write_json({{"layers", records_of(layers())}}, -1);
  EXPECT_NE(text.find("{\"name\":\"encoder.block.0.attention.weight\",\"norm\":12.5,\"exact\":true}"),
            std::string::npos);
  EXPECT_NE(text.find("\"norm\":null,\"exact\":false}"), std::string::npos);
}

TEST(WriteMarkdown, EveryRowHasEveryCellAndNamesAreCode) {
  const auto text = lines(write_markdown({{layers(), "Layers"}}));
  ASSERT_EQ(text.size(), 6u);
  EXPECT_EQ(text[0], "## Layers");
  EXPECT_EQ(text[2], "| layer | norm | gain left |");
  EXPECT_EQ(text[3], "| --- | ---: | ---: |");
  EXPECT_EQ(text[4], "| `encoder.block.0.attention.weight` | 12.500 | 3 |");
  for (std::size_t i = 2; i < 6; ++i) EXPECT_EQ(std::count(text[i].begin(), text[i].end(), '|'), 4) << text[i];
}

TEST(WriteHtml, EscapesWhatFilesHold) {
  const std::string page = write_html({{Title{"sigmax layers", "<model>"}}, {layers(), "Layers"}});
  EXPECT_NE(page.find("<title>sigmax layers: &lt;model&gt;</title>"), std::string::npos);
  EXPECT_NE(page.find("<td><code>head|\\x1b[1m,\\n&lt;b&gt;</code></td>"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace sigmax::report
