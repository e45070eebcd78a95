#include "sigmax/core/closest_names.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sigmax {
namespace {

using Names = std::vector<std::string>;

TEST(ClosestNames, TheNearestComeFirstAndTheirNumberIsLimited) {
  const Names names = {"fc1.bias", "fc2.weight", "fc1.weight", "conv.weight"};
  EXPECT_EQ(closest_names("fc1.wieght", names, 5), (Names{"fc1.weight", "fc2.weight"}));  // an exchange is one mistake
  EXPECT_EQ(closest_names("fc1.wieght", names, 1), (Names{"fc1.weight"}));
}

TEST(ClosestNames, ANameThatContainsWhatWasTypedIsClose) {
  EXPECT_EQ(closest_names("query", {"layer.3.attention.query.weight", "other"}, 5),
            (Names{"layer.3.attention.query.weight"}));
}

TEST(ClosestNames, WhatHasNothingToDoWithItIsNot) {
  EXPECT_EQ(closest_names("abc", {"xyz", "abcdefgh"}, 5), (Names{"abcdefgh"}));
  EXPECT_EQ(closest_names("abc", {}, 5), Names{});
  EXPECT_EQ(closest_names("", {"long name"}, 5), Names{});
}

}  // namespace
}  // namespace sigmax
