#include "cli/terminal/terminal.hpp"

#include <fmt/format.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "sigmax/core/error.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : std::string_view();
}

bool locale_is_utf8() {
  const locale_t locale = newlocale(LC_CTYPE_MASK, "", nullptr);
  if (locale == nullptr) return false;
  const bool utf8 = std::string_view(nl_langinfo_l(CODESET, locale)) == "UTF-8";
  freelocale(locale);
  return utf8;
}

std::optional<std::size_t> columns_variable() {
  const std::string_view text = environment("COLUMNS");
  std::size_t columns = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), columns);
  if (error != std::errc() || end != text.data() + text.size() || columns == 0 || columns > 10000) return std::nullopt;
  return columns;
}

std::size_t width_of(int descriptor, bool terminal) {
  winsize size{};
  if (terminal && ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return columns_variable().value_or(terminal ? 80 : 200);
}

// A line behind `start` columns of another text, on lines of the terminal's width; those that follow are indented.
// Words that are wider than a line stay whole, so that a path can be copied.
std::string folded(std::string_view line, std::size_t start, std::size_t width) {
  constexpr std::size_t kIndent = 4, kNarrowest = 40;
  if (width < kNarrowest || start + report::display_width(line) <= width) return std::string(line);
  std::string text;
  std::size_t column = start;
  bool first = true;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    const std::size_t wide = report::display_width(word);
    if (!first && column + 1 + wide > width) {
      text += '\n' + std::string(kIndent, ' ');
      column = kIndent;
    } else if (!first) {
      text += ' ';
      ++column;
    }
    text += word;
    column += wide;
    first = false;
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return text;
}

// Returns 0, or the errno of the failure.
int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

Style style_of(int descriptor, Color color) {
  Style style;
  style.terminal = isatty(descriptor) == 1;
  style.unicode = locale_is_utf8();
  style.width = width_of(descriptor, style.terminal);
  const bool wanted = style.terminal && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
  style.color = color == Color::always || (color == Color::automatic && wanted);
  return style;
}

void print(std::string_view text) {
  const int error = write_all(STDOUT_FILENO, text);
  if (error != 0 && error != EPIPE) throw FileError("standard output", "", std::strerror(error));
}

Messages::Messages(const CommonOptions& options)
    : style_(style_of(STDERR_FILENO, options.color)), quiet_(options.quiet) {}

void Messages::error(std::string_view text) const { say("", "31", text); }

void Messages::warning(std::string_view text) const {
  if (!quiet_) say("warning", "33", text);
}

void Messages::mistake(std::string_view text) const { say("warning", "33", text); }

void Messages::note(std::string_view text) const {
  if (!quiet_) say("note", "36", text);
}

void Messages::finding(std::string_view label, std::string_view text) const { say(label, "31", text); }

void Messages::success(std::string_view label, std::string_view text) const {
  if (!quiet_) say(label, "32", text);
}

void Messages::say(std::string_view label, std::string_view color, std::string_view text) const {
  // A message may quote a file. Its line breaks are its own and are kept; every line is passed through visible().
  std::string lines;
  std::string head = label.empty() ? std::string("sigmax:") : fmt::format("sigmax: {}:", label);
  while (true) {
    const auto end = text.find('\n');
    const std::string line = report::visible(text.substr(0, end), style_.unicode);
    lines += (style_.terminal ? folded(line, lines.empty() ? head.size() + 1 : 0, style_.width) : line) + '\n';
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  if (style_.color) head = fmt::format("\x1b[1;{}m{}\x1b[0m", color, head);
  // If standard error is closed, the failure cannot be reported.
  static_cast<void>(write_all(STDERR_FILENO, fmt::format("{} {}", head, lines)));
}

}  // namespace sigmax::cli
