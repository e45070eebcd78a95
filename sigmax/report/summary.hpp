// What a report says in words: the summary, the groups of skipped tensors, what the signs mean.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/audit/result.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::report {

/// Skipped tensors of one reason.
struct SkippedGroup {
  std::string reason;
  std::vector<const audit::Skipped*> tensors;
};

/// Every skipped tensor, in groups of one reason, the largest group first.
std::vector<SkippedGroup> group_skipped(const audit::Result& result);

/// One sentence an item: what was read, audited and skipped; how far it is proven; the extremes; time and threads.
/// Names in it are made visible, and very long ones shortened.
std::vector<std::string> summary_sentences(const audit::Result& result, const Glyphs& glyphs);

/// One weight that a gate tripped on or could not judge.
struct GateDetail {
  std::string name;  ///< the weight's own; empty if there is none in particular
  std::string text;  ///< `tripped: sigma_max = 5`, `not judged (nan): 3 NaN, 0 infinite, ...`; not yet made visible
};

/// Everything that keeps a gate from passing, and what it was allowed to pass over.
std::vector<GateDetail> gate_details(const audit::GateOutcome& gate);

/// `passed`, `TRIPPED` or `NOT JUDGED`.
std::string outcome_text(const audit::GateOutcome& gate);

/// The signs that occur among `shown` and what each means, and what is missing from the report and why. `has_column`
/// tells whether the report shows the column of that key; without it every column counts as shown.
std::vector<std::string> legend(const audit::Result& result, const std::vector<const audit::TensorResult*>& shown,
                                const Glyphs& glyphs,
                                const std::function<bool(std::string_view key)>& has_column = nullptr);

}  // namespace sigmax::report
