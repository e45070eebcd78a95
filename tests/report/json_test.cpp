#include "sigmax/report/audit_report.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "report/sample_result.hpp"

namespace sigmax::report {
namespace {

using nlohmann::json;

json parsed(const audit::Result& result) { return json::parse(render_json(result)); }

json schema() {
  const auto path = std::filesystem::path(SIGMAX_SOURCE_FOLDER) / "docs/schema/audit-1.schema.json";
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return json::parse(file);
}

// Checks that every member is described and every required one present, which a change of the report could break
// unnoticed. The command's tests validate real output against the whole schema.
void check_members(const json& value, json description, const json& definitions, const std::string& where) {
  if (description.contains("$ref")) {
    const std::string name = description["$ref"];
    description = definitions.at(name.substr(name.find_last_of('/') + 1));
  }
  if (description.contains("oneOf")) {
    if (value.is_null()) return;
    return check_members(value, description["oneOf"][1], definitions, where);
  }
  if (value.is_array() && description.contains("items")) {
    for (const json& item : value) check_members(item, description["items"], definitions, where + "[]");
  }
  if (!value.is_object()) return;
  for (const auto& [key, member] : value.items()) {
    ASSERT_TRUE(description["properties"].contains(key)) << where << "." << key << " is not in the schema";
    check_members(member, description["properties"][key], definitions, where + "." + key);
  }
  for (const json& key : description["required"]) EXPECT_TRUE(value.contains(key)) << where << " lacks " << key;
}

TEST(Json, TheSchemaDescribesEveryMember) {
  const json description = schema();
  check_members(parsed(report_test::sample()), description, description["$defs"], "");
}

TEST(Json, DoublesReadBackBitForBit) {
  audit::Result result = report_test::sample();
  double value = 0.1;
  for (audit::TensorResult& t : result.tensors) {
    if (!t.figures) continue;
    t.figures->frobenius = value = std::sqrt(value) * 3.7;
    t.figures->norm_1 = std::nextafter(value, 0.0);
    t.figures->max_abs = std::numeric_limits<double>::denorm_min();
    t.figures->norm_inf = std::numeric_limits<double>::max();
  }
  const json document = parsed(result);
  for (std::size_t i = 0; i < result.tensors.size(); ++i) {
    const audit::TensorResult& t = result.tensors[i];
    if (!t.figures) continue;
    const json& entry = document["tensors"][i];
    EXPECT_EQ(entry["frobenius"].get<double>(), t.figures->frobenius);
    EXPECT_EQ(entry["norm_1"].get<double>(), t.figures->norm_1);
    EXPECT_EQ(entry["max_abs"].get<double>(), t.figures->max_abs);
    EXPECT_EQ(entry["norm_inf"].get<double>(), t.figures->norm_inf);
    EXPECT_EQ(entry["sigma_max"]["lower"].get<double>(), t.figures->sigma_max.lower.value());
    EXPECT_EQ(entry["lambda_max"].get<double>(), t.figures->sigma_max_estimate * t.figures->sigma_max_estimate);
  }
}

TEST(Json, EachKindOfEnclosure) {
  const json tensors = parsed(report_test::sample())["tensors"];
  EXPECT_EQ(tensors[0]["sigma_max"]["kind"], "probabilistic");
  EXPECT_EQ(tensors[0]["sigma_max"]["failure_probability"], 1e-9);
  EXPECT_EQ(tensors[1]["sigma_max"]["kind"], "proven");
  EXPECT_EQ(tensors[1]["sigma_max"]["failure_probability"], 0.0);
  EXPECT_EQ(tensors[4]["sigma_max"]["kind"], "lower_only");
  EXPECT_TRUE(tensors[4]["sigma_max"]["upper"].is_null());
  EXPECT_TRUE(tensors[4]["sigma_max"]["failure_probability"].is_null());
}

TEST(Json, WhatDoesNotExistIsNull) {
  const json tensors = parsed(report_test::sample())["tensors"];
  EXPECT_TRUE(tensors[6]["condition"].is_null());
  EXPECT_EQ(tensors[6]["condition_beyond_precision"], true);
  // The stored matrix has a condition number even if rounding may explain it.
  EXPECT_NEAR(tensors[2]["condition"], 7.1234567 / 1.1e-9, 1);
  EXPECT_EQ(tensors[2]["condition_from_rounding"], true);
  EXPECT_EQ(tensors[3]["condition_from_rounding"], false);
  const json& broken = tensors[17];
  EXPECT_TRUE(broken["sigma_max"].is_null());
  EXPECT_TRUE(broken["frobenius"].is_null());
  EXPECT_EQ(broken["non_finite"], json({{"nan", 3}, {"inf", 1}, {"first", {7, 12}}}));
  EXPECT_TRUE(tensors[0]["non_finite"].is_null());
}

TEST(Json, NaNAndInfinityAreNull) {
  audit::Result result = report_test::sample();
  result.tensors[0].figures->norm_1 = std::numeric_limits<double>::quiet_NaN();
  result.tensors[0].figures->sigma_max_estimate = 1e200;
  const json tensor = parsed(result)["tensors"][0];
  EXPECT_TRUE(tensor["norm_1"].is_null());
  EXPECT_TRUE(tensor["lambda_max"].is_null()) << "1e400 is not a double";
}

TEST(Json, PartsCarryTheirMatrixAndFigures) {
  const json parts = parsed(report_test::sample())["tensors"][14]["parts"];
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(parts[0]["name"], "input gate");
  EXPECT_EQ(parts[0]["matrix"], json({128, 128}));
  EXPECT_EQ(parts[0]["sigma_max"]["kind"], "proven");
  EXPECT_TRUE(parts[0]["nuclear"].is_number());
}

TEST(Json, NamesSurviveAndTheTextIsAscii) {
  audit::Result result = report_test::sample();
  result.tensors[0].name = "\x1b[31m\"层\"\n\u009b";
  result.tensors[1].name = "bad\xff\xc3";
  result.skipped[0].name = "\xf0\x9f";
  const std::string text = render_json(result);
  for (const char c : text) ASSERT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f));
  const json document = json::parse(text);
  EXPECT_EQ(document["tensors"][0]["name"], result.tensors[0].name);
  EXPECT_EQ(document["tensors"][1]["name"], "bad\\xff\\xc3");
  EXPECT_EQ(document["skipped"][0]["name"], "\\xf0\\x9f");
}

TEST(Json, TopKeepsTheSummaryOfAll) {
  JsonOptions options;
  options.sort = "sigma_max";
  options.top = 2;
  options.indent = -1;
  options.version = "1.2.3";
  const std::string text = render_json(report_test::sample(), options);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const json document = json::parse(text);
  EXPECT_EQ(document["tensors"].size(), 2u);
  EXPECT_EQ(document["summary"]["audited"], 20);
  EXPECT_EQ(document["sigmax"]["version"], "1.2.3");
  EXPECT_TRUE(document["command"].is_null());
}

}  // namespace
}  // namespace sigmax::report
