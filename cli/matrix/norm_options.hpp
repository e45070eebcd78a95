// The options of `sigmax norm`. Internal to the reading of the command line.
#pragma once

#include "cli/reading/option_parts.hpp"

namespace sigmax::cli {

CLI::App* add_norm(CLI::App& app, NormRequest& options, Typed& typed);

/// Throws Error, with a remedy, for values that make no sense.
NormRequest finished(NormRequest options, const Typed& typed);

}  // namespace sigmax::cli
