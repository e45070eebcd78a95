#include "sigmax/report/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>

namespace sigmax::report {
namespace {

struct Decoded {
  char32_t code = 0;
  std::size_t length = 1;
  bool valid = false;
};

// Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
Decoded decode(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
  char32_t code = lead & (0xff >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3f);
  }
  const char32_t least = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
  if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, length, true};
}

struct Range {
  char32_t first;
  char32_t last;
};

template <std::size_t N>
bool contains(const std::array<Range, N>& ranges, char32_t code) noexcept {
  return std::any_of(ranges.begin(), ranges.end(), [&](Range r) { return r.first <= code && code <= r.last; });
}

// Characters that a terminal obeys or hides: C0 and C1 controls, soft hyphen, zero-width and direction marks, line
// separators, interlinear and tag characters.
constexpr std::array<Range, 13> kHidden = {{{0x00, 0x1f},
                                            {0x7f, 0x9f},
                                            {0xad, 0xad},
                                            {0x061c, 0x061c},
                                            {0x115f, 0x1160},
                                            {0x180e, 0x180e},
                                            {0x200b, 0x200f},
                                            {0x2028, 0x202e},
                                            {0x2060, 0x206f},
                                            {0x3164, 0x3164},
                                            {0xfeff, 0xfeff},
                                            {0xfff0, 0xfffb},
                                            {0xe0000, 0xe0fff}}};

// Combining marks and variation selectors, which are drawn on the character before them.
constexpr std::array<Range, 14> kCombining = {{{0x0300, 0x036f},
                                               {0x0483, 0x0489},
                                               {0x0591, 0x05bd},
                                               {0x0610, 0x061a},
                                               {0x064b, 0x065f},
                                               {0x093c, 0x093c},
                                               {0x0e31, 0x0e31},
                                               {0x0e34, 0x0e3a},
                                               {0x0e47, 0x0e4e},
                                               {0x1ab0, 0x1aff},
                                               {0x1dc0, 0x1dff},
                                               {0x20d0, 0x20ff},
                                               {0xfe00, 0xfe0f},
                                               {0xfe20, 0xfe2f}}};

// East Asian Width W and F (Unicode Annex 11), and the emoji that terminals draw two columns wide.
constexpr std::array<Range, 15> kWide = {{{0x1100, 0x115e},
                                          {0x231a, 0x231b},
                                          {0x23e9, 0x23ec},
                                          {0x2e80, 0x303e},
                                          {0x3041, 0x33ff},
                                          {0x3400, 0x4dbf},
                                          {0x4e00, 0x9fff},
                                          {0xa000, 0xa4cf},
                                          {0xa960, 0xa97f},
                                          {0xac00, 0xd7a3},
                                          {0xf900, 0xfaff},
                                          {0xfe30, 0xfe6f},
                                          {0xff00, 0xff60},
                                          {0x1f300, 0x1faff},
                                          {0x20000, 0x3fffd}}};

std::size_t width_of(char32_t code) noexcept {
  if (contains(kCombining, code)) return 0;
  return contains(kWide, code) ? 2 : 1;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

struct Component {
  std::string_view text;
  char separator;  ///< the one after it; 0 for the last
  bool kept = true;
};

std::vector<Component> split_path(std::string_view text) {
  std::vector<Component> parts;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != '.' && text[i] != '/') continue;
    parts.push_back({text.substr(begin, i - begin), i < text.size() ? text[i] : '\0'});
    begin = i + 1;
  }
  return parts;
}

// The kept components with their separators, and one ellipsis for each run of dropped ones.
std::string join_path(const std::vector<Component>& parts, const Glyphs& signs) {
  std::string joined;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].kept) {
      if (i == 0 || parts[i - 1].kept) joined += signs.ellipsis;
      continue;
    }
    joined += parts[i].text;
    if (parts[i].separator != '\0' && (i + 1 == parts.size() || parts[i + 1].kept)) joined += parts[i].separator;
  }
  return joined;
}

std::string cut_middle(std::string_view text, std::size_t width, const Glyphs& signs) {
  const std::size_t ellipsis = display_width(signs.ellipsis);
  if (width <= ellipsis) return std::string(prefix_of_width(text, width));
  const std::string_view head = prefix_of_width(text, (width - ellipsis) / 3);
  const std::size_t room = width - ellipsis - display_width(head);
  std::string_view tail = text;
  for (std::size_t left = display_width(text); left > room;) {
    const Decoded next = decode(tail);
    left -= next.valid ? width_of(next.code) : 1;
    tail.remove_prefix(next.length);
  }
  return fmt::format("{}{}{}", head, signs.ellipsis, tail);
}

