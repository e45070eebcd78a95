#include "cli/commands/certify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "cli/certify/data.hpp"
#include "cli/certify/report.hpp"
#include "cli/exit_code.hpp"
#include "cli/terminal/progress.hpp"
#include "cli/terminal/proofs.hpp"
#include "cli/terminal/terminal.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/from_onnx.hpp"
#include "sigmax/io/computation.hpp"
#include "sigmax/lipschitz/certified_accuracy.hpp"
#include "sigmax/lipschitz/classifier.hpp"
#include "sigmax/report/json.hpp"
#include "sigmax/report/markdown.hpp"
#include "sigmax/report/terminal.hpp"

namespace sigmax::cli {
namespace {

/// Names every node that the outputs depend on and that is refused.
bool has_refused(const graph::Graph& graph, const Messages& messages) {
  const std::vector<bool> needed = leads_to_output(graph);
  bool found = false;
  for (graph::Index node = 0; node < graph.nodes.size(); ++node) {
    const auto* const refused = std::get_if<graph::Refused>(&graph.nodes[node].operation);
    if (refused == nullptr || !needed[node]) continue;
    messages.finding("not certified", fmt::format("{} {}", graph.nodes[node].name, refused->reason));
    found = true;
  }
  return found;
}

lipschitz::CertifiedAccuracyOptions accuracy_options(const AccuracyRequest& options, const Seed& seed) {
  using lipschitz::LmiEffort;
  lipschitz::CertifiedAccuracyOptions how;
  how.radii = options.radii;
  how.box = options.box;
  how.bound.lmi.effort = options.effort;
  how.local_effort = options.effort == LmiEffort::high ? LmiEffort::standard : LmiEffort::fast;
  how.most_local = options.effort == LmiEffort::fast ? 0 : options.local_limit;
  how.attacks = !options.no_attack;
  how.attack.random = random_state(seed);
  how.bound.walk.certify.random = random_state(seed);
  return how;
}

/// What keeps a difference of logits from having a bound.
std::vector<lipschitz::Refusal> refusals_of(const graph::Graph& graph, const AccuracyRequest& options,
                                            Context& context) {
  if (!options.box) return lipschitz::walk(graph, lipschitz::Everywhere{}, {}, context).refused;
  const graph::Box box(static_cast<std::size_t>(input_size(graph)), *options.box);
  return lipschitz::walk(graph, box, {}, context).refused;
}

AccuracyReport reported_accuracy(const AccuracyRequest& options, const graph::Graph& network, const Messages& messages,
                                 Context& context) {
  const ProgressLine progress(context, "certify", options.common);
  AccuracyReport report;
  report.file = options.path;
  report.data = options.data;
  report.labels = options.labels;
  report.gates = options.gates;
  report.attacked = !options.no_attack;
  report.seed = options.seed ? *options.seed : drawn_seed();
  lipschitz::Classifier classifier = lipschitz::classifier(network, options.normalization);
  report.classes = classes(classifier);
  report.changes = classifier.changes;
  report.assumptions = network.assumptions;
  const Dimensions& shape = classifier.graph.nodes[classifier.graph.inputs[0]].shape;
  LabeledData data = read_labeled_data(options, shape, report.classes, report.seed, messages, context);
  report.total = data.total;
  report.index = std::move(data.index);
  report.result = certified_accuracy(classifier.graph, data.inputs, accuracy_options(options, report.seed), context);
  const bool is_bounded = std::ranges::all_of(report.result.pairs, [](const auto& bound) { return bound.has_value(); });
  if (!is_bounded) report.refused = refusals_of(classifier.graph, options, context);
  return report;
}

void print_accuracy(const AccuracyReport& report, const AccuracyRequest& options) {
  const Style style = style_of(1, options.common.color);
  switch (options.format) {
    case AccuracyRequest::Format::text:
      print(
          report::write_terminal(accuracy_document(report, style.unicode), {style.width, style.color, style.unicode}));
      break;
    case AccuracyRequest::Format::json: print(report::write_json(accuracy_record(report, options.per_sample))); break;
    case AccuracyRequest::Format::csv: print(accuracy_as_csv(report, options.per_sample)); break;
    case AccuracyRequest::Format::markdown: print(report::write_markdown(accuracy_document(report, true))); break;
  }
}

}  // namespace

int run_certify(const AccuracyRequest& options, Context& context) {
  const Messages messages(options.common);
  graph::ImportOptions import;
  import.input_shapes = options.input_shapes;
  const graph::Graph network = from_onnx(io::read_computation(options.path), import);
  if (has_refused(network, messages)) return kNotReached;
  const AccuracyReport report = reported_accuracy(options, network, messages, context);
  tell_if_proofs_are_wide(messages);
  print_accuracy(report, options);
  int code = kSuccess;
  for (const AccuracyGate& gate : report.gates) {
    const std::string text = fmt::format("{}: it is {:.6g}", gate.source(), gate.value(report.result));
    if (gate.trips(report.result)) {
      messages.finding("check failed", text);
      code = kGateTripped;
    } else {
      messages.success("check passed", text);
    }
  }
  return code;
}

}  // namespace sigmax::cli
