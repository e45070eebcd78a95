// Each term and its derivative as an Asymptote, where there is one. With u >= a + b z, a >= 0, z = x - T (growth()):
//
//   e^-u <= e^-a e^(-b z)
//   1 - sigmoid(u) <= e^-u,   sigmoid'(u) <= e^-u,   softplus(u) - u <= e^-u
//   1 - tanh(u) <= 2 e^-2u,   tanh'(u) <= 4 e^-2u
//   1 - erf(u) <= e^-u^2 and u^2 >= a^2 + 2 a b z
//   1/u <= C (x/T)^-d with u >= a + c z^d and C = 2^(d-1) max(1/a, 1/(T^d c)), from (1 + s)^d <= 2^(d-1) (1 + s^d)
//   pi/2 - atan(u) <= 1/u
//   a / b = q + r / b by division of polynomials, r of a lower degree than b
//   sqrt(s^2 + r) = s + r / (sqrt(s^2 + r) + s), and the quotient is at most |r| / s
//
// and the same with signs where -u grows. If u is flat, u = c + e, phi(u) = phi(c) + phi'(...) e.
#include "sigmax/graph/scalar/tail.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/scalar/asymptote.hpp"
#include "sigmax/graph/scalar/elementary.hpp"
#include "sigmax/graph/scalar/jet.hpp"

