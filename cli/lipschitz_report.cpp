#include "cli/lipschitz_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <utility>

#include "sigmax/report/number.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

using lipschitz::NetworkEnclosure;
using lipschitz::PartBound;

report::Value value_of(const std::optional<UpperBound>& bound) {
  return bound ? report::Value(bound->value()) : report::Value();
}

std::string rounded_up(double value) { return report::significant(value, 6, report::Rounding::up); }
std::string rounded_down(double value) { return report::significant(value, 6, report::Rounding::down); }

report::Cell bound_cell(const std::optional<UpperBound>& bound) {
  report::Cell cell{.value = value_of(bound)};
  if (bound) cell.text = rounded_up(bound->value());
  return cell;
}

report::Table layer_table(const LipschitzReport& report, bool unicode) {
  report::Table table;
  table.columns = {
      {.key = "node",
       .heading = "node",
       .help = "the operator and its name in the file",
       .alignment = report::Alignment::left,
       .uses = report::table | report::figure,
       .least_width = 12,
       .narrowest = 12,
       .identifies = true},
      {.key = "operation",
       .heading = "operation",
       .help = "what it is in the graph",
       .alignment = report::Alignment::left,
       .uses = report::table | report::figure,
       .priority = 3},
      {.key = "shape",
       .heading = "shape",
       .help = "the shape of its value",
       .alignment = report::Alignment::left,
       .uses = report::table | report::figure,
       .priority = 2},
      {.key = "bound",
       .heading = "bound",
       .help = "how much it can stretch a difference of its inputs, proven",
       .alignment = report::Alignment::decimal,
       .uses = report::table | report::figure},
      {.key = "running",
       .heading = "from input",
       .help = "the same from the network's inputs to it",
       .alignment = report::Alignment::decimal,
       .uses = report::table | report::figure},
  };
  table.noun = "node";
  table.total = report.result.walk.layers.size();
  table.if_empty = "no node lies between the inputs and the outputs";
  for (const lipschitz::Layer& layer : report.result.walk.layers) {
    report::Row row;
    row.cells = {{.value = layer.name, .text = report::visible(layer.name, unicode), .code = true},
                 {.value = layer.operation},
                 {.value = layer.shape},
                 bound_cell(layer.bound),
                 bound_cell(layer.running)};
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string name_of(const LipschitzReport& report, graph::Index node) { return report.graph.nodes[node].name; }

// A part ends at a node of the graph, or at the node that puts the outputs one after another.
std::string end_of(const LipschitzReport& report, graph::Index node) {
  return node < report.graph.nodes.size() ? name_of(report, node) : std::string("the outputs");
}

std::string method_of(const PartBound& part) {
  return part.search ? std::string(lipschitz::name(*part.search)) : std::string("walk");
}

report::Value record_of(const LipschitzReport& report, const PartBound& part) {
  return report::Record{{"from", part.from ? report::Value(end_of(report, *part.from)) : report::Value()},
                        {"to", end_of(report, part.to)},
                        {"upper", value_of(part.bound)},
                        {"method", method_of(part)},
                        {"neurons", part.neurons},
                        {"why", report::text_or_nothing(part.why)},
                        {"seconds", part.seconds}};
}

report::List texts(const std::vector<std::string>& all) {
  report::List list;
  for (const std::string& each : all) list.emplace_back(each);
  return list;
}

report::List refusals(const NetworkEnclosure& result) {
  report::List list;
  for (const lipschitz::Refusal& refusal : result.walk.refused) {
    list.emplace_back(report::Record{
        {"node", refusal.name}, {"reason", refusal.reason}, {"needs_bounded_inputs", refusal.needs_bounded_domain}});
  }
  return list;
}

report::Facts figures(const LipschitzReport& report, const report::Glyphs& signs) {
  const NetworkEnclosure& result = report.result;
  report::Facts facts;
  const auto add = [&](const char* label, std::string text) {
    facts.facts.push_back({.label = label, .text = std::move(text)});
  };
  if (result.upper) {
    add("at most:    ", fmt::format("{} {}  {}, by the {}", rounded_up(result.upper->value()), signs.proven,
                                    report.domain, result.method));
  } else {
    add("at most:    ", "no bound");
  }
  if (result.lower) {
    std::string text = fmt::format("{} {}  by two inputs", rounded_down(result.lower->bound.value()), signs.proven);
    if (result.upper && result.lower->bound.value() > 0) {
      text += fmt::format(
          "; at most {} times less",
          report::significant(result.upper->value() / result.lower->bound.value(), 3, report::Rounding::up));
    }
    add("at least:   ", std::move(text));
  }
  if (result.walk.product)
    add("product:    ", fmt::format("{}  of the layers", rounded_up(result.walk.product->value())));
  if (result.walk.bound) {
    add("walk:       ",
        fmt::format("{}  maps joined, {:.2f} s", rounded_up(result.walk.bound->value()), result.walk_seconds));
  }
  if (result.inequality) {
    double seconds = 0;
    for (const PartBound& part : result.parts) seconds += part.seconds;
    add("inequality: ", fmt::format("{}  {} {}, {:.2f} s", rounded_up(result.inequality->value()), result.parts.size(),
                                    result.parts.size() == 1 ? "part" : "parts", seconds));
  }
  return facts;
}

report::Text notes(const LipschitzReport& report, bool unicode) {
  report::Text text{.kind = report::Text::Kind::note};
  for (const std::string& each : report.result.walk.assumptions) {
    text.lines.push_back({"assumed: " + report::visible(each, unicode)});
  }
  for (const lipschitz::Refusal& refusal : report.result.walk.refused) {
    std::string line = fmt::format("no bound: {} {}", report::visible(refusal.name, unicode),
                                   report::visible(refusal.reason, unicode));
    text.lines.push_back({std::move(line), report::Tone::alarm});
  }
  return text;
}

}  // namespace

report::Record lipschitz_record(const LipschitzReport& report) {
  const NetworkEnclosure& result = report.result;
  report::List parts;
  for (const PartBound& part : result.parts) parts.push_back(record_of(report, part));
  return {{"schema", "sigmax.lipschitz/1"},
          {"file", report.file},
          {"norm", "2"},
          {"bound", report::Record{{"upper", value_of(result.upper)},
                                   {"kind", result.upper ? report::Value("proven") : report::Value()},
                                   {"method", result.upper ? report::Value(result.method) : report::Value()},
                                   {"domain", report.domain}}},
          {"product", value_of(result.walk.product)},
          {"walk", value_of(result.walk.bound)},
          {"inequality", value_of(result.inequality)},
          {"lower", result.lower ? report::Value(result.lower->bound.value()) : report::Value()},
          {"layers", report::records_of(layer_table(report, true))},
          {"parts", std::move(parts)},
          {"assumptions", texts(result.walk.assumptions)},
          {"refused", refusals(result)},
          {"seconds", report::Record{{"walk", result.walk_seconds}, {"lower", result.lower_seconds}}}};
}

report::Document lipschitz_document(const LipschitzReport& report, bool unicode) {
  report::Document document;
  document.push_back({report::Title{.kind = "sigmax lipschitz", .name = report.file}});
  document.push_back({layer_table(report, unicode)});
  report::Section facts{.content = figures(report, report::glyphs(unicode)), .spaced = true};
  document.push_back(std::move(facts));
  report::Text remarks = notes(report, unicode);
  if (!remarks.lines.empty()) document.push_back({.content = std::move(remarks), .spaced = true});
  return document;
}

}  // namespace sigmax::cli
