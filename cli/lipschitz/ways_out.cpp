#include "cli/lipschitz/ways_out.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <variant>

#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

using graph::Index;

/// The node and all that it is computed from.
std::set<Index> what_leads_to(const graph::Graph& graph, Index node) {
  std::set<Index> found;
  std::vector<Index> open = {node};
  while (!open.empty()) {
    const Index next = open.back();
    open.pop_back();
    if (!found.insert(next).second) continue;
    for (const Index input : graph.nodes[next].inputs) open.push_back(input);
  }
  return found;
}

/// For each output of the file what leads to it; nothing unless the file has several and all of them were imported.
std::vector<std::set<Index>> by_output(const graph::Graph& graph, const io::Computation& computation,
                                       const LipschitzRequest& options) {
  std::vector<std::set<Index>> all;
  if (graph.outputs.size() != 1 || computation.outputs.size() < 2 || !options.outputs.empty()) return all;
  const graph::Node& last = graph.nodes[graph.outputs[0]];  // stacks the outputs
  if (!std::holds_alternative<graph::Stack>(last.operation) || last.inputs.size() != computation.outputs.size())
    return all;
  for (const Index output : last.inputs) all.push_back(what_leads_to(graph, output));
  return all;
}

}  // namespace

std::vector<std::string> ways_out(const LipschitzReport& report, const io::Computation& computation,
                                  const LipschitzRequest& options) {
  const std::vector<std::set<Index>> outputs = by_output(report.graph, computation, options);
  std::vector<std::string> all;
  for (const lipschitz::Refusal& refusal : report.result.walk.refused) {
    std::string& text = all.emplace_back();
    const graph::Operation& operation = report.graph.nodes[refusal.node].operation;
    if (refusal.needs_bounded_domain) {
      text = "it may have one for bounded inputs: --input-box LO,HI, --input-norm R, or --around FILE.npy --eps R";
    } else if (refusal.reason.find("give it") != std::string::npos) {
      text = "--input-value NAME=VALUE does that";
    } else if (!std::holds_alternative<graph::Refused>(operation) && (options.box || options.input_norm)) {
      text = "it may have one on fewer inputs: a smaller set, or --around FILE.npy with a small --eps";
    }
    std::vector<std::string> without;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i].contains(refusal.node)) without.push_back(report::visible(computation.outputs[i].name));
    }
    if (!without.empty()) {
      text += fmt::format("{}--output {} leaves it out", text.empty() ? "" : "; ", fmt::join(without, " --output "));
    }
    if (text.empty()) text = "no option gives it one";
  }
  return all;
}

}  // namespace sigmax::cli
