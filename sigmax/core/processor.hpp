// Which processor a thread runs on. Internal to the library.
#pragma once

namespace sigmax {

/// The processor that the calling thread runs on, or -1 where the system does not say.
int current_processor() noexcept;

/// Moves the calling thread off that processor and leaves it as free to run anywhere as before. False if it may run
/// nowhere else, or where the system offers no such thing (Linux does). Costs some microseconds.
bool leave_processor(int processor) noexcept;

}  // namespace sigmax
