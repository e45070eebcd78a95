#include "sigmax/core/plural.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace sigmax {
namespace {

TEST(Plural, OneIsOneAndAllElseIsMany) {
  EXPECT_EQ(plural(0, "tensor"), "0 tensors");
  EXPECT_EQ(plural(std::size_t{1}, "tensor"), "1 tensor");
  EXPECT_EQ(plural(std::int64_t{2}, "weight"), "2 weights");
  EXPECT_EQ(plural(~std::uint64_t{0}, "byte"), "18446744073709551615 bytes");
}

TEST(Plural, VerbsAgree) {
  EXPECT_EQ(either(1, "was", "were"), "was");
  EXPECT_EQ(either(0, "was", "were"), "were");
  EXPECT_EQ(either(std::size_t{5}, "index", "indices"), "indices");
}

TEST(Plural, EntriesThatAreNotFinite) {
  EXPECT_EQ(non_finite_count(1, 0), "1 NaN entry");
  EXPECT_EQ(non_finite_count(std::int64_t{2}, std::int64_t{0}), "2 NaN entries");
  EXPECT_EQ(non_finite_count(0, 1), "1 infinite entry");
  EXPECT_EQ(non_finite_count(0, 3), "3 infinite entries");
  EXPECT_EQ(non_finite_count(2, 1), "2 NaN and 1 infinite entries");
}

}  // namespace
}  // namespace sigmax
