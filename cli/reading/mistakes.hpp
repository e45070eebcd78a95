// Finds mistyped words on the command line and suggests corrections. Internal to the reading of the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

namespace sigmax::cli {

/// The mistake in the command's name; nothing if `app` has that command, or if no command was given. Must be called
/// before the parser, which lets --help override any mistake.
std::optional<std::string> unknown_command(const CLI::App& app, int argc, const char* const* argv);

/// An option of the chosen command whose value is empty, as in `--ord ""`: no option has a use for one, and a script's
/// variable that is not set must not be taken for an option that was left out.
std::optional<std::string> empty_value(const CLI::App& app);

/// The parser's error in our words. An unknown option is reported first, with the closest existing one.
std::string explain(const CLI::App& app, const CLI::ParseError& error);

}  // namespace sigmax::cli
