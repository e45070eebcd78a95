// Makes names from untrusted files fit for error messages and notes. Internal to io/.
#pragma once

#include <string>
#include <string_view>

namespace sigmax::io {

/// `'name'`, with control characters replaced by `?` and cut to about 80 bytes at a character's boundary: a hostile
/// name must neither steer a terminal nor fill it.
std::string in_quotes(std::string_view name);

}  // namespace sigmax::io
