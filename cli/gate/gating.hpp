// Gates over a whole audit: the outcome of each, what it could not judge, and the messages.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/gate/gate.hpp"
#include "cli/options.hpp"
#include "cli/reading/name_filter.hpp"
#include "cli/terminal/terminal.hpp"
#include "sigmax/audit/result.hpp"

namespace sigmax::cli {

/// The patterns that match nothing, in words: of `names.layers` no weight, of `roles` no tensor. They may be mistyped.
std::vector<std::string> what_is_unmatched(const audit::Result& result, const NameFilter& names,
                                           const RoleOverrides& roles);

/// The patterns of `names.exclude` that match nothing. They leave everything to be judged.
std::vector<std::string> what_excludes_nothing(const audit::Result& result, const NameFilter& names);

/// What was asked for and is not there, in words: what_is_unmatched(), or any weight at all.
std::vector<std::string> what_is_empty(const audit::Result& result, const NameFilter& names,
                                       const RoleOverrides& roles);

/// Judges every weight and everything that may be one. A gate fails closed: what it cannot judge keeps it from passing,
/// unless its reason is in `allowed`. A pattern of `names.layers` that matches no weight is a doubt, and so are one of
/// `roles` that matches no tensor and an audit without a weight.
audit::GateOutcome judge(const Gate& gate, const audit::Result& result, const NameFilter& names,
                         const RoleOverrides& roles, const std::set<Reason>& allowed);

/// Every weight that trips the gate, and what it could not judge, even if quiet; of a gate that passes, in one line,
/// what it judged and what it was allowed to pass over.
void tell(const audit::GateOutcome& outcome, const audit::Result& result, const Messages& messages);

/// True if --certify demands a proof of the upper end that some weight does not have, or that may be a weight was not
/// read, or that no weight was found; each is said, even if quiet.
bool proof_is_missing(const audit::Result& result, const AuditOptions& options, const Messages& messages);

}  // namespace sigmax::cli
