// `sigmax cond`: the condition number of one matrix.
#pragma once

#include "cli/options.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::cli {

/// Returns the exit code: kNotReached if --certify demanded a proof and there is none. Throws what the library throws;
/// Error with the closest names if there is no such tensor.
int run_cond(const CondRequest& options, Context& context);

}  // namespace sigmax::cli
