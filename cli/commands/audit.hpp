// `sigmax audit`: measure every weight, report, judge.
#pragma once

#include "cli/options.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::cli {

/// Returns the exit code. Report files are written before standard output, so that a reader who closes the pipe early
/// does not cost a report. Throws what the library throws.
int run_audit(const AuditOptions& options, Context& context);

}  // namespace sigmax::cli
