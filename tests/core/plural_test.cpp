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

}  // namespace
}  // namespace sigmax
