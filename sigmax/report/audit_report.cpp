#include "sigmax/report/audit_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/core/plural.hpp"
#include "sigmax/report/audit_record.hpp"
#include "sigmax/report/audit_table.hpp"
#include "sigmax/report/csv.hpp"
#include "sigmax/report/document.hpp"
#include "sigmax/report/html.hpp"
#include "sigmax/report/json.hpp"
#include "sigmax/report/markdown.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/summary.hpp"
#include "sigmax/report/terminal.hpp"
#include "sigmax/report/terminal_table.hpp"

namespace sigmax::report {
namespace {

using Shown = std::vector<const audit::TensorResult*>;

// A cell that shows people the same text that it holds as data.
Cell text_cell(std::string text) { return {.value = text, .text = text}; }

Cell name_cell(std::string_view name, const Glyphs& signs) {
  return {.value = name, .text = visible(name, signs.unicode), .code = true};
}

std::uint64_t bytes_of(const audit::Model& model) {
  std::uint64_t bytes = 0;
  for (const audit::ModelFile& file : model.files) bytes += file.bytes;
  return bytes;
}

Text notes(const audit::Model& model, const Glyphs& signs) {
  Text text{Text::Kind::note, {}};
  for (const std::string& note : model.notes) text.lines.push_back({visible(note, signs.unicode)});
  return text;
}

Text sentences(const audit::Result& result, const Glyphs& signs) {
  Text text{Text::Kind::summary, {}};
  for (const std::string& line : summary_sentences(result, signs)) {
    const bool alarm = result.summary.non_finite > 0 && line.find("NOT MEASURED") != std::string::npos;
    text.lines.push_back({line, alarm ? Tone::alarm : Tone::bold});
  }
  return text;
}

Cards cards(const audit::Result& result) {
  const audit::Summary& s = result.summary;
  const OperatorProofs operators = operator_proofs(result);
  Cards all;
  const auto add = [&](std::string figure, std::string_view label, bool alarm = false) {
    all.cards.push_back({std::move(figure), std::string(label), alarm});
  };
  add(fmt::format("{}", s.audited), either(s.audited, "weight audited", "weights audited"));
  add(count_text(s.parameters),
      fmt::format("{}, {}", either(s.parameters, "parameter", "parameters"), bytes_text(s.bytes)));
  add(fmt::format("{} / {}", s.proven, s.audited), "sigma_max proven");
  if (operators.measured > 0) {
    add(fmt::format("{} / {}", operators.proven, operators.measured), "operator norms of convolutions proven");
  }
  if (s.probabilistic > 0) add(fmt::format("{}", s.probabilistic), "sigma_max probabilistic");
  if (s.lower_only > 0) add(fmt::format("{}", s.lower_only), "with a lower end only");
  if (s.non_finite > 0) add(fmt::format("{}", s.non_finite), "with NaN or infinite entries", true);
  if (s.unread > 0) {
    add(fmt::format("{}", s.unread), either(s.unread, "not read, and may be a weight", "not read, and may be weights"),
        true);
  }
  add(fmt::format("{}", s.skipped), either(s.skipped, "tensor skipped", "tensors skipped"));
  add(duration_text(s.seconds), "on " + plural(s.threads, "thread"));
  return all;
}

Table gates_table(const audit::Result& result, const Glyphs& signs) {
  Table gates;
  gates.columns = {
      {.key = "expression", .heading = "gate", .alignment = Alignment::left, .uses = table},
      {.key = "outcome", .heading = "outcome", .alignment = Alignment::left, .uses = table},
      {.key = "judged", .heading = "weights judged", .uses = table},
      {.key = "weights", .heading = "weights", .alignment = Alignment::left, .uses = table, .lists = true}};
  for (const audit::GateOutcome& gate : result.gates) {
    Row& row = gates.rows.emplace_back();
    if (gate.verdict != audit::GateOutcome::Verdict::passed) row.tone = Tone::alarm;
    row.cells = {name_cell(gate.expression, signs), text_cell(outcome_text(gate)), {.value = gate.judged}, {}};
    row.cells[1].tone = row.tone;
    for (const GateDetail& detail : gate_details(gate)) row.cells[3].phrases.push_back({detail.name, detail.text});
  }
  gates.total = gates.rows.size();
  return gates;
}

std::string detail_of(const audit::Skipped& tensor, const Glyphs& signs) {
  const std::string text = fmt::format("{} {}", to_string(tensor.shape), visible(tensor.dtype, signs.unicode));
  return tensor.provenance.empty() ? text : text + "  " + visible(tensor.provenance, signs.unicode);
}

Groups skipped(const audit::Result& result, const Glyphs& signs) {
  Groups all{.noun = "tensor"};
  for (const SkippedGroup& group : group_skipped(result)) {
    Table members;
    members.columns = {{.key = "name", .heading = "tensor", .alignment = Alignment::left, .uses = table},
                       {.key = "detail", .heading = "detail", .alignment = Alignment::left, .uses = terminal},
                       {.key = "shape", .heading = "shape", .alignment = Alignment::left, .uses = html},
                       {.key = "dtype", .heading = "dtype", .alignment = Alignment::left, .uses = html},
                       {.key = "where", .heading = "where", .alignment = Alignment::left, .uses = html}};
    for (const audit::Skipped* tensor : group.tensors) {
      const std::string& file = tensor->file;
      const std::string where = tensor->provenance.empty() ? file : file + ": " + tensor->provenance;
      members.rows.push_back({.cells = {name_cell(tensor->name, signs),
                                        text_cell(detail_of(*tensor, signs)),
                                        {.value = tensor->shape},
                                        text_cell(tensor->dtype),
                                        text_cell(where)}});
    }
    members.total = members.rows.size();
    all.groups.push_back({group.reason, std::move(members)});
  }
  return all;
}

Table files_table(const audit::Model& model, const Glyphs& signs) {
  Table files;
  files.columns = {{.key = "path", .heading = "file", .alignment = Alignment::left, .uses = html},
                   {.key = "format", .heading = "format", .alignment = Alignment::left, .uses = html},
                   {.key = "bytes", .heading = "bytes", .uses = html}};
  for (const audit::ModelFile& file : model.files) {
    files.rows.push_back({.cells = {name_cell(file.path, signs), text_cell(file.format), {.value = file.bytes}}});
  }
  files.total = files.rows.size();
  return files;
}

// A sign is explained only if its column is in the report.
Text signs_explained(const audit::Result& result, const Shown& shown, const Glyphs& signs,
                     const std::function<bool(std::string_view)>& has_column) {
  Text text{Text::Kind::legend, {}};
  for (const std::string& line : legend(result, shown, signs, has_column)) text.lines.push_back({line});
  return text;
}

// The same where every column of one use is shown.
Text signs_explained(const audit::Result& result, const Shown& shown, const Glyphs& signs, const Table& rows,
                     unsigned use) {
  return signs_explained(result, shown, signs, [&](std::string_view key) {
    return std::any_of(rows.columns.begin(), rows.columns.end(),
                       [&](const Column& column) { return column.key == key && (column.uses & use) != 0; });
  });
}

Title title_of(const audit::Model& model) {
  Title title{"sigmax audit", model.path, {{"", model.format}}};
  if (model.files.size() > 1) title.facts.push_back({"", fmt::format("{} files", model.files.size())});
  if (!model.files.empty()) title.facts.push_back({"", bytes_text(bytes_of(model))});
  return title;
}

Title head_of(const audit::Model& model, const HtmlOptions& options) {
  Title title{"sigmax audit", model.path, {{"", model.format}}};
  if (!options.date.empty()) title.facts.push_back({"", options.date});
  title.facts.push_back({"", "sigmax " + options.version});
  if (!options.command.empty()) title.facts.push_back({options.command, ""});
  return title;
}

// The weights, with an explanation of their signs.
struct Weights {
  Shown shown;
  Table rows;