namespace sigmax::graph {
namespace {

using Maybe = std::optional<Asymptote>;
constexpr std::size_t kMostDegree = 12;

struct TailJet {
  Maybe value;
  Maybe first;
};

Maybe sum(const Maybe& a, const Maybe& b) { return a && b ? Maybe(*a + *b) : std::nullopt; }
Maybe product(const Maybe& a, const Maybe& b) { return a && b ? Maybe(*a * *b) : std::nullopt; }
Maybe negated(const Maybe& a) { return a ? Maybe(-*a) : std::nullopt; }
Asymptote flat(double start, const Interval& value) { return Asymptote(start, {value}); }

/// e^-(factor u) times `size`, for |u| growing.
Asymptote exponential_error(double start, const Asymptote::Growth& u, double factor, const Interval& size) {
  const Interval top = exponential(point(-factor) * point(u.least));
  return Asymptote::decaying(start, size * Interval{0, top.greatest}, (point(factor) * point(u.rate)).least);
}

/// e^-u^2 times `size`.
Asymptote gaussian_error(double start, const Asymptote::Growth& u, const Interval& size) {
  const Interval top = exponential(-square(point(u.least)));
  return Asymptote::decaying(start, size * Interval{0, top.greatest},
                             (point(2) * point(u.least) * point(u.rate)).least);
}

/// 1/|u| times `size`.
Maybe reciprocal_error(double start, const Asymptote::Growth& u, const Interval& size) {
  if (!(u.least > 0)) return std::nullopt;
  const Interval power_of_start = power(point(start), u.degree);
  const Interval bound =
      scaled(maximum(point(1) / point(u.least), point(1) / (power_of_start * point(u.leading))), u.degree - 1);
  return Asymptote::decaying(start, size * Interval{0, bound.greatest}, 0, -u.degree);
}

/// phi(u) for flat u, and its derivative phi'(u), of terms with one operand.
TailJet of_flat(const Term& term, const Asymptote& u) {
  const auto part = [&term](Interval Jet::*member) {
    return [&term, member](const Interval& at) {
      const Jet all = jet_of_symbol(term, at);
      return all.defined ? all.*member : kAllNumbers;
    };
  };
  const auto value = part(&Jet::value), first = part(&Jet::first), second = part(&Jet::second);
  const Asymptote phi = u.composed(value, first);
  const Asymptote slope = u.composed(first, second);
  // Where phi'' is not bounded, as at a kink, what is known of phi' is its enclosure.
  const Interval around = first(u.enclosure());
  const bool tight = is_bounded(slope.enclosure());
  return {is_bounded(phi.enclosure()) ? Maybe(phi) : std::nullopt, tight                ? Maybe(slope)
                                                                   : is_bounded(around) ? Maybe(flat(u.start(), around))
                                                                                        : std::nullopt};
}

/// phi(u) and phi'(u) where |u| grows.
TailJet of_growing(Symbol symbol, const Asymptote& u, const Asymptote::Growth& growth) {
  const double start = u.start();
  const double sign = growth.negative ? -1 : 1;
  const auto fall = [&](double factor, const Interval& size) { return exponential_error(start, growth, factor, size); };
  const Interval below_limit = growth.negative ? Interval{0, 1} : Interval{-1, 0};
  switch (symbol) {
    case Symbol::Absolute: return {growth.negative ? -u : u, flat(start, point(sign))};
    case Symbol::Exponential:
    case Symbol::ExponentialMinus1: {
      if (!growth.negative) return {};
      const Asymptote e = fall(1, {0, 1});
      return {symbol == Symbol::Exponential ? e : e + flat(start, point(-1)), e};
    }
    case Symbol::Sigmoid: return {flat(start, point(growth.negative ? 0 : 1)) + fall(1, below_limit), fall(1, {0, 1})};
    case Symbol::Softplus: {
      const Asymptote slope = flat(start, point(growth.negative ? 0 : 1)) + fall(1, below_limit);
      return {growth.negative ? fall(1, {0, 1}) : u + fall(1, {0, 1}), slope};
    }
    case Symbol::HyperbolicTangent:
      return {flat(start, point(sign)) + fall(2, point(2) * below_limit), fall(2, {0, 4})};
    case Symbol::ErrorFunction:
      return {flat(start, point(sign)) + gaussian_error(start, growth, below_limit),
              gaussian_error(start, growth, Interval{0, two_over_root_pi().greatest})};
    case Symbol::Softsign: {
      // 1 - phi(|u|) = 1 / (1 + |u|) <= 1/|u|
      const Maybe rest = reciprocal_error(start, growth, below_limit);
      const Asymptote below = (growth.negative ? -u : u) + flat(start, point(1));
      const auto growing = (below * below).growth();
      return {sum(flat(start, point(sign)), rest), growing ? reciprocal_error(start, *growing, {0, 1}) : std::nullopt};
    }
    case Symbol::Sine:
    case Symbol::Cosine: return {flat(start, {-1, 1}), flat(start, {-1, 1})};
    case Symbol::Logarithm:
      if (growth.negative) return {};
      return {std::nullopt, reciprocal_error(start, growth, {0, 1})};
    case Symbol::Arctangent: {
      const Maybe rest = reciprocal_error(start, growth, below_limit);
      const Asymptote squared = flat(start, point(1)) + u * u;
      const auto growing = squared.growth();
      return {sum(flat(start, point(sign) * half_pi()), rest),
              growing ? reciprocal_error(start, *growing, {0, 1}) : std::nullopt};
    }
    default: return {};
  }
}

/// 1 / u
Maybe reciprocal(const Maybe& u) {
  if (!u) return std::nullopt;
  if (u->is_flat()) return of_flat({Symbol::Power, {}, point(0), -1}, *u).value;
  const auto growth = u->growth();
  return growth ? reciprocal_error(u->start(), *growth, growth->negative ? Interval{-1, 0} : Interval{0, 1})
                : std::nullopt;
}

/// a / b = q + r / b
Maybe quotient(const Maybe& a, const Maybe& b) {
  const Maybe inverse = reciprocal(b);
  if (!a || !inverse) return std::nullopt;
  const auto division = a->divided_by(*b);
  if (!division) return *a * *inverse;
  return division->quotient + division->rest * *inverse;
}

/// sqrt(u) for u of degree 2: n (s + r / (sqrt(u) / n + s)), where s grows and sqrt(u) / n >= 0.
Maybe root(const Asymptote& u) {
  const auto square = u.completed();
  if (!square) return std::nullopt;
  const auto growth = square->s.growth();
  if (!growth || growth->negative || !is_bounded(square->r)) return std::nullopt;
  const Maybe rest = reciprocal_error(u.start(), *growth, hull(square->r, point(0)));
  return product(flat(u.start(), square->n), sum(square->s, rest));
}

Maybe integer_power(const Asymptote& u, int n) {
  if (n < 0) return reciprocal(integer_power(u, -n));
  Asymptote result = flat(u.start(), point(1));
  for (int i = 0; i < n; ++i) result = result * u;
  return result;
}

TailJet of_symbol(const Term& term, const Maybe& u) {
  if (!u) return {};
  if (term.symbol == Symbol::Power && term.parameter == std::nearbyint(term.parameter) &&
      std::fabs(term.parameter) <= static_cast<double>(kMostDegree)) {
    const int n = static_cast<int>(term.parameter);
    return {integer_power(*u, n), product(flat(u->start(), point(n)), integer_power(*u, n - 1))};
  }
  if (u->is_flat()) return of_flat(term, *u);
  if (term.symbol == Symbol::LogarithmOf1Plus) {
    return of_symbol({Symbol::Logarithm, {}, point(0), 0}, *u + flat(u->start(), point(1)));
  }
  const auto growth = u->growth();
  if (!growth) {
    const bool bounded = term.symbol == Symbol::Sine || term.symbol == Symbol::Cosine;
    return bounded ? TailJet{flat(u->start(), {-1, 1}), flat(u->start(), {-1, 1})} : TailJet{};
  }
  return of_growing(term.symbol, *u, *growth);
}

/// `above` where condition >= 0, `below` where it is negative.
TailJet chosen(const Maybe& condition, const TailJet& below, const TailJet& above, bool continuous) {
  if (!condition) return {};
  const Interval sign = condition->enclosure();
  if (sign.least >= 0) return above;
  if (sign.greatest < 0) return below;
  if (!continuous || !below.first || !above.first) return {};
  // Undecided: the hull, if it is bounded.
  const Interval slopes = hull(below.first->enclosure(), above.first->enclosure());
  TailJet result;
  if (is_bounded(slopes)) result.first = flat(condition->start(), slopes);
  if (!below.value || !above.value) return result;
  const Interval values = hull(below.value->enclosure(), above.value->enclosure());
  if (is_bounded(values)) result.value = flat(condition->start(), values);
  return result;
}

TailJet jet_of_term(const Term& term, double start, bool mirrored, const std::vector<TailJet>& before) {
  if (term.symbol == Symbol::Variable) {
    return {Asymptote(start, {point(0), point(mirrored ? -1 : 1)}), flat(start, point(1))};
  }
  if (term.symbol == Symbol::Constant) return {flat(start, term.constant), flat(start, point(0))};
  const auto operand = [&](std::size_t i) -> const TailJet& {
    return before[static_cast<std::size_t>(term.operands[i])];
  };
  const TailJet& a = operand(0);
  switch (term.symbol) {
    case Symbol::Negate: return {negated(a.value), negated(a.first)};
    case Symbol::Add: return {sum(a.value, operand(1).value), sum(a.first, operand(1).first)};
    case Symbol::Multiply: {
      const TailJet& b = operand(1);
      return {product(a.value, b.value), sum(product(a.first, b.value), product(a.value, b.first))};
    }
    case Symbol::Divide: {
      // (a' b - a b') / b^2, whose numerator cancels as polynomials.
      const TailJet& b = operand(1);
      const Maybe numerator = sum(product(a.first, b.value), negated(product(a.value, b.first)));
      return {quotient(a.value, b.value), quotient(numerator, product(b.value, b.value))};
    }
    case Symbol::SquareRoot: {
      if (!a.value || a.value->is_flat()) break;
      const Maybe value = root(*a.value);
      return {value, quotient(a.first, product(flat(start, point(2)), value))};
    }
    case Symbol::Maximum: return chosen(sum(a.value, negated(operand(1).value)), operand(1), a, true);
    case Symbol::Minimum: return chosen(sum(a.value, negated(operand(1).value)), a, operand(1), true);
    case Symbol::Where:
      return chosen(sum(a.value, Maybe(flat(start, point(-term.parameter)))), operand(1), operand(2), term.continuous);
    default: break;
  }
  const TailJet phi = of_symbol(term, a.value);
  return {phi.value, product(phi.first, a.first)};
}

}  // namespace

TailEnclosure tail(const Expression& f, double start, bool mirrored) {
  std::vector<TailJet> jets;
  jets.reserve(f.terms().size());
  for (const Term& term : f.terms()) jets.push_back(jet_of_term(term, start, mirrored, jets));
  TailEnclosure result;
  if (jets.back().value) result.value = jets.back().value->enclosure();
  if (jets.back().first) result.first = jets.back().first->enclosure();
  return result;
}

}  // namespace sigmax::graph
