#include "sigmax/graph/scalar/expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/scalar/jet.hpp"

namespace sigmax::graph {
namespace {

/// The position in `terms` of this term, which is added if it is not there.
int position_of(std::vector<Term>& terms, const Term& term) {
  const auto found = std::find(terms.begin(), terms.end(), term);
  if (found != terms.end()) return static_cast<int>(found - terms.begin());
  terms.push_back(term);
  return static_cast<int>(terms.size()) - 1;
}

/// The position of the whole expression `added`, whose terms are added.
int merge(std::vector<Term>& terms, const std::vector<Term>& added) {
  std::vector<int> places;
  for (Term term : added) {
    for (int& operand : term.operands) {
      if (operand >= 0) operand = places[static_cast<std::size_t>(operand)];
    }
    places.push_back(position_of(terms, term));
  }
  return places.back();
}

/// The operand of an expression's last term, as an expression. Terms that it does not need are left out.
Expression operand_of(const Expression& whole, int index) {
  const std::vector<Term>& terms = whole.terms();
  const Term& last = terms.back();
  const auto build = [&](auto&& self, int at) -> Expression {
    const Term& term = terms[static_cast<std::size_t>(at)];
    if (term.symbol == Symbol::Variable) return Expression::variable();
    if (term.symbol == Symbol::Constant) return Expression::constant(term.constant);
    std::vector<Expression> operands;
    for (const int operand : term.operands) {
      if (operand >= 0) operands.push_back(self(self, operand));
    }
    return make(term.symbol, operands, term.parameter);
  };
  return build(build, last.operands[static_cast<std::size_t>(index)]);
}

Symbol symbol_of(const Expression& a) { return a.terms().back().symbol; }
bool is_number(const Expression& a, double value) { return a.number() == point(value); }

/// If a = 1 + phi(u), with phi of this symbol: u.
std::optional<Expression> beside_1(const Expression& a, Symbol symbol) {
  if (symbol_of(a) != Symbol::Add) return std::nullopt;
  for (int side = 0; side < 2; ++side) {
    if (!is_number(operand_of(a, side), 1)) continue;
    const Expression other = operand_of(a, 1 - side);
    if (symbol_of(other) == symbol) return operand_of(other, 0);
  }
  return std::nullopt;
}

/// a x + b, if the expression is that, computed without rounding.
struct Line {
  Interval slope;
  Interval offset;
};

std::optional<Line> line_of(const std::vector<Term>& terms, int at) {
  const Term& term = terms[static_cast<std::size_t>(at)];
  if (term.symbol == Symbol::Variable) return Line{point(1), point(0)};
  if (term.symbol == Symbol::Constant) return Line{point(0), term.constant};
  if (term.symbol != Symbol::Negate && term.symbol != Symbol::Add && term.symbol != Symbol::Multiply) {
    return std::nullopt;
  }
  const auto a = line_of(terms, term.operands[0]);
  if (!a) return std::nullopt;
  if (term.symbol == Symbol::Negate) return Line{-a->slope, -a->offset};
  const auto b = line_of(terms, term.operands[1]);
  if (!b) return std::nullopt;
  if (term.symbol == Symbol::Add) return Line{a->slope + b->slope, a->offset + b->offset};
  if (a->slope != point(0) && b->slope != point(0)) return std::nullopt;
  return Line{a->slope * b->offset + b->slope * a->offset, a->offset * b->offset};
}

/// Whether both branches are known to have one value where the condition's argument is `bound`.
bool meet_at(const std::vector<Expression>& operands, double bound) {
  const std::vector<Term>& condition = operands[0].terms();
  const auto line = line_of(condition, static_cast<int>(condition.size()) - 1);
  if (!line || contains(line->slope, 0)) return false;
  const Interval place = (point(bound) - line->offset) / line->slope;
  if (!is_point(place)) return false;
  const Jet left = jet(operands[1], place);
  const Jet right = jet(operands[2], place);
  return left.defined && right.defined && is_point(left.value) && left.value == right.value;
}

/// The expression is a number for all x, whatever its operands are.
bool is_total(const Expression& a) {
  return std::all_of(a.terms().begin(), a.terms().end(), [](const Term& term) {
    switch (term.symbol) {
      case Symbol::Divide:
      case Symbol::SquareRoot:
      case Symbol::Logarithm:
      case Symbol::LogarithmOf1Plus: return false;
      case Symbol::Power: return term.parameter > 0 && term.parameter == std::nearbyint(term.parameter);
      default: return true;
    }
  });
}

bool chooses_number(const Expression& a) {
  return symbol_of(a) == Symbol::Where && operand_of(a, 1).number() && operand_of(a, 2).number();
}

/// A choice combined with another value: the choice between combined values, from which a jump may be gone.
///
///   [u < p] a + [u >= p] b, as a file without Where, or with one, spells a where u < p, b elsewhere.
std::optional<Expression> with_choice_outside(Symbol symbol, const Expression& choice, const Expression& other) {
  const double bound = choice.terms().back().parameter;
  const Expression condition = operand_of(choice, 0);
  const auto branches = [&](const Expression& below, const Expression& above) {
    return make(Symbol::Where,
                {condition, make(symbol, {operand_of(choice, 1), below}), make(symbol, {operand_of(choice, 2), above})},
                bound);
  };
  if (chooses_number(choice) && (symbol == Symbol::Multiply || other.number())) return branches(other, other);
  const bool same = symbol == Symbol::Add && symbol_of(other) == Symbol::Where &&
                    other.terms().back().parameter == bound && operand_of(other, 0) == condition;
  if (same) return branches(operand_of(other, 1), operand_of(other, 2));
  return std::nullopt;
}

/// As above, with either operand as the choice.
std::optional<Expression> combined_choice(Symbol symbol, const Expression& a, const Expression& b) {
  if (symbol_of(a) == Symbol::Where) {
    if (auto result = with_choice_outside(symbol, a, b)) return result;
  }
  return symbol_of(b) == Symbol::Where ? with_choice_outside(symbol, b, a) : std::nullopt;
}

/// The same function in other words, if there are better ones.
std::optional<Expression> reworded(Symbol symbol, const std::vector<Expression>& operands, double parameter) {
  const Expression& a = operands[0];
  const Expression& b = operands.size() > 1 ? operands[1] : a;
  switch (symbol) {
    case Symbol::Add:
      if (is_number(a, 0)) return b;
      if (is_number(b, 0)) return a;
      return combined_choice(symbol, a, b);
    case Symbol::Multiply:
      if (is_number(a, 1)) return b;
      if (is_number(b, 1)) return a;
      if ((is_number(a, 0) && is_total(b)) || (is_number(b, 0) && is_total(a))) return Expression::constant(0);
      if (a == b) return make(Symbol::Power, {a}, 2);
      return combined_choice(symbol, a, b);
    case Symbol::Divide:
      if (is_number(b, 1)) return a;
      if (const auto u = beside_1(b, Symbol::Exponential)) return a * make(Symbol::Sigmoid, {-*u});
      if (beside_1(b, Symbol::Absolute) == a) return make(Symbol::Softsign, {a});
      return std::nullopt;
    case Symbol::Negate:
      if (symbol_of(a) == Symbol::Negate) return operand_of(a, 0);
      return std::nullopt;
    case Symbol::Power:
      if (parameter == 1) return a;
      if (parameter == 0) return Expression::constant(1);
      if (parameter == 0.5) return make(Symbol::SquareRoot, {a});
      return std::nullopt;
    case Symbol::SquareRoot:
      if (symbol_of(a) == Symbol::Power && a.terms().back().parameter == 2) {
        return make(Symbol::Absolute, {operand_of(a, 0)});
      }
      return std::nullopt;
    case Symbol::Logarithm:
      if (symbol_of(a) == Symbol::Sigmoid) return -make(Symbol::Softplus, {-operand_of(a, 0)});
      if (const auto u = beside_1(a, Symbol::Exponential)) return make(Symbol::Softplus, {*u});
      return std::nullopt;
    case Symbol::LogarithmOf1Plus:
      if (symbol_of(a) == Symbol::Exponential) return make(Symbol::Softplus, {operand_of(a, 0)});
      return std::nullopt;
    default: return std::nullopt;
  }
}

}  // namespace

Expression Expression::variable() {
  Expression result;
  result.terms_ = {Term{}};
  return result;
}

Expression Expression::constant(double value) { return constant(point(value)); }

Expression Expression::constant(const Interval& enclosure) {
  Expression result;
  result.terms_ = {Term{Symbol::Constant, {-1, -1, -1}, enclosure, 0, true}};
  return result;
}

std::optional<Interval> Expression::number() const {
  if (terms_.back().symbol != Symbol::Constant) return std::nullopt;
  return terms_.back().constant;
}

Expression make(Symbol symbol, const std::vector<Expression>& operands, double parameter) {
  if (const auto other = reworded(symbol, operands, parameter)) return *other;
  const bool constant =
      std::all_of(operands.begin(), operands.end(), [](const Expression& each) { return each.number().has_value(); });
  Expression result;
  Term term{symbol, {-1, -1, -1}, point(0), parameter, true};
  for (std::size_t i = 0; i < operands.size(); ++i) term.operands[i] = merge(result.terms_, operands[i].terms());
  if (symbol == Symbol::Where && !constant) term.continuous = meet_at(operands, parameter);
  result.terms_.push_back(term);
  if (constant) {
    const Jet known = jet(result, point(0));
    if (known.defined && is_bounded(known.value)) return Expression::constant(known.value);
  }
  return result;
}

Expression composed(const Expression& f, const Expression& u) {
  std::vector<Expression> built;
  for (const Term& term : f.terms()) {
    if (term.symbol == Symbol::Variable) {
      built.push_back(u);
    } else if (term.symbol == Symbol::Constant) {
      built.push_back(Expression::constant(term.constant));
    } else {
      std::vector<Expression> operands;
      for (const int operand : term.operands) {
        if (operand >= 0) operands.push_back(built[static_cast<std::size_t>(operand)]);
      }
      built.push_back(make(term.symbol, operands, term.parameter));
    }
  }
  return built.back();
}

Expression operator+(const Expression& a, const Expression& b) { return make(Symbol::Add, {a, b}); }
Expression operator-(const Expression& a, const Expression& b) { return make(Symbol::Add, {a, -b}); }
Expression operator*(const Expression& a, const Expression& b) { return make(Symbol::Multiply, {a, b}); }
Expression operator/(const Expression& a, const Expression& b) { return make(Symbol::Divide, {a, b}); }
Expression operator-(const Expression& a) { return make(Symbol::Negate, {a}); }

std::string Expression::text() const {
  std::vector<std::string> words;
  for (const Term& term : terms_) {
    const auto operand = [&](int i) {
      return words[static_cast<std::size_t>(term.operands[static_cast<std::size_t>(i)])];
    };
    const auto call = [&](std::string_view name) { return fmt::format("{}({})", name, operand(0)); };
    std::string word;
    switch (term.symbol) {
      case Symbol::Variable: word = "x"; break;
      case Symbol::Constant: word = fmt::format("{:.6g}", middle(term.constant)); break;
      case Symbol::Add: word = fmt::format("({} + {})", operand(0), operand(1)); break;
      case Symbol::Multiply: word = fmt::format("{} * {}", operand(0), operand(1)); break;
      case Symbol::Divide: word = fmt::format("({} / {})", operand(0), operand(1)); break;
      case Symbol::Negate: word = fmt::format("(-{})", operand(0)); break;
      case Symbol::Absolute: word = fmt::format("|{}|", operand(0)); break;
      case Symbol::Minimum: word = fmt::format("min({}, {})", operand(0), operand(1)); break;
      case Symbol::Maximum: word = fmt::format("max({}, {})", operand(0), operand(1)); break;
      case Symbol::Where:
        word = fmt::format("({} if {} < {:.6g} else {})", operand(1), operand(0), term.parameter, operand(2));
        break;
      case Symbol::Power: word = fmt::format("({})^{:.6g}", operand(0), term.parameter); break;
      case Symbol::SquareRoot: word = call("sqrt"); break;
      case Symbol::Exponential: word = call("exp"); break;
      case Symbol::ExponentialMinus1: word = call("expm1"); break;
      case Symbol::Logarithm: word = call("log"); break;
      case Symbol::LogarithmOf1Plus: word = call("log1p"); break;
      case Symbol::HyperbolicTangent: word = call("tanh"); break;
      case Symbol::ErrorFunction: word = call("erf"); break;
      case Symbol::Sigmoid: word = call("sigmoid"); break;
      case Symbol::Softplus: word = call("softplus"); break;
      case Symbol::Softsign: word = call("softsign"); break;
      case Symbol::Sine: word = call("sin"); break;
      case Symbol::Cosine: word = call("cos"); break;
      case Symbol::Arctangent: word = call("atan"); break;
    }
    words.push_back(std::move(word));
  }
  return words.back();
}

}  // namespace sigmax::graph
