#include "sigmax/report/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <vector>

#include "sigmax/report/number.hpp"
#include "sigmax/report/summary.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::report {
namespace {

constexpr std::size_t kGap = 2;  // blanks between columns
constexpr std::size_t kNarrowestName = 16;
constexpr std::size_t kRoomyName = 36;
constexpr std::size_t kPartsShown = 4;  // of a stack with more than kPartsAtMost
constexpr std::size_t kPartsAtMost = 8;
constexpr int kEssential = 4;  // columns up to this priority may squeeze the names

enum class Tone { plain, bold, dim, good, caution, alarm };

/// One line of the table before it is laid out.
struct Line {
  enum class Kind { file, weight, alarm, part, note } kind = Kind::weight;
  Row row;
  std::string text;  ///< of a file, an alarm or a note
};

/// A cell of a decimal column: `19` `.427193` ` ✓`. A range or a number in scientific notation is all `whole`.
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

struct TableColumn {
  const Column* column = nullptr;
  std::vector<std::string> cells;  ///< one a line, padded inside for decimal alignment
  std::size_t width = 0;
};

std::pair<std::string_view, std::string_view> heading_lines(std::string_view heading) {
  const std::size_t blank = heading.find(' ');
  if (blank == std::string_view::npos) return {{}, heading};
  return {heading.substr(0, blank), heading.substr(blank + 1)};
}

// Pads the cells, right-aligned afterwards, so that points and signs stand in line; a free cell ends where the
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

class Table {
 public:
  Table(const audit::Result& result, const TableOptions& options)
      : result_(result),
        options_(options),
        signs_(glyphs(options.unicode)),
        width_(std::max<std::size_t>(options.width, 40)),
        shown_(select(result, options.sort, options.top)) {}

  std::string render() {
    title();
    if (!shown_.empty()) {
      gather();
      lay_out();
      headings();
      for (std::size_t i = 0; i < lines_.size(); ++i) table_line(i);
      rule();
    }
    cut_short();
    const auto has_column = [this](std::string_view key) {
      return std::any_of(columns_.begin(), columns_.end(), [&](const TableColumn& c) { return c.column->key == key; });
    };
    for (const std::string& line : legend(result_, shown_, signs_, has_column)) paragraph(line, Tone::dim, 2);
    skipped();
    out_ += '\n';
    const bool broken = result_.summary.non_finite > 0;
    for (const std::string& line : summary_sentences(result_, signs_)) {
      paragraph(line, broken && line.find("NOT MEASURED") != std::string::npos ? Tone::alarm : Tone::bold, 2);
    }
    return std::move(out_);
  }

