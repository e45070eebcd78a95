#include "sigmax/report/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "sigmax/report/number.hpp"
#include "sigmax/report/terminal_table.hpp"

namespace sigmax::report {
namespace {

// As many names of a group as fit on one line.
std::string names_on_a_line(const Table& table, std::size_t room, const Glyphs& signs) {
  const std::string more = fmt::format(", {}", signs.ellipsis);
  std::string names;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::string name = shown_text(table.rows[i].cells.front(), signs);
    const std::size_t reserve = i + 1 < table.rows.size() ? display_width(more) : 0;
    if (names.empty()) {
      names = shorten(name, room - reserve, signs);
    } else if (display_width(names) + 2 + display_width(name) + reserve <= room) {
      names += ", " + name;
    } else {
      return names + more;
    }
  }
  return names;
}

class TerminalWriter {
 public:
  explicit TerminalWriter(const Terminal& to) : to_(to) {}

  void write(const Section& section) {
    if (section.spaced) out_ += '\n';
    std::visit(
        [&](const auto& content) {
          if (!section.heading.empty()) heading(section.heading, content);
          show(content);
        },
        section.content);
  }

  std::string take() { return std::move(out_); }

 private:
  void heading(std::string_view text, const auto&) { out_ += toned(to_, text, Tone::bold) + '\n'; }

  void heading(std::string_view text, const Groups& groups) {
    out_ += toned(to_, fmt::format("{} ({})", text, groups.count()), Tone::bold) + '\n';
  }

  void show(const Title& title) {
    std::string facts;
    for (const Phrase& fact : title.facts) {
      facts += fmt::format(" {} {}", to_.signs().dot, visible(fact.text, to_.unicode));
    }
    const std::size_t room = to_.width - std::min(to_.width / 2, display_width(facts));
    out_ += toned(to_, shorten(visible(title.name, to_.unicode), room, to_.signs()), Tone::bold);
    out_ += toned(to_, prefix_of_width(facts, to_.width - std::min(to_.width, room)), Tone::dim) + '\n';
  }

  void show(const Text& text) {
    for (const Line& line : text.lines) {
      switch (text.kind) {
        case Text::Kind::plain: out_ += toned(to_, line.text, line.tone) + '\n'; break;
        case Text::Kind::words: out_ += paragraph(to_, line.text, line.tone); break;
        case Text::Kind::indented: out_ += paragraph(to_, line.text, line.tone, 0, 2); break;
        case Text::Kind::note: out_ += paragraph(to_, "note: " + line.text, Tone::caution, 6); break;
        case Text::Kind::legend: out_ += paragraph(to_, line.text, Tone::dim, 2); break;
        case Text::Kind::summary: out_ += paragraph(to_, line.text, line.tone, 2); break;
      }
    }
  }

  void show(const Facts& facts) {
    for (const Fact& fact : facts.facts) {
      const std::string blanks(display_width(fact.label), ' ');
      if (const auto* enclosure = fact.value.as<Enclosure>(); enclosure != nullptr && fact.text.empty()) {
        show_enclosure(fact.label, blanks, *enclosure);
        continue;
      }
      const std::string text = fact.text.empty() ? shown_text(fact.value, to_.signs()) : fact.text;
      if (!fact.wraps) {
        out_ += fact.label + text + '\n';
        continue;
      }
      const std::string* label = &fact.label;
      for (const std::string& line : wrap(text, to_.text_width() - blanks.size())) {
        out_ += *label + line + '\n';
        label = &blanks;
      }
    }
  }

  void show_enclosure(std::string_view label, std::string_view blanks, const Enclosure& enclosure) {
    out_ += fmt::format("{}at least {}\n", label, round_trip(enclosure.lower.value()));
    const auto& upper = enclosure.upper;
    if (!upper) {
      out_ += fmt::format("{}no upper end was reached\n", blanks);
      return;
    }
    const std::string certainty = upper->certainty() == Certainty::proven
                                      ? std::string("proven, rounding included")
                                      : fmt::format("wrong with probability {:.0e}", upper->failure_probability());
    out_ += fmt::format("{}at most  {}  ({})\n", blanks, round_trip(upper->value()), certainty);
  }

  void show(const Table& table) { out_ += write_terminal_table(table, to_); }

  void show(const Groups& groups) {
    constexpr std::size_t kIndent = 7;
    for (const Group& group : groups.groups) {
      const std::string count = fmt::format("{:>5}", group.table.rows.size());
      const std::size_t blanks = count.find_first_not_of(' ');
      out_ += paragraph(to_, fmt::format("{}  {}", count.substr(blanks), visible(group.reason, to_.unicode)),
                        Tone::plain, 2, blanks);
      if (to_.detail == Detail::all) {
        for (const Row& row : group.table.rows)
          out_ += paragraph(to_, member_line(group.table, row), Tone::dim, 2, kIndent);
      } else {
        const std::string names = names_on_a_line(group.table, to_.width - kIndent, to_.signs());
        out_ += std::string(kIndent, ' ') + toned(to_, names, Tone::dim) + '\n';
      }
    }
  }

  std::string member_line(const Table& table, const Row& row) const {
    std::string line;
    for (const std::size_t i : table.columns_for(terminal)) {
      const Cell& cell = row.cells[i];
      if (line.empty()) {
        const auto* name = cell.value.as<std::string>();
        line = name_in_sentence(name != nullptr ? *name : shown_text(cell, to_.signs()), to_.unicode);
      } else {
        line += "  " + shown_text(cell, to_.signs());
      }
    }
    return line;
  }

  void show(const Cards&) {}
  void show(const Diagram&) {}

  const Terminal& to_;
  std::string out_;
};

}  // namespace

std::string write_terminal(const Document& document, const Terminal& to) {
  TerminalWriter writer(to);
  for (const Section& section : document) writer.write(section);
  return writer.take();
}

}  // namespace sigmax::report
