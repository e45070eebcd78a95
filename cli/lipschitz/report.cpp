#include "cli/lipschitz/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "cli/lipschitz/tables.hpp"
#include "sigmax/core/plural.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

using lipschitz::NetworkEnclosure;
using lipschitz::PartBound;
using report::Detail;

std::string ratio_of(const NetworkEnclosure& result) {
  return report::significant(result.upper->value() / result.lower->bound.value(), 3, report::Rounding::up);
}

double inequality_seconds(const NetworkEnclosure& result) {
  double seconds = 0;
  for (const PartBound& part : result.parts) seconds += part.seconds;
  return seconds;
}

bool has_ratio(const NetworkEnclosure& result) {
  return result.upper && result.lower && result.lower->bound.value() > 0;
}

// `10 outputs: at most 5.31 (output 3)`
template <class Bounds, class Name>
std::string largest_of(const Bounds& bounds, const char* noun, const Name& name) {
  const auto size = [](const auto& each) { return each.upper ? each.upper->value() : -1.0; };
  const auto missing = std::count_if(bounds.begin(), bounds.end(), [](const auto& each) { return !each.upper; });
  if (missing > 0) return fmt::format("no bound of {} of {}", missing, plural(bounds.size(), noun));
  const auto& most =
      *std::max_element(bounds.begin(), bounds.end(), [&](const auto& a, const auto& b) { return size(a) < size(b); });
  return fmt::format("{}  the largest of {}, {}", rounded_up(size(most)), plural(bounds.size(), noun), name(most));
}

std::string_view definition(lipschitz::VectorNorm norm) {
  switch (norm) {
    case lipschitz::VectorNorm::one: return "the sum of all |entries|, of inputs and outputs";
    case lipschitz::VectorNorm::two: return "the Euclidean one, of inputs and outputs";
    case lipschitz::VectorNorm::infinity: break;
  }
  return "the greatest |entry|, of inputs and outputs";
}

report::Facts figures(const LipschitzReport& report, const report::Glyphs& signs) {
  const NetworkEnclosure& result = report.result;
  report::Facts facts;
  const auto add = [&](const char* label, std::string text) {
    facts.facts.push_back({.label = label, .text = std::move(text)});
  };
  add("norm:       ", fmt::format("{}, {}", name(report.norm), definition(report.norm)));
  if (result.upper) {
    add("at most:    ", fmt::format("{} {}  {}, by the {}", rounded_up(result.upper->value()), signs.proven,
                                    report.domain, result.method));
  } else {
    add("at most:    ", fmt::format("no bound ({})", report.domain));
  }
  if (result.lower) {
    std::string text = fmt::format("{} {}  by two inputs", rounded_down(result.lower->bound.value()), signs.proven);
    if (has_ratio(result)) text += fmt::format("; at most {} times less", ratio_of(result));
    add("at least:   ", fmt::format("{}, {}", text, report::duration_text(result.lower_seconds)));
  }
  if (result.walk.product)
    add("product:    ", fmt::format("{}  of the layers", rounded_up(result.walk.product->value())));
  if (result.walk.bound) {
    add("walk:       ", fmt::format("{}  maps joined, {}", rounded_up(result.walk.bound->value()),
                                    report::duration_text(result.walk_seconds)));
  }
  if (result.inequality) {
    add("inequality: ",
        fmt::format("{}  {}, {}", rounded_up(result.inequality->value()), plural(result.parts.size(), "part"),
                    report::duration_text(inequality_seconds(result))));
  }
  if (!report.outputs.empty()) {
    add("output:     ", largest_of(report.outputs, "output",
                                   [](const EntryBound& each) { return fmt::format("output {}", each.entry); }));
  }
  if (!report.pairs.empty()) {
    add("pair:       ", largest_of(report.pairs, "pair", [](const DifferenceBound& each) {
          return fmt::format("output {} - output {}", each.first, each.second);
        }));
  }
  if (!report.local.empty()) {
    add("local:      ",
        fmt::format("{}, within {:g} of each",
                    largest_of(report.local, "input",
                               [](const LocalBound& each) { return fmt::format("input {}", each.input); }),
                    report.radius));
  }
  return facts;
}

report::Text notes(const LipschitzReport& report, bool unicode) {
  report::Text text{.kind = report::Text::Kind::note};
  for (const std::string& each : report.result.walk.assumptions) {
    text.lines.push_back({"assumed: " + report::visible(each, unicode)});
  }
  return text;
}

// On a terminal a sentence is easier to read than a table with three columns of prose.
report::Text refusals(const LipschitzReport& report, bool unicode) {
  report::Text text{.kind = report::Text::Kind::summary};
  for (std::size_t i = 0; i < report.result.walk.refused.size(); ++i) {
    const lipschitz::Refusal& refusal = report.result.walk.refused[i];
    std::string line =
        fmt::format("{} {}", report::visible(refusal.name, unicode), report::visible(refusal.reason, unicode));
    if (!report.ways_out.at(i).empty()) line += "; " + report::visible(report.ways_out[i], unicode);
    text.lines.push_back({std::move(line), report::Tone::alarm});
  }
  return text;
}

std::string took(const LipschitzReport& report) {
  return fmt::format("Took {} on {}.", report::duration_text(report.seconds), plural(report.threads, "thread"));
}

