#include "sigmax/report/terminal_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "sigmax/report/number.hpp"

namespace sigmax::report {
namespace {

constexpr std::size_t kGap = 2;  // blanks between columns
constexpr std::size_t kNarrowestName = 16;
constexpr std::size_t kRoomyName = 36;
constexpr std::size_t kPartsShown = 4;  // if a stack has more than kPartsAtMost
constexpr std::size_t kPartsAtMost = 8;
constexpr int kEssential = 4;  // columns up to this priority may take room from the names

/// One line of the table before layout.
struct TableLine {
  enum class Kind { group, row, alarm, part, note } kind = Kind::row;
  const Row* row = nullptr;  ///< null for a group and a note
  std::string text = {};     ///< the text of a group, an alarm or a note
};

/// A cell of a decimal column: `19` `.427193` ` ✓`. For a range or a number in scientific notation, `whole` holds
/// everything.
struct DecimalCell {
  std::string whole, fraction, sign;
  bool free = false;
};

DecimalCell split_decimal(const std::string& text, const Glyphs& signs) {
  DecimalCell cell;
  const std::size_t blank = std::min(text.rfind(' '), text.size());
  const std::string number = text.substr(0, blank);
  cell.free = number.find('e') != std::string::npos || number.find(signs.to, 1) != std::string::npos;
  const std::size_t point = cell.free ? blank : std::min(number.find('.'), blank);
  cell.whole = text.substr(0, point);
  cell.fraction = text.substr(point, blank - point);
  cell.sign = text.substr(blank);
  return cell;
}

// Pads the cells so that points and signs line up once the cells are right-aligned; a free cell ends where the
// fractions end.
void align_decimals(std::vector<std::string>& cells, const Glyphs& signs) {
  std::size_t fraction = 0;
  std::size_t sign = 0;
  for (const std::string& text : cells) {
    const DecimalCell cell = split_decimal(text, signs);
    fraction = std::max(fraction, display_width(cell.fraction));
    sign = std::max(sign, display_width(cell.sign));
  }
  for (std::string& text : cells) {
    if (text.empty()) continue;
    const DecimalCell cell = split_decimal(text, signs);
    const std::size_t blanks = cell.free ? 0 : fraction - display_width(cell.fraction);
    text = cell.whole + cell.fraction + std::string(blanks, ' ') + cell.sign +
           std::string(sign - display_width(cell.sign), ' ');
  }
}

std::string padded(std::string_view text, std::size_t width, Alignment alignment) {
  const std::string blanks(width - std::min(width, display_width(text)), ' ');
  return alignment == Alignment::left ? std::string(text) + blanks : blanks + std::string(text);
}

std::string trimmed(const std::string& text) { return text.substr(0, text.find_last_not_of(' ') + 1); }

struct TableColumn {
  std::size_t index = 0;
  const Column* column = nullptr;
  std::vector<std::string> cells = {};  ///< one per line, padded for decimal alignment
  std::size_t content = 0;              ///< width of the widest cell
  std::size_t width = 0;
};

class Layout {
 public:
  Layout(const Table& data, const Terminal& terminal) : table_(data), terminal_(terminal), signs_(terminal.signs()) {}

  std::string render() {
    gather();
    choose_columns();
    shrink();
    headings();
    for (std::size_t i = 0; i < lines_.size(); ++i) write_line(i);
    if (table_.ruled) rule();
    return std::move(out_);
  }

  std::vector<std::string_view> fitting() {
    gather();
    choose_columns();
    std::vector<std::string_view> keys;
    for (std::size_t i = 1; i < columns_.size(); ++i) keys.push_back(columns_[i].column->key);
    return keys;
  }

 private:
  // Lines in their order, long stacks cut short.
  void gather() {
    for (const Row& row : table_.rows) {
      if (!row.group.empty()) lines_.push_back({TableLine::Kind::group, nullptr, row.group});
      lines_.push_back({TableLine::Kind::row, &row});
      if (!row.alarm.empty()) {
        lines_.back().kind = TableLine::Kind::alarm;
        lines_.back().text = fmt::format("{} {}", signs_.alarm, row.alarm);
      }
      gather_parts(row);
    }
  }

