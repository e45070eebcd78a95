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

/// One figure of one weight that an expression looked at.
struct Reading {
  std::string key;
  std::string value;  ///< as a message shows it
};

/// What a gate says of one weight.
struct Verdict {
  bool tripped = false;
  std::vector<Reading> readings;     ///< in the order of the expression, each key once
  std::vector<std::string> missing;  ///< keys that this weight has no value for
  bool lower_end_only = false;       ///< sigma_max was judged by its lower end: there is no upper one
};

/// A parsed expression.
///
/// sigma_max and lambda_max are known as enclosures. A gate trips unless the enclosure rules the expression out: in
/// `sigma > c` the upper end stands for sigma, in `sigma < c` the lower end, and under `not` the other way round, so
/// that passing is a statement as certain as the enclosure. Without an upper end the lower one is all there is.
/// `sigma_max.lower` and `sigma_max.upper` name an end. A condition number beyond the stored precision is infinite.
/// A comparison whose figure does not exist (no spectrum, non-finite entries) is false.
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
