#include "cli/commands/audit.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/exit_code.hpp"
#include "cli/progress.hpp"
#include "cli/proofs.hpp"
#include "cli/terminal.hpp"
#include "sigmax/audit/audit.hpp"
#include "sigmax/io/atomic_file.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/report/columns.hpp"
#include "sigmax/report/csv.hpp"
#include "sigmax/report/html.hpp"
#include "sigmax/report/json.hpp"
#include "sigmax/report/markdown.hpp"
#include "sigmax/report/terminal.hpp"

namespace sigmax::cli {
namespace {

audit::CertifyOptions certify_options(const AuditOptions& options) {
  using Kind = CertifyRequest::Kind;
  audit::CertifyOptions certify;
  certify.failure_probability = options.failure_probability;
  certify.seed = options.seed;
  switch (options.certify.kind) {
    case Kind::automatic:
      certify.proven_if_cheap = true;
      if (options.quick) certify.proven_up_to = 0;
      break;
    case Kind::proven:
      certify.proven_up_to = options.certify.size.value_or(std::numeric_limits<std::int64_t>::max());
      break;
    case Kind::probabilistic: certify.proven_up_to = 0; break;
    case Kind::none:
      certify.proven_up_to = 0;
      certify.probabilistic = false;
      break;
  }
  return certify;
}

audit::Options audit_options(const AuditOptions& options) {
  audit::Options result;
  result.full_spectrum = !options.quick;
  result.certify = certify_options(options);
  result.min_dim = options.min_dim;
  if (!options.names.empty()) {
    result.select = [&names = options.names](const std::string& name) { return names.selects(name); };
    result.not_selected_reason = options.names.reason();
  }
  if (!options.roles.empty()) {
    result.assume = [&roles = options.roles](const std::string& name) -> std::optional<audit::AssumedRole> {
      const auto found =
          std::find_if(roles.begin(), roles.end(), [&](const RoleOverride& role) { return role.names.matches(name); });
      return found == roles.end() ? std::nullopt : std::optional(found->role);
    };
  }
  return result;
}

std::string render(ReportFile::Kind kind, const audit::Result& result, const AuditOptions& options) {
  switch (kind) {
    case ReportFile::Kind::json:
      return report::render_json(result, {SIGMAX_VERSION, options.command, options.sort, options.top});
    case ReportFile::Kind::csv: return report::render_csv(result, {options.sort, options.top});
    case ReportFile::Kind::markdown:
      return report::render_markdown(result, {options.sort, options.top, options.common.verbose});
    case ReportFile::Kind::html: break;
  }
  const std::string date = fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)));
  return report::render_html(result, {SIGMAX_VERSION, options.command, date, options.sort, options.top});
}

std::string render_for_output(const audit::Result& result, const AuditOptions& options) {
  switch (options.format) {
    case Format::json: return render(ReportFile::Kind::json, result, options);
    case Format::csv: return render(ReportFile::Kind::csv, result, options);
    case Format::markdown: return render(ReportFile::Kind::markdown, result, options);
    case Format::table: break;
  }
  const Style style = style_of(1, options.common.colour);
  return report::render_table(
      result, {style.width, style.colour, style.unicode, options.sort, options.top, options.common.verbose});
}

void tell_unused_roles(const io::Checkpoint& checkpoint, const AuditOptions& options, const Messages& messages) {
  for (const RoleOverride& role : options.roles) {
    const bool used = std::any_of(checkpoint.entries.begin(), checkpoint.entries.end(),
                                  [&](const io::Entry& entry) { return role.names.matches(entry.name); });
    if (!used) messages.warning(fmt::format("--as: no tensor's name matches '{}'", role.names.source()));
  }
}

