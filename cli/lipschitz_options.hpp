// The options of `sigmax lipschitz`. Internal to the reading of the command line.
#pragma once

#include <string>
#include <vector>

#include "cli/option_parts.hpp"

namespace sigmax::cli {

/// The values as typed.
struct LipschitzTyped {
  std::vector<std::string> shapes, numbers;
  std::string box, norm, effort;
};

CLI::App* add_lipschitz(CLI::App& app, LipschitzRequest& options, Typed& typed, LipschitzTyped& own);

/// Throws Error for values that make no sense.
LipschitzRequest finished(LipschitzRequest options, const Typed& typed, const LipschitzTyped& own);

}  // namespace sigmax::cli
