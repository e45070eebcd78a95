#include "cli/commands/lipschitz.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <utility>
#include <vector>

#include "cli/certificate/lipschitz.hpp"
#include "cli/exit_code.hpp"
#include "cli/lipschitz/choices.hpp"
#include "cli/lipschitz/inputs.hpp"
#include "cli/lipschitz/report.hpp"
#include "cli/lipschitz/tables.hpp"
#include "cli/lipschitz/ways_out.hpp"
#include "cli/terminal/progress.hpp"
#include "cli/terminal/proofs.hpp"
#include "cli/terminal/terminal.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/from_onnx.hpp"
#include "sigmax/graph/part.hpp"
#include "sigmax/io/bytes/atomic_file.hpp"
#include "sigmax/io/computation.hpp"
#include "sigmax/lipschitz/network_bound.hpp"
#include "sigmax/lipschitz/output_bounds.hpp"
#include "sigmax/lipschitz/pairs.hpp"
#include "sigmax/report/csv.hpp"
#include "sigmax/report/html.hpp"
#include "sigmax/report/json.hpp"
#include "sigmax/report/markdown.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/terminal.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

using Clock = std::chrono::steady_clock;
using NetworkFormat = LipschitzRequest::Format;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

lipschitz::Domain domain_of(const LipschitzRequest& options, const graph::Graph& graph) {
  const auto entries = static_cast<std::size_t>(input_size(graph));
  if (options.box) return graph::Box(entries, *options.box);
  if (options.input_norm) {
    return lipschitz::Ball{std::vector<double>(entries, 0), *options.input_norm, options.norm};
  }
  return lipschitz::Everywhere{};
}

std::string domain_text(const LipschitzRequest& options) {
  if (options.box) return fmt::format("inputs in [{:g}, {:g}]", options.box->least, options.box->greatest);
  if (options.input_norm) {
    const bool is_euclidean = options.norm == lipschitz::VectorNorm::two;
    return fmt::format("inputs of {} at most {:g}", is_euclidean ? "norm" : name(options.norm), *options.input_norm);
  }
  return "everywhere";
}

graph::Graph imported(const LipschitzRequest& options, const io::Computation& computation) {
  graph::ImportOptions import;
  import.input_shapes = options.input_shapes;
  import.input_values = constant_inputs(options, computation);
  import.outputs = options.outputs;
  for (const auto& [name, value] : import.input_values) import.input_shapes.erase(name);
  graph::Graph graph = with_one_output(from_onnx(computation, import));
  for (const auto& [name, value] : options.input_values) {
    graph.assumptions.push_back(fmt::format("the input '{}' is {}", name, value));
  }
  return graph;
}

// How many points the search for the lower bound begins at. A small network takes little time, and one of a few inputs
// has many local maxima that are far apart.
int starts_for(lipschitz::LmiEffort effort, const graph::Graph& graph) {
  constexpr std::int64_t kSmall = 4096;
  std::int64_t entries = 1;
  for (const graph::Node& node : graph.nodes) entries += node.size();
  const int usual = effort == lipschitz::LmiEffort::fast ? 4 : effort == lipschitz::LmiEffort::standard ? 8 : 32;
  return usual * static_cast<int>(std::clamp<std::int64_t>(kSmall / entries, 1, 8));
}

lipschitz::NetworkBoundOptions bound_options(const LipschitzRequest& options, const graph::Graph& graph) {
  lipschitz::NetworkBoundOptions how;
  how.walk.norm = options.norm;
  how.lmi.effort = options.effort;
  how.lower = !options.no_lower;
  how.lower_search.starts = starts_for(options.effort, graph);
  if (options.effort == lipschitz::LmiEffort::high) how.lower_search.steps = 300;
  if (options.seed) {
    how.walk.certify.random = random_state(*options.seed);
    how.lower_search.random = random_state(*options.seed);
  }
  return how;
}

/// What the options ask beyond the bound of the network. Known before long computations begin, so that a mistake ends
/// the command at once.
struct Questions {
  std::vector<std::size_t> entries;
  std::vector<lipschitz::Pair> pairs;
  std::vector<std::vector<double>> inputs;
};

Questions questions_of(const LipschitzRequest& options, const graph::Graph& graph) {
  const auto size = static_cast<std::size_t>(output_size(graph));
  Questions asked;
  if (options.per_output) asked.entries = chosen_entries(*options.per_output, size);
  if (options.per_pair) asked.pairs = chosen_pairs(*options.per_pair, size);
  if (options.around) asked.inputs = given_inputs(options.around->path, input_size(graph));
  return asked;
}

