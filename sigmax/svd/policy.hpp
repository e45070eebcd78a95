// Which solver Auto takes: the table of docs/solvers.md, as code. Internal to svd/.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/result.hpp"

namespace sigmax {

/// What the choice depends on.
struct Question {
  Shape shape;
  std::int64_t k = 1;
  Which which = Which::largest;
  Accuracy accuracy = Accuracy::values;
  double tolerance = 0;
  bool stored = false;  ///< a stored matrix: forming it costs one read
};

/// Never Auto. Crossovers are measured by benchmarks/policy.
Method choose(const Question& question);

/// Whether the iterations may run in float and only the end in double, if the operator can: where the tolerance leaves
/// room for it.
bool single_precision_is_enough(const Method& method, Accuracy accuracy, double tolerance);

}  // namespace sigmax
