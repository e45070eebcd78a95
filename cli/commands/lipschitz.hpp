// `sigmax lipschitz`: the Lipschitz constant of a network, bounded.
#pragma once

#include "cli/options.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::cli {

/// Returns an ExitCode: kNotReached if the network has no bound.
int run_lipschitz(const LipschitzRequest& options, Context& context);

}  // namespace sigmax::cli