void add_rows(LipschitzReport& report, const Questions& asked, const lipschitz::Domain& domain,
              const lipschitz::NetworkBoundOptions& how, Context& context) {
  const Clock::time_point start = Clock::now();
  if (!asked.entries.empty()) {
    const auto bounds = output_bounds(report.graph, asked.entries, domain, how, context);
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      const auto& whole = report.result.upper;
      const bool less = whole && (!bounds[i] || whole->value() < bounds[i]->value());
      report.outputs.push_back({asked.entries[i], less ? whole : bounds[i]});
    }
  }
  if (!asked.pairs.empty()) {
    const auto bounds = margin_bounds(report.graph, asked.pairs, domain, how, context);
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      report.pairs.push_back({asked.pairs[i].first, asked.pairs[i].second, bounds[i]});
    }
  }
  report.rows_seconds = seconds_since(start);
}

void add_local(LipschitzReport& report, const Questions& asked, const LipschitzRequest& options,
               lipschitz::NetworkBoundOptions how, ProgressLine& progress, Context& context) {
  if (!options.around) return;
  // Many inputs are usual, and each has a search of its own.
  how.lower_search.starts = std::min(how.lower_search.starts, 2);
  const bool everywhere = !options.box && !options.input_norm;
  report.around = options.around->path;
  report.radius = options.around->radius;
  const std::vector<std::vector<double>>& inputs = asked.inputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    progress.piece(i, inputs.size(), fmt::format("input {} of {}", i + 1, inputs.size()));
    const Clock::time_point start = Clock::now();
    const lipschitz::Ball ball{inputs[i], options.around->radius, options.norm};
    const auto found = network_bound(report.graph, ball, how, context);
    LocalBound local;
    local.input = i;
    local.upper = found.upper;
    local.method = found.method;
    // A bound everywhere is one here too.
    const auto& whole = report.result.upper;
    if (everywhere && whole && (!local.upper || whole->value() < local.upper->value())) {
      local.upper = whole;
      local.method = report.result.method;
    }
    if (found.lower) local.lower = found.lower->bound;
    if (!local.upper && !found.walk.refused.empty()) {
      const lipschitz::Refusal& first = found.walk.refused.front();
      local.why = fmt::format("{} {}", first.name, first.reason);
    }
    local.seconds = seconds_since(start);
    report.local.push_back(std::move(local));
  }
}

LipschitzReport reported(const LipschitzRequest& options, Context& context) {
  ProgressLine progress(context, "lipschitz", options.common);
  const Clock::time_point start = Clock::now();
  const io::Computation computation = io::read_computation(options.path);
  LipschitzReport report;
  report.file = options.path;
  report.norm = options.norm;
  report.domain = domain_text(options);
  report.no_lower = options.no_lower;
  for (const io::ComputationValue& input : computation.inputs) report.inputs.push_back(input.name);
  report.graph = imported(options, computation);
  const Questions asked = questions_of(options, report.graph);
  const lipschitz::Domain domain = domain_of(options, report.graph);
  const lipschitz::NetworkBoundOptions how = bound_options(options, report.graph);
  lipschitz::NetworkBoundOptions with_proofs = how;
  with_proofs.keep_proofs = !options.certificate.empty();
  report.result = network_bound(report.graph, domain, with_proofs, context);
  report.ways_out = ways_out(report, computation, options);
  add_rows(report, asked, domain, how, context);
  add_local(report, asked, options, how, progress, context);
  report.seconds = seconds_since(start);
  report.threads = context.threads();
  for (const NetworkGate& gate : options.gates) report.gates.push_back(judged(gate, report));
  return report;
}

void write_certificate(const LipschitzRequest& options, const LipschitzReport& report, const Messages& messages,
                       Context& context) {
  const LipschitzCertificate certificate = lipschitz_certificate(report, options.seed, context);
  io::write_file(options.certificate, certificate.text);
  if (!certificate.upper) {
    messages.note(fmt::format("the certificate claims nothing: {}", certificate.why));
  } else if (*certificate.upper > report.result.upper->value()) {
    messages.note(fmt::format("the certificate shows {}, more than {}, which was found by other means",
                              report::significant(*certificate.upper, 6, report::Rounding::up),
                              report::significant(report.result.upper->value(), 6, report::Rounding::up)));
  }
}

std::string page(const LipschitzReport& report, const LipschitzRequest& options) {
  std::vector<report::Phrase> facts = {{"", fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)))},
                                       {"", "sigmax " SIGMAX_VERSION},
                                       {options.command, ""}};
  return report::write_html(lipschitz_page(report, std::move(facts)));
}

std::string markdown(const LipschitzReport& report, report::Detail detail) {
  return report::write_markdown(lipschitz_markdown(report, detail), detail);
}

