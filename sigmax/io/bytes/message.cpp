#include "sigmax/io/bytes/message.hpp"

#include <cstddef>

namespace sigmax::io {
namespace {

constexpr std::size_t kMaxShown = 80;

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

std::string in_quotes(std::string_view name) {
  std::size_t end = name.size();
  if (end > kMaxShown) {
    end = kMaxShown;
    while (end > 0 && continues_character(name[end])) --end;
  }
  std::string text = "'";
  for (const char c : name.substr(0, end)) {
    const auto code = static_cast<unsigned char>(c);
    text += code < 0x20 || code == 0x7F ? '?' : c;
  }
  if (end < name.size()) text += "...";
  return text + "'";
}

}  // namespace sigmax::io
