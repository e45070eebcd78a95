#include "cli/certify/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "sigmax/core/plural.hpp"
#include "sigmax/report/csv.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

using lipschitz::CertifiedAccuracy;
using lipschitz::InputResult;
using lipschitz::RadiusResult;

report::Value share(std::size_t count, std::size_t all) {
  if (all == 0) return {};
  return static_cast<double>(count) / static_cast<double>(all);
}

// In hundredths of a percent, rounded down or up.
std::string percent_of(std::size_t count, std::size_t all, bool up) {
  if (all == 0) return "-";
  const std::size_t hundredths = (count * 10000 + (up ? all - 1 : 0)) / all;
  return fmt::format("{}.{:02} %", hundredths / 100, hundredths % 100);
}

report::Cell share_cell(std::size_t count, std::size_t all, bool up) {
  return {.value = share(count, all), .text = percent_of(count, all, up)};
}

constexpr unsigned kEverywhere = report::table | report::data | report::figure;

report::Table radius_table(const AccuracyReport& report) {
  report::Table table;
  const auto column = [&](std::string_view key, std::string_view heading, std::string_view help, unsigned uses) {
    table.columns.push_back({.key = key, .heading = heading, .help = help, .uses = uses});
  };
  column("eps", "eps", "the Euclidean radius, in units of the data", kEverywhere);
  column("certified_accuracy", "certified", "at least this share keeps its class, proven", kEverywhere);
  column("attacked_accuracy", "attacked", "at most this share does: the rest is wrong or was turned", kEverywhere);
  column("network", "network", "samples certified by the bounds of the whole network", kEverywhere);
  column("ball", "ball", "samples certified by bounds on their ball alone", kEverywhere);
  column("broken", "broken", "samples that are wrong, or that a change was found for", kEverywhere);
  column("open", "open", "samples that are neither", kEverywhere);
  column("untried", "untried", "the same, without a bound on the ball: see --local-limit", kEverywhere);
  table.noun = "radius";
  table.total = report.result.radii.size();
  const std::size_t all = report.result.inputs.size();
  for (const RadiusResult& at : report.result.radii) {
    report::Row row;
    row.cells = {{.value = at.radius, .text = fmt::format("{:g}", at.radius)},
                 share_cell(at.robust(), all, false),
                 share_cell(at.unbroken(), all, true),
                 {.value = at.certified},
                 {.value = at.local},
                 {.value = at.broken},
                 {.value = at.open},
                 {.value = at.untried}};
    table.rows.push_back(std::move(row));
  }
  return table;
}