std::string render(ReportFile::Kind kind, const LipschitzReport& report, const LipschitzRequest& options) {
  switch (kind) {
    case ReportFile::Kind::json: return report::write_json(lipschitz_record(report));
    case ReportFile::Kind::csv: return report::write_csv(layer_table(report, true));
    case ReportFile::Kind::markdown:
      return markdown(report, options.common.verbose ? report::Detail::all : report::Detail::usual);
    case ReportFile::Kind::html: break;
  }
  return page(report, options);
}

/// Whether messages name each node without a bound, so that the text for a terminal does not.
bool names_refused(const LipschitzReport& report) { return report.local.empty() && !report.result.upper; }

std::string render_for_output(const LipschitzReport& report, const LipschitzRequest& options) {
  switch (options.format) {
    case NetworkFormat::value:
      return report.result.upper ? report::round_trip(report.result.upper->value()) + '\n' : std::string();
    case NetworkFormat::json: return render(ReportFile::Kind::json, report, options);
    case NetworkFormat::csv: return render(ReportFile::Kind::csv, report, options);
    case NetworkFormat::markdown: return render(ReportFile::Kind::markdown, report, options);
    case NetworkFormat::text: break;
  }
  const Style style = style_of(1, options.common.color);
  const report::Detail detail = options.common.verbose ? report::Detail::all : report::Detail::usual;
  return report::write_terminal(lipschitz_document(report, style.unicode, detail, !names_refused(report)),
                                {style.width, style.color, style.unicode, detail});
}

/// Whether everything that was asked for has a bound. With inputs given, the question is about them.
bool tell_what_is_missing(const LipschitzReport& report, const Messages& messages) {
  if (report.local.empty()) {
    for (std::size_t i = 0; i < report.result.walk.refused.size() && names_refused(report); ++i) {
      const lipschitz::Refusal& refusal = report.result.walk.refused[i];
      const std::string text = fmt::format("{} {}; {}", refusal.name, refusal.reason, report.ways_out[i]);
      messages.finding("no bound", report::visible(text));
    }
    return report.result.upper.has_value();
  }
  std::size_t missing = 0;
  const LocalBound* first = nullptr;
  for (const LocalBound& each : report.local) {
    if (each.upper) continue;
    ++missing;
    if (first == nullptr) first = &each;
  }
  if (missing == 0) return true;
  messages.finding("no bound", fmt::format("near {} of {} inputs; input {}: {}", missing, report.local.size(),
                                           first->input, report::visible(first->why)));
  return false;
}

void tell(const NetworkGateOutcome& gate, const LipschitzReport& report, const Messages& messages) {
  using Outcome = audit::GateOutcome::Verdict;
  const std::string file = report::name_in_sentence(report.file);
  switch (gate.verdict) {
    case Outcome::tripped:
      messages.finding("gate tripped", fmt::format("{}: {}, {}", gate.expression, file, in_words(gate.readings)));
      return;
    case Outcome::not_judged:
      for (const std::string& each : gate.missing)
        messages.finding("gate not judged", fmt::format("{}: {}", gate.expression, each));
      return;
    case Outcome::passed:
      messages.success("gate passed", fmt::format("{}: {}", gate.expression, in_words(gate.readings)));
      return;
  }
}

}  // namespace

int run_lipschitz(const LipschitzRequest& options, Context& context) {
  using Outcome = audit::GateOutcome::Verdict;
  const Messages messages(options.common);
  std::vector<std::filesystem::path> inputs = {options.path};
  if (options.around) inputs.emplace_back(options.around->path);
  for (const ReportFile& file : options.files) io::check_writable(file.path, inputs);
  if (!options.certificate.empty()) io::check_writable(options.certificate, inputs);
  const LipschitzReport report = reported(options, context);
  for (const ReportFile& file : options.files) io::write_file(file.path, render(file.kind, report, options));
  if (options.prints) print(render_for_output(report, options));
  tell_if_proofs_are_wide(messages);
  if (!options.certificate.empty() && report.result.upper) write_certificate(options, report, messages, context);
  const bool complete = tell_what_is_missing(report, messages);
  for (const NetworkGateOutcome& gate : report.gates) tell(gate, report, messages);
  const auto any = [&](Outcome verdict) {
    return std::any_of(report.gates.begin(), report.gates.end(),
                       [&](const NetworkGateOutcome& gate) { return gate.verdict == verdict; });
  };
  if (any(Outcome::tripped)) return kGateTripped;
  return !complete || any(Outcome::not_judged) ? kNotReached : kSuccess;
}

}  // namespace sigmax::cli
