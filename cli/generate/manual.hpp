// The manual page of the command, made of the options as they are declared.
#pragma once

#include <string>

#include "cli/declared.hpp"

namespace sigmax::cli {

/// The page in the macros of man(7).
std::string manual_page(const Declared& declared);

}  // namespace sigmax::cli