  Weights(const audit::Result& result, const Choice& choice, const Glyphs& signs)
      : shown(select(result, choice.sort, choice.top)), rows(weights_table(result, shown, choice, signs)) {}
};

Document terminal_document(const audit::Result& result, const Choice& choice, const Terminal& to) {
  const Glyphs& signs = to.signs();
  Weights weights(result, choice, signs);
  const std::vector<std::string_view> fitting = columns_that_fit(weights.rows, to);
  const auto has_column = [&](std::string_view key) {
    return std::find(fitting.begin(), fitting.end(), key) != fitting.end();
  };
  Document document;
  document.push_back({title_of(result.model)});
  document.push_back({notes(result.model, signs)});
  document.push_back({std::move(weights.rows), "", true});
  document.push_back({signs_explained(result, weights.shown, signs, has_column)});
  if (!result.skipped.empty()) document.push_back({skipped(result, signs), "Skipped", true});
  document.push_back({sentences(result, signs), "", true});
  return document;
}

// The summary comes first: a reader may see no more.
Document markdown_document(const audit::Result& result, const Choice& choice) {
  const Glyphs& signs = glyphs(true);
  Weights weights(result, choice, signs);
  Document document;
  document.push_back({title_of(result.model)});
  document.push_back({sentences(result, signs)});
  document.push_back({notes(result.model, signs)});
  if (!result.gates.empty()) document.push_back({gates_table(result, signs), "Gates"});
  Text legend = signs_explained(result, weights.shown, signs, weights.rows, markdown);
  document.push_back({std::move(weights.rows)});
  document.push_back({std::move(legend)});
  if (!result.skipped.empty()) document.push_back({skipped(result, signs), "Skipped"});
  return document;
}

Document page_document(const audit::Result& result, const HtmlOptions& options) {
  const Glyphs& signs = glyphs(true);
  Weights weights(result, {options.sort, options.top}, signs);
  Document document;
  document.push_back({head_of(result.model, options)});
  document.push_back({notes(result.model, signs)});
  document.push_back({cards(result)});
  if (!result.gates.empty()) document.push_back({gates_table(result, signs), "Gates"});
  if (!weights.shown.empty()) {
    Text legend = signs_explained(result, weights.shown, signs, weights.rows, html);
    document.push_back({std::move(weights.rows), "Weights"});
    document.push_back({std::move(legend)});
  }
  if (!result.skipped.empty()) document.push_back({skipped(result, signs), "Skipped"});
  document.push_back({files_table(result.model, signs), "Files"});
  document.push_back({sentences(result, signs)});
  return document;
}

}  // namespace

std::string render_table(const audit::Result& result, const TableOptions& options) {
  const Terminal to{std::max<std::size_t>(options.width, 40), options.color, options.unicode,
                    options.verbose ? Detail::all : Detail::usual};
  return write_terminal(terminal_document(result, {options.sort, options.top}, to), to);
}

std::string render_csv(const audit::Result& result, const CsvOptions& options) {
  const Choice choice{options.sort, options.top};
  return write_csv(weights_table(result, select(result, choice.sort, choice.top), choice, glyphs(true)));
}

std::string render_json(const audit::Result& result, const JsonOptions& options) {
  const Shown shown = select(result, options.sort, options.top);
  return write_json(audit_record(result, shown, options.version, options.command), options.indent);
}

std::string render_markdown(const audit::Result& result, const MarkdownOptions& options) {
  return write_markdown(markdown_document(result, {options.sort, options.top}),
                        options.verbose ? Detail::all : Detail::usual);
}

std::string render_html(const audit::Result& result, const HtmlOptions& options) {
  return write_html(page_document(result, options));
}

}  // namespace sigmax::report
