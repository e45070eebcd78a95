// Ctrl-C and SIGTERM: a computation stops at its next check, and no file is left half-written.
#pragma once

#include "sigmax/core/context.hpp"

namespace sigmax::cli {

/// While an Interrupt is alive, the first SIGINT or SIGTERM asks `context` to stop; a second one ends the process at
/// once. Only one may be alive at a time.
class Interrupt {
 public:
  explicit Interrupt(Context& context);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// The signal received, 0 if none.
  static int signal() noexcept;
};

/// Makes a write to a pipe without a reader fail with EPIPE, and a write beyond the file size limit with EFBIG, instead
/// of ending the process.
void let_writes_fail();

}  // namespace sigmax::cli
