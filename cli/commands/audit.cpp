#include "cli/commands/audit.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/certificate/audit.hpp"
#include "cli/exit_code.hpp"
#include "cli/gate/gating.hpp"
#include "cli/terminal/progress.hpp"
#include "cli/terminal/proofs.hpp"
#include "cli/terminal/terminal.hpp"
#include "sigmax/audit/audit.hpp"
#include "sigmax/audit/roles/role.hpp"
#include "sigmax/io/bytes/atomic_file.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/report/audit_report.hpp"
#include "sigmax/report/text.hpp"
#include "sigmax/report/weight_row.hpp"

namespace sigmax::cli {
namespace {

audit::Options audit_options(const AuditOptions& options) {
  audit::Options result;
  result.full_spectrum = !options.quick;
  result.certify = options.certify.options();
  result.certify.failure_probability = options.failure_probability;
  if (options.quick && options.certify.kind == CertifyRequest::Kind::automatic) result.certify.proven_up_to = 0;
  result.seed = options.seed;
  if (!options.operator_norms) {
    result.operator_norms.reset();
  } else if (options.norm_width) {
    // Who asks for a width waits for it.
    constexpr double kMostFlops = 1e14;
    result.operator_norms->relative_width = result.operator_norms->width_at_a_size = *options.norm_width;
    result.operator_norms->most_flops = kMostFlops;
    result.operator_norms->dense_up_to = ConvolutionNormOptions().dense_up_to;
  }
  if (!options.convolutions.empty()) {
    result.convolution = [&said = options.convolutions](const std::string& name) {
      return stated_convolution(said, name);
    };
  }
  result.min_dim = options.min_dim;
  if (!options.names.empty()) {
    result.select = [&names = options.names](const std::string& name) { return names.selects(name); };
    result.not_selected_reason = options.names.reason();
  }
  if (!options.roles.empty()) {
    result.assume = [&roles = options.roles](const std::string& name) { return assumed_role(roles, name); };
  }
  return result;
}

// A value for each of three axes of a kernel that has two is a mistake that no report would show: the library takes the
// setting for not known.
void require_fitting_settings(const io::Checkpoint& checkpoint, const audit::Options& options,
                              const ConvolutionOverrides& said) {
  if (said.empty()) return;
  const audit::Siblings siblings(checkpoint.entries, audit::configs_of(checkpoint));
  for (const io::Entry& entry : checkpoint.entries) {
    if (options.select && !options.select(entry.name)) continue;
    const auto classified =
        audit::classify(entry, siblings, options.assume ? options.assume(entry.name) : std::nullopt);
    const auto* plan = std::get_if<audit::MatrixPlan>(&classified);
    if (plan == nullptr || !plan->convolution || std::min(plan->rows, plan->columns) < options.min_dim) continue;
    const auto axes = std::ranges::count(plan->layout.axes, audit::Axis::kernel);
    require_fitting(said, entry.name, static_cast<std::size_t>(axes));
  }
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
  const Style style = style_of(1, options.common.color);
  return report::render_table(
      result, {style.width, style.color, style.unicode, options.sort, options.top, options.common.verbose});
}

void tell_what_matters(const audit::Result& result, const AuditOptions& options, const Messages& messages) {
  if (options.format == Format::csv || options.format == Format::json) {
    for (const std::string& note : result.model.notes) messages.note(note);
  }
  // With gates, the gates report it.
  if (options.gates.empty()) {
    const std::vector<std::string> mistakes = what_is_unmatched(result, options.names, options.roles);
    for (const std::string& line : mistakes) messages.mistake(line);
    for (const std::string& line : what_is_empty(result, options.names, options.roles)) {
      if (std::find(mistakes.begin(), mistakes.end(), line) == mistakes.end()) messages.warning(line);
    }
  }
  for (const std::string& line : what_excludes_nothing(result, options.names)) messages.warning(line);
  for (const audit::TensorResult& tensor : result.tensors) {
    if (!tensor.non_finite) continue;
    messages.warning(fmt::format("{}: {}; its spectrum does not exist", report::name_in_sentence(tensor.name),
                                 report::non_finite_text(*tensor.non_finite)));
  }
}

}  // namespace

int run_audit(const AuditOptions& options, Context& context) {
  const Messages messages(options.common);
  io::OpenOptions opening;
  opening.compares = [&](const std::string& name) {
    context.check_cancel();
    return options.names.empty() || options.names.selects(name);
  };
  const io::Checkpoint checkpoint =
      io::open_checkpoint(std::vector<std::filesystem::path>(options.paths.begin(), options.paths.end()), opening);
  context.check_cancel();

  std::vector<std::filesystem::path> inputs;
  for (const io::SourceFile& file : checkpoint.files) inputs.push_back(file.path);
  for (const ReportFile& file : options.files) io::check_writable(file.path, inputs);
  if (!options.certificate.empty()) io::check_writable(options.certificate, inputs);

  const audit::Options how = audit_options(options);
  require_fitting_settings(checkpoint, how, options.convolutions);
  audit::Result result;
  {
    const ProgressLine progress(context, "audit", options.common);
    result = audit::audit(checkpoint, how, context);
  }
  for (const Gate& gate : options.gates) {
    result.gates.push_back(judge(gate, result, options.names, options.roles, options.allowed));
  }
  for (const ReportFile& file : options.files) io::write_file(file.path, render(file.kind, result, options));
  if (!options.certificate.empty()) {
    io::write_file(options.certificate, audit_certificate(checkpoint, how, result, context));
  }
  if (options.prints) print(render_for_output(result, options));

  if (options.certify.kind != CertifyRequest::Kind::none) tell_if_proofs_are_wide(messages);
  tell_without_effect(options.roles, result, messages);
  tell_unmatched(options.convolutions, checkpoint, messages);
  tell_what_matters(result, options, messages);
  for (const audit::GateOutcome& outcome : result.gates) tell(outcome, result, messages);
  const bool unproven = proof_is_missing(result, options, messages);
  const auto any = [&](audit::GateOutcome::Verdict verdict) {
    return std::any_of(result.gates.begin(), result.gates.end(),
                       [&](const audit::GateOutcome& outcome) { return outcome.verdict == verdict; });
  };
  if (any(audit::GateOutcome::Verdict::tripped)) return kGateTripped;
  return unproven || any(audit::GateOutcome::Verdict::not_judged) ? kNotReached : kSuccess;
}

}  // namespace sigmax::cli
