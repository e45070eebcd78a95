// The options of `sigmax svd`: how they are written, and what goes with what. Internal to the reading of the command
// line.
#pragma once

#include <optional>
#include <string>

#include "cli/option_parts.hpp"

namespace sigmax::cli {

/// What was typed of the options that svd alone has.
struct SvdTyped {
  std::string count, method, accuracy, output;
  std::optional<double> tolerance;
};

CLI::App* add_svd(CLI::App& app, SvdOptions& options, Typed& typed, SvdTyped& svd);

/// Throws Error, with the way out, for values and combinations that make no sense.
SvdOptions finished(SvdOptions options, const Typed& typed, const SvdTyped& svd);

}  // namespace sigmax::cli
