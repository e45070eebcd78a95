#include "cli/lipschitz/tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/core/infinity.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

using report::Alignment;
using report::Cell;
using report::Column;
using report::Detail;
using report::Row;
using report::Table;

constexpr std::size_t kShown = 10;  // rows of a list, unless all are asked for

Cell bound_cell(const std::optional<UpperBound>& bound) {
  Cell cell{.value = upper_value(bound)};
  if (bound) cell.text = rounded_up(bound->value());
  return cell;
}

Cell name_cell(const std::string& name, bool unicode) {
  return {.value = name, .text = report::visible(name, unicode), .code = true};
}

Column words(std::string_view key, std::string_view heading, std::string_view help = {}) {
  return {.key = key, .heading = heading, .help = help, .alignment = Alignment::left, .uses = report::table};
}

Column figure(std::string_view key, std::string_view heading, std::string_view help = {}) {
  return {.key = key, .heading = heading, .help = help, .alignment = Alignment::decimal, .uses = report::table};
}

double size_of(const std::optional<UpperBound>& bound) { return bound ? bound->value() : kInfinity; }

/// The bounds in the order of a list: the largest first, a missing one before all.
template <class Bound>
std::vector<const Bound*> largest_first(const std::vector<Bound>& bounds, Detail detail) {
  std::vector<const Bound*> order;
  order.reserve(bounds.size());
  for (const Bound& each : bounds) order.push_back(&each);
  std::stable_sort(order.begin(), order.end(),
                   [](const Bound* a, const Bound* b) { return size_of(a->upper) > size_of(b->upper); });
  if (detail == Detail::usual && order.size() > kShown) order.resize(kShown);
  return order;
}

}  // namespace

std::string rounded_up(double value) { return report::significant(value, 6, report::Rounding::up); }
std::string rounded_down(double value) { return report::significant(value, 6, report::Rounding::down); }

report::Value upper_value(const std::optional<UpperBound>& bound) {
  return bound ? report::Value(bound->value()) : report::Value();
}

