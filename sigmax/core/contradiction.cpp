#include "sigmax/core/contradiction.hpp"

#include <fmt/format.h>

#include "sigmax/core/error.hpp"

namespace sigmax {

void throw_contradiction(std::string_view who, std::string_view what) {
  throw InternalError(
      fmt::format("[{}] {}. That cannot be: either the matrix changed while it was read (a file that is written, "
                  "weights that are trained), or sigmax has a bug. If nothing changed it, please report this message, "
                  "the version, and the operator's parts with their shapes, types and largest entries",
                  who, what));
}

}  // namespace sigmax
