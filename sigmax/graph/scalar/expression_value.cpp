// Values and derivatives of expressions in double, without enclosures.
#include <algorithm>
#include <cmath>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

#include "sigmax/graph/scalar/expression.hpp"

namespace sigmax::graph {
namespace {

struct Dual {
  double value = 0;
  double slope = 0;
};

double sigmoid_value(double x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1 + e);
}

double softplus_value(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

/// phi(a) and its derivative.
Dual of_one(const Term& term, const Dual& a) {
  const double x = a.value;
  const auto chain = [&a](double value, double derivative) {
    return Dual{value, a.slope == 0 ? 0 : derivative * a.slope};
  };
  switch (term.symbol) {
    case Symbol::Negate: return {-x, -a.slope};
    case Symbol::Absolute: return {std::fabs(x), x < 0 ? -a.slope : a.slope};
    case Symbol::Power: return chain(std::pow(x, term.parameter), term.parameter * std::pow(x, term.parameter - 1));
    case Symbol::SquareRoot: return chain(std::sqrt(x), 0.5 / std::sqrt(x));
    case Symbol::Exponential: return chain(std::exp(x), std::exp(x));
    case Symbol::ExponentialMinus1: return chain(std::expm1(x), std::exp(x));
    case Symbol::Logarithm: return chain(std::log(x), 1 / x);
    case Symbol::LogarithmOf1Plus: return chain(std::log1p(x), 1 / (1 + x));
    case Symbol::HyperbolicTangent: return chain(std::tanh(x), 4 * sigmoid_value(2 * x) * sigmoid_value(-2 * x));
    case Symbol::ErrorFunction: return chain(std::erf(x), 1.1283791670955126 * std::exp(-x * x));
    case Symbol::Sigmoid: return chain(sigmoid_value(x), sigmoid_value(x) * sigmoid_value(-x));
    case Symbol::Softplus: return chain(softplus_value(x), sigmoid_value(x));
    case Symbol::Softsign: {
      const double below = 1 + std::fabs(x);
      return chain(x / below, 1 / (below * below));
    }
    case Symbol::Sine: return chain(std::sin(x), std::cos(x));
    case Symbol::Cosine: return chain(std::cos(x), -std::sin(x));
    case Symbol::Arctangent: return chain(std::atan(x), 1 / (1 + x * x));
    default: return a;
  }
}

Dual of_terms(const Term& term, double x, const std::vector<Dual>& before) {
  const auto operand = [&](std::size_t i) -> const Dual& { return before[static_cast<std::size_t>(term.operands[i])]; };
  switch (term.symbol) {
    case Symbol::Variable: return {x, 1};
    case Symbol::Constant: return {middle(term.constant), 0};
    case Symbol::Add: return {operand(0).value + operand(1).value, operand(0).slope + operand(1).slope};
    case Symbol::Multiply: {
      const Dual &a = operand(0), &b = operand(1);
      return {a.value * b.value, a.slope * b.value + a.value * b.slope};
    }
    case Symbol::Divide: {
      const Dual &a = operand(0), &b = operand(1);
      return {a.value / b.value, (a.slope - a.value / b.value * b.slope) / b.value};
    }
    case Symbol::Minimum: return operand(0).value < operand(1).value ? operand(0) : operand(1);
    case Symbol::Maximum: return operand(0).value > operand(1).value ? operand(0) : operand(1);
    case Symbol::Where: return operand(0).value < term.parameter ? operand(1) : operand(2);
    default: return of_one(term, operand(0));
  }
}

Dual dual_of(const Expression& f, double x) {
  std::vector<Dual> values;
  values.reserve(f.terms().size());
  for (const Term& term : f.terms()) values.push_back(of_terms(term, x, values));
  return values.back();
}

}  // namespace

double Expression::value(double x) const { return dual_of(*this, x).value; }
double Expression::derivative(double x) const { return dual_of(*this, x).slope; }

}  // namespace sigmax::graph