// Names come from untrusted files and may be as long as the file. Beyond this many bytes they are cut without regard to
// their components, because handling components takes time quadratic in their number.
constexpr std::size_t kLongestPath = 512;

// The part of a name that is dropped first.
enum class Style {
  drop_first,  ///< components from the left
  keep_first,  ///< components from the left, the first one last
  cut_first,   ///< the end of the first component, then components from the left
  middle,      ///< the middle, regardless of components
};

// The beginning of the first component and as many of the others as fit: in names such as
// `If_0_else_branch__encoder.0.`, which exporters write, only the first component tells two branches apart. Empty if
// not possible.
std::string cut_first(std::vector<Component> parts, std::size_t width, const Glyphs& signs) {
  constexpr std::size_t kLeastHead = 6;
  const std::string_view first = parts.front().text;
  parts.erase(parts.begin());
  for (std::size_t next = 0; !parts.empty(); ++next) {
    const std::string rest = join_path(parts, signs);
    const bool elided = rest.starts_with(signs.ellipsis);
    const std::size_t taken = display_width(rest) + (elided ? 0 : display_width(signs.ellipsis));
    if (taken + kLeastHead <= width) {
      return fmt::format("{}{}{}", prefix_of_width(first, width - taken), elided ? std::string_view() : signs.ellipsis,
                         rest);
    }
    while (next + 1 < parts.size() && is_number(parts[next].text)) ++next;
    if (next + 1 >= parts.size()) break;
    parts[next].kept = false;
  }
  return {};
}

std::string shorten_as(Style style, std::string_view text, std::size_t width, const Glyphs& signs) {
  if (display_width(text) <= width) return std::string(text);
  if (style == Style::middle || text.size() > kLongestPath) return cut_middle(text, width, signs);
  std::vector<Component> parts = split_path(text);
  if (style == Style::cut_first) {
    std::string cut = cut_first(parts, width, signs);
    return cut.empty() ? cut_middle(text, width, signs) : cut;
  }
  std::vector<std::size_t> droppable;
  for (std::size_t i = 0; i + 2 < parts.size(); ++i) droppable.push_back(i);
  if (style == Style::keep_first && !droppable.empty()) {
    std::rotate(droppable.begin(), droppable.begin() + 1, droppable.end());
  }
  for (const std::size_t i : droppable) {
    if (is_number(parts[i].text)) continue;
    parts[i].kept = false;
    std::string shorter = join_path(parts, signs);
    if (display_width(shorter) <= width) return shorter;
  }
  return cut_middle(join_path(parts, signs), width, signs);
}

// The style that leaves the most of `names` distinct; the earlier one if two are equal.
Style most_telling(const std::set<std::string_view>& names, std::size_t width, const Glyphs& signs) {
  Style best = Style::drop_first;
  std::size_t most = 0;
  for (const Style style : {Style::drop_first, Style::keep_first, Style::cut_first, Style::middle}) {
    std::set<std::string> distinct;
    for (const std::string_view name : names) distinct.insert(shorten_as(style, name, width, signs));
    if (distinct.size() > most) {
      most = distinct.size();
      best = style;
    }
  }
  return best;
}

}  // namespace

const Glyphs& glyphs(bool unicode) noexcept {
  static const Glyphs rich;
  static const Glyphs plain = {false, "*", "~", ">=", "..", "#", "^", "<", "...", "-", "- ", "-", "-", "!!", "?"};
  return unicode ? rich : plain;
}

std::size_t display_width(std::string_view text) noexcept {
  std::size_t width = 0;
  while (!text.empty()) {
    const Decoded next = decode(text);
    width += next.valid ? width_of(next.code) : 1;
    text.remove_prefix(next.length);
  }
  return width;
}

std::string visible(std::string_view bytes, bool unicode) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const Decoded next = decode(bytes);
    const auto code = static_cast<std::uint32_t>(next.code);
    if (!next.valid) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes[0]));
    } else if (next.code == U'\n' || next.code == U'\r' || next.code == U'\t') {
      out += next.code == U'\n' ? "\\n" : next.code == U'\r' ? "\\r" : "\\t";
    } else if (contains(kHidden, next.code)) {
      out += code < 0x80 ? fmt::format("\\x{:02x}", code) : fmt::format("\\u{{{:x}}}", code);
    } else if (!unicode && code >= 0x80) {
      out += fmt::format("\\u{{{:x}}}", code);
    } else {
      out += bytes.substr(0, next.length);
    }
    bytes.remove_prefix(next.length);
  }
  return out;
}

