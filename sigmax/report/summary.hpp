// The parts of a report in words: the summary, the groups of skipped tensors, the meaning of the signs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/audit/result.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::report {

/// How many convolutions were measured as operators, and how many of these norms are proven.
struct OperatorProofs {
  std::int64_t measured = 0;
  std::int64_t proven = 0;
};
OperatorProofs operator_proofs(const audit::Result& result);

/// Tensors that were skipped for one reason.
struct SkippedGroup {
  std::string reason;
  std::vector<const audit::Skipped*> tensors;
};

/// Every skipped tensor, grouped by reason, the largest group first.
std::vector<SkippedGroup> group_skipped(const audit::Result& result);

/// One sentence per item: what was read, audited and skipped; how much of it is proven; the extremes; time and threads.
/// Names are passed through visible(), and very long ones are shortened.
std::vector<std::string> summary_sentences(const audit::Result& result, const Glyphs& glyphs);

/// One weight that a gate tripped on or could not judge.
struct GateDetail {
  std::string name;  ///< the weight's name; empty if the detail is not about one weight
  std::string
      text;  ///< `tripped: sigma_max = 5`, `not judged (nan): 3 NaN, 0 infinite, ...`; not yet passed through visible()
};

/// Everything that keeps a gate from passing, and everything that it was allowed to ignore.
std::vector<GateDetail> gate_details(const audit::GateOutcome& gate);

/// `passed`, `TRIPPED` or `NOT JUDGED`.
std::string outcome_text(const audit::GateOutcome& gate);

/// The signs that occur in `shown` with their meanings, and the figures missing from the report with the reason.
/// `has_column` tells whether the report shows the column of a key; without it every column counts as shown.
std::vector<std::string> legend(const audit::Result& result, const std::vector<const audit::TensorResult*>& shown,
                                const Glyphs& glyphs,
                                const std::function<bool(std::string_view key)>& has_column = nullptr);

}  // namespace sigmax::report