Table layer_table(const LipschitzReport& report, bool unicode) {
  constexpr unsigned kUses = report::table | report::figure | report::data;
  Table table;
  table.columns = {words("node", "node", "the operator and its name in the file"),
                   words("operation", "operation", "what it is in the graph"),
                   words("shape", "shape", "the shape of its value"),
                   figure("bound", "bound", "how much it can stretch a difference of its inputs, proven"),
                   figure("running", "from input", "the same from the network's inputs to it")};
  for (Column& column : table.columns) column.uses = kUses;
  table.columns[0].least_width = table.columns[0].narrowest = 12;
  table.columns[0].shortening = report::Shortening::unlike;
  table.columns[0].identifies = true;
  table.columns[1].priority = 3;
  table.columns[2].priority = 2;
  table.noun = "node";
  table.total = report.result.walk.layers.size();
  table.if_empty = "no node lies between the inputs and the outputs";
  for (const lipschitz::Layer& layer : report.result.walk.layers) {
    Row row;
    row.cells = {name_cell(layer.name, unicode),
                 {.value = layer.operation},
                 {.value = layer.shape},
                 bound_cell(layer.bound),
                 bound_cell(layer.running)};
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table output_table(const LipschitzReport& report, Detail detail) {
  Table table{.columns = {figure("output", "output", "the entry of the outputs, counted from 0"),
                          figure("upper", "bound", "how far it can move when the input moves by 1, proven")},
              .noun = "output",
              .total = report.outputs.size()};
  for (const EntryBound* each : largest_first(report.outputs, detail)) {
    table.rows.push_back({.cells = {{.value = each->entry}, bound_cell(each->upper)}});
  }
  return table;
}

Table pair_table(const LipschitzReport& report, Detail detail) {
  Table table{
      .columns = {figure("first", "output", "one entry of the outputs, counted from 0"),
                  figure("second", "less output", "the entry that is subtracted"),
                  figure("upper", "bound", "how far the difference can move when the input moves by 1, proven")},
      .noun = "pair",
      .total = report.pairs.size()};
  for (const DifferenceBound* each : largest_first(report.pairs, detail)) {
    table.rows.push_back({.cells = {{.value = each->first}, {.value = each->second}, bound_cell(each->upper)}});
  }
  return table;
}

std::optional<Table> pair_matrix(const LipschitzReport& report) {
  // Columns hold views of their names.
  static const std::array<std::string, 12> kNumbers = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"};
  constexpr std::size_t kWidth = 80;
  std::map<std::pair<std::size_t, std::size_t>, std::optional<UpperBound>> bounds;
  std::size_t size = 0;
  for (const DifferenceBound& each : report.pairs) {
    bounds[{each.first, each.second}] = each.upper;
    size = std::max(size, each.second + 1);
  }
  if (size < 3 || size > kNumbers.size() || bounds.size() != size * (size - 1) / 2) return std::nullopt;
  Table table;
  table.columns.push_back(figure("output", "output"));
  for (std::size_t j = 1; j < size; ++j) table.columns.push_back(figure(kNumbers[j], kNumbers[j]));
  table.columns[0].alignment = Alignment::right;
  std::size_t widest = 0;
  for (std::size_t i = 0; i + 1 < size; ++i) {
    Row& row = table.rows.emplace_back();
    row.cells.push_back({.value = i});
    for (std::size_t j = 1; j < size; ++j) {
      Cell& cell = row.cells.emplace_back();
      if (j <= i) {
        cell.text = " ";
        continue;
      }
      const auto& bound = bounds.at({i, j});
      cell.value = upper_value(bound);
      if (bound) cell.text = report::significant(bound->value(), 3, report::Rounding::up);
      widest = std::max(widest, cell.text.size());
    }
  }
  if (8 + (size - 1) * (widest + 2) > kWidth) return std::nullopt;
  table.noun = "output";
  table.total = table.rows.size();
  return table;
}

Table local_table(const LipschitzReport& report, Detail detail) {
  Table table{.columns = {figure("input", "input", "its position in the file, counted from 0"),
                          figure("upper", "at most", "how far the output can move within the ball, proven"),
                          figure("lower", "at least", "shown by two inputs in the ball"),
                          words("method", "by", "the method with the least bound"), figure("seconds", "time"),
                          words("why", "")},
              .noun = "input",
              .total = report.local.size()};
  table.hides_empty = true;
  for (const LocalBound* each : largest_first(report.local, detail)) {
    Cell lower{.value = each->lower ? report::Value(each->lower->value()) : report::Value()};
    if (each->lower) lower.text = rounded_down(each->lower->value());
    table.rows.push_back({.cells = {{.value = each->input},
                                    bound_cell(each->upper),
                                    std::move(lower),
                                    {.value = report::text_or_nothing(each->upper ? each->method : "")},
                                    {.value = each->seconds, .text = report::duration_text(each->seconds)},
                                    {.value = report::text_or_nothing(each->why)}}});
  }
  return table;
}

Table refused_table(const LipschitzReport& report) {
  Table table{.columns = {words("node", "node"), words("reason", "why it has no bound"), words("way_out", "way out")},
              .noun = "node",
              .total = report.result.walk.refused.size()};
  for (std::size_t i = 0; i < report.result.walk.refused.size(); ++i) {
    const lipschitz::Refusal& refusal = report.result.walk.refused[i];
    table.rows.push_back(
        {.cells = {name_cell(refusal.name, true), {.value = refusal.reason}, {.value = report.ways_out.at(i)}},
         .tone = report::Tone::alarm});
  }
  return table;
}

Table gate_table(const LipschitzReport& report) {
  using Outcome = audit::GateOutcome::Verdict;
  Table table{.columns = {words("expression", "gate"), words("outcome", "outcome"), words("why", "figures")},
              .noun = "gate",
              .total = report.gates.size()};
  for (const NetworkGateOutcome& gate : report.gates) {
    std::string why = in_words(gate.readings);
    for (const std::string& each : gate.missing) why += (why.empty() ? "" : "; ") + each;
    Row row{.cells = {name_cell(gate.expression, true), {}, {.value = why}}};
    row.cells[1].value = gate.verdict == Outcome::passed    ? "passed"
                         : gate.verdict == Outcome::tripped ? "TRIPPED"
                                                            : "NOT JUDGED";
    if (gate.verdict != Outcome::passed) row.tone = row.cells[1].tone = report::Tone::alarm;
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace sigmax::cli
