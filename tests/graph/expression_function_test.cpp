#include "sigmax/graph/scalar/expression_function.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "sigmax/graph/scalar/named.hpp"

namespace sigmax::graph {
namespace {

struct Sampled {
  double least_slope, greatest_slope;
  double least_value, greatest_value;
};

/// Of 4001 points and of the sides of the kinks that functions with names have.
Sampled sampled(const ScalarFunction& f, const Interval& domain) {
  std::vector<double> points;
  for (int i = 0; i <= 4000; ++i) {
    points.push_back(
        std::clamp(domain.least + i / 4000.0 * (domain.greatest - domain.least), domain.least, domain.greatest));
  }
  for (const double kink : {-3.0, -2.5, -1.0, -0.5, 0.0, 0.5, 1.0, 2.5, 3.0}) {
    for (const double side : {-1e-9, 0.0, 1e-9}) {
      if (contains(domain, kink + side)) points.push_back(kink + side);
    }
  }
  Sampled result{kInfinity, -kInfinity, kInfinity, -kInfinity};
  for (const double x : points) {
    result.least_slope = std::min(result.least_slope, f.derivative(x));
    result.greatest_slope = std::max(result.greatest_slope, f.derivative(x));
    result.least_value = std::min(result.least_value, f.value(x));
    result.greatest_value = std::max(result.greatest_value, f.value(x));
  }
  return result;
}

// Points 0.003 apart miss a smooth extreme by f''' h^2 / 8 < 1e-5 at most; the domains are at most 12 wide.
TEST(ExpressionFunction, SlopesAndRangesAreProvenAndAttained) {
  std::mt19937_64 generator(3);
  std::uniform_real_distribution<double> anywhere(-6, 6);
  for (const std::string& name : function_names()) {
    const bool needs = name == "PRelu" || name == "Clip" || name == "Affine" || name == "Pow";
    const Function f = !needs            ? named_function(name)
                       : name == "PRelu" ? named_function(name, {-0.3})
                       : name == "Pow"   ? named_function(name, {3})
                                         : named_function(name, {-1, 2.5});
    int proven = 0;
    for (int i = 0; i < 12; ++i) {
      const double a = anywhere(generator), b = anywhere(generator);
      const Interval domain = i == 0 ? Interval{1, 2} : Interval{std::min(a, b), std::max(a, b)};
      const auto slopes = f->slopes(domain);
      if (!slopes) continue;
      ++proven;
      const Sampled truth = sampled(*f, domain);
      const Interval range = f->range(domain);
      const double size = 1e-5 * std::max(1.0, magnitude(*slopes));
      const double height = 1e-5 * std::max(1.0, magnitude(range));
      const auto where = [&] { return fmt::format("{} on [{}, {}]", name, domain.least, domain.greatest); };
      EXPECT_LE(slopes->least, truth.least_slope + 1e-13 * magnitude(*slopes)) << where();
      EXPECT_GE(slopes->greatest, truth.greatest_slope - 1e-13 * magnitude(*slopes)) << where();
      EXPECT_GE(slopes->least, truth.least_slope - size) << where();
      EXPECT_LE(slopes->greatest, truth.greatest_slope + size) << where();
      EXPECT_LE(range.least, truth.least_value + 1e-13 * magnitude(range)) << where();
      EXPECT_GE(range.greatest, truth.greatest_value - 1e-13 * magnitude(range)) << where();
      EXPECT_GE(range.least, truth.least_value - height) << where();
      EXPECT_LE(range.greatest, truth.greatest_value + height) << where();
    }
    EXPECT_GE(proven, 1) << name;
  }
}

TEST(ExpressionFunction, DerivativesAgreeWithDifferences) {
  for (const std::string& name : function_names()) {
    if (name == "PRelu" || name == "Clip" || name == "Affine" || name == "Pow") continue;
    const Function f = named_function(name);
    for (const double x : {0.3, 0.71, 1.7, 2.9}) {
      // h^2 f''' / 6 is at most 1.3e-8, for the reciprocal at 0.3.
      const double h = 1e-5;
      EXPECT_NEAR(f->derivative(x), (f->value(x + h) - f->value(x - h)) / (2 * h), 3e-8) << name << " at " << x;
    }
  }
}

// What is known beyond any bounded interval: polynomials with errors that decay.
TEST(ExpressionFunction, HalfLinesHaveTheSlopesOfTheirLimits) {
  const auto slopes = [](const std::string& name, const Interval& domain) {
    return named_function(name)->slopes(domain).value_or(Interval{});
  };
  // Gelu'(8) - 1 = 8 phi(8) - ... = 4e-14, SiLU'(-40) = -1.6e-16.
  EXPECT_NEAR(slopes("Gelu", {8, kInfinity}).greatest, 1, 1e-12);
  EXPECT_GE(slopes("Gelu", {8, kInfinity}).least, 1 - 1e-12);
  EXPECT_NEAR(slopes("Silu", {-kInfinity, -40}).least, 0, 1e-14);
  EXPECT_EQ(slopes("Softplus", {40, kInfinity}).greatest, 1);
  EXPECT_EQ(slopes("Tanh", {3, kInfinity}).least, 0);
  EXPECT_NEAR(slopes("Tanh", {3, kInfinity}).greatest, 1 - std::tanh(3.0) * std::tanh(3.0), 1e-9);
  EXPECT_NEAR(slopes("Softsign", {-kInfinity, -1}).greatest, 0.25, 1e-12);
  EXPECT_NEAR(slopes("Exp", {-kInfinity, 1}).greatest, std::exp(1), 1e-12);
}

// Quotients and roots on half lines: divided as polynomials, with completed squares.
TEST(ExpressionFunction, QuotientsAndRootsHaveSlopesOnTheWholeLine) {
  const Expression x = Expression::variable(), one = Expression::constant(1), four = Expression::constant(4);
  const auto root = [](const Expression& u) { return make(Symbol::SquareRoot, {u}); };
  const auto expect = [](const Expression& f, double least, double greatest) {
    const auto found = function_of(f)->slopes({});
    ASSERT_TRUE(found) << f.text();
    // The search stops after a number of evaluations; x^3 / (1 + x^2) needs the most.
    EXPECT_NEAR(found->least, least, 2e-5) << f.text();
    EXPECT_NEAR(found->greatest, greatest, 2e-5) << f.text();
    EXPECT_LE(found->least, least + 1e-14) << f.text();
    EXPECT_GE(found->greatest, greatest - 1e-14) << f.text();
  };
  expect(root(x * x + one), -1, 1);
  expect(Expression::constant(0.5) * (x + root(x * x + four)), 0, 1);
  expect(root(four * x * x - Expression::constant(2) * x + one), -2, 2);
  // At x = sqrt 3 the derivative (x^4 + 3 x^2) / (1 + x^2)^2 is 9/8; that of x^2 / (1 + x^2) at 1/sqrt 3 is 3 sqrt 3/8.
  expect(x * x * x / (one + x * x), 0, 1.125);
  expect(x * x / (one + x * x), -3 * std::sqrt(3.0) / 8, 3 * std::sqrt(3.0) / 8);
  expect(x / root(x * x + one), 0, 1);
}

TEST(Expressions, SayTheSameInOtherWords) {
  const Expression x = Expression::variable(), one = Expression::constant(1);
  EXPECT_EQ(x * x, make(Symbol::Power, {x}, 2));
  EXPECT_EQ(make(Symbol::SquareRoot, {x * x}), make(Symbol::Absolute, {x}));
  EXPECT_EQ(make(Symbol::Logarithm, {one + make(Symbol::Exponential, {x})}), make(Symbol::Softplus, {x}));
  EXPECT_EQ(one / (make(Symbol::Exponential, {-x}) + one), make(Symbol::Sigmoid, {x}));
  EXPECT_EQ((one + one).number(), point(2));
  EXPECT_EQ(composed(x * x, x + one), make(Symbol::Power, {x + one}, 2));
  EXPECT_EQ((x / (one + make(Symbol::Absolute, {x}))).text(), "softsign(x)");
  // 0 times a function that is not defined everywhere is not 0 everywhere.
  EXPECT_EQ((Expression::constant(0) * make(Symbol::Sine, {x})).number(), point(0));
  EXPECT_FALSE((Expression::constant(0) * make(Symbol::Logarithm, {x})).number());
}

}  // namespace
}  // namespace sigmax::graph
