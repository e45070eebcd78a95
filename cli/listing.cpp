#include "cli/listing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "sigmax/core/plural.hpp"
#include "sigmax/report/markdown.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

using Json = nlohmann::ordered_json;

// The bytes in the file, or what the elements take where they are spread over typed fields.
std::optional<std::uint64_t> bytes_of(const io::Entry& entry) {
  if (entry.bytes) return entry.bytes->length;
  const auto elements = element_count(entry.shape);
  if (!elements || size_of(entry.dtype) == 0) return std::nullopt;
  return static_cast<std::uint64_t>(*elements) * size_of(entry.dtype);
}

std::string bytes_cell(const io::Entry& entry, const report::Glyphs& signs) {
  const auto bytes = bytes_of(entry);
  return bytes ? report::bytes_text(*bytes) : std::string(signs.none);
}

std::string offset_cell(const io::Entry& entry, const report::Glyphs& signs) {
  return entry.bytes ? fmt::format("{}", entry.bytes->offset) : std::string(signs.none);
}

struct TableColumn {
  std::string_view heading = {};
  bool right = false;
  std::size_t narrowest = 0;  ///< may shrink to this; 0: never
  std::string (*shorten)(std::string_view, std::size_t, const report::Glyphs&) = report::shorten;
  std::vector<std::string> cells = {};
  std::size_t width = 0;

  void fit() {
    width = heading.size();
    for (const std::string& cell : cells) width = std::max(width, report::display_width(cell));
  }
};

constexpr std::size_t kGap = 2;

// Takes what is too much from the last columns first: where a tensor sits says less than its name.
void shrink(std::vector<TableColumn>& columns, std::size_t width) {
  std::size_t total = (columns.size() - 1) * kGap;
  for (const TableColumn& column : columns) total += column.width;
  for (auto column = columns.rbegin(); column != columns.rend() && total > width; ++column) {
    if (column->narrowest == 0 || column->width <= column->narrowest) continue;
    const std::size_t surplus = std::min(total - width, column->width - column->narrowest);
    column->width -= surplus;
    total -= surplus;
  }
}