  void gather_parts(const Row& row) {
    const std::size_t count = row.parts.size();
    const std::size_t shown = terminal_.detail == Detail::all || count <= kPartsAtMost ? count : kPartsShown;
    for (std::size_t i = 0; i < shown; ++i) lines_.push_back({TableLine::Kind::part, &row.parts[i]});
    if (shown == count) return;
    double least = std::numeric_limits<double>::infinity();
    double most = 0;
    const std::size_t figure_index = table_.figure_column();
    for (std::size_t i = shown; i < count; ++i) {
      const double value = rank_of(row.parts[i].cells.at(figure_index));
      least = std::min(least, value);
      most = std::max(most, value);
    }
    lines_.push_back({TableLine::Kind::note, nullptr,
                      fmt::format("{} {} more, {} {} to {} (all of them: --verbose)", signs_.ellipsis, count - shown,
                                  table_.figure, significant(least, 4), significant(most, 4))});
  }

  std::pair<std::string_view, std::string_view> heading_lines(std::string_view heading) const {
    const std::size_t blank = table_.ruled ? heading.find(' ') : std::string_view::npos;
    if (blank == std::string_view::npos) return {{}, heading};
    return {heading.substr(0, blank), heading.substr(blank + 1)};
  }

  TableColumn measure(std::size_t index) const {
    const Column& column = table_.columns[index];
    TableColumn measured{index, &column};
    for (const TableLine& line : lines_) {
      const bool has_cell = line.row != nullptr && (line.kind != TableLine::Kind::alarm || column.identifies);
      std::string text = has_cell ? shown_text(line.row->cells[index], signs_) : std::string();
      if (index == 0 && line.kind == TableLine::Kind::part) text.insert(0, fmt::format("  {}", signs_.branch));
      measured.cells.push_back(std::move(text));
    }
    if (column.alignment == Alignment::decimal) align_decimals(measured.cells, signs_);
    for (const std::string& cell : measured.cells) measured.content = std::max(measured.content, display_width(cell));
    const auto [above, below] = heading_lines(column.heading);
    measured.width = std::max({column.least_width, display_width(above), display_width(below), measured.content});
    return measured;
  }

  bool is_empty(std::size_t index) const {
    return std::all_of(lines_.begin(), lines_.end(), [&](const TableLine& line) {
      return line.row == nullptr || !line.row->cells[index].value.exists();
    });
  }

  void choose_columns() {
    std::vector<std::size_t> by_priority = table_.columns_for(terminal);
    const TableColumn first = measure(by_priority.front());
    by_priority.erase(by_priority.begin());
    const auto priority = [this](std::size_t i) { return table_.columns[i].priority; };
    std::stable_sort(by_priority.begin(), by_priority.end(),
                     [&](std::size_t a, std::size_t b) { return priority(a) < priority(b); });
    const std::size_t width = terminal_.width;
    std::size_t used = 0;
    for (const std::size_t candidate : by_priority) {
      if (table_.hides_empty && is_empty(candidate)) continue;
      TableColumn measured = measure(candidate);
      const std::size_t least =
          priority(candidate) <= kEssential ? kNarrowestName : std::max(kRoomyName, width * 3 / 10);
      if (used + kGap + measured.width + std::min(first.content, least) > width && priority(candidate) > 1) continue;
      used += kGap + measured.width;
      columns_.push_back(std::move(measured));
    }
    columns_.push_back(first);
    std::sort(columns_.begin(), columns_.end(),
              [](const TableColumn& a, const TableColumn& b) { return a.index < b.index; });
    total_ = used + first.width;
  }

  // Shrinks the last columns first: the location of a thing tells less than its name.
  void shrink() {
    for (auto column = columns_.rbegin(); column != columns_.rend() && total_ > terminal_.width; ++column) {
      const std::size_t narrowest = column->column->narrowest;
      if (narrowest == 0 || column->width <= narrowest) continue;
      const std::size_t surplus = std::min(total_ - terminal_.width, column->width - narrowest);
      column->width -= surplus;
      total_ -= surplus;
      shorten_cells(*column);
    }
  }

  void shorten_cells(TableColumn& column) const {
    switch (column.column->shortening) {
      case Shortening::unlike: column.cells = shorten_all(column.cells, column.width, signs_); return;
      case Shortening::path:
        for (std::string& cell : column.cells) cell = shorten(cell, column.width, signs_);
        return;
      case Shortening::file:
        for (std::string& cell : column.cells) cell = shorten_file(cell, column.width, signs_);
        return;
    }
  }