// The Robustness of a sample at each radius is a column of its own in CSV, and a list in JSON.
report::Table sample_table(const AccuracyReport& report, const std::vector<std::string>& keys) {
  report::Table table;
  const auto column = [&](std::string_view key, std::string_view help, unsigned uses) {
    table.columns.push_back({.key = key, .heading = key, .help = help, .uses = uses});
  };
  column("sample", "its place in the file, from 0 on", kEverywhere);
  column("label", "its class in the file", kEverywhere);
  column("predicted", "the class of the network, proven; empty for a tie", kEverywhere);
  column("radius", "all inputs nearer than this have the class of the label: proven", kEverywhere);
  column("logit_error", "the largest error of a computed logit", kEverywhere);
  for (const std::string& key : keys) column(key, "what is known at this radius", report::data);
  column("at", "what is known at each radius", report::figure);
  table.noun = "sample";
  table.total = report.result.inputs.size();
  for (std::size_t k = 0; k < report.result.inputs.size(); ++k) {
    const InputResult& input = report.result.inputs[k];
    report::Row row;
    report::List at;
    row.cells = {{.value = report.index[k]},
                 {.value = input.label},
                 {.value = input.predicted},
                 {.value = input.radius},
                 {.value = std::isfinite(input.error) ? report::Value(input.error) : report::Value()}};
    for (std::size_t r = 0; r < input.at.size(); ++r) {
      const std::string_view what = name(input.at[r]);
      row.cells.push_back({.value = what});
      at.emplace_back(what);
    }
    row.cells.push_back({.value = std::move(at)});
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::vector<std::string> radius_keys(const CertifiedAccuracy& result) {
  std::vector<std::string> keys;
  for (const RadiusResult& at : result.radii) keys.push_back(fmt::format("at_{:g}", at.radius));
  return keys;
}

double greatest_error(const CertifiedAccuracy& result) {
  double most = 0;
  for (const InputResult& input : result.inputs) most = std::max(most, input.error);
  return most;
}

// The least and the greatest bound of a pair of classes, if all have one.
std::optional<std::pair<double, double>> ends_of(const CertifiedAccuracy& result) {
  std::pair<double, double> ends{std::numeric_limits<double>::infinity(), 0};
  for (const auto& bound : result.pairs) {
    if (!bound) return std::nullopt;
    ends.first = std::min(ends.first, bound->value());
    ends.second = std::max(ends.second, bound->value());
  }
  return ends;
}

report::List pair_list(const AccuracyReport& report) {
  report::List list;
  if (!report.result.is_per_pair) return list;
  std::size_t k = 0;
  for (std::size_t i = 0; i < report.classes; ++i) {
    for (std::size_t j = i + 1; j < report.classes; ++j, ++k) {
      const auto& bound = report.result.pairs[k];
      list.emplace_back(report::Record{{"classes", report::List{report::Value(i), report::Value(j)}},
                                       {"upper", bound ? report::Value(bound->value()) : report::Value()}});
    }
  }
  return list;
}

report::Facts accuracy_facts(const AccuracyReport& report, const report::Glyphs& signs) {
  const CertifiedAccuracy& result = report.result;
  const std::size_t all = result.inputs.size();
  report::Facts facts;
  const auto add = [&](const char* label, std::string text) {
    facts.facts.push_back({.label = label, .text = std::move(text)});
  };
  std::string clean =
      fmt::format("{} {}  of {}", percent_of(result.correct, all, false), signs.proven, plural(all, "sample"));
  if (all < report.total) clean += fmt::format(", drawn from {}", report.total);
  if (result.undecided > 0) clean += fmt::format("; {} undecided", result.undecided);
  add("clean:     ", std::move(clean));
  if (const auto ends = ends_of(result)) {
    const std::string most = report::significant(ends->second, 6, report::Rounding::up);
    add("bounds:    ", result.is_per_pair ? fmt::format("{} to {} {}  of {} differences of logits",
                                                        report::significant(ends->first, 6, report::Rounding::up), most,
                                                        signs.proven, result.pairs.size())
                                          : fmt::format("{} {}  of all {} logits together, times sqrt 2", most,
                                                        signs.proven, report.classes));
  } else {
    add("bounds:    ", "none for some differences of logits");
  }
  const double error = greatest_error(result);
  add("rounding:  ", std::isfinite(error) ? fmt::format("computed logits are within {} of the exact ones",
                                                        report::significant(error, 2, report::Rounding::up))
                                          : "some logits are not finite: their samples are not certified");
  add("time:      ",
      fmt::format("{:.2f} s: bounds {:.2f}, samples {:.2f}, attack {:.2f}, balls {:.2f}",
                  result.bound_seconds + result.input_seconds + result.attack_seconds + result.local_seconds,
                  result.bound_seconds, result.input_seconds, result.attack_seconds, result.local_seconds));
  return facts;
}

report::Text accuracy_notes(const AccuracyReport& report, bool unicode) {
  report::Text text{.kind = report::Text::Kind::note};
  for (const std::string& each : report.changes) text.lines.push_back({report::visible(each, unicode)});
  for (const std::string& each : report.assumptions) {
    text.lines.push_back({"assumed: " + report::visible(each, unicode)});
  }
  for (const lipschitz::Refusal& refusal : report.refused) {
    text.lines.push_back(
        {fmt::format("no bound: {} {}{}", report::visible(refusal.name, unicode),
                     report::visible(refusal.reason, unicode), refusal.needs_bounded_domain ? "; see --input-box" : ""),
         report::Tone::alarm});
  }
  return text;
}

report::List gate_list(const AccuracyReport& report) {
  report::List list;
  for (const AccuracyGate& gate : report.gates) {
    list.emplace_back(report::Record{
        {"expression", gate.source()}, {"value", gate.value(report.result)}, {"tripped", gate.trips(report.result)}});
  }
  return list;
}

report::List text_list(const std::vector<std::string>& all) {
  report::List list;
  for (const std::string& each : all) list.emplace_back(each);
  return list;
}

report::List refusal_list(const AccuracyReport& report) {
  report::List list;
  for (const lipschitz::Refusal& refusal : report.refused) {
    list.emplace_back(report::Record{
        {"node", refusal.name}, {"reason", refusal.reason}, {"needs_bounded_inputs", refusal.needs_bounded_domain}});
  }
  return list;
}

}  // namespace

report::Record accuracy_record(const AccuracyReport& report, bool per_sample) {
  const CertifiedAccuracy& result = report.result;
  const std::size_t all = result.inputs.size();
  const auto ends = ends_of(result);
  const double error = greatest_error(result);
  const std::vector<std::string> keys = radius_keys(result);
  return {{"schema", "sigmax.certify/1"},
          {"file", report.file},
          {"data", report.data},
          {"labels", report::text_or_nothing(report.labels)},
          {"norm", "2"},
          {"classes", report.classes},
          {"count", all},
          {"total", report.total},
          {"clean", report::Record{{"accuracy", share(result.correct, all)},
                                   {"correct", result.correct},
                                   {"wrong", result.wrong},
                                   {"undecided", result.undecided}}},
          {"radii", report::records_of(radius_table(report))},
          {"attack", report.attacked},
          {"bounds", report::Record{{"kind", ends ? report::Value("proven") : report::Value()},
                                    {"per_pair", result.is_per_pair},
                                    {"least", ends ? report::Value(ends->first) : report::Value()},
                                    {"greatest", ends ? report::Value(ends->second) : report::Value()},
                                    {"pairs", pair_list(report)}}},
          {"logit_error", std::isfinite(error) ? report::Value(error) : report::Value()},
          {"samples", per_sample ? report::Value(report::records_of(sample_table(report, keys))) : report::Value()},
          {"gates", gate_list(report)},
          {"changes", text_list(report.changes)},
          {"assumptions", text_list(report.assumptions)},
          {"refused", refusal_list(report)},
          {"seed", report.seed.number},
          {"stream", report.seed.stream},
          {"seconds", report::Record{{"bounds", result.bound_seconds},
                                     {"samples", result.input_seconds},
                                     {"attack", result.attack_seconds},
                                     {"balls", result.local_seconds}}}};
}

report::Document accuracy_document(const AccuracyReport& report, bool unicode) {
  report::Document document;
  document.push_back({report::Title{.kind = "sigmax certify", .name = report.file}});
  document.push_back({radius_table(report)});
  document.push_back({.content = accuracy_facts(report, report::glyphs(unicode)), .spaced = true});
  report::Text remarks = accuracy_notes(report, unicode);
  if (!remarks.lines.empty()) document.push_back({.content = std::move(remarks), .spaced = true});
  return document;
}

std::string accuracy_as_csv(const AccuracyReport& report, bool per_sample) {
  const std::vector<std::string> keys = radius_keys(report.result);
  return report::write_csv(per_sample ? sample_table(report, keys) : radius_table(report));
}

}  // namespace sigmax::cli
