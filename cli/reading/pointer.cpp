#include "cli/reading/pointer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sigmax/report/text.hpp"

namespace sigmax::cli {

std::string pointer(std::string_view option, std::string_view expression, std::size_t offset,
                    std::string_view problem) {
  offset = std::min(offset, expression.size());
  // People count characters, not bytes, so UTF-8 continuation bytes are not counted.
  const std::string_view before = expression.substr(0, offset);
  const auto characters = std::count_if(before.begin(), before.end(),
                                        [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  const std::size_t indent = report::display_width(report::visible(before));
  return fmt::format("{}, character {}: {}\n  {}\n  {}^", option, characters + 1, problem, report::visible(expression),
                     std::string(indent, ' '));
}

}  // namespace sigmax::cli
