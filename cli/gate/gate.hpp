// Gates: `--fail-if EXPR` turns an audit into a check.
//
//   expression := term { ("or" | "||") term }
//   term       := factor { ("and" | "&&") factor }
//   factor     := ("not" | "!") factor | "(" expression ")" | comparison
//   comparison := key operator number | number operator key
//   operator   := ">" | ">=" | "<" | "<=" | "==" | "!="
//
// A key is a numeric column of the report (`condition`, `stable_rank`, `rank_95`, `sigma_max_lower`, ...), with dots or
// underscores, or `sigma` (sigma_max) or `nonfinite` (the number of entries that are NaN or infinite).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cli/gate/judgment.hpp"
#include "sigmax/audit/result.hpp"

namespace sigmax::cli {

/// A parsed expression.
///
/// sigma_max, lambda_max and operator_norm are known as enclosures; the last is sigma_max for any layer that is not a
/// convolution. A gate trips unless the enclosure rules the expression out: in
/// `sigma > c` the upper end stands for sigma, in `sigma < c` the lower end, and under `not` the ends are swapped.
/// Passing is therefore as certain as the enclosure. `sigma_max.lower` and `sigma_max.upper` name one end. Where
/// rounding to storage may explain sigma_min in the worst case, the condition number may have any value from
/// report::least_condition() up to infinity.
///
/// A comparison whose figure does not exist (no spectrum, non-finite entries, no upper end that would decide) is
/// neither true nor false. It becomes a doubt if the result depends on it: without a condition number, `sigma > 9 or
/// condition > 5` trips if sigma is 10, and cannot be judged if sigma is 8.
class Gate {
 public:
  /// Throws Error with the position and what was expected.
  explicit Gate(std::string source);

  const std::string& source() const noexcept { return source_; }

  /// Judges the weight as a whole and ignores its parts.
  Verdict judge(const audit::TensorResult& tensor) const;

 private:
  std::string source_;
  std::shared_ptr<const Expression> root_;
};

/// The key of the column meant by a spelling on the command line: dots become underscores, `sigma` becomes `sigma_max`.
std::string column_key(std::string_view spelling);

}  // namespace sigmax::cli
