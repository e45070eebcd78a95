#include "sigmax/graph/scalar/jet.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/scalar/elementary.hpp"

namespace sigmax::graph {
namespace {

const Jet kUndefined{kAllNumbers, kAllNumbers, kAllNumbers, false};

/// sigmoid(u) sigmoid(-u), which falls as |u| grows.
Interval sigmoid_slope(const Interval& u) {
  const Interval size = absolute(u);
  const auto at = [](double v) { return sigmoid(point(v)) * sigmoid(point(-v)); };
  return {std::max(at(size.greatest).least, 0.0), at(size.least).greatest};
}

Jet absolute_jet(const Interval& u) {
  Jet result{absolute(u), {-1, 1}, kAllNumbers};
  if (u.least >= 0 && u.greatest > 0) result.first = point(1);
  if (u.greatest <= 0 && u.least < 0) result.first = point(-1);
  if (!contains(u, 0)) result.second = point(0);
  return result;
}

Jet power_jet(const Interval& u, double p) {
  const bool whole = p == std::nearbyint(p);
  if ((!whole && u.least < 0) || (p < 0 && contains(u, 0))) return kUndefined;
  const Interval p_below = point(p) - point(1);
  // For exponents that double does not hold exactly, p - 1 would not be the exponent of the derivative.
  if (!is_point(p_below) || !is_point(point(p) - point(2))) return {power(u, p), kAllNumbers, kAllNumbers};
  return {power(u, p), point(p) * power(u, p - 1), point(p) * p_below * power(u, p - 2)};
}

Jet product(const Jet& a, const Jet& b) {
  return {a.value * b.value, a.first * b.value + a.value * b.first,
          a.second * b.value + point(2) * a.first * b.first + a.value * b.second};
}

Jet composed(const Jet& outer, const Jet& inner) {
  if (!outer.defined) return kUndefined;
  return {outer.value, outer.first * inner.first, outer.second * square(inner.first) + outer.first * inner.second};
}

/// The larger, where `difference` = a - b.
Jet larger(const Jet& a, const Jet& b) {
  const bool first = a.value.least >= b.value.greatest;
  const bool second = b.value.least >= a.value.greatest;
  const bool apart = a.value.least > b.value.greatest || b.value.least > a.value.greatest;
  Jet result;
  if (first != second) {
    result = first ? a : b;
  } else {
    result = {maximum(a.value, b.value), hull(a.first, b.first), kAllNumbers};
  }
  if (!apart) result.second = kAllNumbers;
  return result;
}

Jet negative(const Jet& a) { return {-a.value, -a.first, -a.second, a.defined}; }

Jet chosen(const Term& term, const Jet& condition, const Jet& below, const Jet& above) {
  const Interval& u = condition.value;
  const double bound = term.parameter;
  if (u.greatest < bound) return below;
  if (u.least > bound) return above;
  if (!term.continuous) {
    if (u.least >= bound) return {above.value, above.first, kAllNumbers, above.defined};
    return {hull(below.value, above.value), kAllNumbers, kAllNumbers, below.defined && above.defined};
  }
  // Not at a point: there, both sides count.
  if (u.greatest <= bound && u.least < bound) return {below.value, below.first, kAllNumbers, below.defined};
  if (u.least >= bound && u.greatest > bound) return {above.value, above.first, kAllNumbers, above.defined};
  if (!below.defined || !above.defined) return kUndefined;
  return {hull(below.value, above.value), hull(below.first, above.first), kAllNumbers};
}

Jet jet_of_term(const Term& term, const Interval& x, const std::vector<Jet>& before) {
  if (term.symbol == Symbol::Variable) return {x, point(1), point(0)};
  if (term.symbol == Symbol::Constant) return {term.constant, point(0), point(0)};
  const auto operand = [&](std::size_t i) -> const Jet& { return before[static_cast<std::size_t>(term.operands[i])]; };
  const Jet& a = operand(0);
  if (term.symbol == Symbol::Where) return a.defined ? chosen(term, a, operand(1), operand(2)) : kUndefined;
  for (const int each : term.operands) {
    if (each >= 0 && !before[static_cast<std::size_t>(each)].defined) return kUndefined;
  }
  switch (term.symbol) {
    case Symbol::Add: {
      const Jet& b = operand(1);
      return {a.value + b.value, a.first + b.first, a.second + b.second};
    }
    case Symbol::Multiply: return product(a, operand(1));
    case Symbol::Divide: {
      const Jet& b = operand(1);
      if (contains(b.value, 0)) return kUndefined;
      if (b.first == point(0)) return {a.value / b.value, a.first / b.value, a.second / b.value};
      Jet result = product(a, composed(jet_of_symbol({Symbol::Power, {}, point(0), -1}, b.value), b));
      result.value = a.value / b.value;
      return result;
    }
    case Symbol::Maximum: return larger(a, operand(1));
    case Symbol::Minimum: return negative(larger(negative(a), negative(operand(1))));
    default: return composed(jet_of_symbol(term, a.value), a);
  }
}

}  // namespace

Jet jet_of_symbol(const Term& term, const Interval& u) {
  switch (term.symbol) {
    case Symbol::Negate: return {-u, point(-1), point(0)};
    case Symbol::Absolute: return absolute_jet(u);
    case Symbol::Power: return power_jet(u, term.parameter);
    case Symbol::SquareRoot: {
      if (u.least < 0) return kUndefined;
      const Interval root = square_root(u);
      if (u.least == 0)
        return {root, {u.greatest > 0 ? (point(1) / (point(2) * root)).least : 0, kInfinity}, kAllNumbers};
      return {root, point(1) / (point(2) * root), point(-1) / (point(4) * root * u)};
    }
    case Symbol::Exponential: {
      const Interval e = exponential(u);
      return {e, e, e};
    }
    case Symbol::ExponentialMinus1: {
      const Interval e = exponential(u);
      return {exponential_minus_1(u), e, e};
    }
    case Symbol::Logarithm:
      if (u.least <= 0) return kUndefined;
      return {logarithm(u), point(1) / u, point(-1) / square(u)};
    case Symbol::LogarithmOf1Plus: {
      if (u.least <= -1) return kUndefined;
      const Interval v = point(1) + u;
      return {logarithm_of_1_plus(u), point(1) / v, point(-1) / square(v)};
    }
    case Symbol::HyperbolicTangent: {
      const Interval t = hyperbolic_tangent(u);
      const Interval slope = point(4) * sigmoid_slope(point(2) * u);
      return {t, slope, point(-2) * t * slope};
    }
    case Symbol::ErrorFunction: {
      const Interval slope = two_over_root_pi() * exponential(-square(u));
      return {error_function(u), slope, point(-2) * u * slope};
    }
    case Symbol::Sigmoid: {
      const Interval s = sigmoid(u);
      const Interval slope = sigmoid_slope(u);
      return {s, slope, slope * (point(1) - point(2) * s)};
    }
    case Symbol::Softplus: return {softplus(u), sigmoid(u), sigmoid_slope(u)};
    case Symbol::Softsign: {
      // u / (1 + |u|) rises; phi'' = -2 sign(u) / (1 + |u|)^3 jumps at 0, and there either side counts.
      const auto at = [](double v) {
        const double size = std::fabs(v);
        const Interval rest = point(1) / (point(1) + point(size));  // 1 - |phi|
        const Interval value = size < 1 ? point(size) / (point(1) + point(size)) : point(1) - rest;
        return v < 0 ? -value : value;
      };
      const Interval below = point(1) + absolute(u);
      const Interval curvature = point(2) / power(below, 3);
      const Interval signs{u.greatest > 0 ? -1.0
                           : is_point(u)  ? -1.0
                                          : 1.0,
                           u.least < 0   ? 1.0
                           : is_point(u) ? 1.0
                                         : -1.0};
      return {{at(u.least).least, at(u.greatest).greatest}, point(1) / square(below), curvature * signs};
    }
    case Symbol::Sine: return {sine(u), cosine(u), -sine(u)};
    case Symbol::Cosine: return {cosine(u), -sine(u), -cosine(u)};
    case Symbol::Arctangent: {
      const Interval slope = point(1) / (point(1) + square(u));
      return {arctangent(u), slope, point(-2) * u * square(slope)};
    }
    default: return {};
  }
}

Jet jet(const Expression& f, const Interval& x) {
  std::vector<Jet> jets;
  jets.reserve(f.terms().size());
  for (const Term& term : f.terms()) jets.push_back(jet_of_term(term, x, jets));
  return jets.back();
}

}  // namespace sigmax::graph
