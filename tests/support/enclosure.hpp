// Whether an enclosure contains a value that is known another way.
#pragma once

#include <gtest/gtest.h>

#include <cmath>

#include "sigmax/core/bound.hpp"

namespace sigmax::support {

/// The enclosure has two ends, and the value is between them. `error`: by how much the value may be wrong.
inline void expect_contains(const Enclosure& e, long double value, long double error = 0) {
  ASSERT_TRUE(e.upper.has_value());
  EXPECT_LE(static_cast<long double>(e.lower.value()), value + error);
  EXPECT_GE(static_cast<long double>(e.upper->value()), value - error);
}

/// The same with an error relative to the value.
inline void expect_contains_within(const Enclosure& e, long double value, long double relative_error) {
  expect_contains(e, value, relative_error * std::fabs(value));
}

}  // namespace sigmax::support
