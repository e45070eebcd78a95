// The options of `sigmax lipschitz`, and those that commands about networks share. Internal to the reading of the
// command line.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/reading/option_parts.hpp"

namespace sigmax::cli {

/// The values as typed.
struct LipschitzTyped {
  std::vector<std::string> shapes, values, per_output, per_pair;
  std::string box, norm, around, radius, effort, ord;
};

/// The words of --effort.
const std::map<std::string, lipschitz::LmiEffort>& efforts();

/// --input-shape NAME=1x3x224x224. Throws Error for a text of another form, and for a name twice.
std::map<std::string, Dimensions> input_shapes(const std::vector<std::string>& texts);

/// --input-box LO,HI. Throws Error for a text of another form.
graph::Interval input_box(const std::string& text);

CLI::App* add_lipschitz(CLI::App& app, LipschitzRequest& options, Typed& typed, LipschitzTyped& own);

/// Throws Error for values that make no sense.
LipschitzRequest finished(LipschitzRequest options, const Typed& typed, const LipschitzTyped& own);

}  // namespace sigmax::cli
