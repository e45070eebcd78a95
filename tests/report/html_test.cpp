#include "sigmax/report/audit_report.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "report/sample_result.hpp"
#include "sigmax/bounds/algebra.hpp"

namespace sigmax::report {
namespace {

HtmlOptions options() {
  HtmlOptions o;
  o.version = "1.2.3";
  o.command = "sigmax audit 'a & b'";
  o.date = "2026-01-02 03:04 UTC";
  return o;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

// Checks that outside style and script every element that must be closed is closed, in the right order.
void check_nesting(const std::string& page) {
  std::vector<std::string> open;
  for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    const std::size_t end = page.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = page.substr(at + 1, end - at - 1);
    if (tag[0] == '!' || tag.back() == '/') continue;
    const std::string name = tag.substr(0, tag.find(' '));
    if (name == "meta" || name == "input") continue;
    if (name[0] != '/') {
      open.push_back(name);
      if (name == "style" || name == "script") at = page.find("</" + name, at) - 1;
      continue;
    }
    ASSERT_FALSE(open.empty()) << tag;
    EXPECT_EQ(open.back(), name.substr(1)) << page.substr(at, 80);
    open.pop_back();
  }
  EXPECT_TRUE(open.empty());
}

TEST(Html, IsWellNestedAndSelfContained) {
  const std::string page = render_html(report_test::sample(), options());
  EXPECT_EQ(page.rfind("<!DOCTYPE html>", 0), 0u);
  check_nesting(page);
  EXPECT_EQ(page.find("http://"), std::string::npos);
  EXPECT_EQ(page.find("https://"), std::string::npos);
  EXPECT_EQ(page.find(" src="), std::string::npos);
  EXPECT_EQ(page.find("url("), std::string::npos);
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
}

TEST(Html, HostileNamesAreText) {
  audit::Result result = report_test::sample();
  const std::string attack = "\"'><script>alert(1)</script>\x1b&amp;";
  const std::string clean = render_html(result, options());
  result.model.path = attack;
  result.model.format = attack;
  result.model.notes = {attack};
  result.model.files[0].path = attack;
  result.tensors[0].name = attack;
  result.tensors[0].provenance = attack;
  result.tensors[14].parts[0].name = attack;
  result.skipped[0].name = attack;
  result.skipped[0].reason = attack;
  result.skipped[0].dtype = attack;
  for (audit::GateOutcome& gate : result.gates) {
    gate.expression = attack;
    for (audit::GateOutcome::Tripped& weight : gate.tripped) weight.name = weight.readings[0].value = attack;
    for (audit::GateOutcome::NotJudged& item : gate.not_judged) item.name = item.detail = attack;
  }
  const std::string page = render_html(result, options());
  check_nesting(page);
  EXPECT_EQ(count(page, "<script>"), count(clean, "<script>"));
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(1)&lt;/script&gt;\\x1b&amp;amp;"), std::string::npos);
}

TEST(Html, HoldsEveryWeightPartSkippedTensorAndFile) {
  const audit::Result result = report_test::sample();
  const std::string page = render_html(result, options());
  for (const audit::TensorResult& t : result.tensors) EXPECT_NE(page.find(t.name), std::string::npos);
  for (const audit::Skipped& t : result.skipped) EXPECT_NE(page.find(t.name), std::string::npos);
  EXPECT_EQ(count(page, "<tr class=\"part\">"), 68u);
  EXPECT_EQ(count(page, "<tr class=\"part\"") + count(page, "<tr id=\"w"), 88u);
  for (const char* wanted :
       {"1.2.3", "sigmax audit &#39;a &amp; b&#39;", "2026-01-02 03:04 UTC", "90866412", "integers are not weights",
        "1.42 s", "3 NaN, 1 infinite, first at [7, 12]", "prefers-color-scheme:dark", "@media print"}) {
    EXPECT_NE(page.find(wanted), std::string::npos) << wanted;
  }
}

TEST(Html, TellsTheFiguresOfAConvolutionFromThoseOfItsMatrix) {
  audit::Result result = report_test::sample();
  ASSERT_EQ(result.tensors.at(1).role, audit::Role::convolution);
  const std::string card = "<span>operator norms of convolutions proven</span>";
  EXPECT_EQ(count(render_html(result, options()), card), 0U);
  EXPECT_EQ(count(render_html(result, options()), ">sigma_max width</th>"), 0U);
  result.tensors.at(1).operator_norm = audit::OperatorNorm{.norm = bounds::exactly(7)};
  const std::string page = render_html(result, options());
  EXPECT_EQ(count(page, "<b>1 / 1</b>" + card), 1U);
  EXPECT_EQ(count(page, ">sigma_max width</th>"), 1U);
}

TEST(Html, HoldsTheOutcomeOfEachGate) {
  const std::string page = render_html(report_test::sample(), options());
  for (const char* wanted : {"<h2>Gates</h2>", "<code>sigma &gt; 100</code></td><td>TRIPPED</td><td class=\"right\">19",
                             "tripped: sigma_max in [153.2, 153.3]", "not judged (nan): 3 NaN", "ignored (unread): u4",
                             "<td>NOT JUDGED</td>", "matches no weight", "not read, and may be a weight"}) {
    EXPECT_NE(page.find(wanted), std::string::npos) << wanted;
  }
  audit::Result without = report_test::sample();
  without.gates.clear();
  EXPECT_EQ(render_html(without, options()).find("<h2>Gates</h2>"), std::string::npos);
}

TEST(Html, AnEmptyResultIsAPage) { check_nesting(render_html({}, {})); }

}  // namespace
}  // namespace sigmax::report
