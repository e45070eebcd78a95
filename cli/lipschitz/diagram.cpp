#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "cli/lipschitz/tables.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/report/number.hpp"

namespace sigmax::cli {
namespace {

using graph::Index;

// The table below the picture has more digits, rounded up.
std::string short_number(double value) { return report::significant(value, 4); }

report::Diagram::Box input_box(const graph::Node& node) {
  return {.name = node.name,
          .detail = to_string(node.shape),
          .tip = fmt::format("{} {}", node.name, to_string(node.shape)),
          .source = true};
}

report::Diagram::Box layer_box(const lipschitz::Layer& layer, const std::string& reason) {
  report::Diagram::Box box;
  box.name = layer.name;
  box.detail = fmt::format("{} {}", layer.operation, to_string(layer.shape));
  box.tip = fmt::format("{}\n{} {}", layer.name, layer.operation, to_string(layer.shape));
  if (layer.bound) {
    box.amount = layer.bound->value();
    box.figure = "\u00d7 " + short_number(layer.bound->value());
    box.tip += fmt::format("\nstretches a difference of its inputs at most {} times", rounded_up(layer.bound->value()));
  }
  if (layer.running) {
    box.total = "from input " + short_number(layer.running->value());
    box.tip += fmt::format("\nfrom the network's inputs at most {} times", rounded_up(layer.running->value()));
  }
  if (!reason.empty()) {
    box.alarm = true;
    box.figure = "no bound";
    box.tip += "\n" + reason;
  }
  return box;
}

}  // namespace

report::Diagram network_diagram(const LipschitzReport& report) {
  const std::vector<graph::Node>& nodes = report.graph.nodes;
  std::map<Index, const lipschitz::Layer*> drawn;  // null: an input
  for (const lipschitz::Layer& layer : report.result.walk.layers) {
    drawn[layer.node] = &layer;
    for (const Index input : nodes.at(layer.node).inputs) {
      if (std::holds_alternative<graph::Input>(nodes.at(input).operation)) drawn.emplace(input, nullptr);
    }
  }
  std::map<Index, std::string> reasons;
  for (const lipschitz::Refusal& refusal : report.result.walk.refused) reasons[refusal.node] = refusal.reason;

  report::Diagram diagram{
      .caption = "the network in the order of computation; rounded figures, which the table of nodes has rounded up",
      .of_boxes = "bound of the node",
      .of_lines = "thickness: bound from the inputs"};
  std::map<Index, std::size_t> place;
  for (const auto& [node, layer] : drawn) {
    place[node] = diagram.boxes.size();
    diagram.boxes.push_back(layer == nullptr ? input_box(nodes[node]) : layer_box(*layer, reasons[node]));
  }
  for (const auto& [node, layer] : drawn) {
    if (layer == nullptr) continue;
    const std::set<Index> inputs(nodes[node].inputs.begin(), nodes[node].inputs.end());
    for (const Index input : inputs) {
      const auto from = place.find(input);
      if (from == place.end()) continue;  // it does not depend on the network's inputs
      const lipschitz::Layer* const before = drawn[input];
      report::Diagram::Line line{.from = from->second, .to = place[node]};
      if (before == nullptr) line.amount = 1;
      if (before != nullptr && before->running) line.amount = before->running->value();
      line.tip = fmt::format("{} \u2192 {}: {}", nodes[input].name, nodes[node].name,
                             line.amount ? "at most " + rounded_up(*line.amount) + " from the inputs" : "no bound");
      diagram.lines.push_back(std::move(line));
    }
  }
  return diagram;
}

}  // namespace sigmax::cli
