// The properties of standard output and standard error, and messages to a person on them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cli/options.hpp"

namespace sigmax::cli {

/// The appearance of text for people on one stream.
struct Style {
  bool terminal = false;  ///< the stream is a terminal
  bool color = false;     ///< ANSI colors
  bool unicode = true;    ///< the locale's encoding is UTF-8
  std::size_t width = 0;  ///< in columns
};

/// The style of file descriptor `descriptor` (1 or 2).
///
/// Color: `always` and `never` decide; `automatic` is a terminal with NO_COLOR unset or empty and TERM not `dumb`.
/// Width: the terminal's; otherwise COLUMNS; otherwise 80 on a terminal and 200 elsewhere, so that files contain
/// everything in full.
Style style_of(int descriptor, Color color);

/// Writes all of `text` to standard output. A closed pipe is not an error: the reader has seen enough. Throws FileError
/// for any other failure, such as a full disk.
void print(std::string_view text);

/// Messages for the person who runs the command, on standard error: `sigmax: warning: ...`. On a terminal they are
/// folded at its width, elsewhere a message is one line.
class Messages {
 public:
  explicit Messages(const CommonOptions& options);

  void error(std::string_view text) const;
  void warning(std::string_view text) const;  ///< unless quiet
  void note(std::string_view text) const;     ///< unless quiet
  /// A warning that something was asked for and is not there, as where a name is mistyped: said even if quiet.
  void mistake(std::string_view text) const;

  /// A result of the run, such as a tripped gate: shown even if quiet.
  void finding(std::string_view label, std::string_view text) const;
  /// A good result, such as a passed gate: shown unless quiet.
  void success(std::string_view label, std::string_view text) const;

 private:
  void say(std::string_view label, std::string_view color, std::string_view text) const;

  Style style_;
  bool quiet_;
};

}  // namespace sigmax::cli
