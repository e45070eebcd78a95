// The options of `sigmax certify`. Internal to the reading of the command line.
#pragma once

#include <string>
#include <vector>

#include "cli/reading/option_parts.hpp"

namespace sigmax::cli {

/// The values as typed.
struct AccuracyTyped {
  std::vector<std::string> shapes, gates;
  std::string radii, scale, mean, deviation, box, effort;
  std::int64_t samples = 0;
};

CLI::App* add_certify(CLI::App& app, AccuracyRequest& options, Typed& typed, AccuracyTyped& own);

/// Throws Error for values that make no sense.
AccuracyRequest finished(AccuracyRequest options, const Typed& typed, const AccuracyTyped& own);

}  // namespace sigmax::cli
