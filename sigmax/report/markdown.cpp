#include "sigmax/report/markdown.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "sigmax/report/text.hpp"

namespace sigmax::report {
namespace {

constexpr std::size_t kPartsListed = 8;  // per stack, unless all are asked for
constexpr std::size_t kNamesShown = 10;  // per cell, unless all are asked for

// An underscore within a word, a lone tilde and a `>` after the beginning are not markup; leaving them unescaped keeps
// the source readable.
bool harmless(std::string_view text, std::size_t i) {
  const auto is_word = [&](std::size_t k) { return std::isalnum(static_cast<unsigned char>(text[k])) != 0; };
  const bool inside = i > 0 && i + 1 < text.size();
  switch (text[i]) {
    case '_': return inside && is_word(i - 1) && is_word(i + 1);
    case '~': return (i == 0 || text[i - 1] == ' ') && (i + 1 == text.size() || text[i + 1] == ' ');
    case '>': return i > 0;
    default: return false;
  }
}

// Prose that may hold file names or reasons: every character that could start markup becomes an entity, which Markdown
// never reads as structure. Mentions are searched for after entities are decoded, so a comment separates the `@` from
// the name.
std::string prose(std::string_view untrusted) {
  const std::string text = visible(untrusted);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool markup = std::string_view("\\`*_{}[]<>#|&~@$!\"").find(text[i]) != std::string_view::npos;
    out += markup && !harmless(text, i) ? fmt::format("&#{};", static_cast<int>(text[i])) : std::string(1, text[i]);
    if (text[i] == '@') out += "<!-- -->";
  }
  return out;
}

class MarkdownWriter {
 public:
  explicit MarkdownWriter(Detail detail) : detail_(detail) {}

  void write(const Section& section) {
    // A note is a separate block quote and brings its own blank line.
    const auto* text = std::get_if<Text>(&section.content);
    const bool notes = text != nullptr && text->kind == Text::Kind::note;
    if (!out_.empty() && !notes) out_ += '\n';
    std::visit(
        [&](const auto& content) {
          if (!section.heading.empty()) heading(section.heading, content);
          show(content);
        },
        section.content);
  }

  std::string take() { return std::move(out_); }

 private:
  void heading(std::string_view text, const auto&) { out_ += fmt::format("## {}\n\n", text); }

  void heading(std::string_view text, const Groups& groups) {
    out_ += fmt::format("## {} ({})\n\n", text, groups.count());
  }

  std::size_t shown_of(std::size_t count, std::size_t most) const {
    return detail_ == Detail::all ? count : std::min(count, most);
  }

  void show(const Title& title) {
    out_ += fmt::format("# {}{}{}\n", title.kind, title.kind.empty() ? "" : ": ", markdown_code(title.name));
  }

  void show(const Text& text) {
    for (const Line& line : text.lines) {
      switch (text.kind) {
        case Text::Kind::note: out_ += fmt::format("\n> Note: {}\n", prose(line.text)); break;
        case Text::Kind::legend: out_ += fmt::format("- {}\n", prose(line.text)); break;
        case Text::Kind::plain:
        case Text::Kind::words:
        case Text::Kind::indented:
        case Text::Kind::summary: out_ += fmt::format("{}\n", prose(line.text)); break;
      }
    }
  }

  void show(const Facts& facts) {
    for (const Fact& fact : facts.facts) {
      const std::string text = fact.text.empty() ? shown_text(fact.value, glyphs(true)) : fact.text;
      out_ += fmt::format("- {}{}\n", prose(fact.label), prose(text));
    }
  }

  void show(const Table& table) {
    if (!table.rows.empty() || table.if_empty.empty()) rows(table);
    if (table.rows.empty() && !table.if_empty.empty()) out_ += table.if_empty + '\n';
    if (table.rows.size() < table.total) {
      out_ += fmt::format("\n{} of {} {}s shown.\n", table.rows.size(), table.total, table.noun);
    }
  }