void add_rows(report::Document& document, const LipschitzReport& report, Detail detail) {
  if (!report.outputs.empty()) document.push_back({output_table(report, detail), "Single outputs", true});
  if (!report.pairs.empty()) {
    auto matrix = pair_matrix(report);
    const char* const heading =
        matrix ? "Differences of two outputs, of the row less of the column" : "Differences of two outputs";
    document.push_back({matrix ? *std::move(matrix) : pair_table(report, detail), heading, true});
  }
  if (!report.local.empty()) {
    document.push_back(
        {local_table(report, detail),
         fmt::format("Within {:g} of the inputs of the file, in the {}", report.radius, name(report.norm)), true});
  }
}

report::Cards cards(const LipschitzReport& report) {
  const NetworkEnclosure& result = report.result;
  report::Cards all;
  if (result.upper) {
    all.cards.push_back({rounded_up(result.upper->value()),
                         fmt::format("at most in the {}, {}: proven", name(report.norm), report.domain)});
  } else {
    all.cards.push_back({"no bound", report.domain, true});
  }
  if (result.lower) all.cards.push_back({rounded_down(result.lower->bound.value()), "at least, shown by two inputs"});
  if (has_ratio(result)) all.cards.push_back({ratio_of(result), "times apart, at most"});
  const std::size_t refused = result.walk.refused.size();
  if (refused > 0) {
    all.cards.push_back(
        {fmt::format("{}", refused), std::string(either(refused, "node", "nodes")) + " without a bound", true});
  }
  const std::size_t nodes = result.walk.layers.size();
  all.cards.push_back({fmt::format("{}", nodes), std::string(either(nodes, "node", "nodes"))});
  all.cards.push_back({report::duration_text(report.seconds), "on " + plural(report.threads, "thread")});
  return all;
}

report::Table method_table(const LipschitzReport& report) {
  using report::Alignment;
  const NetworkEnclosure& result = report.result;
  report::Table table;
  table.columns = {{.key = "method", .heading = "method", .alignment = Alignment::left, .uses = report::table},
                   {.key = "bound", .heading = "bound", .alignment = Alignment::decimal, .uses = report::table},
                   {.key = "seconds", .heading = "time", .uses = report::table},
                   {.key = "what", .heading = "what it is", .alignment = Alignment::left, .uses = report::table}};
  const auto add = [&](const char* method, const std::optional<UpperBound>& bound, std::optional<double> seconds,
                       const std::string& what) {
    report::Row row{.cells = {{.value = method}, {.value = upper_value(bound)}, {.value = seconds}, {.value = what}}};
    if (bound) row.cells[1].text = rounded_up(bound->value());
    if (seconds) row.cells[2].text = report::duration_text(*seconds);
    table.rows.push_back(std::move(row));
  };
  add("product", result.walk.product, std::nullopt, "rules of single nodes, multiplied along the graph");
  add("walk", result.walk.bound, result.walk_seconds, "linear maps joined, residual blocks as one");
  if (!result.parts.empty()) {
    add("inequality", result.inequality, inequality_seconds(result),
        fmt::format("a matrix inequality, {}", plural(result.parts.size(), "part")));
  }
  table.total = table.rows.size();
  return table;
}

}  // namespace

report::Document lipschitz_document(const LipschitzReport& report, bool unicode, Detail detail, bool with_refusals) {
  report::Document document;
  document.push_back({report::Title{.kind = "sigmax lipschitz", .name = report.file}});
  document.push_back({layer_table(report, unicode)});
  document.push_back({.content = figures(report, report::glyphs(unicode)), .spaced = true});
  if (with_refusals && !report.result.walk.refused.empty()) {
    document.push_back({refusals(report, unicode), "No bound", true});
  }
  add_rows(document, report, detail);
  report::Text remarks = notes(report, unicode);
  if (!remarks.lines.empty()) document.push_back({.content = std::move(remarks), .spaced = true});
  document.push_back({report::Text{report::Text::Kind::summary, {{took(report)}}}, "", true});
  return document;
}

report::Document lipschitz_markdown(const LipschitzReport& report, Detail detail) {
  report::Document document = lipschitz_document(report, true, detail, true);
  if (!report.gates.empty()) document.insert(document.begin() + 1, {gate_table(report), "Gates"});
  return document;
}

report::Document lipschitz_page(const LipschitzReport& report, std::vector<report::Phrase> facts) {
  report::Document document;
  document.push_back({report::Title{.kind = "sigmax lipschitz", .name = report.file, .facts = std::move(facts)}});
  document.push_back({notes(report, true)});
  document.push_back({cards(report)});
  if (!report.gates.empty()) document.push_back({gate_table(report), "Gates"});
  if (!report.result.walk.refused.empty()) document.push_back({refused_table(report), "Without a bound"});
  if (!report.result.walk.layers.empty()) document.push_back({network_diagram(report), "Graph"});
  document.push_back({method_table(report), "Methods"});
  add_rows(document, report, Detail::all);
  document.push_back({layer_table(report, true), "Nodes"});
  document.push_back({report::Text{report::Text::Kind::summary, {{took(report)}}}});
  return document;
}

}  // namespace sigmax::cli
