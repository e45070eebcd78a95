// Gates over a whole audit: what each came to, what it could not judge, and how that is said.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/gate.hpp"
#include "cli/name_filter.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "sigmax/audit/result.hpp"

namespace sigmax::cli {

/// What is missing of the weights that were asked for, in words: a pattern of `names.layers` that matches none, or any
/// at all.
std::vector<std::string> what_is_empty(const audit::Result& result, const NameFilter& names);

/// Judges every weight and everything that may be one. A gate fails closed: what it cannot judge keeps it from passing,
/// unless its reason is in `allowed`. A pattern of `names.layers` that matches no weight is a doubt, and so is an audit
/// without a weight.
audit::GateOutcome judge(const Gate& gate, const audit::Result& result, const NameFilter& names,
                         const std::set<Reason>& allowed);

/// Every weight that trips the gate, and what it could not judge, even if quiet; of a gate that passes, in one line,
/// what it judged and what it was allowed to pass over.
void tell(const audit::GateOutcome& outcome, const audit::Result& result, const Messages& messages);

/// True if --certify demands a proof of the upper end that some weight does not have, or that may be a weight was not
/// read, or that no weight was found; each is said, even if quiet.
bool proof_is_missing(const audit::Result& result, const AuditOptions& options, const Messages& messages);

}  // namespace sigmax::cli
