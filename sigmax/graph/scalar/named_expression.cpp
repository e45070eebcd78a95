#include "sigmax/graph/scalar/named_expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/scalar/elementary.hpp"

namespace sigmax::graph {
namespace {

using Parameters = std::span<const double>;

const Expression& x() {
  static const Expression result = Expression::variable();
  return result;
}

Expression number(double value) { return Expression::constant(value); }
Expression of(Symbol symbol, const Expression& a, double parameter = 0) { return make(symbol, {a}, parameter); }

/// `below` for x < bound, `above` for other x.
Expression where(double bound, const Expression& below, const Expression& above) {
  return make(Symbol::Where, {x(), below, above}, bound);
}

/// min(max(a, least), greatest); an infinite bound is none.
Expression clipped(const Expression& a, double least, double greatest) {
  const Expression above = std::isinf(least) ? a : make(Symbol::Maximum, {a, number(least)});
  return std::isinf(greatest) ? above : make(Symbol::Minimum, {above, number(greatest)});
}

Expression times_sigmoid(double factor) { return x() * of(Symbol::Sigmoid, number(factor) * x()); }

Expression gelu() {
  const Expression root_2 = Expression::constant(square_root(point(2)));
  return number(0.5) * x() * (number(1) + of(Symbol::ErrorFunction, x() / root_2));
}

/// 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
Expression gelu_tanh() {
  const Expression root = Expression::constant(square_root(point(1) / half_pi()));
  const Expression cubic = Expression::constant(point(44715) / point(1000000)) * of(Symbol::Power, x(), 3);
  return number(0.5) * x() * (number(1) + of(Symbol::HyperbolicTangent, root * (x() + cubic)));
}

Expression celu(double alpha) {
  if (alpha == 0) throw Error("[named_function] Celu divides by its alpha, which is 0");
  return where(0, number(alpha) * of(Symbol::ExponentialMinus1, x() / number(alpha)), x());
}

/// log(x + sqrt(x^2 + 1)), odd: written so that nothing cancels.
Expression area_sine() {
  const Expression root = of(Symbol::SquareRoot, of(Symbol::Power, x(), 2) + number(1));
  return where(0, -of(Symbol::Logarithm, root - x()), of(Symbol::Logarithm, root + x()));
}

Expression elu(double alpha) { return where(0, number(alpha) * of(Symbol::ExponentialMinus1, x()), x()); }

// Where it steps, the value at the step counts: x + bias for x < -lambda, x - bias for x > lambda, 0 elsewhere.
Expression shrink(double lambda, double bias) {
  const Expression above = make(Symbol::Where, {-x(), x() - number(bias), number(0)}, -lambda);
  return where(-lambda, x() + number(bias), above);
}

}  // namespace

const std::vector<NamedExpression>& named_expressions() {
  static const std::vector<NamedExpression> all = {
      {"Identity", 0, {}, [](Parameters) { return x(); }},
      {"Neg", 0, {}, [](Parameters) { return -x(); }},
      {"Abs", 0, {}, [](Parameters) { return of(Symbol::Absolute, x()); }},
      {"Sin", 0, {}, [](Parameters) { return of(Symbol::Sine, x()); }},
      {"Cos", 0, {}, [](Parameters) { return of(Symbol::Cosine, x()); }},
      {"Atan", 0, {}, [](Parameters) { return of(Symbol::Arctangent, x()); }},
      {"Asinh", 0, {}, [](Parameters) { return area_sine(); }},
      {"Relu",
       0,
       {},
       [](Parameters) {
         return make(Symbol::Maximum, {x(), number(0)});
       }},
      {"LeakyRelu", 0, {0.01}, [](Parameters p) { return where(0, number(p[0]) * x(), x()); }},
      {"PRelu", 1, {}, [](Parameters p) { return where(0, number(p[0]) * x(), x()); }},
      {"ThresholdedRelu",
       0,
       {1},
       [](Parameters p) {
         return make(Symbol::Where, {-x(), x(), number(0)}, -p[0]);
       }},
      {"Elu", 0, {1}, [](Parameters p) { return elu(p[0]); }},
      {"Celu", 0, {1}, [](Parameters p) { return celu(p[0]); }},
      {"Selu",
       0,
       {1.67326319217681884765625, 1.05070102214813232421875},
       [](Parameters p) { return number(p[1]) * elu(p[0]); }},
      {"Gelu", 0, {}, [](Parameters) { return gelu(); }},
      {"GeluTanh", 0, {}, [](Parameters) { return gelu_tanh(); }},
      {"Silu", 0, {}, [](Parameters) { return times_sigmoid(1); }},
      {"QuickGelu", 0, {1.702}, [](Parameters p) { return times_sigmoid(p[0]); }},
      {"Swish", 0, {1}, [](Parameters p) { return times_sigmoid(p[0]); }},
      {"Mish", 0, {}, [](Parameters) { return x() * of(Symbol::HyperbolicTangent, of(Symbol::Softplus, x())); }},
      {"HardSwish", 0, {}, [](Parameters) { return x() * clipped(x() + number(3), 0, 6) / number(6); }},
      {"HardSigmoid",
       0,
       {static_cast<double>(0.2F), 0.5},
       [](Parameters p) { return clipped(number(p[0]) * x() + number(p[1]), 0, 1); }},
      {"Sigmoid", 0, {}, [](Parameters) { return of(Symbol::Sigmoid, x()); }},
      {"Tanh", 0, {}, [](Parameters) { return of(Symbol::HyperbolicTangent, x()); }},
      {"Softplus", 0, {}, [](Parameters) { return of(Symbol::Softplus, x()); }},
      {"Softsign", 0, {}, [](Parameters) { return of(Symbol::Softsign, x()); }},
      {"Erf", 0, {}, [](Parameters) { return of(Symbol::ErrorFunction, x()); }},
      {"Clip", 2, {}, [](Parameters p) { return clipped(x(), p[0], p[1]); }},
      {"Affine", 2, {}, [](Parameters p) { return number(p[0]) * x() + number(p[1]); }},
      {"Shrink", 0, {0.5, 0}, [](Parameters p) { return shrink(p[0], p[1]); }},
      {"IsNegative", 0, {}, [](Parameters) { return where(0, number(1), number(0)); }},
      {"IsNotNegative", 0, {}, [](Parameters) { return where(0, number(0), number(1)); }},
      {"IsPositive",
       0,
       {},
       [](Parameters) {
         return make(Symbol::Where, {-x(), number(1), number(0)}, 0);
       }},
      {"IsNotPositive",
       0,
       {},
       [](Parameters) {
         return make(Symbol::Where, {-x(), number(0), number(1)}, 0);
       }},
      {"Exp", 0, {}, [](Parameters) { return of(Symbol::Exponential, x()); }},
      {"Log", 0, {}, [](Parameters) { return of(Symbol::Logarithm, x()); }},
      {"Sqrt", 0, {}, [](Parameters) { return of(Symbol::SquareRoot, x()); }},
      {"Reciprocal", 0, {}, [](Parameters) { return number(1) / x(); }},
      {"Pow", 1, {}, [](Parameters p) { return of(Symbol::Power, x(), p[0]); }},
  };
  return all;
}

}  // namespace sigmax::graph
