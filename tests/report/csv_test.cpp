#include "sigmax/report/audit_report.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "report/sample_result.hpp"

namespace sigmax::report {
namespace {

using Records = std::vector<std::vector<std::string>>;

// RFC 4180, strictly: records end with CR LF, a quote inside a quoted field is doubled.
Records parse(const std::string& text) {
  Records records(1, {""});
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string& field = records.back().back();
    if (quoted) {
      if (text[i] != '"') {
        field += text[i];
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        field += text[i++];
      } else {
        quoted = false;
      }
    } else if (text[i] == '"') {
      EXPECT_TRUE(field.empty());
      quoted = true;
    } else if (text[i] == ',') {
      records.back().emplace_back();
    } else if (text.compare(i, 2, "\r\n") == 0) {
      records.push_back({""});
      ++i;
    } else {
      EXPECT_NE(text[i], '\n');
      field += text[i];
    }
  }
  EXPECT_EQ(records.back(), std::vector<std::string>{""}) << "the last line ends like the others";
  records.pop_back();
  return records;
}

std::vector<std::map<std::string, std::string>> rows(const audit::Result& result) {
  const Records records = parse(render_csv(result));
  std::vector<std::map<std::string, std::string>> all;
  for (std::size_t i = 1; i < records.size(); ++i) {
    EXPECT_EQ(records[i].size(), records[0].size());
    auto& row = all.emplace_back();
    for (std::size_t j = 0; j < records[i].size(); ++j) row[records[0][j]] = records[i][j];
  }
  return all;
}

TEST(Csv, OneLineAWeightAndAPart) {
  const auto all = rows(report_test::sample());
  ASSERT_EQ(all.size(), 20u + 4u + 64u);
  EXPECT_EQ(all[14].at("part"), "");
  EXPECT_EQ(all[15].at("part"), "input gate");
  EXPECT_EQ(all[15].at("name"), "decoder.rnn.weight_hh_l0");
  EXPECT_EQ(all[15].at("shape"), "[128, 128]");
}

TEST(Csv, NumbersReadBackAndMissingOnesAreEmpty) {
  const audit::Result result = report_test::sample();
  const auto all = rows(result);
  const auto& first = all[0];
  EXPECT_EQ(std::strtod(first.at("sigma_max_upper").c_str(), nullptr),
            result.tensors[0].figures->sigma_max.upper->value());
  EXPECT_EQ(std::strtod(first.at("frobenius").c_str(), nullptr), result.tensors[0].figures->frobenius);
  EXPECT_EQ(first.at("sigma_max_kind"), "probabilistic");
  EXPECT_EQ(all[6].at("condition"), "");
  EXPECT_EQ(all[2].at("condition_beyond_precision"), "true");
  EXPECT_EQ(all[2].at("condition_from_rounding"), "true");
  EXPECT_EQ(all[4].at("sigma_max_upper"), "");
}

TEST(Csv, QuotesCommasAndNewlinesInNamesSurvive) {
  audit::Result result = report_test::sample();
  const std::vector<std::string> names = {"a,b", "say \"hi\"", "two\nlines", "two\r\nlines", "\"", "层"};
  for (std::size_t i = 0; i < names.size(); ++i) result.tensors[i].name = names[i];
  const auto all = rows(result);
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(all[i].at("name"), names[i]);
}

TEST(Csv, EscapeSequencesAreSpelledOut) {
  audit::Result result = report_test::sample();
  result.tensors[0].name = "\x1b[31m\xff";
  const auto all = rows(result);
  EXPECT_EQ(all[0].at("name"), "\\x1b[31m\\xff");
}

TEST(Csv, NonFiniteEntriesAreCounted) {
  for (const auto& row : rows(report_test::sample())) {
    if (row.at("name") != "head.broken.weight") continue;
    EXPECT_EQ(row.at("non_finite_nan"), "3");
    EXPECT_EQ(row.at("non_finite_inf"), "1");
    EXPECT_EQ(row.at("non_finite_first"), "[7, 12]");
    EXPECT_EQ(row.at("sigma_max_lower"), "");
    return;
  }
  FAIL();
}

}  // namespace
}  // namespace sigmax::report
