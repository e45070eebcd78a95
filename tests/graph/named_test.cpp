#include "sigmax/graph/scalar/named.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/infinity.hpp"

namespace sigmax::graph {
namespace {

struct Slopes {
  std::string name;
  std::vector<double> parameters;
  double least;
  double greatest;
};

Interval slopes_of(const Slopes& each, const Interval& domain) {
  const auto found = named_function(each.name, each.parameters)->slopes(domain);
  EXPECT_TRUE(found.has_value()) << each.name;
  return found.value_or(Interval{});
}

// By mpmath 1.3.0 with 40 digits: the derivative at the zeros of the second derivative.
//
//   erf Gelu: f'' = phi(x) (2 - x^2), at x = +-sqrt 2; GeluTanh, Silu, Mish by findroot.
const std::vector<Slopes> kGoldenSlopes = {
    {"Identity", {}, 1, 1},
    {"Neg", {}, -1, -1},
    {"Abs", {}, -1, 1},
    {"Sin", {}, -1, 1},
    {"Cos", {}, -1, 1},
    {"Atan", {}, 0, 1},
    {"Asinh", {}, 0, 1},
    {"Relu", {}, 0, 1},
    {"LeakyRelu", {}, 0.01, 1},
    {"LeakyRelu", {-3}, -3, 1},
    {"PRelu", {0.25}, 0.25, 1},
    {"ThresholdedRelu", {0}, 0, 1},
    {"Elu", {}, 0, 1},
    {"Elu", {2}, 0, 2},
    {"Celu", {2}, 0, 1},
    {"Selu", {}, 0, 1.67326319217681884765625 * 1.05070102214813232421875},
    {"Gelu", {}, -0.12890414518515478, 1.1289041451851547},
    {"GeluTanh", {}, -0.12899306865877178, 1.1289930686587717},
    {"Silu", {}, -0.09983932012886691, 1.099839320128867},
    {"QuickGelu", {}, -0.09983932012886691, 1.099839320128867},
    {"Swish", {-2}, -0.09983932012886691, 1.099839320128867},
    {"Mish", {}, -0.11252612238946255, 1.088498161251728},
    {"HardSwish", {}, -0.5, 1.5},
    {"HardSigmoid", {0.25, 0.5}, 0, 0.25},
    {"Sigmoid", {}, 0, 0.25},
    {"Tanh", {}, 0, 1},
    {"Softplus", {}, 0, 1},
    {"Softsign", {}, 0, 1},
    {"Erf", {}, 0, 1.1283791670955126},
    {"Clip", {-1, 1}, 0, 1},
    {"Clip", {0, kInfinity}, 0, 1},
    {"Affine", {-2.5, 7}, -2.5, -2.5},
    {"Shrink", {0.5, 0.5}, 0, 1},
};

// Proven ends, to 1e-9 of the size of the slopes: ten times what the search stops at.
TEST(NamedFunctions, HaveTheirSlopesOnTheWholeLine) {
  for (const Slopes& each : kGoldenSlopes) {
    const Interval found = slopes_of(each, {});
    const double close = 1e-9 * std::max(std::fabs(each.least), std::fabs(each.greatest));
    EXPECT_LE(found.least, std::nextafter(each.least, kInfinity)) << each.name;
    EXPECT_GE(found.greatest, std::nextafter(each.greatest, -kInfinity)) << each.name;  // golden values are rounded
    EXPECT_NEAR(found.least, each.least, close) << each.name;
    EXPECT_NEAR(found.greatest, each.greatest, close) << each.name;
  }
}

TEST(NamedFunctions, HaveExactSlopesWhereTheyAreExact) {
  for (const Slopes& each : kGoldenSlopes) {
    const bool rounded = each.name == "Selu" || each.name == "Erf" || each.name == "Asinh" ||
                         each.least != std::ldexp(std::nearbyint(std::ldexp(each.least, 20)), -20);
    if (rounded) continue;
    EXPECT_EQ(slopes_of(each, {}), (Interval{each.least, each.greatest})) << each.name;
  }
}

TEST(NamedFunctions, HaveTheSlopesOfADomain) {
  const std::vector<std::pair<Slopes, Interval>> cases = {
      {{"Relu", {}, 1, 1}, {1, 2}},
      {{"Relu", {}, 0, 0}, {-2, -1}},
      {{"Relu", {}, 1, 1}, {0, 2}},
      {{"Relu", {}, 0, 0}, {-kInfinity, 0}},
      {{"Relu", {}, 0, 1}, {-1e-300, 1e-300}},
      {{"Relu", {}, 0, 1}, {0, 0}},
      {{"LeakyRelu", {0.125}, 0.125, 0.125}, {-1e9, -1e-9}},
      {{"HardSwish", {}, 1, 1}, {3, 100}},
      {{"HardSwish", {}, 0, 0}, {-1e6, -3}},
      {{"ThresholdedRelu", {1}, 0, 0}, {-5, 0.5}},
      {{"ThresholdedRelu", {1}, 0, 0}, {-5, 1}},  // it is 0 at its threshold
      {{"ThresholdedRelu", {1}, 1, 1}, {1.5, 1e7}},
      {{"Shrink", {0.5, 0}, 1, 1}, {0.75, 2}},
      {{"Abs", {}, -1, -1}, {-7, -1}},
      {{"Reciprocal", {}, -4, -0.25}, {0.5, 2}},
      {{"Pow", {2}, -6, 4}, {-3, 2}},
      {{"Pow", {3}, 0, 27}, {-3, 2}},
      {{"Sqrt", {}, 0.25, 0.5}, {1, 4}},
      {{"Log", {}, 0.25, 2}, {0.5, 4}},
  };
  for (const auto& [each, domain] : cases) {
    EXPECT_EQ(slopes_of(each, domain), (Interval{each.least, each.greatest}))
        << fmt::format("{} on [{}, {}]", each.name, domain.least, domain.greatest);
  }
}

TEST(NamedFunctions, HaveNoSlopesWhereTheyStepOrAreSingular) {
  const std::vector<std::pair<Slopes, Interval>> cases = {
      {{"ThresholdedRelu", {1}, 0, 0}, {}},
      {{"ThresholdedRelu", {1}, 0, 0}, {0, 1.5}},
      {{"ThresholdedRelu", {-1}, 0, 0}, {-1, 1}},
      {{"Shrink", {0.5, 0}, 0, 0}, {0, 1}},
      {{"Exp", {}, 0, 0}, {}},
      {{"Exp", {}, 0, 0}, {-1, 800}},
      {{"Log", {}, 0, 0}, {0, 1}},
      {{"Log", {}, 0, 0}, {-1, 1}},
      {{"Sqrt", {}, 0, 0}, {0, 1}},
      {{"Sqrt", {}, 0, 0}, {}},
      {{"Reciprocal", {}, 0, 0}, {-1, 1}},
      {{"Reciprocal", {}, 0, 0}, {0, 1}},
      {{"Pow", {2}, 0, 0}, {}},
      {{"Pow", {0.5}, 0, 0}, {0, 1}},
      {{"Pow", {-1}, 0, 0}, {-2, 0}},
      {{"Pow", {2}, 0, 0}, {0, kInfinity}},
  };
  for (const auto& [each, domain] : cases) {
    EXPECT_FALSE(named_function(each.name, each.parameters)->slopes(domain))
        << fmt::format("{} on [{}, {}]", each.name, domain.least, domain.greatest);
  }
}

TEST(NamedFunctions, HaveTheirRanges) {
  const auto range = [](const std::string& name, const Interval& domain) {
    return named_function(name)->range(domain);
  };
  EXPECT_EQ(range("Relu", {}), (Interval{0, kInfinity}));
  EXPECT_EQ(range("Relu", {-3, 2}), (Interval{0, 2}));
  EXPECT_EQ(range("Sigmoid", {}), (Interval{0, 1}));
  EXPECT_EQ(range("Tanh", {}), (Interval{-1, 1}));
  EXPECT_EQ(range("Softsign", {}), (Interval{-1, 1}));
  EXPECT_EQ(range("Exp", {}), (Interval{0, kInfinity}));
  EXPECT_EQ(range("Softplus", {}).least, 0);
  // The least values of x Phi(x), x sigmoid(x) and Mish, by mpmath's findroot on the derivative.
  EXPECT_NEAR(range("Gelu", {}).least, -0.16997120747990366, 1e-9);
  EXPECT_NEAR(range("Silu", {}).least, -0.2784645427610738, 1e-9);
  EXPECT_NEAR(range("Mish", {}).least, -0.30884341301725043, 1e-9);
  EXPECT_EQ(range("Gelu", {}).greatest, kInfinity);
  EXPECT_EQ(range("Log", {-1, 1}), (Interval{}));
}

TEST(NamedFunctions, RefuseWhatTheyDoNotKnow) {
  EXPECT_THROW(named_function("Floor"), Error);
  EXPECT_THROW(named_function("PRelu"), Error);
  EXPECT_THROW(named_function("Relu", {1}), Error);
  EXPECT_THROW(named_function("Elu", {kInfinity}), Error);
  EXPECT_THROW(named_function("Celu", {0}), Error);
  EXPECT_THROW(named_function("Relu")->slopes({2, 1}), Error);
  EXPECT_THROW(named_function("Relu")->slopes({std::nan(""), 1}), Error);
}

}  // namespace
}  // namespace sigmax::graph
