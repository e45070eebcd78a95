// What happens when computed numbers contradict each other. Internal to the library.
#pragma once

#include <string_view>

namespace sigmax {

/// Throws InternalError, `[who] what` and what to report: `what` cannot be, unless the matrix changed meanwhile or
/// there is a bug.
[[noreturn]] void throw_contradiction(std::string_view who, std::string_view what);

}  // namespace sigmax
