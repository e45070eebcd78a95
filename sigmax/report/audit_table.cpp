#include "sigmax/report/audit_table.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace sigmax::report {
namespace {

constexpr int kLastOnAPage = 13;  // highest column priority that Markdown shows: a page is not a spreadsheet
constexpr std::size_t kNarrowestColumnOfNames = 6;

// The columns, adapted to this result.
std::vector<Column> columns_of(const audit::Result& result, const Choice& choice) {
  const bool several_files = result.model.files.size() > 1;
  const bool has_norms = has_operator_norms(result);
  constexpr int kBehindNorms = 9;
  std::vector<Column> all;
  for (const Column& each : columns()) {
    Column column = each;
    // Without them the column would repeat sigma_max; with them that is the figure of a reshaped kernel.
    if (!has_norms && (column.key == "operator_norm" || column.key == "convolution")) column.uses &= ~table;
    if (has_norms && column.key == "sigma_max") column.priority = kBehindNorms;
    if (has_norms && column.key == "sigma_max_width") column.heading = "sigma_max width";  // not the operator norm's
    if (column.priority > kLastOnAPage) column.uses &= ~markdown;
    if (column.key == choice.sort.key) column.priority = 1;
    column.identifies = column.key == "name" || column.key == "matrix";
    if (column.key == "name") {
      column.narrowest = kNarrowestColumnOfNames;
      column.shortening = Shortening::unlike;
    }
    if (column.key == "file") {
      if (!several_files) column.uses &= ~html;
      // Sorted rows of several files are not grouped, so each row has to name its file.
      if (several_files && !choice.sort.empty()) {
        column.priority = 2;
      } else {
        column.uses &= ~terminal;
      }
    }
    all.push_back(column);
  }
  return all;
}

Tone tone_of(const WeightColumn& column, const WeightRow& row) {
  if (column.key == "name" || row.figures() == nullptr) return Tone::plain;
  if (column.key == "operator_norm") {
    return row.operator_norm() != nullptr && kind(*row.operator_norm()) == "proven" ? Tone::good : Tone::caution;
  }
  if (column.key == "sigma_max") return kind(row.figures()->sigma_max) == "proven" ? Tone::good : Tone::caution;
  const bool doubtful = row.spectrum() != nullptr && (row.spectrum()->from_rounding || !row.spectrum()->condition);
  if (column.key == "condition" && doubtful) return Tone::caution;
  return column.alignment == Alignment::left ? Tone::dim : Tone::plain;
}

Row row_of(const WeightRow& weight, const Glyphs& glyphs) {
  Row row;
  for (const WeightColumn& column : columns()) {
    Cell& cell = row.cells.emplace_back();
    cell.value = column.value(weight);
    if ((column.uses & table) == 0) continue;
    cell.text = cell_text(column, weight, glyphs);
    cell.tone = tone_of(column, weight);
    cell.rank = sort_value(column, weight);
    if (column.key != "name") continue;
    const std::string& where = weight.tensor->provenance;
    cell.code = true;
    cell.tip = where.empty() ? weight.tensor->name : fmt::format("{} ({})", weight.tensor->name, where);
  }
  return row;
}

}  // namespace

Table weights_table(const audit::Result& result, const std::vector<const audit::TensorResult*>& shown,
                    const Choice& choice, const Glyphs& glyphs) {
  Table weights;
  weights.columns = columns_of(result, choice);
  weights.ruled = true;
  weights.hides_empty = !result.full_spectrum;
  weights.noun = "weight";
  weights.total = result.tensors.size();
  weights.order = choice.sort.key;
  weights.if_empty = "No weights to audit.";
  weights.figure = has_operator_norms(result) ? "operator_norm" : "sigma_max";
  weights.alarm = "non-finite entries";
  const bool by_file = result.model.files.size() > 1 && choice.sort.empty();
  const std::string* file = nullptr;
  for (const audit::TensorResult* tensor : shown) {
    Row& row = weights.rows.emplace_back(row_of({tensor}, glyphs));
    if (by_file && (file == nullptr || *file != tensor->file)) {
      file = &tensor->file;
      row.group = visible(tensor->file, glyphs.unicode);
    }
    if (tensor->non_finite) row.alarm = non_finite_text(*tensor->non_finite);
    for (const audit::Part& part : tensor->parts) row.parts.push_back(row_of({tensor, &part}, glyphs));
  }
  return weights;
}

}  // namespace sigmax::report
