// Gates: `--fail-if EXPR` turns an audit into a check.
//
//   expression := term { ("or" | "||") term }
//   term       := factor { ("and" | "&&") factor }
//   factor     := ("not" | "!") factor | "(" expression ")" | comparison
//   comparison := key operator number | number operator key
//   operator   := ">" | ">=" | "<" | "<=" | "==" | "!="
//
// A key is a numeric column of the report (`condition`, `stable_rank`, `rank_95`, `sigma_max_lower`, ...), with dots or
// underscores, or one of `sigma` (sigma_max) and `nonfinite` (how many entries are NaN or infinite).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/audit/result.hpp"

namespace sigmax::cli {

/// Why something cannot be judged; `--allow` lets a gate pass over it.
enum class Reason {
  unread,      ///< a tensor that may be a weight could not be read
  nan,         ///< entries are NaN or infinite, so that the figure does not exist
  empty,       ///< there is no weight to judge, or a --layers matches none
  missing,     ///< the figure was not computed (under --quick), or has no value
  lower_only,  ///< no upper end of sigma_max is known, and the lower one does not decide
};

/// `unread`, `nan`, `empty`, `missing`, `lower-only`.
std::string_view name(Reason reason) noexcept;

using Reading = audit::GateOutcome::Reading;

/// Why an expression is not known to hold or not, and of which figure.
struct Doubt {
  Reason reason;
  std::string key;
};

/// What a gate says of one weight: that it trips, or, without doubts, that it does not.
struct Verdict {
  bool tripped = false;
  std::vector<Reading> readings;  ///< in the order of the expression, each key once
  std::vector<Doubt> doubts;      ///< not empty: what is known decides nothing
};

/// A parsed expression.
///
/// sigma_max and lambda_max are known as enclosures. A gate trips unless the enclosure rules the expression out: in
/// `sigma > c` the upper end stands for sigma, in `sigma < c` the lower end, and under `not` the other way round, so
/// that passing is a statement as certain as the enclosure. `sigma_max.lower` and `sigma_max.upper` name an end. A
/// condition number beyond the stored precision may be anything from the bound that is shown for it up to infinity.
///
/// A comparison whose figure does not exist (no spectrum, non-finite entries, no upper end that would decide) is
/// neither true nor false. What it leaves open is a doubt: `sigma > 9 or condition > 5` trips where sigma is 10 and
/// there is no condition number, and cannot be judged where sigma is 8.
class Gate {
 public:
  /// Throws Error with the position and what was expected there.
  explicit Gate(std::string source);

  const std::string& source() const noexcept { return source_; }

  /// Judges the weight as a whole; its parts are not looked at.
  Verdict judge(const audit::TensorResult& tensor) const;

  struct Node;

 private:
  std::string source_;
  std::shared_ptr<const Node> root_;
};

/// The column's key behind a spelling of the command line: dots become underscores, `sigma` becomes `sigma_max`.
std::string column_key(std::string_view spelling);

}  // namespace sigmax::cli
