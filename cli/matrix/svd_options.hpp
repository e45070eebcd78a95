// The options of `sigmax svd`: their spelling, and the combinations that are allowed. Internal to the reading of the
// command line.
#pragma once

#include <optional>
#include <string>

#include "cli/reading/option_parts.hpp"

namespace sigmax::cli {

/// The values typed for the options that only svd has.
struct SvdTyped {
  std::string count, method, accuracy, output;
  std::optional<double> tolerance;
};

CLI::App* add_svd(CLI::App& app, SvdRequest& options, Typed& typed, SvdTyped& svd);

/// Throws Error, with a remedy, for values and combinations that make no sense.
SvdRequest finished(SvdRequest options, const Typed& typed, const SvdTyped& svd);

}  // namespace sigmax::cli