void tell_what_matters(const audit::Result& result, const AuditOptions& options, const Messages& messages) {
  if (options.format == Format::csv || options.format == Format::json) {
    for (const std::string& note : result.model.notes) messages.note(note);
  }
  if (result.tensors.empty()) {
    messages.warning(fmt::format("no weight was audited; all {} tensors were skipped", result.skipped.size()));
  }
  for (const audit::TensorResult& tensor : result.tensors) {
    if (!tensor.non_finite) continue;
    messages.warning(
        fmt::format("{}: {}; its spectrum does not exist", tensor.name, report::non_finite_text(*tensor.non_finite)));
  }
}

std::string first_of(const std::vector<std::string>& names) {
  const std::string more = names.size() > 3 ? fmt::format(" and {} more", names.size() - 3) : std::string();
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 3); ++i) text += (i == 0 ? "" : ", ") + names[i];
  return text + more;
}

// Names every weight that trips the gate, and every one that it could not judge.
bool judge(const Gate& gate, const audit::Result& result, const Messages& messages) {
  std::map<std::string, std::vector<std::string>> missing;
  std::vector<std::string> lower_end_only;
  bool tripped = false;
  for (const audit::TensorResult& tensor : result.tensors) {
    const Verdict verdict = gate.judge(tensor);
    for (const std::string& key : verdict.missing) missing[key].push_back(tensor.name);
    if (verdict.lower_end_only && !verdict.tripped) lower_end_only.push_back(tensor.name);
    if (!verdict.tripped) continue;
    tripped = true;
    std::string readings;
    for (const Reading& reading : verdict.readings) {
      const bool range = reading.value.starts_with("in ");
      readings += fmt::format(", {} {}{}", reading.key, range ? "" : "= ", reading.value);
    }
    messages.finding("gate tripped", fmt::format("{}: {}{}", gate.source(), tensor.name, readings));
  }
  for (const auto& [key, names] : missing) {
    messages.warning(fmt::format("{}: {} has no value for {} of {} weights, where the comparison counts as false: {}",
                                 gate.source(), key, names.size(), result.tensors.size(), first_of(names)));
  }
  if (!lower_end_only.empty()) {
    messages.warning(fmt::format("{}: passed on the lower end of sigma_max alone, no upper end is known: {}",
                                 gate.source(), first_of(lower_end_only)));
  }
  return tripped;
}

bool proof_is_missing(const audit::Result& result, const AuditOptions& options, const Messages& messages) {
  std::vector<std::string> names;
  for (const audit::TensorResult& tensor : result.tensors) {
    if (!options.certify.demands_proof(std::min(tensor.rows, tensor.columns))) continue;
    const bool proven = tensor.figures && tensor.figures->sigma_max.upper &&
                        tensor.figures->sigma_max.upper->certainty() == Certainty::proven;
    if (!proven) names.push_back(tensor.name);
  }
  for (const std::string& name : names) messages.finding("not proven", fmt::format("{}: no proven upper end", name));
  return !names.empty();
}

}  // namespace

int run_audit(const AuditOptions& options, Context& context) {
  const Messages messages(options.common);
  const io::Checkpoint checkpoint =
      io::open_checkpoint(std::vector<std::filesystem::path>(options.paths.begin(), options.paths.end()));
  context.check_cancel();

  std::vector<std::filesystem::path> inputs;
  for (const io::SourceFile& file : checkpoint.files) inputs.push_back(file.path);
  for (const ReportFile& file : options.files) io::check_writable(file.path, inputs);

  audit::Result result;
  {
    const ProgressLine progress(context, "audit", options.common);
    result = audit::audit(checkpoint, audit_options(options), context);
  }
  for (const ReportFile& file : options.files) io::write_file(file.path, render(file.kind, result, options));
  print(render_for_output(result, options));

  if (options.certify.kind != CertifyRequest::Kind::none) tell_if_proofs_are_wide(messages);
  tell_unused_roles(checkpoint, options, messages);
  tell_what_matters(result, options, messages);
  bool tripped = false;
  for (const Gate& gate : options.gates) tripped |= judge(gate, result, messages);
  const bool unproven = proof_is_missing(result, options, messages);
  if (tripped) return kGateTripped;
  return unproven ? kNotReached : kSuccess;
}

}  // namespace sigmax::cli
