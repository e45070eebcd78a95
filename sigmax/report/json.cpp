#include "sigmax/report/json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <variant>

#include "sigmax/report/text.hpp"

namespace sigmax::report {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(valid_utf8(text)); }

Json to_json(const Value& value) {
  if (const auto* real = std::get_if<double>(&value)) return number(*real);
  if (const auto* count = std::get_if<std::int64_t>(&value)) return *count;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* text = std::get_if<std::string>(&value)) return valid_utf8(*text);
  return nullptr;
}

Json sigma_max(const audit::Figures* figures) {
  if (figures == nullptr) return nullptr;
  const std::optional<UpperBound>& upper = figures->sigma_max.upper;
  return {{"lower", number(figures->sigma_max.lower.value())},
          {"upper", upper ? number(upper->value()) : Json(nullptr)},
          {"kind", kind(figures->sigma_max)},
          {"failure_probability", upper ? number(upper->failure_probability()) : Json(nullptr)}};
}

void add_figures(Json& object, const Row& row) {
  object["sigma_max"] = sigma_max(row.figures());
  for (const Column* column : columns_for(figure)) object[std::string(column->key)] = to_json(column->value(row));
}

Json tensor_json(const audit::TensorResult& tensor) {
  Json object = {{"name", valid_utf8(tensor.name)},
                 {"shape", tensor.shape},
                 {"dtype", name(tensor.dtype)},
                 {"role", audit::name(tensor.role)},
                 {"role_evidence", audit::name(tensor.role_evidence)},
                 {"layout", tensor.layout},
                 {"matrix", {tensor.rows, tensor.columns}},
                 {"batch", tensor.batch},
                 {"file", valid_utf8(tensor.file)},
                 {"provenance", text_or_null(tensor.provenance)}};
  add_figures(object, {&tensor});
  object["non_finite"] = nullptr;
  if (tensor.non_finite) {
    object["non_finite"] = {
        {"nan", tensor.non_finite->nan}, {"inf", tensor.non_finite->infinite}, {"first", tensor.non_finite->first}};
  }
  object["parts"] = Json::array();
  for (const audit::Part& part : tensor.parts) {
    Json entry = {{"name", valid_utf8(part.name)}, {"matrix", {part.rows, part.columns}}};
    add_figures(entry, {&tensor, &part});
    object["parts"].push_back(std::move(entry));
  }
  object["seconds"] = number(tensor.seconds);
  return object;
}

Json model_json(const audit::Model& model) {
  Json files = Json::array();
  for (const audit::ModelFile& file : model.files) {
    files.push_back({{"path", valid_utf8(file.path)}, {"format", valid_utf8(file.format)}, {"bytes", file.bytes}});
  }
  Json notes = Json::array();
  for (const std::string& note : model.notes) notes.push_back(valid_utf8(note));
  Json unread = Json::array();
  for (const audit::UnreadFile& file : model.unread_files) unread.push_back(valid_utf8(file.path));
  return {{"path", valid_utf8(model.path)},
          {"format", valid_utf8(model.format)},
          {"files", files},
          {"notes", notes},
          {"unread_files", unread}};
}

Json gate_json(const audit::GateOutcome& gate) {
  Json tripped = Json::array(), not_judged = Json::array();
  for (const audit::GateOutcome::Tripped& weight : gate.tripped) {
    Json readings = Json::array();
    for (const auto& [key, value] : weight.readings) readings.push_back({{"figure", key}, {"value", value}});
    tripped.push_back(
        {{"name", valid_utf8(weight.name)}, {"file", valid_utf8(weight.file)}, {"readings", std::move(readings)}});
  }
  for (const audit::GateOutcome::NotJudged& item : gate.not_judged) {
    not_judged.push_back({{"name", text_or_null(item.name)},
                          {"file", text_or_null(item.file)},
                          {"reason", item.reason},
                          {"detail", valid_utf8(item.detail)},
                          {"allowed", item.allowed}});
  }
  return {{"expression", valid_utf8(gate.expression)},
          {"outcome", name(gate.verdict)},
          {"judged", gate.judged},
          {"tripped", std::move(tripped)},
          {"not_judged", std::move(not_judged)}};
}

Json summary_json(const audit::Summary& summary) {
  return {{"audited", summary.audited},
          {"skipped", summary.skipped},
          {"unread", summary.unread},
          {"proven", summary.proven},
          {"probabilistic", summary.probabilistic},
          {"lower_only", summary.lower_only},
          {"non_finite", summary.non_finite},
          {"parameters", summary.parameters},
          {"bytes", summary.bytes},
          {"seconds", number(summary.seconds)},
          {"threads", summary.threads}};
}

}  // namespace

std::string render_json(const audit::Result& result, const JsonOptions& options) {
  Json document = {{"schema", "sigmax.audit/1"},
                   {"sigmax", {{"version", text_or_null(options.version)}}},
                   {"command", text_or_null(options.command)},
                   {"model", model_json(result.model)},
                   {"full_spectrum", result.full_spectrum},
                   {"seed", result.seed.number},
                   {"stream", result.seed.stream}};
  document["tensors"] = Json::array();
  for (const audit::TensorResult* tensor : select(result, options.sort, options.top)) {
    document["tensors"].push_back(tensor_json(*tensor));
  }
  document["skipped"] = Json::array();
  for (const audit::Skipped& tensor : result.skipped) {
    document["skipped"].push_back(
        {{"name", valid_utf8(tensor.name)},
         {"shape", tensor.shape},
         {"dtype", valid_utf8(tensor.dtype)},
         {"reason", valid_utf8(tensor.reason)},
         {"role_evidence", tensor.role_evidence ? Json(audit::name(*tensor.role_evidence)) : Json()},
         {"file", valid_utf8(tensor.file)},
         {"provenance", text_or_null(tensor.provenance)},
         {"unread_weight", tensor.unread_weight}});
  }
  document["gates"] = Json::array();
  for (const audit::GateOutcome& gate : result.gates) document["gates"].push_back(gate_json(gate));
  document["summary"] = summary_json(result.summary);
  return document.dump(options.indent, ' ', true) + "\n";
}

}  // namespace sigmax::report
