// Whether an expression of --fail-if holds, where figures are known, known within ends, or not known. Internal to
// gates.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/gate/expression.hpp"
#include "sigmax/audit/result.hpp"

namespace sigmax::cli {

/// Why something cannot be judged; `--allow` lets a gate of weights ignore it.
enum class Reason {
  unread,      ///< a tensor that may be a weight could not be read
  nan,         ///< entries are NaN or infinite, so the figure does not exist
  empty,       ///< there is no weight to judge, or a --layers expression matches none
  missing,     ///< the figure was not computed (under --quick), or has no value
  lower_only,  ///< it has no known upper end, and the lower end does not decide
};

/// `unread`, `nan`, `empty`, `missing`, `lower-only`.
std::string_view name(Reason reason) noexcept;

using Reading = audit::GateOutcome::Reading;

/// Why it is unknown whether an expression holds, and the figure responsible.
struct Doubt {
  Reason reason;
  std::string key;
};

/// A gate's judgment: it trips, or, if there are no doubts, it does not.
struct Verdict {
  bool tripped = false;
  std::vector<Reading> readings;  ///< in the order of the expression, each key once
  std::vector<Doubt> doubts;      ///< not empty: the known figures do not decide
};

/// The possible values of a figure, from one end to the other; for most figures the ends are equal. `open`: there is no
/// upper end.
struct FigureRange {
  double lower = 0;
  double upper = 0;
  bool open = false;
};

/// What is known of the figure of a key, or why nothing is.
using FigureOf = std::function<std::variant<FigureRange, Reason>(const std::string& key)>;

/// The expression holds unless the ranges rule it out: in `sigma > c` the upper end stands for sigma, in `sigma < c`
/// the lower end, and under `not` the ends are swapped. A comparison whose figure does not exist is neither true nor
/// false (Kleene's logic); it becomes a doubt if the result depends on it. Every comparison is evaluated, so that the
/// verdict names all figures.
Verdict judge(const Expression& expression, const FigureOf& figure_of);

}  // namespace sigmax::cli
