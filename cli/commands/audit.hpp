// `sigmax audit`: measure every weight, report, judge.
#pragma once

#include "cli/options.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::cli {

/// Returns the exit code. Report files are written before standard output, so that no report is lost if a reader closes
/// the pipe early. Throws what the library throws.
int run_audit(const AuditOptions& options, Context& context);

}  // namespace sigmax::cli