 private:
  std::string toned(std::string_view text, Tone tone) const {
    if (!options_.color || tone == Tone::plain || text.empty()) return std::string(text);
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

  void paragraph(std::string_view text, Tone tone, std::size_t hang = 0, std::size_t indent = 0) {
    bool first = true;
    for (const std::string& line : wrap(text, width_ - indent - hang)) {
      out_ += std::string(indent + (first ? 0 : hang), ' ') + toned(line, tone) + '\n';
      first = false;
    }
  }

  void rule() {
    std::string line;
    for (std::size_t i = 0; i < table_width_; ++i) line += signs_.rule;
    out_ += toned(line, Tone::dim) + '\n';
  }

  void title() {
    const audit::Model& model = result_.model;
    std::uint64_t bytes = 0;
    for (const audit::ModelFile& file : model.files) bytes += file.bytes;
    std::string facts = fmt::format(" {} {}", signs_.dot, visible(model.format, signs_.unicode));
    if (model.files.size() > 1) facts += fmt::format(" {} {} files", signs_.dot, model.files.size());
    if (!model.files.empty()) facts += fmt::format(" {} {}", signs_.dot, bytes_text(bytes));
    const std::size_t room = width_ - std::min(width_ / 2, display_width(facts));
    out_ += toned(shorten(visible(model.path, signs_.unicode), room, signs_), Tone::bold);
    out_ += toned(prefix_of_width(facts, width_ - std::min(width_, room)), Tone::dim) + '\n';
    for (const std::string& note : model.notes) {
      paragraph("note: " + visible(note, signs_.unicode), Tone::caution, 6);
    }
    out_ += '\n';
  }

  // Lines in their order, long stacks cut short.
  void gather() {
    const bool by_file = result_.model.files.size() > 1 && options_.sort.empty();
    const std::string* file = nullptr;
    for (const audit::TensorResult* tensor : shown_) {
      if (by_file && (file == nullptr || *file != tensor->file)) {
        file = &tensor->file;
        lines_.push_back({Line::Kind::file, {}, visible(tensor->file, signs_.unicode)});
      }
      lines_.push_back({Line::Kind::weight, {tensor}, {}});
      if (tensor->non_finite) {
        lines_.back().kind = Line::Kind::alarm;
        lines_.back().text = fmt::format("{} {}", signs_.alarm, non_finite_text(*tensor->non_finite));
      }
      gather_parts(*tensor);
    }
  }

  void gather_parts(const audit::TensorResult& tensor) {
    const std::size_t count = tensor.parts.size();
    const std::size_t visible_parts = options_.verbose || count <= kPartsAtMost ? count : kPartsShown;
    for (std::size_t i = 0; i < visible_parts; ++i) {
      lines_.push_back({Line::Kind::part, {&tensor, &tensor.parts[i]}, {}});
    }
    if (visible_parts == count) return;
    double least = std::numeric_limits<double>::infinity();
    double most = 0;
    for (std::size_t i = visible_parts; i < count; ++i) {
      least = std::min(least, tensor.parts[i].figures.sigma_max_estimate);
      most = std::max(most, tensor.parts[i].figures.sigma_max_estimate);
    }
    lines_.push_back({Line::Kind::note,
                      {},
                      fmt::format("{} {} more, sigma_max {} to {} (all of them: --verbose)", signs_.ellipsis,
                                  count - visible_parts, significant(least, 4), significant(most, 4))});
  }

  TableColumn measure(const Column& column) const {
    TableColumn measured{&column, {}, 0};
    for (const Line& line : lines_) {
      const bool has_cells = line.kind == Line::Kind::weight || line.kind == Line::Kind::part ||
                             (line.kind == Line::Kind::alarm && column.key == "matrix");
      measured.cells.push_back(has_cells ? cell_text(column, line.row, signs_) : std::string());
    }
    if (column.alignment == Alignment::decimal) align_decimals(measured.cells, signs_);
    const auto [above, below] = heading_lines(column.heading);
    measured.width = std::max(display_width(above), display_width(below));
    for (const std::string& cell : measured.cells) measured.width = std::max(measured.width, display_width(cell));
    return measured;
  }

  // Columns are taken by priority while they fit: the essential ones as long as a name keeps kNarrowestName columns,
  // the others as long as it keeps kRoomyName or three tenths of the line.
  void lay_out() {
    for (const Line& line : lines_) {
      if (line.row.tensor != nullptr) name_width_ = std::max(name_width_, display_width(label(line)));
    }
    std::vector<const Column*> by_priority = columns_for(table);
    // Sorted rows of several files are not grouped, so that each has to say where it is from.
    const bool several = result_.model.files.size() > 1 && !options_.sort.empty();
    const auto priority = [&](const Column* c) {
      if (c->key == "file") return several ? 2 : c->priority;
      return c->key == options_.sort.key ? 1 : c->priority;
    };
    std::stable_sort(by_priority.begin(), by_priority.end(),
                     [&](const Column* a, const Column* b) { return priority(a) < priority(b); });
    std::size_t used = 0;
    for (const Column* candidate : by_priority) {
      if (candidate->key == "name" || (candidate->key == "file" && !several)) continue;
      if (!result_.full_spectrum && needs_spectrum(*candidate)) continue;
      TableColumn measured = measure(*candidate);
      const std::size_t least =
          priority(candidate) <= kEssential ? kNarrowestName : std::max(kRoomyName, width_ * 3 / 10);
      if (used + kGap + measured.width + std::min(name_width_, least) > width_ && priority(candidate) > 1) continue;
      used += kGap + measured.width;
      columns_.push_back(std::move(measured));
    }
    std::sort(columns_.begin(), columns_.end(),
              [](const TableColumn& a, const TableColumn& b) { return a.column < b.column; });
    name_width_ = std::min(std::max<std::size_t>(name_width_, 6), width_ - std::min(used, width_ - 6));
    table_width_ = name_width_ + used;
    std::vector<std::string> names;
    for (const Line& line : lines_) names.push_back(line.row.tensor != nullptr ? label(line) : std::string());
    names_ = shorten_all(names, name_width_, signs_);
  }

  // A column that a quick audit leaves empty in every row.
  bool needs_spectrum(const Column& column) const {
    return std::all_of(lines_.begin(), lines_.end(), [&](const Line& line) {
      return line.row.tensor == nullptr || column.value(line.row) == Value();
    });
  }

  std::string label(const Line& line) const {
    const std::string name = cell_text(column("name"), line.row, signs_);
    return line.kind == Line::Kind::part ? "  " + std::string(signs_.branch) + name : name;
  }

  static std::string padded(std::string_view text, std::size_t width, Alignment alignment) {
    const std::string blanks(width - std::min(width, display_width(text)), ' ');
    return alignment == Alignment::left ? std::string(text) + blanks : blanks + std::string(text);
  }

  void headings() {
    for (const bool upper : {true, false}) {
      std::string line = padded(upper ? "" : column("name").heading, name_width_, Alignment::left);
      for (const TableColumn& c : columns_) {
        const auto [above, below] = heading_lines(c.column->heading);
        line += std::string(kGap, ' ') + padded(upper ? above : below, c.width, c.column->alignment);
      }
      const std::size_t end = line.find_last_not_of(' ');
      if (end == std::string::npos) continue;
      out_ += toned(line.substr(0, end + 1), Tone::bold) + '\n';
    }
    rule();
  }

  Tone tone_of(const Column& column, const Line& line) const {
    if (line.row.figures() == nullptr) return Tone::plain;
    if (column.key == "sigma_max") {
      return kind(line.row.figures()->sigma_max) == "proven" ? Tone::good : Tone::caution;
    }
    const bool beyond = line.row.spectrum() != nullptr && !line.row.spectrum()->condition;
    if (column.key == "condition" && beyond) return Tone::caution;
    return column.alignment == Alignment::left ? Tone::dim : Tone::plain;
  }

  void table_line(std::size_t index) {
    const Line& line = lines_[index];
    if (line.kind == Line::Kind::file) {
      out_ += toned(shorten(line.text, width_, signs_), Tone::bold) + '\n';
      return;
    }
    if (line.kind == Line::Kind::note) {
      paragraph(line.text, Tone::dim, 2, 4);
      return;
    }
    if (line.kind == Line::Kind::alarm) {
      alarm(index);
      return;
    }
    std::string text = padded(names_[index], name_width_, Alignment::left);
    for (const TableColumn& c : columns_) {
      const std::string cell = padded(c.cells[index], c.width, c.column->alignment);
      text += std::string(kGap, ' ') + toned(cell, tone_of(*c.column, line));
    }
    out_ += text.substr(0, text.find_last_not_of(' ') + 1) + '\n';
  }

  // Name and matrix as in every row, then the alarm over the other columns, on lines of its own where it does not fit.
  void alarm(std::size_t index) {
    const Line& line = lines_[index];
    std::string text = padded(names_[index], name_width_, Alignment::left);
    for (const TableColumn& c : columns_) {
      if (c.column->key == "sigma_max") break;
      text += std::string(kGap, ' ') + padded(c.cells[index], c.width, c.column->alignment);
    }
    const std::size_t used = display_width(text) + kGap;
    if (used + display_width(line.text) <= width_) {
      out_ += toned(text + std::string(kGap, ' ') + line.text, Tone::alarm) + '\n';
      return;
    }
    out_ += toned(text, Tone::alarm) + '\n';
    paragraph(line.text, Tone::alarm, 2, 4);
  }

  void cut_short() {
    if (shown_.size() < result_.tensors.size()) {
      paragraph(fmt::format("{} of {} weights shown{}.", shown_.size(), result_.tensors.size(),
                            options_.sort.empty() ? "" : ", by " + options_.sort.key),
                Tone::dim);
    }
    if (result_.tensors.empty()) paragraph("No weights to audit.", Tone::bold);
  }

  void skipped() {
    if (result_.skipped.empty()) return;
    out_ += '\n' + toned(fmt::format("Skipped ({})", result_.skipped.size()), Tone::bold) + '\n';
    for (const SkippedGroup& group : group_skipped(result_)) {
      const std::string count = fmt::format("{:>5}", group.tensors.size());
      paragraph(fmt::format("{}  {}", count.substr(std::min<std::size_t>(count.find_first_not_of(' '), 5)),
                            visible(group.reason, signs_.unicode)),
                Tone::plain, 2, count.find_first_not_of(' '));
      if (options_.verbose) {
        for (const audit::Skipped* tensor : group.tensors) skipped_line(*tensor);
      } else {
        out_ += std::string(7, ' ') + toned(names_on_a_line(group, width_ - 7), Tone::dim) + '\n';
      }
    }
  }

  void skipped_line(const audit::Skipped& tensor) {
    std::string text = fmt::format("{}  {} {}", name_in_sentence(tensor.name, signs_.unicode), to_string(tensor.shape),
                                   visible(tensor.dtype, signs_.unicode));
    if (!tensor.provenance.empty()) text += "  " + visible(tensor.provenance, signs_.unicode);
    paragraph(text, Tone::dim, 2, 7);
  }

  std::string names_on_a_line(const SkippedGroup& group, std::size_t room) const {
    const std::string more = fmt::format(", {}", signs_.ellipsis);
    std::string names;
    for (std::size_t i = 0; i < group.tensors.size(); ++i) {
      const std::string name = visible(group.tensors[i]->name, signs_.unicode);
      const std::size_t reserve = i + 1 < group.tensors.size() ? display_width(more) : 0;
      if (names.empty()) {
        names = shorten(name, room - reserve, signs_);
      } else if (display_width(names) + 2 + display_width(name) + reserve <= room) {
        names += ", " + name;
      } else {
        return names + more;
      }
    }
    return names;
  }

  const audit::Result& result_;
  const TableOptions& options_;
  const Glyphs& signs_;
  std::size_t width_;
  std::vector<const audit::TensorResult*> shown_;
  std::vector<Line> lines_;
  std::vector<TableColumn> columns_;
  std::vector<std::string> names_;  ///< one a line, shortened
  std::size_t name_width_ = 0;
  std::size_t table_width_ = 0;
  std::string out_;
};

}  // namespace

std::string render_table(const audit::Result& result, const TableOptions& options) {
  return Table(result, options).render();
}

}  // namespace sigmax::report
