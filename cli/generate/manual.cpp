#include "cli/generate/manual.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace sigmax::cli {
namespace {

// The code point of a multi-byte character, and its number of bytes; our own texts are valid UTF-8.
std::pair<std::uint32_t, std::size_t> decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  std::uint32_t code = byte(0) & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) code = code << 6 | (byte(i) & 0x3fU);
  return {code, length};
}

std::string escaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) >= 0x80) {
      const auto [code, length] = decode(text.substr(i));
      out += fmt::format("\\[u{:04X}]", code);
      i += length - 1;
      continue;
    }
    switch (text[i]) {
      case '\\': out += "\\e"; break;
      case '-': out += "\\-"; break;
      case '\'': out += "\\(aq"; break;
      case '`': out += "\\(ga"; break;
      case '^': out += "\\(ha"; break;
      case '~': out += "\\(ti"; break;
      case '.': out += i == 0 ? "\\&." : "."; break;
      default: out += text[i];
    }
  }
  return out;
}

// The text as one macro argument.
std::string argument(std::string_view text) {
  std::string out = escaped(text);
  for (std::size_t at = out.find('"'); at != std::string::npos; at = out.find('"', at + 4)) out.replace(at, 1, "\\(dq");
  return "\"" + out + "\"";
}

// The first word keeps its case if it is a name, such as sigma_max.
std::string sentence(std::string text) {
  if (text.empty()) return text;
  if (text.substr(0, text.find(' ')).find('_') == std::string::npos) {
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  }
  return text.ends_with('.') || text.ends_with(':') ? text : text + '.';
}

std::string paragraphs(std::string_view text) {
  std::string page;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    page += line.empty() ? ".PP\n" : escaped(line) + "\n";
  }
  return page;
}

// Blocks of --help: a heading is at the margin and ends with a colon, `  name   meaning` is an item, and a line that
// begins below a meaning continues it. Everything else is prose.
class Blocks {
 public:
  // The blocks whose heading is `only`, or, if it is empty, all except those that have separate sections.
  static std::string of(std::string_view text, std::string_view only = {}) {
    Blocks blocks(only);
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(line.size() + 1, text.size()));
      blocks.take(line);
    }
    return std::move(blocks.page_);
  }

 private:
  explicit Blocks(std::string_view only) : only_(only), wanted_(only.empty()) {}

  void take(std::string_view line) {
    if (line.empty()) {
      in_item_ = false;
      if (heading_.empty() || !ends_section()) begins_ = true;
      after_blank_ = true;
      return;
    }
    const std::size_t indent = line.find_first_not_of(' ');
    if (indent == 0) {
      margin_line(line);
    } else if (wanted_) {
      indented_line(line, indent);
    }
    after_blank_ = false;
  }

  bool ends_section() const { return heading_ == "Examples" || heading_ == "Exit status"; }

  void margin_line(std::string_view line) {
    in_item_ = false;
    if (line.ends_with(':')) {
      heading_ = line.substr(0, line.size() - 1);
      wanted_ = only_.empty() ? !ends_section() : heading_ == only_;
      if (wanted_ && only_.empty()) page_ += fmt::format(".PP\n.B {}\n", argument(heading_));
      begins_ = true;
      return;
    }
    if (after_blank_) {
      heading_.clear();
      wanted_ = only_.empty();
    }
    if (!wanted_) return;
    if (after_blank_) page_ += ".PP\n";
    page_ += escaped(line) + "\n";
  }

  void indented_line(std::string_view line, std::size_t indent) {
    if (in_item_ && indent >= meaning_column_) {
      page_ += escaped(line.substr(indent)) + "\n";
      return;
    }
    const std::size_t gap = line.find("  ", indent);
    if (heading_ == "Examples") {
      const std::string_view comment =
          gap == std::string_view::npos ? "" : line.substr(line.find_first_not_of(' ', gap));
      page_ += comment.empty() ? ".PP\n" : fmt::format(".PP\n{}\n.br\n", escaped(sentence(std::string(comment) + ":")));
      page_ += fmt::format(".B {}\n", argument(line.substr(indent, gap - indent)));
      return;
    }
    if (gap != std::string_view::npos) {
      meaning_column_ = line.find_first_not_of(' ', gap);
      in_item_ = true;
      page_ += fmt::format(".TP\n.B {}\n{}\n", argument(line.substr(indent, gap - indent)),
                           escaped(line.substr(meaning_column_)));
      return;
    }
    in_item_ = false;
    if (begins_) page_ += ".PP\n";
    begins_ = false;
    page_ += escaped(line.substr(indent)) + "\n";
  }

  std::string_view only_;
  bool wanted_;
  std::string heading_;
  bool in_item_ = false;
  bool begins_ = true;  ///< a paragraph begins
  bool after_blank_ = true;
  std::size_t meaning_column_ = 0;
  std::string page_;
};

