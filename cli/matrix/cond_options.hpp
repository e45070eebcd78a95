// The options of `sigmax cond`. Internal to the reading of the command line.
#pragma once

#include "cli/reading/option_parts.hpp"

namespace sigmax::cli {

CLI::App* add_cond(CLI::App& app, CondRequest& options, Typed& typed);

/// Throws Error, with a remedy, for values that make no sense.
CondRequest finished(CondRequest options, const Typed& typed);

}  // namespace sigmax::cli
