// The command's exit status. It is part of the contract, documented in --help and the manual page.
#pragma once

namespace sigmax::cli {

enum ExitCode : int {
  kSuccess = 0,
  kGateTripped = 1,    ///< a weight or a network met a --fail-if expression
  kUsage = 2,          ///< the command line makes no sense
  kBadInput = 3,       ///< a file is unreadable, malformed or changed while it was read, or an output cannot be written
  kNotReached = 4,     ///< --certify proven without a proven upper end, or svd that missed its tolerance
  kInterrupted = 130,  ///< SIGINT, 128 + 2 as in shells
  kTerminated = 143,   ///< SIGTERM
};

}  // namespace sigmax::cli
