#include <optional>
#include <string>
#include <utility>

#include "cli/lipschitz/report.hpp"
#include "cli/lipschitz/tables.hpp"

namespace sigmax::cli {
namespace {

using lipschitz::PartBound;
using report::List;
using report::Record;

std::string name_of(const LipschitzReport& report, graph::Index node) { return report.graph.nodes.at(node).name; }

Record record_of(const LipschitzReport& report, const PartBound& part) {
  return {{"from", part.from ? report::Value(name_of(report, *part.from)) : report::Value()},
          {"to", name_of(report, part.to)},
          {"upper", upper_value(part.bound)},
          {"method", part.search ? std::string(lipschitz::name(*part.search)) : std::string("walk")},
          {"neurons", part.neurons},
          {"why", report::text_or_nothing(part.why)},
          {"seconds", part.seconds}};
}

List parts_of(const LipschitzReport& report) {
  List list;
  for (const PartBound& part : report.result.parts) list.emplace_back(record_of(report, part));
  return list;
}

List texts(const std::vector<std::string>& all) {
  List list;
  for (const std::string& each : all) list.emplace_back(each);
  return list;
}

List refusals(const LipschitzReport& report) {
  List list;
  for (std::size_t i = 0; i < report.result.walk.refused.size(); ++i) {
    const lipschitz::Refusal& refusal = report.result.walk.refused[i];
    list.emplace_back(Record{{"node", refusal.name},
                             {"reason", refusal.reason},
                             {"needs_bounded_inputs", refusal.needs_bounded_domain},
                             {"way_out", report.ways_out.at(i)}});
  }
  return list;
}

List outputs_of(const LipschitzReport& report) {
  List list;
  for (const EntryBound& each : report.outputs) {
    list.emplace_back(Record{{"output", each.entry}, {"upper", upper_value(each.upper)}});
  }
  return list;
}

List pairs_of(const LipschitzReport& report) {
  List list;
  for (const DifferenceBound& each : report.pairs) {
    list.emplace_back(Record{{"first", each.first}, {"second", each.second}, {"upper", upper_value(each.upper)}});
  }
  return list;
}

List local_of(const LipschitzReport& report) {
  List list;
  for (const LocalBound& each : report.local) {
    list.emplace_back(Record{{"input", each.input},
                             {"upper", upper_value(each.upper)},
                             {"method", report::text_or_nothing(each.upper ? each.method : "")},
                             {"lower", each.lower ? report::Value(each.lower->value()) : report::Value()},
                             {"why", report::text_or_nothing(each.why)},
                             {"seconds", each.seconds}});
  }
  return list;
}

List gates_of(const LipschitzReport& report) {
  List list;
  for (const NetworkGateOutcome& gate : report.gates) {
    List readings;
    for (const auto& [key, value] : gate.readings) readings.emplace_back(Record{{"figure", key}, {"value", value}});
    list.emplace_back(Record{{"expression", gate.expression},
                             {"outcome", name(gate.verdict)},
                             {"readings", std::move(readings)},
                             {"missing", texts(gate.missing)}});
  }
  return list;
}

}  // namespace

Record lipschitz_record(const LipschitzReport& report) {
  const lipschitz::NetworkEnclosure& result = report.result;
  double parts_seconds = 0;
  for (const PartBound& part : result.parts) parts_seconds += part.seconds;
  Record around;
  if (!report.around.empty()) around = {{"file", report.around}, {"radius", report.radius}};
  return {{"schema", "sigmax.lipschitz/1"},
          {"file", report.file},
          {"norm", std::string(ord(report.norm))},
          {"bound", Record{{"upper", upper_value(result.upper)},
                           {"kind", result.upper ? report::Value("proven") : report::Value()},
                           {"method", result.upper ? report::Value(result.method) : report::Value()},
                           {"domain", report.domain}}},
          {"product", upper_value(result.walk.product)},
          {"walk", upper_value(result.walk.bound)},
          {"inequality", upper_value(result.inequality)},
          {"lower", result.lower ? report::Value(result.lower->bound.value()) : report::Value()},
          {"layers", report::records_of(layer_table(report, true))},
          {"parts", parts_of(report)},
          {"outputs", outputs_of(report)},
          {"pairs", pairs_of(report)},
          {"around", around.empty() ? report::Value() : report::Value(std::move(around))},
          {"local", local_of(report)},
          {"assumptions", texts(result.walk.assumptions)},
          {"refused", refusals(report)},
          {"gates", gates_of(report)},
          {"seconds", Record{{"walk", result.walk_seconds},
                             {"inequality", parts_seconds},
                             {"lower", result.lower_seconds},
                             {"rows", report.rows_seconds},
                             {"total", report.seconds}}},
          {"threads", report.threads}};
}

}  // namespace sigmax::cli
