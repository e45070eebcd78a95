#include "sigmax/graph/scalar/named.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/graph/scalar/elementary.hpp"
#include "sigmax/graph/scalar/expression_function.hpp"

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

Expression elu(double alpha) { return where(0, number(alpha) * of(Symbol::ExponentialMinus1, x()), x()); }

// Where it steps, the value at the step counts: x + bias for x < -lambda, x - bias for x > lambda, 0 elsewhere.
Expression shrink(double lambda, double bias) {
  const Expression above = make(Symbol::Where, {-x(), x() - number(bias), number(0)}, -lambda);
  return where(-lambda, x() + number(bias), above);
}

struct Named {
  std::string_view name;
  std::size_t required;          // parameters that have no default
  std::vector<double> defaults;  // of the others
  Expression (*expression)(Parameters);
};

const std::vector<Named>& table() {
  static const std::vector<Named> all = {
      {"Identity", 0, {}, [](Parameters) { return x(); }},
      {"Neg", 0, {}, [](Parameters) { return -x(); }},
      {"Abs", 0, {}, [](Parameters) { return of(Symbol::Absolute, x()); }},
      {"Sin", 0, {}, [](Parameters) { return of(Symbol::Sine, x()); }},
      {"Cos", 0, {}, [](Parameters) { return of(Symbol::Cosine, x()); }},
      {"Atan", 0, {}, [](Parameters) { return of(Symbol::Arctangent, x()); }},
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

const Named* find(std::string_view name) {
  const auto found = std::find_if(table().begin(), table().end(), [&](const Named& each) { return each.name == name; });
  return found == table().end() ? nullptr : &*found;
}

/// Functions without parameters, which networks use in every layer, are made once.
Function without_parameters(const Named& named) {
  static const std::map<std::string_view, std::size_t> places = [] {
    std::map<std::string_view, std::size_t> result;
    for (const Named& each : table()) result.emplace(each.name, result.size());
    return result;
  }();
  static std::array<std::pair<std::once_flag, Function>, 64> made;
  auto& [once, function] = made.at(places.at(named.name));
  std::call_once(once, [&function, &named] { function = function_of(named.expression({}), std::string(named.name)); });
  return function;
}

}  // namespace

Function named_function(std::string_view name, std::span<const double> parameters) {
  const FloatingEnvironment environment;
  const Named* named = find(name);
  if (named == nullptr) throw Error(fmt::format("[named_function] there is no function {}", name));
  const std::size_t most = named->required + named->defaults.size();
  if (parameters.size() < named->required || parameters.size() > most) {
    throw Error(fmt::format("[named_function] {} has {} parameters, not {}", name, most, parameters.size()));
  }
  const bool clip = name == "Clip" && parameters[0] < kInfinity && parameters[1] > -kInfinity;
  for (const double each : parameters) {
    if (std::isnan(each) || (std::isinf(each) && !clip)) {
      throw Error(fmt::format("[named_function] a parameter of {} is {}", name, each));
    }
  }
  if (most == 0) return without_parameters(*named);
  std::vector<double> all(parameters.begin(), parameters.end());
  for (std::size_t i = all.size(); i < most; ++i) all.push_back(named->defaults[i - named->required]);
  return function_of(named->expression(all), fmt::format("{}({:.6g})", name, fmt::join(all, ", ")));
}

Function named_function(std::string_view name, std::initializer_list<double> parameters) {
  return named_function(name, std::span<const double>(parameters.begin(), parameters.size()));
}

bool is_named_function(std::string_view name) { return find(name) != nullptr; }

std::vector<std::string> function_names() {
  std::vector<std::string> names;
  for (const Named& each : table()) names.emplace_back(each.name);
  return names;
}

}  // namespace sigmax::graph