std::string utf8_or_hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const Decoded next = decode(bytes);
    if (next.valid) {
      out += bytes.substr(0, next.length);
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes[0]));
    }
    bytes.remove_prefix(next.length);
  }
  return out;
}

std::string_view prefix_of_width(std::string_view text, std::size_t width) noexcept {
  std::size_t bytes = 0;
  std::size_t taken = 0;
  while (bytes < text.size()) {
    const Decoded next = decode(text.substr(bytes));
    taken += next.valid ? width_of(next.code) : 1;
    if (taken > width) break;
    bytes += next.length;
  }
  return text.substr(0, bytes);
}

std::string shorten(std::string_view text, std::size_t width, const Glyphs& signs) {
  return shorten_as(Style::drop_first, text, width, signs);
}

std::string name_in_sentence(std::string_view name, bool unicode) {
  constexpr std::size_t kWidest = 120;
  return shorten(visible(name, unicode), kWidest, glyphs(unicode));
}

std::vector<std::string> shorten_all(const std::vector<std::string>& names, std::size_t width, const Glyphs& signs) {
  std::map<std::string, std::set<std::string_view>> alike;
  for (const std::string& name : names) alike[shorten(name, width, signs)].insert(name);
  std::map<std::string_view, std::string> label;
  for (const auto& [shortened, group] : alike) {
    const Style style = group.size() == 1 ? Style::drop_first : most_telling(group, width, signs);
    for (const std::string_view name : group) label[name] = shorten_as(style, name, width, signs);
  }
  std::vector<std::string> shortened;
  shortened.reserve(names.size());
  for (const std::string& name : names) shortened.push_back(label[name]);
  return shortened;
}

std::string shorten_file(std::string_view name, std::size_t width, const Glyphs& signs) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (display_width(name) <= width) return std::string(name);
  // `.safetensors`, `.bin`. A number, as in `consolidated.00`, is not an ending.
  const std::size_t point = name.rfind('.');
  if (point != std::string_view::npos && point > 0 && point + 1 < name.size() && !is_digit(name[point + 1])) {
    name = name.substr(0, point);
  }
  const auto last = std::find_if(name.rbegin(), name.rend(), is_digit);
  if (display_width(name) <= width || last == name.rend()) return shorten(name, width, signs);
  // Goes back from the last digit over `00001-of-00002` and the dash or underscore before it.
  auto first = last;
  while (first != name.rend() && is_digit(*first)) ++first;
  constexpr std::string_view kOf = "-of-";
  const auto before = static_cast<std::size_t>(name.rend() - first);
  if (name.substr(0, before).ends_with(kOf)) {
    first += static_cast<std::ptrdiff_t>(kOf.size());
    while (first != name.rend() && is_digit(*first)) ++first;
  }
  if (first != name.rend() && (*first == '-' || *first == '_')) ++first;
  const std::string_view tail = name.substr(static_cast<std::size_t>(name.rend() - first));
  const std::size_t needed = display_width(tail) + display_width(signs.ellipsis);
  if (needed > width) return shorten(name, width, signs);
  const std::string_view head = name.substr(0, name.size() - tail.size());
  return fmt::format("{}{}{}", prefix_of_width(head, width - needed), signs.ellipsis, tail);
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  width = std::max<std::size_t>(width, 4);
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
    text.remove_prefix(begin);
    std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    while (!word.empty()) {
      const std::size_t blank = lines.back().empty() ? 0 : 1;
      const std::size_t used = display_width(lines.back()) + blank;
      // A word is broken only if it begins a line; otherwise it goes on the line whole or starts a new one.
      const std::string_view piece = prefix_of_width(word, width - std::min(width, used));
      if (piece.size() < word.size() && blank == 1) {
        lines.emplace_back();
        continue;
      }
      if (blank == 1) lines.back() += ' ';
      lines.back() += piece;
      word.remove_prefix(piece.size());
    }
  }
  return lines;
}

std::string html_escaped(std::string_view bytes) {
  std::string out;
  for (const char c : visible(bytes)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

}  // namespace sigmax::report
