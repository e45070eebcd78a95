#include "sigmax/sensitivity/digits.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax::sensitivity {
namespace {

using bounds::Proof;

TEST(Digits, ThatAreLostAreTheLogarithmsOfTheEnds) {
  const Digits lost = digits_lost(Proof::enclosure(Proof::lower(1e3), Proof::proven(1e5)));
  EXPECT_DOUBLE_EQ(lost.least, 3);
  EXPECT_DOUBLE_EQ(lost.most, 5);
}

TEST(Digits, AreAllLostWithoutAnUpperEnd) {
  const Enclosure open = Proof::enclosure(Proof::lower(10), std::nullopt);
  EXPECT_DOUBLE_EQ(digits_lost(open).least, 1);
  EXPECT_TRUE(std::isinf(digits_lost(open).most));
  EXPECT_EQ(digits_kept(open, DType::f32).least, 0);
}

TEST(Digits, OfAStorageTypeFollowFromItsRoundoff) {
  // u = 2^-53, 2^-24, 2^-11 and 2^-8.
  EXPECT_DOUBLE_EQ(digits_held(DType::f64), 53 * std::log10(2));
  EXPECT_DOUBLE_EQ(digits_held(DType::f32), 24 * std::log10(2));
  EXPECT_DOUBLE_EQ(digits_held(DType::f16), 11 * std::log10(2));
  EXPECT_DOUBLE_EQ(digits_held(DType::bf16), 8 * std::log10(2));
  EXPECT_THROW(digits_held(DType::i8), Error);
}

TEST(Digits, ThatAreKeptAreThoseHeldLessThoseLost) {
  const Digits kept = digits_kept(Proof::enclosure(Proof::lower(1e2), Proof::proven(1e9)), DType::f32);
  EXPECT_DOUBLE_EQ(kept.most, digits_held(DType::f32) - 2);
  EXPECT_EQ(kept.least, 0);
}

}  // namespace
}  // namespace sigmax::sensitivity
