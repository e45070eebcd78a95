// Random functions of one number, and what they are in long double, from the definition.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "sigmax/graph/scalar/expression.hpp"

namespace sigmax::hunt {

/// f(x), computed with 64 bits and without the library. NaN where it is not defined.
inline long double long_value(const graph::Expression& f, long double x) {
  using graph::Symbol;
  std::vector<long double> v;
  for (const graph::Term& term : f.terms()) {
    const auto operand = [&](std::size_t i) { return v[static_cast<std::size_t>(term.operands[i])]; };
    switch (term.symbol) {
      case Symbol::Variable: v.push_back(x); break;
      case Symbol::Constant:
        v.push_back((static_cast<long double>(term.constant.least) + term.constant.greatest) / 2);
        break;
      case Symbol::Add: v.push_back(operand(0) + operand(1)); break;
      case Symbol::Multiply: v.push_back(operand(0) * operand(1)); break;
      case Symbol::Divide: v.push_back(operand(0) / operand(1)); break;
      case Symbol::Negate: v.push_back(-operand(0)); break;
      case Symbol::Absolute: v.push_back(std::fabs(operand(0))); break;
      case Symbol::Minimum: v.push_back(operand(0) < operand(1) ? operand(0) : operand(1)); break;
      case Symbol::Maximum: v.push_back(operand(0) > operand(1) ? operand(0) : operand(1)); break;
      case Symbol::Where: v.push_back(operand(0) < term.parameter ? operand(1) : operand(2)); break;
      case Symbol::Power: v.push_back(std::pow(operand(0), static_cast<long double>(term.parameter))); break;
      case Symbol::SquareRoot: v.push_back(std::sqrt(operand(0))); break;
      case Symbol::Exponential: v.push_back(std::exp(operand(0))); break;
      case Symbol::ExponentialMinus1: v.push_back(std::expm1(operand(0))); break;
      case Symbol::Logarithm: v.push_back(std::log(operand(0))); break;
      case Symbol::LogarithmOf1Plus: v.push_back(std::log1p(operand(0))); break;
      case Symbol::HyperbolicTangent: v.push_back(std::tanh(operand(0))); break;
      case Symbol::ErrorFunction: v.push_back(std::erf(operand(0))); break;
      case Symbol::Sigmoid: v.push_back(1 / (1 + std::exp(-operand(0)))); break;
      case Symbol::Softplus:
        v.push_back(std::fmax(operand(0), 0.0L) + std::log1p(std::exp(-std::fabs(operand(0)))));
        break;
      case Symbol::Softsign: v.push_back(operand(0) / (1 + std::fabs(operand(0)))); break;
      case Symbol::Sine: v.push_back(std::sin(operand(0))); break;
      case Symbol::Cosine: v.push_back(std::cos(operand(0))); break;
      case Symbol::Arctangent: v.push_back(std::atan(operand(0))); break;
    }
  }
  return v.back();
}

/// Draws expressions of up to about `size` terms.
class ExpressionMaker {
 public:
  explicit ExpressionMaker(std::uint64_t seed) : generator_(seed) {}

  double uniform(double least, double greatest) {
    return std::uniform_real_distribution<double>(least, greatest)(generator_);
  }
  int pick(int count) { return std::uniform_int_distribution<int>(0, count - 1)(generator_); }

  /// Whole and simple numbers as often as others: they make kinks and cancellations meet.
  double number() {
    constexpr double kSimple[] = {-2, -1, -0.5, 0, 0.5, 1, 2, 3, 6};
    return pick(2) == 0 ? kSimple[pick(9)] : uniform(-3, 3);
  }

  graph::Expression expression(int size) {
    using graph::Expression;
    using graph::Symbol;
    if (size <= 1) return pick(4) == 0 ? Expression::constant(number()) : Expression::variable();
    const int kind = pick(10);
    if (kind < 5) {
      const Expression a = expression(size - 1);
      constexpr Symbol kOfOne[] = {Symbol::Negate,
                                   Symbol::Absolute,
                                   Symbol::SquareRoot,
                                   Symbol::Exponential,
                                   Symbol::ExponentialMinus1,
                                   Symbol::Logarithm,
                                   Symbol::LogarithmOf1Plus,
                                   Symbol::HyperbolicTangent,
                                   Symbol::ErrorFunction,
                                   Symbol::Sigmoid,
                                   Symbol::Softplus,
                                   Symbol::Softsign,
                                   Symbol::Sine,
                                   Symbol::Cosine,
                                   Symbol::Arctangent,
                                   Symbol::Power};
      const Symbol symbol = kOfOne[pick(16)];
      constexpr double kExponents[] = {-1, 0.5, 1.5, 2, 3, -0.5};
      return graph::make(symbol, {a}, symbol == Symbol::Power ? kExponents[pick(6)] : 0);
    }
    const int left = 1 + pick(size - 1);
    const Expression a = expression(left);
    const Expression b = pick(4) == 0 ? a : expression(size - left);
    if (kind == 9) return graph::make(Symbol::Where, {Expression::variable(), a, b}, number());
    constexpr Symbol kOfTwo[] = {Symbol::Add,     Symbol::Multiply, Symbol::Divide,
                                 Symbol::Minimum, Symbol::Maximum,  Symbol::Multiply};
    return graph::make(kOfTwo[pick(6)], {a, b});
  }

 private:
  std::mt19937_64 generator_;
};

}  // namespace sigmax::hunt
