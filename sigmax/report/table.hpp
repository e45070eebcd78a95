// A table of typed columns: what every result is made of, whichever format shows it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/report/value.hpp"

namespace sigmax::report {

enum class Alignment {
  left,
  right,
  decimal,  ///< on the decimal point, a sign after a blank kept apart
};

/// Which reports show a column.
enum Use : unsigned {
  terminal = 1,
  markdown = 2,
  html = 4,
  table = terminal | markdown | html,  ///< what people read
  data = 8,                            ///< CSV
  figure = 16,                         ///< JSON
};

/// How a cell that is too wide for a terminal is shortened.
enum class Shortening {
  path,    ///< report::shorten
  file,    ///< report::shorten_file
  unlike,  ///< report::shorten_all: cells of one column stay distinct
};

enum class Tone { plain, bold, dim, good, caution, alarm };

struct Column {
  std::string_view key;        ///< the name as data: JSON and CSV
  std::string_view heading;    ///< at most two words; a ruled table breaks it at the blank
  std::string_view help = {};  ///< one sentence: formula and what it tells
  Alignment alignment = Alignment::right;
  unsigned uses = 0;
  int priority = 1;  ///< narrow terminals leave out the higher numbers, and never a 1

  std::size_t least_width = 0;  ///< on a terminal
  std::size_t narrowest = 0;    ///< a column of a terminal that is too narrow may shrink to this; 0: never
  Shortening shortening = Shortening::path;
  bool lists = false;       ///< its cells hold phrases; it needs no heading where headings are short
  bool identifies = false;  ///< says what the row is about: stays in a row that has an alarm in place of its figures
};

/// One of several lines in a cell.
struct Phrase {
  std::string name;  ///< shown as code; may be empty
  std::string text;
};

struct Cell {
  Value value = {};
  std::string text = {};  ///< for people; empty: the value as report::shown_text has it
  Tone tone = Tone::plain;
  bool code = false;                 ///< `text` is a name: Markdown and HTML show it as code
  std::optional<double> rank = {};   ///< what a page sorts by, where it is not the value
  std::string tip = {};              ///< HTML: what is shown where the pointer rests
  std::vector<Phrase> phrases = {};  ///< lines of text in place of `text`
};

struct Row {
  std::vector<Cell> cells = {};  ///< one a column
  std::vector<Row> parts = {};   ///< shown below it, indented
  std::string alarm = {};        ///< why there are no figures
  std::string group = {};        ///< a line above it on a terminal
  Tone tone = Tone::plain;       ///< of the whole line
};

struct Table {
  std::vector<Column> columns = {};
  std::vector<Row> rows = {};
  bool ruled = false;         ///< on a terminal: headings on two lines and rules around the rows
  bool hides_empty = false;   ///< on a terminal: no column without any value
  std::string noun = {};      ///< of a row: `weight`
  std::size_t total = 0;      ///< rows that there are; more than `rows` has if some are left out
  std::string order = {};     ///< the key of the column that orders the rows; empty: the order of the file
  std::string if_empty = {};  ///< what is said where there are no rows
  std::string figure = {};    ///< the key of the column of enclosures that a page draws; empty: none
  std::string alarm = {};     ///< what an alarm is about, on the chart

  /// The columns of one use, as indices.
  std::vector<std::size_t> columns_for(unsigned use) const;
  /// The index of the column of the figure; the number of columns if there is none.
  std::size_t figure_column() const noexcept;
};

/// The cell for people: its text, or its value.
std::string shown_text(const Cell& cell, const Glyphs& glyphs);

/// What a page sorts by, NaN if there is nothing.
double rank_of(const Cell& cell) noexcept;

/// The rows as data: a record each, of the columns that JSON shows.
List records_of(const Table& table);

}  // namespace sigmax::report
