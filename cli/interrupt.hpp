// Ctrl-C and SIGTERM: a computation stops at its next check, and nothing is left half-written.
#pragma once

#include "sigmax/core/context.hpp"

namespace sigmax::cli {

/// While one is alive the first SIGINT or SIGTERM asks `context` to stop; a second one ends the process at once. One at
/// a time.
class Interrupt {
 public:
  explicit Interrupt(Context& context);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// The signal that came, 0 if none has.
  static int signal() noexcept;
};

/// A write to a pipe that nobody reads fails with EPIPE, one beyond the limit of a file's size with EFBIG, instead of
/// ending the process.
void let_writes_fail();

}  // namespace sigmax::cli
