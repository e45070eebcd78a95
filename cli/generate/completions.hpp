// Shell completions, generated from the declared options.
#pragma once

#include <string>
#include <vector>

#include "cli/declared.hpp"

namespace sigmax::cli {

std::string bash_completion(const std::vector<DeclaredCommand>& commands);
std::string fish_completion(const std::vector<DeclaredCommand>& commands);
std::string zsh_completion(const std::vector<DeclaredCommand>& commands);

}  // namespace sigmax::cli
