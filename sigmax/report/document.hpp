// A result as people read it: a list of sections. The writers for terminal, Markdown and HTML handle all of them.
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "sigmax/report/diagram.hpp"
#include "sigmax/report/table.hpp"

namespace sigmax::report {

/// The subject of the report.
struct Title {
  std::string kind = {};  ///< `sigmax audit`
  std::string name = {};  ///< as the user or a file spells it, not yet passed through visible()
  std::vector<Phrase> facts = {};
};

struct Line {
  std::string text;  ///< a terminal writes it unchanged, so it must already have passed through visible()
  Tone tone = Tone::plain;
};

struct Text {
  enum class Kind {
    plain,     ///< on a terminal, on one line each
    words,     ///< on a terminal, wrapped
    indented,  ///< on a terminal, wrapped, indented by two blanks
    note,      ///< a remark about the input
    legend,    ///< the meaning of a sign
    summary,
  };
  Kind kind = Kind::plain;
  std::vector<Line> lines = {};
};

/// One figure with its label. An enclosure is shown as its two ends.
struct Fact {
  std::string label = {};  ///< includes the blanks before the text
  Value value = {};
  std::string text = {};  ///< shown instead of the value
  bool wraps = true;
};
struct Facts {
  std::vector<Fact> facts = {};
};

/// Things of one kind, grouped by what they have in common. The first column names them.
struct Group {
  std::string reason;
  Table table;
};
struct Groups {
  std::string noun = {};  ///< `tensor`
  std::vector<Group> groups = {};

  /// The rows of all groups.
  std::size_t count() const noexcept {
    std::size_t rows = 0;
    for (const Group& group : groups) rows += group.table.rows.size();
    return rows;
  }
};

/// One of the figures at the top of a page.
struct Card {
  std::string figure;
  std::string label;
  bool alarm = false;
};
struct Cards {
  std::vector<Card> cards = {};
};

struct Section {
  std::variant<Title, Text, Facts, Table, Groups, Cards, Diagram> content;  ///< the last two only on a page
  std::string heading = {};
  bool spaced = false;  ///< on a terminal, preceded by a blank line
};

/// The sections in the order of the page.
using Document = std::vector<Section>;

/// How much of long lists is shown.
enum class Detail { usual, all };

/// The properties of the terminal that is written to.
struct Terminal {
  std::size_t width = 80;
  bool color = false;   ///< ANSI colors
  bool unicode = true;  ///< false: ASCII only
  Detail detail = Detail::usual;

  const Glyphs& signs() const noexcept { return glyphs(unicode); }
  /// The width of paragraphs; a table may be narrower.
  std::size_t text_width() const noexcept { return width < 40 ? 40 : width; }
};

}  // namespace sigmax::report
