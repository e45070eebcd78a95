// The commands and options as they are declared to the parser. The manual page and the completions of the shells are
// made of them.
#pragma once

#include <string>
#include <vector>

namespace sigmax::cli {

struct DeclaredOption {
  std::vector<std::string> names;  ///< `-k`, `--count`: as written, the short one first
  std::string argument;            ///< `N`; empty for a flag
  std::string text;                ///< what --help says
  std::string group;               ///< its heading on the help page
  bool repeatable = false;
  std::vector<std::string> values;  ///< those that a shell offers; one that ends with a colon takes more behind it

  bool takes_file() const { return argument == "FILE"; }
};

struct DeclaredCommand {
  std::string name;      ///< empty: what `sigmax` itself takes
  std::string summary;   ///< in the list of commands
  std::string text;      ///< what it does, in paragraphs
  std::string argument;  ///< `PATH...`
  std::string argument_text;
  std::vector<DeclaredOption> options;
  std::string footer;  ///< below the options: blocks with headings, examples
};

/// The whole command, with what its manual page says besides.
struct Declared {
  std::string version;
  std::string description;                ///< in paragraphs, a blank line between them
  std::string exit_status;                ///< a block with a heading, as in a footer
  std::string exit_notes;                 ///< in paragraphs
  std::string environment;                ///< a block, likewise
  std::string expressions;                ///< what --fail-if judges, in paragraphs
  std::vector<DeclaredCommand> commands;  ///< `sigmax` itself first, then its commands
};

Declared declared();

}  // namespace sigmax::cli
