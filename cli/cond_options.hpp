// The options of `sigmax cond`. Internal to the reading of the command line.
#pragma once

#include "cli/option_parts.hpp"

namespace sigmax::cli {

CLI::App* add_cond(CLI::App& app, CondOptions& options, Typed& typed);

/// Throws Error, with a remedy, for values that make no sense.
CondOptions finished(CondOptions options, const Typed& typed);

}  // namespace sigmax::cli
