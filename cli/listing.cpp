#include "cli/listing.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "sigmax/core/plural.hpp"
#include "sigmax/report/csv.hpp"
#include "sigmax/report/json.hpp"
#include "sigmax/report/markdown.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/terminal.hpp"

namespace sigmax::cli {
namespace {

// The tensor's bytes in the file, or the size of its elements if they are spread over typed fields.
std::optional<std::uint64_t> bytes_of(const io::Entry& entry) {
  if (entry.bytes) return entry.bytes->length;
  const auto elements = element_count(entry.shape);
  if (!elements || size_of(entry.dtype) == 0) return std::nullopt;
  return static_cast<std::uint64_t>(*elements) * size_of(entry.dtype);
}

// A text from the file, or nothing.
report::Cell text_cell(const std::string& text, const report::Glyphs& signs) {
  return {.value = report::text_or_nothing(text), .text = report::visible(text, signs.unicode), .code = true};
}

std::vector<report::Column> columns_of(bool verbose, bool any_place, bool only_files) {
  using report::Alignment;
  constexpr unsigned kPeople = report::terminal | report::markdown;
  constexpr unsigned kData = report::data | report::figure;
  const auto shortening = only_files ? report::Shortening::file : report::Shortening::path;
  return {{.key = "name", .heading = "tensor", .alignment = Alignment::left, .uses = kPeople | kData, .narrowest = 12},
          {.key = "shape", .heading = "shape", .alignment = Alignment::left, .uses = kPeople | kData},
          {.key = "dtype", .heading = "dtype", .alignment = Alignment::left, .uses = kPeople | kData},
          {.key = "elements", .heading = "elements", .uses = kData},
          {.key = "bytes", .heading = "bytes", .uses = kPeople | kData},
          {.key = "offset", .heading = "offset", .uses = kData | (verbose ? unsigned{report::terminal} : 0U)},
          {.key = "file", .heading = "file", .alignment = Alignment::left, .uses = kData},
          {.key = "where",
           .heading = "where",
           .alignment = Alignment::left,
           .uses = any_place ? unsigned{report::terminal} : 0U,
           .narrowest = 16,
           .shortening = shortening},
          {.key = "provenance", .heading = "where", .alignment = Alignment::left, .uses = report::markdown | kData},
          {.key = "unreadable",
           .heading = "cannot be read",
           .alignment = Alignment::left,
           .uses = report::markdown | kData}};
}

// The tensor's place within its file or, if there are several files, the file's name.
std::string place_of(const io::Entry& entry, bool several_files) {
  if (!entry.provenance.empty() || !several_files) return entry.provenance;
  return entry.file.filename().string();
}

report::Row row_of(const io::Entry& entry, bool several_files, const report::Glyphs& signs) {
  report::Value offset, file;
  if (entry.bytes) {
    offset = entry.bytes->offset;
    file = report::text_or_nothing(entry.bytes->file.string());
  }
  const auto bytes = bytes_of(entry);
  report::Cell name = text_cell(entry.name, signs);
  name.value = entry.name;
  return {.cells = {std::move(name),
                    {.value = entry.shape},
                    text_cell(entry.dtype_name, signs),
                    {.value = element_count(entry.shape)},
                    {.value = bytes, .text = bytes ? report::bytes_text(*bytes) : std::string(signs.none)},
                    {.value = offset},
                    {.value = file},
                    text_cell(place_of(entry, several_files), signs),
                    text_cell(entry.provenance, signs),
                    text_cell(entry.unreadable, signs)},
          .tone = entry.unreadable.empty() ? report::Tone::plain : report::Tone::dim};
}

report::Table table_of(const Entries& entries, bool several_files, bool verbose, const report::Glyphs& signs) {
  bool any_place = false, only_files = true;
  report::Table tensors;
  for (const io::Entry* entry : entries) {
    any_place |= !place_of(*entry, several_files).empty();
    only_files &= entry->provenance.empty();
    tensors.rows.push_back(row_of(*entry, several_files, signs));
  }
  tensors.columns = columns_of(verbose, any_place, only_files);
  tensors.noun = "tensor";
  tensors.total = tensors.rows.size();
  return tensors;
}

void add_unreadable(report::Document& document, const Entries& entries, const report::Glyphs& signs) {
  report::Text lines{report::Text::Kind::indented, {}};
  for (const io::Entry* entry : entries) {
    if (entry->unreadable.empty()) continue;
    lines.lines.push_back({fmt::format("{}: {}", report::visible(entry->name, signs.unicode),
                                       report::visible(entry->unreadable, signs.unicode))});
  }
  if (lines.lines.empty()) return;
  const std::string heading = fmt::format("Cannot be read ({}):", plural(lines.lines.size(), "tensor"));
  document.push_back({report::Text{.lines = {{heading}}}, "", true});
  document.push_back({std::move(lines)});
}

}  // namespace

std::string list_as_table(const io::Checkpoint& checkpoint, const Entries& entries, const Style& style,
                          const ListOptions& options) {
  const report::Glyphs& signs = report::glyphs(style.unicode);
  report::Document document;
  document.push_back({table_of(entries, checkpoint.files.size() > 1, options.common.verbose, signs)});
  add_unreadable(document, entries, signs);
  std::uint64_t bytes = 0;
  for (const io::Entry* entry : entries) bytes += bytes_of(*entry).value_or(0);
  const std::string of = entries.size() == checkpoint.entries.size()
                             ? plural(entries.size(), "tensor")
                             : fmt::format("{} of {}", entries.size(), plural(checkpoint.entries.size(), "tensor"));
  const std::string total = fmt::format("{}, {}, in {} ({})", of, report::bytes_text(bytes),
                                        plural(checkpoint.files.size(), "file"), checkpoint.format);
  document.push_back({report::Text{.lines = {{total}}}, "", true});
  return report::write_terminal(document, {style.width, style.color, style.unicode});
}

std::string list_as_json(const io::Checkpoint& checkpoint, const Entries& entries) {
  report::List files;
  std::string path;
  for (const auto& given : checkpoint.paths) path += (path.empty() ? "" : " ") + given.string();
  for (const io::SourceFile& file : checkpoint.files) {
    files.emplace_back(report::Record{{"path", file.path.string()}, {"format", file.format}, {"bytes", file.bytes}});
  }
  return report::write_json(
      {{"schema", "sigmax.ls/1"},
       {"model", report::Record{{"path", path}, {"format", checkpoint.format}, {"files", std::move(files)}}},
       {"tensors", report::records_of(table_of(entries, false, false, report::glyphs(true)))}});
}

std::string list_as_csv(const Entries& entries) {
  return report::write_csv(table_of(entries, false, false, report::glyphs(true)),
                           report::ControlCharacters::spelled_out);
}

std::string list_as_markdown(const Entries& entries) {
  return report::write_markdown({{table_of(entries, false, false, report::glyphs(true))}});
}

}  // namespace sigmax::cli
