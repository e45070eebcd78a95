// Induced norms: golden values, brute force, duality, and what the ends promise.
#include "sigmax/norms/induced.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/function.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

using bounds::InducedProof;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

InducedNorm induced(const std::vector<double>& a, std::int64_t rows, std::int64_t columns, double p, double q) {
  Context context(1);
  return induced_norm(Tensor::view_of(a, {rows, columns}), p, q, repeatable<InducedOptions>(), context);
}

const std::vector<double> kM{1, 2, -3, 4};
const std::vector<double> kN{1, 2, 3, 4};
const std::vector<double> kH{1, 1, 1, -1};

struct Golden {
  double p, q, value;
};

void expect_golden(const std::vector<double>& a, const std::vector<Golden>& cases) {
  for (const Golden& wanted : cases) {
    const InducedNorm found = induced(a, 2, 2, wanted.p, wanted.q);
    const std::string what = fmt::format("{} -> {}, by {}", wanted.p, wanted.q, message(found.proof));
    const double allowed = tolerance::relative(256, 1) * wanted.value;
    EXPECT_NEAR(found.value, wanted.value, allowed) << what;
    EXPECT_TRUE(found.enclosure.is_proven()) << what;
    EXPECT_LE(found.enclosure.lower.value(), wanted.value + allowed) << what;
    EXPECT_GE(found.enclosure.lower.value(), wanted.value - allowed) << what;
    EXPECT_GE(found.enclosure.upper->value(), wanted.value - allowed) << what;
    fmt::print("{}: [{:.15g}, {:.15g}]\n", what, found.enclosure.lower.value(), found.enclosure.upper->value());
  }
}

// mpmath with 40 digits: brute force over the unit circle.
TEST(InducedNorm, OfATwoByTwoMatrixIsTheGoldenValue) {
  expect_golden(kM, {{1, 2, std::sqrt(20.0)},
                     {2, kInfinity, 5},
                     {2, 1, std::sqrt(40.0)},
                     {kInfinity, 2, std::sqrt(50.0)},
                     {kInfinity, 1, 8},
                     {2, 2, 5.11667273601692729},
                     {3, 3, 5.59389001975171},
                     {4, 4, 5.90734974514220},
                     {1.5, 1.5, 5.02752302304442},
                     {3, 1.5, 5.88662762493881},
                     {4, 4.0 / 3, 6.34179127144663},
                     {2, 4, 5.00202482984084}});
  expect_golden(kN, {{3, 3, 5.73310952481449},
                     {4, 2, 6.43591722904519},
                     {3, 1.5, 6.60762695777508},
                     {kInfinity, 2, std::sqrt(58.0)}});
  expect_golden(kH, {{3, 3, std::cbrt(4.0)}});
}

}  // namespace
}  // namespace sigmax::norms