std::string option_item(const DeclaredOption& option) {
  std::string tag = ".TP\n";
  std::string names;
  for (const std::string& name : option.names)
    names += fmt::format("{}\\fB{}\\fP", names.empty() ? "" : ", ", escaped(name));
  if (!option.argument.empty()) names += fmt::format(" \\fI{}\\fP", escaped(option.argument));
  return tag + names + "\n" + escaped(sentence(option.text)) + "\n";
}

std::string options(const DeclaredCommand& command) {
  std::string page;
  std::string_view group;
  for (const DeclaredOption& option : command.options) {
    if (option.group != group) page += fmt::format(".PP\n{}:\n", escaped(option.group));
    group = option.group;
    page += option_item(option);
  }
  return page;
}

std::string command_section(const DeclaredCommand& command) {
  std::string page = fmt::format(".SS sigmax {}\n{}\n", command.name, escaped(sentence(command.summary)));
  if (!command.text.empty()) page += ".PP\n" + paragraphs(command.text);
  if (!command.argument.empty()) {
    page += fmt::format(".TP\n\\fI{}\\fP\n{}\n", escaped(command.argument), escaped(sentence(command.argument_text)));
  }
  return page + options(command) + Blocks::of(command.footer);
}

}  // namespace

std::string manual_page(const Declared& declared) {
  const std::vector<DeclaredCommand>& commands = declared.commands;
  std::string page = fmt::format(".TH SIGMAX 1 \"\" \"sigmax {}\" \"User Commands\"\n", declared.version);
  page += ".SH NAME\nsigmax \\- the singular values of neural\\-network weights, with proof\n.SH SYNOPSIS\n";
  for (const DeclaredCommand& command : commands) {
    if (command.name.empty()) continue;
    page +=
        fmt::format("\\fBsigmax {}\\fP [\\fIOPTION\\fP]... \\fI{}\\fP\n.br\n", command.name, escaped(command.argument));
  }
  page += "\\fBsigmax \\-\\-version\\fP\n.SH DESCRIPTION\n" + paragraphs(declared.description);
  page += ".SH COMMANDS\n";
  for (const DeclaredCommand& command : commands) {
    if (!command.name.empty()) page += command_section(command);
  }
  page += ".SH EXPRESSIONS\n" + paragraphs(declared.expressions);
  page += ".SH OPTIONS OF SIGMAX ITSELF\n";
  for (const DeclaredCommand& command : commands) {
    if (command.name.empty()) page += options(command);
  }
  page +=
      ".SH EXIT STATUS\n" + Blocks::of(declared.exit_status, "Exit status") + ".PP\n" + paragraphs(declared.exit_notes);
  page += ".SH ENVIRONMENT\n" + Blocks::of(declared.environment, "Environment");
  page += ".SH EXAMPLES\n";
  for (const DeclaredCommand& command : commands) page += Blocks::of(command.footer, "Examples");
  return page;
}

}  // namespace sigmax::cli
