// Messages that point into an expression of the command line.
#pragma once

#include <string>
#include <string_view>

namespace sigmax::cli {

/// `--fail-if, character 7: expected a number`, followed by the expression with a caret under byte `offset`.
std::string pointer(std::string_view option, std::string_view expression, std::size_t offset, std::string_view problem);

}  // namespace sigmax::cli
