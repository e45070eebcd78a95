// What people read of a result: its sections, which the writers of terminal, Markdown and HTML all know.
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "sigmax/report/table.hpp"

namespace sigmax::report {

/// What the report is about.
struct Title {
  std::string kind = {};  ///< `sigmax audit`
  std::string name = {};  ///< as the user or a file has it, not yet made visible
  std::vector<Phrase> facts = {};
};

struct Line {
  std::string text;  ///< on a terminal it is written as it stands: made visible
  Tone tone = Tone::plain;
};

struct Text {
  enum class Kind {
    plain,     ///< on a terminal, on one line each
    words,     ///< on a terminal, wrapped
    indented,  ///< on a terminal, wrapped, two blanks in front
    note,      ///< a remark about the input
    legend,    ///< what a sign means
    summary,
  };
  Kind kind = Kind::plain;
  std::vector<Line> lines = {};
};

/// One figure with its label. An enclosure is shown by its ends.
struct Fact {
  std::string label = {};  ///< with the blanks up to the text
  Value value = {};
  std::string text = {};  ///< in place of the value
  bool wraps = true;
};
struct Facts {
  std::vector<Fact> facts = {};
};

/// Things of one kind, by what they have in common. The first column names them.
struct Group {
  std::string reason;
  Table table;
};
struct Groups {
  std::string noun = {};  ///< `tensor`
  std::vector<Group> groups = {};
};

/// Figures at the head of a page.
struct Card {
  std::string figure;
  std::string label;
  bool alarm = false;
};
struct Cards {
  std::vector<Card> cards = {};
};

struct Section {
  std::variant<Title, Text, Facts, Table, Groups, Cards> content;
  std::string heading = {};
  bool spaced = false;  ///< a blank line goes before it on a terminal
};

/// The sections in the order of the page.
using Document = std::vector<Section>;

/// How much of long lists is shown.
enum class Detail { usual, all };

/// How a terminal is written to.
struct Terminal {
  std::size_t width = 80;
  bool color = false;   ///< ANSI colors
  bool unicode = true;  ///< false: ASCII alone
  Detail detail = Detail::usual;

  const Glyphs& signs() const noexcept { return glyphs(unicode); }
  /// Of paragraphs, which a table may be narrower than.
  std::size_t text_width() const noexcept { return width < 40 ? 40 : width; }
};

}  // namespace sigmax::report
