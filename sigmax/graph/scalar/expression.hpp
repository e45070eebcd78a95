// Functions of one number x as expressions. Internal to graph/ and lipschitz/.
//
// An expression is a list of terms, each of terms before it; the last is the function. Equal terms occur once. What the
// makers below return is exactly the function that they are asked for, but not always in the words of the caller:
// u u is u^2, sqrt(u^2) is |u|; log(1 + e^u), 1 / (1 + e^-u), u / (1 + |u|) are softplus, sigmoid, softsign, which have
// close enclosures for arguments of any size; and what has no x in it is a constant.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "sigmax/graph/scalar/interval.hpp"

namespace sigmax::graph {

enum class Symbol {
  Variable,
  Constant,  ///< a number of the interval `constant`, the same one for all x
  Add,       ///< a + b
  Multiply,  ///< a b
  Divide,    ///< a / b
  Negate,    ///< -a
  Absolute,  ///< |a|
  Minimum,   ///< min(a, b)
  Maximum,   ///< max(a, b)
  Where,     ///< b where a < parameter, c elsewhere
  Power,     ///< a^parameter
  SquareRoot,
  Exponential,
  ExponentialMinus1,
  Logarithm,
  LogarithmOf1Plus,
  HyperbolicTangent,
  ErrorFunction,
  Sigmoid,
  Softplus,
  Softsign,  ///< a / (1 + |a|)
  Sine,
  Cosine,
  Arctangent,
};

struct Term {
  Symbol symbol = Symbol::Variable;
  std::array<int, 3> operands = {-1, -1, -1};  ///< positions of terms
  Interval constant{0, 0};
  double parameter = 0;
  bool continuous = true;  ///< of Where: both branches are known to have one value where a = parameter

  bool operator==(const Term&) const = default;
};

class Expression {
 public:
  /// x
  static Expression variable();

  static Expression constant(double value);
  static Expression constant(const Interval& enclosure);

  const std::vector<Term>& terms() const { return terms_; }

  /// If it is a constant, its enclosure.
  std::optional<Interval> number() const;

  /// f(x) and a derivative (at a kink one of its sides), to the accuracy of the C library.
  double value(double x) const;
  double derivative(double x) const;

  /// As a person would write it, constants to 6 digits.
  std::string text() const;

  bool operator==(const Expression&) const = default;

 private:
  friend Expression make(Symbol symbol, const std::vector<Expression>& operands, double parameter);
  std::vector<Term> terms_;
};

/// f(u(x))
Expression composed(const Expression& f, const Expression& u);

/// The term of these operands. `parameter` is that of Power and Where.
Expression make(Symbol symbol, const std::vector<Expression>& operands, double parameter = 0);

Expression operator+(const Expression& a, const Expression& b);
Expression operator-(const Expression& a, const Expression& b);
Expression operator*(const Expression& a, const Expression& b);
Expression operator/(const Expression& a, const Expression& b);
Expression operator-(const Expression& a);

}  // namespace sigmax::graph
