#include "sigmax/report/audit_record.hpp"

#include <utility>

#include "sigmax/report/columns.hpp"
#include "sigmax/report/operator_norm.hpp"

namespace sigmax::report {
namespace {

void add_figures(Record& record, const WeightRow& row) {
  record.push_back({"sigma_max", column("sigma_max").value(row)});
  for (const WeightColumn* each : columns_for(figure)) record.push_back({std::string(each->key), each->value(row)});
}

Record weight_record(const audit::TensorResult& tensor) {
  Record record = {{"name", tensor.name},
                   {"shape", tensor.shape},
                   {"dtype", name(tensor.dtype)},
                   {"role", audit::name(tensor.role)},
                   {"role_evidence", audit::name(tensor.role_evidence)},
                   {"layout", tensor.layout},
                   {"matrix", List{tensor.rows, tensor.columns}},
                   {"batch", tensor.batch},
                   {"file", tensor.file},
                   {"provenance", text_or_nothing(tensor.provenance)}};
  add_figures(record, {&tensor});
  record.push_back({"operator_norm", tensor.operator_norm ? Value(record_of(*tensor.operator_norm)) : Value()});
  Value non_finite;
  if (const auto& entries = tensor.non_finite) {
    non_finite = Record{{"nan", entries->nan}, {"inf", entries->infinite}, {"first", entries->first}};
  }
  List parts;
  for (const audit::Part& part : tensor.parts) {
    Record entry = {{"name", part.name}, {"matrix", List{part.rows, part.columns}}};
    add_figures(entry, {&tensor, &part});
    parts.emplace_back(std::move(entry));
  }
  record.push_back({"non_finite", std::move(non_finite)});
  record.push_back({"parts", std::move(parts)});
  record.push_back({"seconds", tensor.seconds});
  return record;
}

Record model_record(const audit::Model& model) {
  List files, notes, unread;
  for (const audit::ModelFile& file : model.files) {
    files.emplace_back(Record{{"path", file.path}, {"format", file.format}, {"bytes", file.bytes}});
  }
  for (const std::string& note : model.notes) notes.emplace_back(note);
  for (const audit::UnreadFile& file : model.unread_files) unread.emplace_back(file.path);
  return {{"path", model.path},
          {"format", model.format},
          {"files", std::move(files)},
          {"notes", std::move(notes)},
          {"unread_files", std::move(unread)}};
}

Record skipped_record(const audit::Skipped& tensor) {
  Value evidence;
  if (tensor.role_evidence) evidence = audit::name(*tensor.role_evidence);
  return {{"name", tensor.name},
          {"shape", tensor.shape},
          {"dtype", tensor.dtype},
          {"reason", tensor.reason},
          {"role_evidence", std::move(evidence)},
          {"file", tensor.file},
          {"provenance", text_or_nothing(tensor.provenance)},
          {"unread_weight", tensor.unread_weight}};
}

Record gate_record(const audit::GateOutcome& gate) {
  List tripped, not_judged;
  for (const audit::GateOutcome::Tripped& weight : gate.tripped) {
    List readings;
    for (const auto& [key, value] : weight.readings) readings.emplace_back(Record{{"figure", key}, {"value", value}});
    tripped.emplace_back(Record{{"name", weight.name}, {"file", weight.file}, {"readings", std::move(readings)}});
  }
  for (const audit::GateOutcome::NotJudged& item : gate.not_judged) {
    not_judged.emplace_back(Record{{"name", text_or_nothing(item.name)},
                                   {"file", text_or_nothing(item.file)},
                                   {"reason", item.reason},
                                   {"detail", item.detail},
                                   {"allowed", item.allowed}});
  }
  return {{"expression", gate.expression},
          {"outcome", name(gate.verdict)},
          {"judged", gate.judged},
          {"tripped", std::move(tripped)},
          {"not_judged", std::move(not_judged)}};
}

Record summary_record(const audit::Summary& summary) {
  return {{"audited", summary.audited},
          {"skipped", summary.skipped},
          {"unread", summary.unread},
          {"proven", summary.proven},
          {"probabilistic", summary.probabilistic},
          {"lower_only", summary.lower_only},
          {"non_finite", summary.non_finite},
          {"parameters", summary.parameters},
          {"bytes", summary.bytes},
          {"seconds", summary.seconds},
          {"threads", summary.threads}};
}

}  // namespace

Record audit_record(const audit::Result& result, const std::vector<const audit::TensorResult*>& shown,
                    const std::string& version, const std::string& command) {
  List tensors, skipped, gates;
  for (const audit::TensorResult* tensor : shown) tensors.emplace_back(weight_record(*tensor));
  for (const audit::Skipped& tensor : result.skipped) skipped.emplace_back(skipped_record(tensor));
  for (const audit::GateOutcome& gate : result.gates) gates.emplace_back(gate_record(gate));
  return {{"schema", "sigmax.audit/1"},
          {"sigmax", Record{{"version", text_or_nothing(version)}}},
          {"command", text_or_nothing(command)},
          {"model", model_record(result.model)},
          {"full_spectrum", result.full_spectrum},
          {"seed", result.seed.number},
          {"stream", result.seed.stream},
          {"tensors", std::move(tensors)},
          {"skipped", std::move(skipped)},
          {"gates", std::move(gates)},
          {"summary", summary_record(result.summary)}};
}

}  // namespace sigmax::report
