// `sigmax norm`: one norm of one matrix.
#pragma once

#include "cli/options.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::cli {

/// Returns the exit code. Throws what the library throws; Error with the closest names if there is no such tensor.
int run_norm(const NormRequest& options, Context& context);

}  // namespace sigmax::cli
