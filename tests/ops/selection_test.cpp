#include "sigmax/ops/selection.hpp"

#include <gtest/gtest.h>

#include <variant>
#include <vector>

#include "ops/counting_operator.hpp"

namespace sigmax {
namespace {

const SelectedEntries& entries_of(const Operator<double>& a) {
  return *std::get<structure::Selection>(a->structure()).entries;
}

TEST(Selection, CountsCopiesAndZeros) {
  const Operator<double> a = selection<double>(4, {3, -1, 3, 0, 3, -1});
  EXPECT_EQ(a->shape(), (Shape{6, 4}));
  EXPECT_EQ(entries_of(a).most_copies(), 3);
  EXPECT_EQ(entries_of(a).selected(), 4);
  EXPECT_EQ(entries_of(a).at(1), -1);
  EXPECT_FALSE(entries_of(a).is_range());
}

TEST(Selection, KeepsARangeWithoutItsIndex) {
  for (const Operator<double>& a : {selection<double>(9, {4, 5, 6}), range_selection<double>(9, 4, 3)}) {
    EXPECT_TRUE(entries_of(a).is_range());
    EXPECT_EQ(entries_of(a).at(2), 6);
    EXPECT_EQ(entries_of(a).most_copies(), 1);
  }
  // A range of 2^40 entries fits into memory.
  EXPECT_EQ(range_selection<double>(std::int64_t{1} << 40, 1, 5)->shape().columns, std::int64_t{1} << 40);
  EXPECT_FALSE(entries_of(selection<double>(9, {-1, 0, 1})).is_range()) << "begins with a zero";
}

TEST(Selection, OfAllEntriesInTheirOrderIsTheIdentity) {
  const Operator<double> a = selection<double>(3, {0, 1, 2});
  EXPECT_TRUE(std::get<structure::Diagonal>(a->structure()).is_identity());
}

TEST(Selection, RefusesWhatIsNotAnIndex) {
  EXPECT_NE(message_of([] {
              return selection<double>(3, {0, 3});
            }).find("[selection] index 1 is 3"),
            std::string::npos);
  EXPECT_NE(message_of([] { return selection<double>(3, {-2}); }).find("index 0 is -2"), std::string::npos);
  EXPECT_NE(message_of([] { return selection<double>(-1, {}); }).find("got -1"), std::string::npos);
  EXPECT_NE(message_of([] { return range_selection<double>(5, 3, 3); }).find("3 entries from 3 on"), std::string::npos);
  EXPECT_NE(message_of([] { return range_selection<double>(5, -1, 3); }).find("from -1 on"), std::string::npos);
  EXPECT_NE(message_of([] { return selection<double>(nullptr); }).find("null"), std::string::npos);
}

}  // namespace
}  // namespace sigmax
