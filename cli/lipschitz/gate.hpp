// `sigmax lipschitz --fail-if EXPR`: a check of a network's bounds, in the language of gate.hpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/gate/judgment.hpp"

namespace sigmax::cli {

struct LipschitzReport;

/// A parsed expression over the figures of a network:
///
///     lipschitz                 the constant itself, between the lower and the upper bound: a gate trips unless both
///                               rule the expression out
///     upper, lower              the bounds
///     ratio                     upper / lower
///     product, walk, inequality the bounds by method
///     refused                   the number of nodes without a bound
///     output, pair, local       the largest of --per-output, --per-pair and --around
///
/// Figures that do not exist (no bound, not asked for) leave a gate that depends on them without a judgment: it does
/// not pass.
class NetworkGate {
 public:
  /// Throws Error with the position and what was expected.
  explicit NetworkGate(std::string source);

  const std::string& source() const noexcept { return source_; }

  Verdict judge(const LipschitzReport& report) const;

 private:
  std::string source_;
  std::shared_ptr<const Expression> root_;
};

/// What became of a gate.
struct NetworkGateOutcome {
  std::string expression;
  audit::GateOutcome::Verdict verdict = audit::GateOutcome::Verdict::passed;
  std::vector<Reading> readings;
  std::vector<std::string> missing;  ///< figures that it depends on and that have no value, with the reason
};

NetworkGateOutcome judged(const NetworkGate& gate, const LipschitzReport& report);

/// `upper = 3.5, ratio in [1, 2]`
std::string in_words(const std::vector<Reading>& readings);

}  // namespace sigmax::cli