  void rule() {
    std::string line;
    for (std::size_t i = 0; i < total_; ++i) line += signs_.rule;
    out_ += toned(terminal_, line, Tone::dim) + '\n';
  }

  void headings() {
    for (const bool upper : {true, false}) {
      std::string line;
      for (const TableColumn& c : columns_) {
        const auto [above, below] = heading_lines(c.column->heading);
        if (&c != &columns_.front()) line += std::string(kGap, ' ');
        line += padded(upper ? above : below, c.width, c.column->alignment);
      }
      line = trimmed(line);
      if (!line.empty()) out_ += toned(terminal_, line, Tone::bold) + '\n';
    }
    if (table_.ruled) rule();
  }

  void write_line(std::size_t index) {
    const TableLine& line = lines_[index];
    switch (line.kind) {
      case TableLine::Kind::group:
        out_ += toned(terminal_, shorten(line.text, terminal_.width, signs_), Tone::bold) + '\n';
        return;
      case TableLine::Kind::note: out_ += paragraph(terminal_, line.text, Tone::dim, 2, 4); return;
      case TableLine::Kind::alarm: alarm(index); return;
      case TableLine::Kind::row:
      case TableLine::Kind::part: break;
    }
    std::string text;
    for (const TableColumn& c : columns_) {
      if (&c != &columns_.front()) text += std::string(kGap, ' ');
      text += toned(terminal_, padded(c.cells[index], c.width, c.column->alignment), line.row->cells[c.index].tone);
    }
    out_ += toned(terminal_, trimmed(text), line.row->tone) + '\n';
  }

  // The identifying cells as in every row, then the alarm across the other columns, or on separate lines if it does not
  // fit.
  void alarm(std::size_t index) {
    const TableLine& line = lines_[index];
    const std::size_t figure_index = table_.figure_column();
    std::string text;
    for (const TableColumn& c : columns_) {
      if (c.index == figure_index) break;
      if (&c != &columns_.front()) text += std::string(kGap, ' ');
      text += padded(c.cells[index], c.width, c.column->alignment);
    }
    const std::size_t used = display_width(text) + kGap;
    if (used + display_width(line.text) <= terminal_.width) {
      out_ += toned(terminal_, text + std::string(kGap, ' ') + line.text, Tone::alarm) + '\n';
      return;
    }
    out_ += toned(terminal_, text, Tone::alarm) + '\n';
    out_ += paragraph(terminal_, line.text, Tone::alarm, 2, 4);
  }

  const Table& table_;
  const Terminal& terminal_;
  const Glyphs& signs_;
  std::vector<TableLine> lines_;
  std::vector<TableColumn> columns_;
  std::size_t total_ = 0;  ///< width of the table
  std::string out_;
};

}  // namespace

std::string toned(const Terminal& terminal, std::string_view text, Tone tone) {
  if (!terminal.color || tone == Tone::plain || text.empty()) return std::string(text);
  std::string_view code = "1";
  switch (tone) {
    case Tone::dim: code = "2"; break;
    case Tone::good: code = "32"; break;
    case Tone::caution: code = "33"; break;
    case Tone::alarm: code = "1;31"; break;
    case Tone::plain:
    case Tone::bold: break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string paragraph(const Terminal& terminal, std::string_view text, Tone tone, std::size_t hang,
                      std::size_t indent) {
  std::string lines;
  for (const std::string& line : wrap(text, terminal.text_width() - indent - hang)) {
    lines += std::string(indent + (lines.empty() ? 0 : hang), ' ') + toned(terminal, line, tone) + '\n';
  }
  return lines;
}

std::vector<std::string_view> columns_that_fit(const Table& table, const Terminal& terminal) {
  return Layout(table, terminal).fitting();
}

std::string write_terminal_table(const Table& table, const Terminal& terminal) {
  std::string out;
  if (!table.rows.empty() || table.if_empty.empty()) out = Layout(table, terminal).render();
  if (table.rows.size() < table.total) {
    out += paragraph(terminal,
                     fmt::format("{} of {} {}s shown{}.", table.rows.size(), table.total, table.noun,
                                 table.order.empty() ? "" : ", by " + table.order),
                     Tone::dim);
  }
  if (table.total == 0 && !table.if_empty.empty()) out += paragraph(terminal, table.if_empty, Tone::bold);
  return out;
}

}  // namespace sigmax::report
