#include "sigmax/report/value.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "report/sample_result.hpp"
#include "sigmax/report/json.hpp"

namespace sigmax::report {
namespace {

using nlohmann::json;

TEST(Value, HoldsWhatItIsGiven) {
  EXPECT_FALSE(Value().exists());
  EXPECT_FALSE(Value(std::optional<double>()).exists());
  EXPECT_EQ(*Value(std::optional<double>(2.5)).as<double>(), 2.5);
  EXPECT_EQ(*Value(true).as<bool>(), true);
  EXPECT_EQ(*Value(-3).as<std::int64_t>(), -3);
  EXPECT_EQ(*Value(std::numeric_limits<std::uint64_t>::max()).as<std::uint64_t>(), 18446744073709551615U);
  EXPECT_EQ(*Value("text").as<std::string>(), "text");
  EXPECT_EQ(Value(Dimensions{2, 3}).as<List>()->size(), 2u);
  EXPECT_EQ(Value("text").as<double>(), nullptr);
}

TEST(Value, PlainTextReadsBack) {
  EXPECT_EQ(plain_text(0.1), "0.1");
  EXPECT_EQ(plain_text(-7), "-7");
  EXPECT_EQ(plain_text(false), "false");
  EXPECT_EQ(plain_text(Dimensions{3, 4}), "[3, 4]");
  EXPECT_EQ(plain_text(Dimensions{}), "[]");
  EXPECT_EQ(plain_text({}), "");
  EXPECT_EQ(plain_text(std::numeric_limits<double>::infinity()), "");
}

TEST(Value, PeopleSeeSignsAndNoControlCharacters) {
  EXPECT_EQ(shown_text(Value(1.0 / 3), glyphs(true)), "0.33333");
  EXPECT_EQ(shown_text(Value(true), glyphs(true)), "yes");
  EXPECT_EQ(shown_text(Value(), glyphs(true)), glyphs(true).none);
  EXPECT_EQ(shown_text(Value("\x1b[2J"), glyphs(true)), "\\x1b[2J");
  EXPECT_EQ(shown_text(Value("層"), glyphs(false)), "\\u{5c64}");
}

TEST(Value, RanksNumbersAndFlagsAlone) {
  EXPECT_EQ(rank_of(Value(true)), 1);
  EXPECT_EQ(rank_of(Value(5)), 5);
  EXPECT_EQ(rank_of(Value(2.5)), 2.5);
  EXPECT_TRUE(std::isnan(rank_of(Value("5"))));
  EXPECT_TRUE(std::isnan(rank_of(Value())));
}

TEST(WriteJson, AnEnclosureIsWrittenInOneWay) {
  for (const audit::TensorResult& tensor : report_test::sample().tensors) {
    if (!tensor.figures) continue;
    const Enclosure& sigma = tensor.figures->sigma_max;
    const json whole = json::parse(write_json({{"sigma_max", sigma}}))["sigma_max"];
    EXPECT_EQ(whole, json::parse(write_json(members_of(sigma)))) << tensor.name;
    EXPECT_EQ(whole["lower"], sigma.lower.value());
    EXPECT_EQ(whole["kind"], kind(sigma));
    EXPECT_EQ(whole["upper"].is_null(), !sigma.upper);
    EXPECT_EQ(whole["failure_probability"].is_null(), !sigma.upper);
    if (sigma.upper) {
      EXPECT_EQ(whole["upper"], sigma.upper->value());
    }
  }
  for (const Member& member : members_of(std::nullopt)) EXPECT_FALSE(member.value.exists()) << member.key;
}

TEST(WriteJson, MembersKeepTheirOrderAndTextIsAscii) {
  const Record record = {{"z", 1}, {"a", Record{{"層", "\xff"}}}, {"list", List{Value(), true, std::nan("")}}};
  const std::string text = write_json(record, -1);
  EXPECT_EQ(text, "{\"z\":1,\"a\":{\"\\u5c64\":\"\\\\xff\"},\"list\":[null,true,null]}\n");
  EXPECT_EQ(write_json({}, -1), "{}\n");
}

}  // namespace
}  // namespace sigmax::report
