#include "cli/commands/lipschitz.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "cli/exit_code.hpp"
#include "cli/lipschitz_report.hpp"
#include "cli/progress.hpp"
#include "cli/proofs.hpp"
#include "cli/terminal.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/from_onnx.hpp"
#include "sigmax/io/computation.hpp"
#include "sigmax/lipschitz/network_bound.hpp"
#include "sigmax/report/json.hpp"
#include "sigmax/report/markdown.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/terminal.hpp"

namespace sigmax::cli {
namespace {

lipschitz::Domain domain_of(const LipschitzRequest& options, const graph::Graph& graph) {
  const auto entries = static_cast<std::size_t>(input_size(graph));
  if (options.box) return graph::Box(entries, *options.box);
  if (options.norm) return lipschitz::Ball{std::vector<double>(entries, 0), *options.norm};
  return lipschitz::Everywhere{};
}

std::string domain_text(const LipschitzRequest& options) {
  if (options.box) return fmt::format("inputs in [{:g}, {:g}]", options.box->least, options.box->greatest);
  if (options.norm) return fmt::format("inputs of norm at most {:g}", *options.norm);
  return "everywhere";
}

LipschitzReport reported(const LipschitzRequest& options, Context& context) {
  const ProgressLine progress(context, "lipschitz", options.common);
  const io::Computation computation = io::read_computation(options.path);
  LipschitzReport report;
  report.file = options.path;
  report.domain = domain_text(options);
  graph::ImportOptions import;
  import.input_shapes = options.input_shapes;
  import.input_numbers = options.input_numbers;
  report.graph = from_onnx(computation, import);
  lipschitz::NetworkBoundOptions how;
  how.lmi.effort = options.effort;
  how.lower = !options.no_lower;
  if (options.seed) {
    how.walk.certify.random = random_state(*options.seed);
    how.lower_search.random = random_state(*options.seed);
  }
  report.result = network_bound(report.graph, domain_of(options, report.graph), how, context);
  return report;
}

}  // namespace

int run_lipschitz(const LipschitzRequest& options, Context& context) {
  const Messages messages(options.common);
  const LipschitzReport report = reported(options, context);
  tell_if_proofs_are_wide(messages);
  const Style style = style_of(1, options.common.color);
  switch (options.format) {
    case LipschitzRequest::Format::text:
      print(
          report::write_terminal(lipschitz_document(report, style.unicode), {style.width, style.color, style.unicode}));
      break;
    case LipschitzRequest::Format::value:
      if (report.result.upper) print(report::round_trip(report.result.upper->value()) + '\n');
      break;
    case LipschitzRequest::Format::json: print(report::write_json(lipschitz_record(report))); break;
    case LipschitzRequest::Format::markdown: print(report::write_markdown(lipschitz_document(report, true))); break;
  }
  if (report.result.upper) return kSuccess;
  for (const lipschitz::Refusal& refusal : report.result.walk.refused) {
    messages.finding("no bound", fmt::format("{} {}", refusal.name, refusal.reason));
  }
  return kNotReached;
}

}  // namespace sigmax::cli
