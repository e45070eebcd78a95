#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gallery/stored.hpp"
#include "graph/rule_builder.hpp"

namespace sigmax::graph::testing {
namespace {

struct Sampling {
  std::string mode = "linear";
  std::string padding = "zeros";
  bool aligns = false;
};

/// By ONNX's text in long double: the weight of entry `at` of an axis of n for the position g.
long double weight_of(long double g, std::int64_t n, std::int64_t at, const Sampling& how) {
  const long double length = n;
  long double x = how.aligns ? (g + 1) / 2 * (length - 1) : ((g + 1) * length - 1) / 2;
  if (how.mode == "nearest") x = std::nearbyint(x);
  if (how.padding == "reflection") {
    const long double least = how.aligns ? 0 : -0.5L, most = how.aligns ? length - 1 : length - 0.5L;
    while (x < least || x > most) x = x < least ? 2 * least - x : 2 * most - x;
  }
  if (how.padding != "zeros") x = std::clamp<long double>(x, 0, length - 1);
  return std::max(0.0L, 1 - std::fabs(x - static_cast<long double>(at)));
}

TEST(SamplingRules, HasTheWeightsOfItsPositions) {
  const Dimensions x{2, 2, 3, 4}, y{2, 2, 5, 3}, grid{2, 5, 3, 2};
  std::vector<double> positions = gallery::normal(element_count(grid).value(), 5);
  for (double& each : positions) each = static_cast<double>(static_cast<float>(each));
  positions[0] = positions[1] = 1;
  positions[2] = 0;
  positions[3] = -1;
  positions[4] = 1e-17;
  for (const std::string mode : {"linear", "nearest"}) {
    for (const std::string padding : {"zeros", "border", "reflection"}) {
      for (const bool aligns : {false, true}) {
        SCOPED_TRACE(mode + " " + padding + (aligns ? " aligned" : ""));
        const Sampling how{mode, padding, aligns};
        RuleBuilder builder("GridSample");
        builder.data(x).numbers(positions, grid).set("mode", mode).set("padding_mode", padding);
        builder.set("align_corners", aligns ? 1 : 0);
        expect_map(builder, y, [&](std::int64_t i, const auto& add) {
          const Dimensions at = coordinates(i, y);
          const auto g = static_cast<std::size_t>(entry_at({at[0], at[2], at[3], 0}, grid));
          for (std::int64_t row = 0; row < 3; ++row) {
            for (std::int64_t column = 0; column < 4; ++column) {
              add(entry_at({at[0], at[1], row, column}, x),
                  weight_of(positions[g], 4, column, how) * weight_of(positions[g + 1], 3, row, how));
            }
          }
          return 0.0;
        });
      }
    }
  }
}

TEST(SamplingRules, RefuseWhatTheyDoNotKnow) {
  const auto refusal = [](const char* attribute, const char* value) {
    RuleBuilder builder("GridSample");
    builder.data({1, 1, 2, 2}).numbers({0, 0}, {1, 1, 1, 2}).set(attribute, value);
    return refusal_of(builder);
  };
  EXPECT_EQ(refusal("mode", "cubic"), "samples in mode 'cubic', which no rule knows");
  EXPECT_EQ(refusal("padding_mode", "wrap"), "has the padding_mode 'wrap'");
  RuleBuilder by_data("GridSample");
  by_data.data({1, 1, 2, 2}).data({1, 1, 1, 2});
  EXPECT_NE(refusal_of(by_data).find("from the input"), std::string::npos);
  RuleBuilder far("GridSample");
  far.data({1, 1, 2, 2}).numbers({INFINITY, 0}, {1, 1, 1, 2});
  EXPECT_EQ(refusal_of(far), "samples at inf");
}

}  // namespace
}  // namespace sigmax::graph::testing
