// An expression's value and derivative on an unbounded interval. Internal to graph/.
#pragma once

#include <optional>

#include "sigmax/graph/scalar/expression.hpp"

namespace sigmax::graph {

/// f(x) and f'(x) (for almost all x) on x >= start, or on x <= -start if `mirrored`; start > 0. All numbers where
/// nothing is known. `first` shrinks to the limit of f' as start grows, if f' has one that the rules of tail.cpp can
/// see.
struct TailEnclosure {
  Interval value = kAllNumbers;
  Interval first = kAllNumbers;
};

TailEnclosure tail(const Expression& f, double start, bool mirrored);

}  // namespace sigmax::graph
