// The manual page of the command, generated from the declared options.
#pragma once

#include <string>

#include "cli/declared.hpp"

namespace sigmax::cli {

/// The page in the macros of man(7).
std::string manual_page(const Declared& declared);

}  // namespace sigmax::cli
