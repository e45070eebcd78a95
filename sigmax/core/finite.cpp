#include "sigmax/core/finite.hpp"

#include <fmt/format.h>

#include "sigmax/core/error.hpp"

namespace sigmax {

void throw_not_finite(std::string_view who, std::string_view what, double value, std::size_t index) {
  throw Error(fmt::format("[{}] {} has an entry that is not finite, {} at [{}]", who, what, value, index));
}

}  // namespace sigmax