std::string line_of(const std::vector<TableColumn>& columns, const report::Glyphs& signs,
                    const std::function<std::string_view(const TableColumn&)>& cell) {
  std::string line;
  for (const TableColumn& column : columns) {
    const std::string text = column.shorten(cell(column), column.width, signs);
    const std::string pad(column.width - std::min(column.width, report::display_width(text)), ' ');
    line += (line.empty() ? "" : std::string(kGap, ' ')) + (column.right ? pad + text : text + pad);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::vector<TableColumn> table_columns(const Entries& entries, const report::Glyphs& signs, bool several_files,
                                       bool verbose) {
  TableColumn names{"tensor", false, 12}, shapes{"shape"}, types{"dtype"}, bytes{"bytes", true},
      offsets{"offset", true}, places{"where", false, 16};
  bool any_place = false, all_files = true;
  for (const io::Entry* entry : entries) {
    names.cells.push_back(report::visible(entry->name, signs.unicode));
    shapes.cells.push_back(to_string(entry->shape));
    types.cells.push_back(report::visible(entry->dtype_name, signs.unicode));
    bytes.cells.push_back(bytes_cell(*entry, signs));
    offsets.cells.push_back(offset_cell(*entry, signs));
    std::string place = entry->provenance;
    if (several_files && place.empty()) place = entry->file.filename().string();
    any_place |= !place.empty();
    all_files &= entry->provenance.empty();
    places.cells.push_back(report::visible(place, signs.unicode));
  }
  if (all_files) places.shorten = report::shorten_file;
  std::vector<TableColumn> columns = {names, shapes, types, bytes};
  if (verbose) columns.push_back(offsets);
  if (any_place) columns.push_back(places);
  for (TableColumn& column : columns) column.fit();
  return columns;
}

std::string unreadable_lines(const Entries& entries, const Style& style, const report::Glyphs& signs) {
  const auto count = static_cast<std::size_t>(
      std::count_if(entries.begin(), entries.end(), [](const io::Entry* e) { return !e->unreadable.empty(); }));
  if (count == 0) return {};
  std::string text = fmt::format("\nCannot be read ({}):\n", plural(count, "tensor"));
  for (const io::Entry* entry : entries) {
    if (entry->unreadable.empty()) continue;
    const std::string line = fmt::format("{}: {}", report::visible(entry->name, signs.unicode),
                                         report::visible(entry->unreadable, signs.unicode));
    for (const std::string& part : report::wrap(line, std::max<std::size_t>(style.width, 40) - 2)) {
      text += "  " + part + '\n';
    }
  }
  return text;
}

std::string csv_cell(std::string_view text) {
  if (text.find_first_of("\",\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

template <class T>
std::string number_cell(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : std::string();
}

}  // namespace

std::string list_as_table(const io::Checkpoint& checkpoint, const Entries& entries, const Style& style,
                          const ListOptions& options) {
  const report::Glyphs& signs = report::glyphs(style.unicode);
  std::vector<TableColumn> columns = table_columns(entries, signs, checkpoint.files.size() > 1, options.common.verbose);
  shrink(columns, style.width);

  std::string text = line_of(columns, signs, [](const TableColumn& column) { return column.heading; });
  if (style.color) text = fmt::format("\x1b[1m{}\x1b[0m", text);
  text += '\n';
  for (std::size_t row = 0; row < entries.size(); ++row) {
    const std::string line =
        line_of(columns, signs, [row](const TableColumn& c) -> std::string_view { return c.cells[row]; });
    const bool dim = style.color && !entries[row]->unreadable.empty();
    text += dim ? fmt::format("\x1b[2m{}\x1b[0m\n", line) : line + '\n';
  }
  text += unreadable_lines(entries, style, signs);

  std::uint64_t bytes = 0;
  for (const io::Entry* entry : entries) bytes += bytes_of(*entry).value_or(0);
  const std::string of = entries.size() == checkpoint.entries.size()
                             ? plural(entries.size(), "tensor")
                             : fmt::format("{} of {}", entries.size(), plural(checkpoint.entries.size(), "tensor"));
  return text + fmt::format("\n{}, {}, in {} ({})\n", of, report::bytes_text(bytes),
                            plural(checkpoint.files.size(), "file"), checkpoint.format);
}

std::string list_as_json(const io::Checkpoint& checkpoint, const Entries& entries) {
  Json files = Json::array(), tensors = Json::array();
  std::string path;
  for (const auto& given : checkpoint.paths) path += (path.empty() ? "" : " ") + given.string();
  for (const io::SourceFile& file : checkpoint.files) {
    files.push_back({{"path", report::valid_utf8(file.path.string())}, {"format", file.format}, {"bytes", file.bytes}});
  }
  for (const io::Entry* entry : entries) {
    const auto text = [](const std::string& value) { return value.empty() ? Json() : Json(report::valid_utf8(value)); };
    const auto elements = element_count(entry->shape);
    const auto bytes = bytes_of(*entry);
    tensors.push_back({{"name", report::valid_utf8(entry->name)},
                       {"shape", entry->shape},
                       {"dtype", report::valid_utf8(entry->dtype_name)},
                       {"elements", elements ? Json(*elements) : Json()},
                       {"bytes", bytes ? Json(*bytes) : Json()},
                       {"offset", entry->bytes ? Json(entry->bytes->offset) : Json()},
                       {"file", entry->bytes ? text(entry->bytes->file.string()) : Json()},
                       {"provenance", text(entry->provenance)},
                       {"unreadable", text(entry->unreadable)}});
  }
  const Json document = {
      {"schema", "sigmax.ls/1"},
      {"model", {{"path", report::valid_utf8(path)}, {"format", checkpoint.format}, {"files", files}}},
      {"tensors", tensors}};
  return document.dump(2, ' ', true) + '\n';
}

std::string list_as_csv(const Entries& entries) {
  std::string text = "name,shape,dtype,elements,bytes,offset,file,provenance,unreadable\r\n";
  for (const io::Entry* entry : entries) {
    const std::array<std::string, 9> cells = {
        report::visible(entry->name),
        to_string(entry->shape),
        report::visible(entry->dtype_name),
        number_cell(element_count(entry->shape)),
        number_cell(bytes_of(*entry)),
        entry->bytes ? fmt::format("{}", entry->bytes->offset) : std::string(),
        entry->bytes ? report::visible(entry->bytes->file.string()) : std::string(),
        report::visible(entry->provenance),
        report::visible(entry->unreadable)};
    for (std::size_t i = 0; i < cells.size(); ++i) text += (i == 0 ? "" : ",") + csv_cell(cells[i]);
    text += "\r\n";
  }
  return text;
}

std::string list_as_markdown(const Entries& entries) {
  const report::Glyphs& signs = report::glyphs(true);
  std::string text =
      "| tensor | shape | dtype | bytes | where | cannot be read |\n| --- | --- | --- | ---: | --- | --- |\n";
  for (const io::Entry* entry : entries) {
    const auto code = [](const std::string& value) { return value.empty() ? "" : report::markdown_code(value); };
    text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", report::markdown_code(entry->name),
                        to_string(entry->shape), code(entry->dtype_name), bytes_cell(*entry, signs),
                        code(entry->provenance), code(entry->unreadable));
  }
  return text;
}

}  // namespace sigmax::cli
