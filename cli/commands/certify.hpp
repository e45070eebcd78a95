// `sigmax certify`: the certified accuracy of a classifier on data.
#pragma once

#include "cli/options.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::cli {

/// Returns an ExitCode: kNotReached if the network has a node that is not known, kGateTripped if a gate trips.
int run_certify(const AccuracyRequest& options, Context& context);

}  // namespace sigmax::cli
