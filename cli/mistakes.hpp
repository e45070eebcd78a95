// What was mistyped on the command line, and what may have been meant. Internal to the reading of the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

namespace sigmax::cli {

/// What is wrong with the command's name; nothing if `app` has it, or if there is none. Looked at before the parser,
/// which takes --help for an answer to anything.
std::optional<std::string> unknown_command(const CLI::App& app, int argc, const char* const* argv);

/// The parser's complaint in our words: an option that does not exist comes first, with the closest one that does.
std::string explain(const CLI::App& app, const CLI::ParseError& error);

}  // namespace sigmax::cli
