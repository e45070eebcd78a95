// The commands and options as declared to the parser. The manual page and the shell completions are generated from
// them.
#pragma once

#include <string>
#include <vector>

namespace sigmax::cli {

struct DeclaredOption {
  std::vector<std::string> names;  ///< as written, the short one first: `-k`, `--count`
  std::string argument;            ///< `N`; empty for a flag
  std::string text;                ///< the text in --help
  std::string group;               ///< its heading on the help page
  bool repeatable = false;
  std::vector<std::string> values;  ///< values that a shell offers; after one that ends with a colon, more follows

  bool takes_file() const { return argument == "FILE"; }
};

struct DeclaredCommand {
  std::string name;      ///< empty for `sigmax` itself
  std::string summary;   ///< the line in the list of commands
  std::string text;      ///< the description, in paragraphs
  std::string argument;  ///< `PATH...`
  std::string argument_text;
  std::vector<DeclaredOption> options;
  std::string footer;  ///< below the options: blocks with headings, examples
};

/// The whole command, with the additional text of its manual page.
struct Declared {
  std::string version;
  std::string description;                ///< in paragraphs, a blank line between them
  std::string exit_status;                ///< a block with a heading, as in a footer
  std::string exit_notes;                 ///< in paragraphs
  std::string environment;                ///< a block, too
  std::string expressions;                ///< how --fail-if judges, in paragraphs
  std::vector<DeclaredCommand> commands;  ///< first `sigmax` itself, then its commands
};

Declared declared();

}  // namespace sigmax::cli
