// The real line cut into intervals on which an expression's slopes and values are known closely. Internal to graph/.
#pragma once

#include <vector>

#include "sigmax/graph/scalar/expression.hpp"

namespace sigmax::graph {

/// What is proven on one closed interval.
struct Cell {
  Interval place;
  Interval slopes = kAllNumbers;  ///< all f'; all numbers if f is not known to be Lipschitz there
  Interval range = kAllNumbers;   ///< all f(x)
  bool monotone = false;          ///< f' rises, or it falls; then `slopes` is what f' has at the ends
  bool close = false;             ///< `slopes` and `range` are as narrow as was asked
  bool hopeless = false;          ///< f is not known to be defined in the middle, so no part with it is Lipschitz
};

/// How far slopes and values may be from the truth.
struct Tolerance {
  double slope = 1e-10;
  double value = 1e-10;
};

/// What is known on `place`, which is bounded, from evaluations at its ends and middle.
Cell measure(const Expression& f, const Interval& place, const Tolerance& tolerance);

/// What is known on x >= start, or x <= -start.
Cell measure_tail(const Expression& f, double start, bool mirrored, const Tolerance& tolerance);

/// Cells of `place`, which is bounded, from left to right. Halved until they are close, or too narrow to be halved, or
/// `most` evaluations are spent: then the rest is less close, and no less true. All f' on `place` are known to lie in
/// `slopes`. Appended to `cells`.
void cut(const Expression& f, const Interval& place, const Tolerance& tolerance, int most, std::vector<Cell>& cells,
         const Interval& slopes = kAllNumbers);

/// Cells of the whole line, from left to right.
std::vector<Cell> cut_line(const Expression& f);

/// The tolerance relative to slopes and values of f near 0.
Tolerance tolerance_of(const Expression& f);

}  // namespace sigmax::graph
