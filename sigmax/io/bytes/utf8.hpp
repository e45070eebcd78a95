// Makes text from untrusted files fit for every writer of text. Internal to io/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sigmax::io {

/// `text` with each byte that is not part of a well-formed UTF-8 sequence (overlong forms, surrogates and values above
/// U+10FFFF included) replaced by U+FFFD. Text that would exceed `limit` bytes is cut off and marked by `...`.
std::string valid_utf8(std::string_view text, std::size_t limit = std::string_view::npos);

}  // namespace sigmax::io
