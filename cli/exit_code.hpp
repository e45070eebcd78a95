// What the command's exit status means: part of its contract, documented in --help and in the manual page.
#pragma once

namespace sigmax::cli {

enum ExitCode : int {
  kSuccess = 0,
  kGateTripped = 1,    ///< a weight met a --fail-if expression
  kUsage = 2,          ///< the command line makes no sense
  kBadInput = 3,       ///< a file is unreadable, malformed or changed while it was read, or an output cannot be written
  kNotReached = 4,     ///< --certify proven and no proven upper end, or svd short of its tolerance
  kInterrupted = 130,  ///< SIGINT, as shells count it
  kTerminated = 143,   ///< SIGTERM
};

}  // namespace sigmax::cli