  void rows(const Table& table) {
    const std::vector<std::size_t> columns = table.columns_for(markdown);
    std::string headings = "|";
    std::string rules = "|";
    for (const std::size_t i : columns) {
      const Column& column = table.columns[i];
      headings += column.lists ? std::string(" |") : fmt::format(" {} |", prose(column.heading));
      rules += column.alignment == Alignment::left ? " --- |" : " ---: |";
    }
    out_ += headings + '\n' + rules + '\n';
    for (const Row& row : table.rows) {
      append(table, columns, row, "");
      const std::size_t count = row.parts.size();
      const std::size_t listed = shown_of(count, kPartsListed);
      for (std::size_t i = 0; i < listed; ++i) append(table, columns, row.parts[i], kBranch);
      if (listed == count) continue;
      out_ += fmt::format("| {}{} more |", kBranch, count - listed);
      for (std::size_t i = 1; i < columns.size(); ++i) out_ += " |";
      out_ += '\n';
    }
  }

  void append(const Table& table, const std::vector<std::size_t>& columns, const Row& row, std::string_view branch) {
    const std::size_t figure_index = table.figure_column();
    out_ += '|';
    for (const std::size_t i : columns) {
      const bool is_alarm = i == figure_index && !row.alarm.empty();
      if (is_alarm) {
        out_ += fmt::format(" **{} {}** |", glyphs(true).alarm, row.alarm);
      } else if (table.columns[i].lists) {
        out_ += phrases(row.cells[i].phrases) + " |";
      } else {
        out_ += fmt::format(" {}{} |", i == columns.front() ? branch : std::string_view(), cell_text(row.cells[i]));
      }
    }
    out_ += '\n';
  }

  static std::string cell_text(const Cell& cell) {
    if (cell.code) return cell.value.exists() ? markdown_code(cell.text) : std::string();
    // Lists of counts come from the report itself; anything else may hold text from a file.
    std::string text = shown_text(cell, glyphs(true));
    if (cell.value.as<List>() != nullptr) return text;
    return cell.tone == Tone::alarm ? fmt::format("**{}**", prose(text)) : prose(text);
  }

  std::string phrases(const std::vector<Phrase>& lines) const {
    std::string text;
    const std::size_t listed = shown_of(lines.size(), kNamesShown);
    for (std::size_t i = 0; i < listed; ++i) {
      const std::string name = lines[i].name.empty() ? std::string() : markdown_code(lines[i].name) + " ";
      text += fmt::format("{} {}{}", i > 0 ? "<br>" : "", name, prose(lines[i].text));
    }
    if (listed < lines.size()) text += fmt::format("<br> and {} more", lines.size() - listed);
    return text;
  }

  void show(const Groups& groups) {
    out_ += fmt::format("| count | reason | {}s |\n| ---: | --- | --- |\n", groups.noun);
    for (const Group& group : groups.groups) {
      const std::size_t count = group.table.rows.size();
      const std::size_t listed = shown_of(count, kNamesShown);
      out_ += fmt::format("| {} | {} |", count, prose(group.reason));
      for (std::size_t i = 0; i < listed; ++i) {
        out_ += fmt::format("{} {}", i > 0 ? "," : "", markdown_code(group.table.rows[i].cells.front().text));
      }
      out_ += listed < count ? fmt::format(" and {} more |\n", count - listed) : std::string(" |\n");
    }
  }

  void show(const Cards&) {}
  void show(const Diagram&) {}

  static constexpr std::string_view kBranch = "&nbsp;&nbsp;└ ";

  Detail detail_;
  std::string out_;
};

}  // namespace

std::string markdown_code(std::string_view text) {
  const std::string shown = visible(text);
  const std::size_t special = shown.find_first_of("`\\|");
  if (special == std::string::npos && !shown.empty()) return fmt::format("`{}`", shown);
  // Tables and code spans read backticks, and backslashes before pipes, differently. The HTML element avoids both
  // problems once every punctuation character is an entity.
  std::string out = "<code>";
  for (const char c : shown) {
    out += std::ispunct(static_cast<unsigned char>(c)) != 0 ? fmt::format("&#{};", static_cast<int>(c))
                                                            : std::string(1, c);
  }
  return out + "</code>";
}

std::string write_markdown(const Document& document, Detail detail) {
  MarkdownWriter writer(detail);
  for (const Section& section : document) writer.write(section);
  return writer.take();
}

}  // namespace sigmax::report
