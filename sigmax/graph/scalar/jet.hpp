// An expression's value and derivatives on an interval. Internal to graph/ and lipschitz/.
#pragma once

#include "sigmax/graph/scalar/expression.hpp"

namespace sigmax::graph {

/// What holds on an interval I of x.
struct Jet {
  /// f(x) for all x in I.
  Interval value = kAllNumbers;

  /// f'(x) for almost all x in I, and for the limits of f' from within I. All numbers if f is not known to be
  /// absolutely continuous on I.
  Interval first = kAllNumbers;

  /// f' is absolutely continuous on I, including the ends from both sides, and f''(x) lies here for almost all x in I.
  /// All numbers if that is not known.
  Interval second = kAllNumbers;

  /// f is known to be defined on I.
  bool defined = true;
};

/// The derivatives are enclosed by the rules of differentiation in interval arithmetic. At kinks, those of the rules
/// that hold for almost all x do: where u is at the kink of phi for a set of x that is not null, u' is 0 almost
/// everywhere on it, so that (phi(u))' = phi'(u) u' with either side of phi'.
Jet jet(const Expression& f, const Interval& x);

/// phi, phi' and phi'' of one operand, Negate to Arctangent, on an interval of the operand.
Jet jet_of_symbol(const Term& term, const Interval& operand);

}  // namespace sigmax::graph
