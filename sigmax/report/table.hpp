// A table of typed columns: every result consists of these, in every format.
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
  decimal,  ///< on the decimal point; a sign after a blank is aligned separately
};

/// Which reports show a column.
enum Use : unsigned {
  terminal = 1,
  markdown = 2,
  html = 4,
  table = terminal | markdown | html,  ///< the formats for people
  data = 8,                            ///< CSV
  figure = 16,                         ///< JSON
};

/// How to shorten a cell that is too wide for a terminal.
enum class Shortening {
  path,    ///< report::shorten
  file,    ///< report::shorten_file
  unlike,  ///< report::shorten_all: cells of one column stay distinct
};

enum class Tone { plain, bold, dim, good, caution, alarm };

struct Column {
  std::string_view key;        ///< the name in JSON and CSV
  std::string_view heading;    ///< at most two words; a ruled table breaks it at the blank
  std::string_view help = {};  ///< one sentence: the formula and its meaning
  Alignment alignment = Alignment::right;
  unsigned uses = 0;
  int priority = 1;  ///< narrow terminals leave out the highest numbers first, but never a 1

  std::size_t least_width = 0;  ///< on a terminal
  std::size_t narrowest = 0;    ///< a column may shrink to this if the terminal is too narrow; 0: never
  Shortening shortening = Shortening::path;
  bool lists = false;       ///< its cells hold phrases; where headings are short it needs none
  bool identifies = false;  ///< identifies the row: stays in a row that shows an alarm instead of its figures
};

/// One of several lines in a cell.
struct Phrase {
  std::string name;  ///< shown as code; may be empty
  std::string text;
};

struct Cell {
  Value value = {};
  std::string text = {};  ///< for people; empty: report::shown_text of the value
  Tone tone = Tone::plain;
  bool code = false;                 ///< `text` is a name: Markdown and HTML show it as code
  std::optional<double> rank = {};   ///< the key by which a page sorts, if not the value
  std::string tip = {};              ///< HTML: shown while the pointer rests on the cell
  std::vector<Phrase> phrases = {};  ///< lines of text that replace `text`
};

struct Row {
  std::vector<Cell> cells = {};  ///< one per column
  std::vector<Row> parts = {};   ///< shown below it, indented
  std::string alarm = {};        ///< the reason why there are no figures
  std::string group = {};        ///< a line above it on a terminal
  Tone tone = Tone::plain;       ///< applies to the whole line
};

struct Table {
  std::vector<Column> columns = {};
  std::vector<Row> rows = {};
  bool ruled = false;         ///< on a terminal: headings on two lines and rules around the rows
  bool hides_empty = false;   ///< on a terminal: leaves out columns without values
  std::string noun = {};      ///< for one row: `weight`
  std::size_t total = 0;      ///< all rows, including those left out of `rows`
  std::string order = {};     ///< the key of the column that orders the rows; empty: the order of the file
  std::string if_empty = {};  ///< shown if there are no rows
  std::string figure = {};    ///< the key of the column of enclosures that a page charts; empty: none
  std::string alarm = {};     ///< what the chart says about rows with an alarm

  /// The indices of the columns of one use.
  std::vector<std::size_t> columns_for(unsigned use) const;
  /// The index of the column named by `figure`; the number of columns if there is none.
  std::size_t figure_column() const noexcept;
};

/// The cell as people see it: its text, or else its value.
std::string shown_text(const Cell& cell, const Glyphs& glyphs);

/// The number by which a page sorts; NaN if there is none.
double rank_of(const Cell& cell) noexcept;

/// The rows as data: one record per row, with the columns that JSON shows.
List records_of(const Table& table);

}  // namespace sigmax::report
